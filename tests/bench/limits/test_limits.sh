#!/bin/sh
# SPDX-License-Identifier: MIT
# Every word of raw-client, against bench-server and the limit server, a few calls each; wake-limit and hand-limit.
# What is counted is looked at, no time is.

build=${top_builddir:-.}/tests/bench
limits=$build/limits
work=$(mktemp -d) || exit 99
belay=
limit=
trap 'kill $belay $limit 2> "$work/ended"; rm -rf "$work"' EXIT
passed=0
failed=0

result()
{
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2 failed:"
        sed 's/^/    /' "$work/log"
    fi
}

# Each line of the program's output matches the pattern's line of the same number, and it ends well.
prints()
{
    name=$1
    pattern=$2
    shift 2
    timeout 120 "$@" > "$work/log" 2>&1
    status=$?
    echo "exit status $status" >> "$work/log"
    lines=$(($(wc -l < "$work/log") - 1))
    [ $lines -eq "$(echo "$pattern" | wc -l)" ] || status=1
    number=1
    while [ $number -le $lines ]; do
        sed -n "${number}p" "$work/log" | grep -Eqx "$(echo "$pattern" | sed -n "${number}p")" || status=1
        number=$((number + 1))
    done
    result $status "$name"
}

refused()
{
    name=$1
    shift
    timeout 60 "$@" > "$work/log" 2>&1
    [ $? -eq 2 ] && grep -q usage "$work/log"
    result $? "$name"
}

# start NAME COMMAND...: sets $started and $at.
start()
{
    name=$1
    shift
    mkfifo "$work/$name"
    "$@" > "$work/$name" 2> "$work/$name.errors" &
    started=$!
    exec 3< "$work/$name"
    read -r line <&3 || { cat "$work/$name.errors"; exit 1; }
    at=${line#listening on }
}

start belay "$build/bench-server" 0
belay=$started
belay_at=$at
start limit "$limits/limit-server" 0 2 chain
limit=$started
limit_at=$at

us='us: min=[0-9.]+ p50=[0-9.]+ p90=[0-9.]+ p99=[0-9.]+ max=[0-9.]+'

prints 'the limit says hello' "READY
latency n=50 miss=0 $us" "$limits/raw-client" watch "$limit_at" 50
prints 'belay says hello' "READY
latency n=50 miss=0 $us" "$limits/raw-client" watch "$belay_at" 50
prints 'the limit counts' 'stats started=51 finished=51 blocked=0 ok=1' \
    "$limits/raw-client" stats "$limit_at"
prints 'belay counts' 'stats started=51 finished=51 blocked=0 ok=1' "$limits/raw-client" stats "$belay_at"
# A call that was cancelled before a worker took it has no handler to see it: not all need to be seen.
prints 'the limit cancels' "handler-saw n=[1-9] miss=[0-9] $us" "$limits/raw-client" cancel "$limit_at" 5
prints 'belay cancels' "handler-saw n=[1-9] miss=[0-9] $us" "$limits/raw-client" cancel "$belay_at" 5
prints 'belay wakes what is blocked' "handler-saw n=[1-9] miss=[0-9] $us" "$limits/raw-client" release "$belay_at" 5
prints 'a chain' "handler-saw n=[1-9] miss=[0-9] $us" \
    "$limits/raw-client" chain "$belay_at,$belay_at,$belay_at" 5 2000
for mode in data headers; do
    prints "flood of $mode" "flood mode=$mode sent=2000 seconds=[0-9.]+ read=1 kept=1 goaway=0 .*" \
        "$limits/raw-client" flood "$belay_at" 2000 $mode
done
prints 'calls are held' 'READY connections=3 calls=6 max_streams=100
CLOSED at_ns=[0-9]+ ready=3 closed=0 goaway=0 resets=0 ended=0' \
    sh -c "sleep 0.2 | '$limits/raw-client' hold '$belay_at' 3 2 60"
prints 'handlers are kept busy' 'READY calls=2
BUSY started=2 ended=0' sh -c "sleep 0.2 | '$limits/raw-client' busy '$belay_at' 2 60"
prints 'a wake-up' "flag-seen n=5 miss=0 $us" "$limits/wake-limit" 3 5 500 1

prints 'a hand-over' "hand threads=4 calls=200 rate=[0-9]+/s cpu_s_per_100k=[0-9.]+
latency n=200 miss=0 $us" "$limits/hand-limit" 4 200

refused 'raw-client without a word' "$limits/raw-client"
refused 'raw-client with too few words' "$limits/raw-client" hold "$belay_at"
refused 'wake-limit without hops' "$limits/wake-limit" 0 1
refused 'hand-limit without calls' "$limits/hand-limit" 4 0
refused 'limit-server with an unknown mode' "$limits/limit-server" 0 1 sometimes

kill -TERM "$belay"
wait "$belay"
status=$?
belay=
cat "$work/belay.errors" > "$work/log"
echo "exit status $status" >> "$work/log"
[ $status -eq 0 ] && [ ! -s "$work/belay.errors" ]
result $? 'the end of bench-server'
kill -0 "$limit" 2> "$work/log"
result $? 'the limit server is still there'

echo "limits: $passed passed, $failed failed"
[ $failed -eq 0 ]
