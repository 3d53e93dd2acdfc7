#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs protoc with the plugin on the files in protos/ and compiles what comes out, strictly, as C11 and as C++;
# and looks at what users are told when something cannot be done.

here=$(cd "${top_srcdir:-.}" && pwd)/tests/protoc-gen-belay
include=$(cd "${top_srcdir:-.}" && pwd)/include
build=$(cd "${top_builddir:-.}" && pwd)
plugin=$build/src/protoc-gen-belay/protoc-gen-belay
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
passed=0
failed=0

result()
{
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2 failed"
        sed 's/^/    /' "$work/log"
    fi
}

# Runs the functions that are named; one that fails prints what went to its log.
run()
{
    for test in "$@"; do
        : > "$work/log"
        rm -rf "$work/out"
        mkdir -p "$work/out"
        "$test" >> "$work/log" 2>&1
        result $? "$test"
    done
}

# In the folder protos/$1, generates from the files after it.
generate()
{
    folder=$here/protos/$1
    shift
    (cd "$folder" &&
        "${PROTOC:-protoc}" -I. ${imports:+"-I$imports"} \
            --plugin=protoc-gen-c="${PROTOC_GEN_C:-$(command -v protoc-gen-c)}" \
            --plugin=protoc-gen-belay="$plugin" --c_out="$work/out" --belay_out="$work/out" "$@")
}

# shellcheck disable=SC2086 # CC and BELAY_CPPFLAGS are lists of words
compile()
{
    $cc -std=c11 -Wall -Wextra -Werror -pedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -O2 \
        -I"$include" -I"$build/include" -I"$work/out" ${BELAY_CPPFLAGS-} -c -o "$work/out/object.o" "$@"
}

# What belay makes of the files named, as C. What protobuf-c makes is its own, and not always pedantic.
compiles()
{
    for file in "$@"; do
        compile "$work/out/${file%.proto}.belay.c" || return 1
    done
}

generates_and_compiles()
{
    generate . "$@" && compiles "$@"
}

# The files of $1 hold the line or the part of a line $2.
holds()
{
    grep -F -- "$2" "$work/out/$1" > /dev/null || { echo "$1 does not hold: $2"; return 1; }
}

holds_not()
{
    ! grep -F -- "$2" "$work/out/$1"
}

# Generating $2 in protos/$1 fails with the text $3 and leaves no file.
is_refused()
{
    generate "$1" "$2" > "$work/said" 2>&1 && { echo "$2 was generated"; return 1; }
    cat "$work/said"
    grep -F -- "$3" "$work/said" > /dev/null && [ ! -e "$work/out/${2%.proto}.belay.h" ]
}

test_all_kinds_compile() { generates_and_compiles kinds.proto; }
test_odd_names_compile() { generates_and_compiles names.proto; }
test_no_package_compiles() { generates_and_compiles nopackage.proto; }
test_messages_alone_compile() { generates_and_compiles sub/common.proto; }
test_imports_compile()
{
    generates_and_compiles imports.proto sub/public.proto sub/common.proto nopackage.proto &&
        holds imports.belay.h '#include "sub/common.pb-c.h"'
}
test_service_without_methods_compiles() { generates_and_compiles nothing.proto; }
test_service_without_messages_compiles() { generates_and_compiles foreign.proto sub/common.proto; }

# protobuf-c may not know it yet, so without its plugin.
test_proto3_optional_is_known()
{
    (cd "$here/protos" &&
        "${PROTOC:-protoc}" -I. --plugin=protoc-gen-belay="$plugin" --belay_out="$work/out" optional.proto) &&
        holds optional.belay.h 'test_chance_try('
}

test_headers_compile_as_cxx()
{
    generate . kinds.proto imports.proto sub/public.proto sub/common.proto nopackage.proto || return 1
    for header in kinds imports sub/common nopackage; do
        printf '#include "%s.belay.h"\n' "$header"
    done > "$work/out/all.cc"
    echo 'test_kinds_oracle_handlers handlers = {};' >> "$work/out/all.cc"
    # shellcheck disable=SC2086
    "$cxx" -Wall -Wextra -Werror -pedantic -I"$include" -I"$build/include" -I"$work/out" \
        ${BELAY_CPPFLAGS-} -c -o "$work/out/all.o" "$work/out/all.cc"
}

test_c_package_compiles()
{
    generates_and_compiles c_package.proto sub/common.proto &&
        holds c_package.belay.h 'extern const belay_service other_c_pkg_renamed_service;' &&
        holds c_package.belay.c '"/test.original.Renamed/Do_It"'
}

test_each_kind_has_its_functions()
{
    generate . kinds.proto || return 1
    for name in ask_at_length_send_reply ask_at_length_start ask_at_length_recv_reply \
        gather_recv_request gather_start gather_send_request gather_finish \
        talk_recv_request talk_send_reply talk_start talk_send_request talk_recv_reply \
        ask ask_start ask_finish; do
        holds kinds.belay.h " test_kinds_oracle_$name(" || return 1
    done
    [ "$(grep -c 'belay_code test_kinds_oracle_' "$work/out/kinds.belay.h")" -eq 16 ] # one more is _add
}

test_comments_are_carried_over()
{
    generate . kinds.proto && holds kinds.belay.h ' * Answers questions.' &&
        holds kinds.belay.h ' *   One * / two / * three, what?? /' &&
        holds kinds.belay.h '    /* Asks once. */' &&
        holds kinds.belay.h '     * answered in parts.' &&
        holds kinds.belay.h '    /* Gathers questions. */' &&
        holds_not kinds.belay.h 'behind'
}

test_program_compiles() { generate . kinds.proto && compile "$here/user.c"; }

# The program with the mistake $1 is stopped by the compiler's check $2.
mistake_is_noticed()
{
    generate . kinds.proto || return 1
    ! compile "-D$1" "$here/user.c" > "$work/said" 2>&1 || { echo "$1 compiles"; return 1; }
    cat "$work/said"
    grep -F -- "$2" "$work/said" > /dev/null
}

test_wrong_handler_is_noticed() { mistake_is_noticed WRONG_HANDLER incompatible; }
test_wrong_reply_is_noticed() { mistake_is_noticed WRONG_REPLY incompatible; }
test_dropped_result_is_noticed() { mistake_is_noticed DROPPED_RESULT unused-result; }
test_deprecated_service_is_noticed() { mistake_is_noticed DEPRECATED_SERVICE deprecated-declarations; }
test_deprecated_method_is_noticed() { mistake_is_noticed DEPRECATED_METHOD deprecated-declarations; }

test_same_method_twice_is_refused()
{
    is_refused errors methods.proto 'methods.proto: p.S.Foo and p.S.foo would both be "p_s_foo" in C'
}
test_same_function_twice_is_refused()
{
    is_refused errors functions.proto 'functions.proto: p.S.Foo and p.S.FooStart would both be "p_s_foo_start" in C'
}
test_same_member_twice_is_refused()
{
    is_refused errors members.proto \
        'members.proto: p.S.Delete and p.S.Delete_ would both be "p_s_handlers.delete_" in C'
}
test_same_service_twice_is_refused()
{
    is_refused errors services.proto 'services.proto: p.FooBar and p.Foo_Bar would both be "p_foo_bar_add" in C'
}
test_unknown_parameter_is_refused()
{
    ! generate . --belay_opt=fast=1 kinds.proto > "$work/said" 2>&1 || return 1
    cat "$work/said"
    grep -F 'unknown parameter "fast=1"' "$work/said"
}

# Runs the plugin by hand with stdin as it is: exit 1, nothing on stdout, $1 on stderr.
complains()
{
    what=$1
    shift
    "$plugin" "$@" > "$work/stdout" 2> "$work/stderr"
    [ $? -eq 1 ] && [ ! -s "$work/stdout" ] && grep -F -- "$what" "$work/stderr"
}

test_text_on_stdin_is_no_request() { echo 'syntax = "proto3";' | complains 'no request of protoc'; }
test_empty_stdin_is_no_request() { complains 'no request of protoc' < /dev/null; }
test_folder_on_stdin_is_an_error() { complains 'protoc-gen-belay: ' < "$work"; }
test_unknown_argument_is_an_error() { complains '--help' --wat < /dev/null; }
test_full_disk_is_an_error()
{
    [ -c /dev/full ] || return 0
    printf '\12\7x.proto\172\11\12\7x.proto' > "$work/request"
    "$plugin" < "$work/request" | grep -a -F 'x.belay.h' &&
        ! "$plugin" < "$work/request" > /dev/full
}
test_version_is_told() { "$plugin" --version | grep '^protoc-gen-belay [0-9]'; }
test_help_is_told() { "$plugin" --help | grep -F -- '--belay_out'; }

run test_all_kinds_compile test_odd_names_compile test_no_package_compiles test_messages_alone_compile \
    test_imports_compile test_service_without_messages_compiles \
    test_service_without_methods_compiles test_proto3_optional_is_known \
    test_each_kind_has_its_functions \
    test_comments_are_carried_over test_program_compiles \
    test_wrong_handler_is_noticed test_wrong_reply_is_noticed test_dropped_result_is_noticed \
    test_deprecated_service_is_noticed test_deprecated_method_is_noticed \
    test_same_method_twice_is_refused test_same_function_twice_is_refused test_same_member_twice_is_refused \
    test_same_service_twice_is_refused test_unknown_parameter_is_refused test_text_on_stdin_is_no_request \
    test_empty_stdin_is_no_request test_folder_on_stdin_is_an_error test_unknown_argument_is_an_error \
    test_full_disk_is_an_error test_version_is_told test_help_is_told

if command -v "$cxx" > /dev/null; then
    run test_headers_compile_as_cxx
else
    echo "no C++ compiler: headers not tried as C++"
fi

# protobuf-c's options stand on a description that comes with protobuf's C++ headers.
imports=$(pkg-config --variable=includedir libprotobuf-c 2> /dev/null)
if printf 'syntax = "proto3";\nimport "protobuf-c/protobuf-c.proto";\n' > "$work/try.proto" &&
    "${PROTOC:-protoc}" -I"$work" ${imports:+"-I$imports"} -o /dev/null "$work/try.proto" 2> /dev/null; then
    run test_c_package_compiles
else
    echo "no google/protobuf/descriptor.proto: c_package not tried through protoc"
fi

echo "protoc-gen-belay/protoc: $passed passed, $failed failed"
[ $failed -eq 0 ]
