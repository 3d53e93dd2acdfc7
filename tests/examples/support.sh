# SPDX-License-Identifier: MIT
# For tests that run the examples as their users do: programs in the background, their output in files, and
# waits for lines in it. A test that hangs is ended after five minutes. Sourced with $examples set to what is
# under test.

programs=$(cd "${top_builddir:-.}" && pwd)/examples/$examples
work=$(mktemp -d) || exit 99
started=
failed=0

clean_up()
{
    # shellcheck disable=SC2086 # a list of process ids
    kill -KILL $started $watchdog 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'echo "the test hangs"; exit 99' ALRM
(exec sleep 300 >/dev/null && kill -ALRM $$) 2>/dev/null &
watchdog=$!

# start NAME PROGRAM...: in the background, with its output in $work/NAME.out and NAME.err. $pid is the
# process.
start()
{
    name=$1
    program=$2
    shift 2
    : > "$work/$name.out" # is there before anybody looks
    "$programs/$program" "$@" > "$work/$name.out" 2> "$work/$name.err" &
    pid=$!
    started="$started $pid"
}

# start_server NAME PROGRAM...: the same, with $address where it listens.
start_server()
{
    start "$@"
    wait_for "$1" '^listening on ' $pid
    address=$(sed -n 's/^listening on //p' "$work/$1.out")
}

# wait_for NAME PATTERN [PROCESS]: until a line of what NAME printed matches. Gives up after half a minute
# (with a sanitizer five times as long), or when the process is gone.
wait_for()
{
    turns=1500
    [ -z "$SANITIZER_FLAGS" ] || turns=7500
    while ! grep -e "$2" "$work/$1.out" > /dev/null; do
        turns=$((turns - 1))
        if [ $turns -eq 0 ] || ! kill -0 "${3:-$$}" 2> /dev/null; then
            echo "no '$2' from $1, but:"
            cat "$work/$1.out" "$work/$1.err"
            exit 1
        fi
        sleep 0.02
    done
}

# Prints what was wrong, and goes on.
complain()
{
    echo "failed: $1"
    shift
    for said in "$@"; do
        [ ! -f "$work/$said" ] || sed "s/^/    $said: /" "$work/$said"
    done
    failed=$((failed + 1))
}

# ends NAME PROCESS CODE: the process ends with the exit code.
ends()
{
    wait "$2"
    code=$?
    [ $code -eq "$3" ] || complain "$1 ended with $code instead of $3" "$1.out" "$1.err"
}

# says NAME PATTERN, says_not NAME PATTERN: about what it printed.
says()
{
    grep -e "$2" "$work/$1" > /dev/null || complain "$1 has no '$2'" "$1"
}
says_not()
{
    ! grep -e "$2" "$work/$1" > /dev/null || complain "$1 has '$2'" "$1"
}

# stop_server NAME PROCESS: asked to end, it ends well.
stop_server()
{
    kill -TERM "$2"
    ends "$1" "$2" 0
}

conclude()
{
    [ $failed -eq 0 ] && echo "examples/$examples: all is well"
    exit $((failed > 0))
}
