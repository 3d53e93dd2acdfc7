#!/bin/sh
# SPDX-License-Identifier: MIT
# What README shows of code is code: it compiles without a warning.

readme=${top_srcdir:=.}/README
generator=${top_builddir:=.}/src/protoc-gen-belay/protoc-gen-belay
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# The indented lines after the line that begins with $1.
shown_after()
{
    awk -v start="$1" '
        index($0, start) == 1 { on = 1; next }
        on && /^[^ ]/ { exit }
        on { print substr($0, 5) }' "$readme"
}

# compiles NAME: of the file NAME.c.
compiles()
{
    # shellcheck disable=SC2086 # the flags are words
    if ${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$work" \
        -I"$top_srcdir/include" -I"$top_builddir/include" $BELAY_CPPFLAGS "$work/$1.c"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "README: $1 does not compile"
    fi
}

# statements NAME START: the lines after START, as the body of a function that has what they speak of.
statements()
{
    {
        echo '#include <belay/belay.h>'
        echo '#include "greeter.belay.h"'
        echo 'belay_code shown(belay_server *, belay_call *, belay_channel *, belay_channel_options *);'
        echo 'belay_code shown(belay_server *server, belay_call *call, belay_channel *channel,'
        echo '    belay_channel_options *options)'
        echo '{'
        echo 'Helloworld__HelloRequest request = HELLOWORLD__HELLO_REQUEST__INIT;'
        echo 'Helloworld__HelloReply *reply = NULL;'
        echo 'belay_code code = BELAY_OK;'
        shown_after "$2" | grep -v '^grpc' > "$work/lines"
        grep -q ';' "$work/lines" || echo "#error nothing found after $2"
        cat "$work/lines"
        echo '(void)server, (void)call, (void)channel, (void)options, (void)request, (void)reply;'
        echo 'return code; }'
    } > "$work/$1.c"
    compiles "$1"
}

shown_after 'greeter.proto:' > "$work/greeter.proto"
shown_after 'server.c:' > "$work/server.c"
"$PROTOC" -I"$work" --plugin=protoc-gen-c="$PROTOC_GEN_C" --plugin=protoc-gen-belay="$generator" \
    --c_out="$work" --belay_out="$work" greeter.proto || exit 1

compiles server
statements handler 'A handler that works for long'
statements tls 'TLS (belay/tls.h)'
statements services 'Health and reflection:'
echo "readme: $passed passed, $failed failed"
[ $failed -eq 0 ]
