#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles by itself, without a warning, as C11. test_headers_cxx.sh has it done as C++11,
# which is skipped when there is no C++ compiler.

: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"

find_cxx()
{
    for compiler in ${CXX:+"$CXX"} c++ g++ clang++; do
        if command -v "$compiler" >/dev/null; then
            echo "$compiler"
            return
        fi
    done
}

language=${language:-c}
if [ "$language" = c ]; then
    compiler="$CC -std=c11 -Wstrict-prototypes -Wmissing-prototypes"
    name=headers
else
    compiler=$(find_cxx)
    name=headers-c++
    if [ -z "$compiler" ]; then
        echo "$name: skipped, there is no C++ compiler"
        exit 77
    fi
    compiler="$compiler -std=c++11 -Wold-style-cast"
fi

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

for header in "$top_srcdir"/include/belay/*.h "$top_builddir"/include/belay/version.h; do
    header=belay/${header##*/}
    # Twice: the second one is what include guards are for.
    printf '#include <%s>\n#include <%s>\nint one(void);\n' "$header" "$header" > "$work/one.$language"
    # shellcheck disable=SC2086 # the flags are words
    if $compiler -Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only \
        -I"$top_srcdir/include" -I"$top_builddir/include" $BELAY_CPPFLAGS "$work/one.$language"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "<$header> failed"
    fi
done

echo "$name: $passed passed, $failed failed"
[ $failed -eq 0 ]
