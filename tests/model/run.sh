#!/bin/sh
# SPDX-License-Identifier: MIT
# Has spin verify the models of this folder, and then the same models with one bug planted at a time, each of which
# must be found. Everything is verified exhaustively within the memory below. MODEL=deep takes the largest configuration
# too. See README.

folder=${top_srcdir:-$(dirname "$0")/../..}/tests/model
folder=$(cd "$folder" && pwd) || exit 99
memory_mb=2500
passed=0
failed=0

if ! command -v spin >/dev/null || ! command -v "${MODEL_CC:-gcc}" >/dev/null; then
    echo "skipped: needs spin and gcc"
    exit 77
fi
if [ -n "$SANITIZER_FLAGS" ]; then
    echo "skipped: the models are the same with sanitizers"
    exit 77
fi

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# search LEVEL MODEL DEFINITION...: with gcc's -OLEVEL; 0 when all states were seen and none is wrong, 1 when one is, 2 when it cannot be told.
search()
{
    level=$1
    model=$2
    shift 2
    rm -rf "$work/search" && mkdir "$work/search" && cd "$work/search" || return 2
    spin "$@" -a "$folder/$model.pml" >spin.log 2>&1 || { cat spin.log; return 2; }
    "${MODEL_CC:-gcc}" "-O$level" -w -DSAFETY -DCOLLAPSE -DMEMLIM=$memory_mb -o pan pan.c || return 2
    # -E: processes that serve for ever end nowhere; the observer of each model asserts what must hold at rest.
    ./pan -n -E -m100000 >pan.log 2>&1
    grep -Eq 'out of memory|MEMLIM|too small' pan.log && { cat pan.log; return 2; }
    grep -Eq 'errors: 0$' pan.log && return 0
    grep -Eq 'errors: 1$' pan.log && return 1
    cat pan.log
    return 2
}

result()
{
    if [ "$1" = "$2" ]; then
        passed=$((passed + 1))
        echo "$3"
    else
        failed=$((failed + 1))
        echo "$3: FAILED"
        [ "$1" = 1 ] && cat pan.log
    fi
}

verify()
{
    search 1 "$@"
    result $? 0 "$*: holds"
}

# The configurations of a model, one a line.
configurations()
{
    case $1 in
    seat) echo ;;
    call) printf '%s\n' '-DSTREAM=0 -DAHEAD=0' '-DSTREAM=1 -DAHEAD=0' '-DSTREAM=0 -DAHEAD=1' '-DSTREAM=1 -DAHEAD=1' ;;
    mailbox)
        echo -DCALLERS=1 -DPOSTERS=1 -DKEEPERS=1 -DNAPS=2
        echo -DCALLERS=1 -DPOSTERS=2 -DKEEPERS=0 -DNAPS=1
        [ "$MODEL" = deep ] && echo -DCALLERS=2 -DPOSTERS=1 -DKEEPERS=0 -DNAPS=1
        ;;
    esac
}

# A planted bug is found when one configuration shows it.
find_bug()
{
    bug_status=0
    configurations "$1" >"$work/configurations"
    while [ $bug_status -eq 0 ] && read -r definitions; do
        # shellcheck disable=SC2086
        search 0 "$1" "-D$2" $definitions </dev/null
        bug_status=$?
    done <"$work/configurations"
    result $bug_status 1 "$1: $2 is found"
}

for model in seat mailbox call; do
    configurations $model >"$work/all"
    while read -r definitions; do
        # shellcheck disable=SC2086
        verify $model $definitions </dev/null
    done <"$work/all"
    for bug in $(grep -oE 'BUG_[A-Z_]+' "$folder/$model.pml" | sort -u); do
        find_bug $model "$bug"
    done
done

echo "model: $passed passed, $failed failed"
[ $failed -eq 0 ]
