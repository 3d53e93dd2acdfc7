#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports what the public headers declare, and nothing else. Besides that the static library defines
# names of its own only, which no program has.

: "${top_srcdir:=.}" "${top_builddir:=.}" "${NM:=nm}"

library=
for name in libbelay.so libbelay.dylib; do
    [ -f "$top_builddir/.libs/$name" ] && library=$top_builddir/.libs/$name
done
if [ -z "$library" ]; then
    echo "symbols: skipped, there is no shared library"
    exit 77
fi

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# The file $1 lists what is wrong: nothing when the test $2 passes.
result()
{
    if [ -s "$1" ]; then
        failed=$((failed + 1))
        echo "$2 failed:"
        cat "$1"
    else
        passed=$((passed + 1))
    fi
}

awk -f "$top_srcdir/tests/symbols/declared.awk" \
    "$top_srcdir"/include/belay/*.h "$top_builddir"/include/belay/version.h | sort -u > "$work/declared"
# Mach-O has no dynamic table of its own, and puts an underscore before each name.
case $library in
*.dylib) $NM -gU "$library" | awk '{ print $NF }' | sed 's/^_//' ;;
*) $NM -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' ;;
esac | sort -u > "$work/exported"

[ -s "$work/exported" ] || echo "no symbol found in $library" > "$work/none"
touch "$work/none"
result "$work/none" test_library_has_symbols

grep -v '^belay_' "$work/exported" > "$work/foreign"
result "$work/foreign" test_only_belay_names_are_exported

comm -23 "$work/declared" "$work/exported" > "$work/missing"
result "$work/missing" test_every_declared_function_is_exported

comm -13 "$work/declared" "$work/exported" | grep '^belay_' > "$work/undeclared"
result "$work/undeclared" test_every_exported_function_is_declared

# Compilers and sanitizers put in what begins with an underscore.
if [ -f "$top_builddir/.libs/libbelay.a" ]; then
    $NM -g --defined-only "$top_builddir/.libs/libbelay.a" | awk 'NF == 3 { print $3 }' |
        sort -u | comm -23 - "$work/declared" |
        grep -v -e '^_' -e '^bly_' -e '^belay__wire__' -e '^belay__descriptor__' > "$work/met"
    result "$work/met" test_static_library_defines_nothing_that_programs_may_define
fi

echo "symbols: $passed passed, $failed failed"
[ $failed -eq 0 ]
