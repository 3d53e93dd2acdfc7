#!/bin/sh
# SPDX-License-Identifier: MIT
# Holds the rule of the floors: a file includes its own folder, lower floors and <belay/...>; siblings on a
# floor do not include each other; each outside library has one folder that includes it.

rules=$(cd "${top_srcdir:-.}" && pwd)/tests/layering/layering.awk
passed=0
failed=0

result()
{
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2 failed"
    fi
}

# In the folder $1, prints what the rules say.
check()
{
    # Without what is generated: it lies here when the tree is built in its own folder.
    (cd "$1" && find src include examples -name '*.[ch]' ! -name '*.pb-c.[ch]' ! -name '*.belay.[ch]' 2>/dev/null |
        sort | xargs awk -f "$rules")
}

test_tree_keeps_the_floors()
{
    check "${top_srcdir:-.}"
    result $? test_tree_keeps_the_floors
}

# A tree with one wrong line for each rule: all of them must be found, and nothing else.
test_each_rule_notices_its_offender()
{
    house=$(mktemp -d) || exit 99
    mkdir -p "$house/include/belay"
    for folder in base wire cancel io h2 rpc server client protoc-gen-belay; do
        mkdir -p "$house/src/$folder"
    done
    mkdir -p "$house/examples/hello"
    echo '#include "wire/a.h" /* wrong: above */' > "$house/src/base/a.c"
    echo '#include "cancel/a.h" /* wrong: sibling */' > "$house/src/wire/a.c"
    echo '#include "client/a.h" /* wrong: sibling */' > "$house/src/server/a.c"
    echo '#include "list.h" /* wrong: not from src */' > "$house/src/cancel/a.c"
    echo '#include <uv.h> /* wrong: not in io */' > "$house/src/cancel/b.c"
    echo '# include <nghttp2/nghttp2.h> /* wrong: not in h2 */' > "$house/src/rpc/a.c"
    echo '#include <zlib.h> /* wrong: not in wire */' > "$house/src/rpc/b.c"
    echo '#include <openssl/ssl.h> /* wrong: not in transport */' > "$house/src/rpc/c.c"
    echo '#include "rpc/a.h" /* wrong: programs stay outside */' > "$house/src/protoc-gen-belay/a.c"
    echo '#include "base/list.h" /* wrong: programs stay outside */' > "$house/examples/hello/a.c"
    echo '#include <uv.h> /* wrong: public */' > "$house/include/belay/a.h"
    printf '#include <stdio.h> /* wrong: own header first */\n#include "io/a.h"\n' > "$house/src/io/a.c"
    printf '#include <belay/code.h>\n#include "base/list.h"\n#include <uv.h>\n' > "$house/src/io/a.h"
    printf '#include "h2/b.h"\n#include "io/a.h"\n#include <nghttp2/nghttp2.h>\n' > "$house/src/h2/a.c"
    printf '#include "io/a.h" /* wrong: own header first */\n#include "io/b.h"\n' > "$house/src/io/b.c"
    printf '#include "config.h"\n#include "io/c.h"\n#include "io/a.h"\n' > "$house/src/io/c.c"
    printf '#include "base/list.h"\n' | tee "$house/src/io/b.h" > "$house/src/io/c.h"
    printf '#include "rpc/a.h"\n#include "h2/a.h"\n#include "config.h"\n' > "$house/src/rpc/d.c"
    printf '#include <uv.h>\n#include "hello.pb-c.h"\n' > "$house/examples/hello/b.c"

    found=$(check "$house")
    wanted=$(grep -rc wrong "$house" | awk -F: '{ n += $NF } END { print n }')
    [ "$(echo "$found" | grep -c wrong)" -eq "$wanted" ] && [ "$(echo "$found" | grep -vc wrong)" -eq 0 ]
    status=$?
    [ $status -eq 0 ] || echo "$found"
    rm -rf "$house"
    result $status test_each_rule_notices_its_offender
}

test_tree_keeps_the_floors
test_each_rule_notices_its_offender
echo "layering: $passed passed, $failed failed"
[ $failed -eq 0 ]
