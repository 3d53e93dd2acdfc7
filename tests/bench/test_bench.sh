#!/bin/sh
# SPDX-License-Identifier: MIT
# Every word of bench-client against bench-server, a few calls each: what is counted is looked at, no time is.

build=${top_builddir:-.}/tests/bench
work=$(mktemp -d) || exit 99
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$work"' EXIT
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

# The client's output has a line for each pattern.
client_prints()
{
    name=$1
    patterns=$2
    shift 2
    timeout 120 "$build/bench-client" "$@" > "$work/log" 2>&1
    status=$?
    echo "exit status $status" >> "$work/log"
    old=$IFS
    IFS='
'
    for pattern in $patterns; do
        grep -Eqx "$pattern" "$work/log" || status=1
    done
    IFS=$old
    result "$status" "$name"
}

refused()
{
    timeout 60 "$build/bench-server" $2 > "$work/log" 2>&1
    status=$?
    [ $status -ne 0 ] && [ $status -ne 124 ] && grep -q "$3" "$work/log"
    result $? "$1"
}

mkfifo "$work/said" || exit 99
"$build/bench-server" 0 --workers 4 --max_workers=64 > "$work/said" 2> "$work/errors" &
server=$!
exec 3< "$work/said"
read -r line <&3 || { cat "$work/errors"; exit 1; }
at=${line#listening on }

us='us: min=[0-9.]+ p50=[0-9.]+ p90=[0-9.]+ p99=[0-9.]+ max=[0-9.]+'
number='[0-9]+\.[0-9]{3}'
speed="rate=[0-9]+/s mb_per_s=[0-9]+\.[0-9] cpu_s_per_100k=$number"

client_prints unary "unary threads=3 chans=2 calls=50 bad=0 rate=[0-9]+/s cpu_s_per_100k=$number
latency n=50 miss=0 $us" unary "$at" 3 50 2
client_prints stats 'started=52 finished=52 ok=1 ' stats "$at"
# A call that was cancelled before a worker took it has no handler to see it: not all need to be seen.
client_prints cancel "handler-saw n=[1-9] miss=[0-9] $us
client-returned n=5 miss=0 $us" cancel "$at" 5
client_prints chain "handler-saw n=[1-9] miss=[0-9] $us
client-returned n=5 miss=0 $us" chain "$at,$at,$at" 5 2000
client_prints flag "flag ns/check=$number second=$number" flag "$at" 1000
[ "$(grep -c '^flag' "$work/log")" -eq 7 ]
result $? 'seven rounds of flag'

# More messages than streams, and not a multiple; less and more in one than frames and windows hold.
for kind in pingpong echo pull push; do
    for size in 8 1024 1000000; do
        latency=
        [ $kind != pingpong ] || latency="
latency n=20 miss=0 $us"
        client_prints "$kind of $size bytes" \
            "stream kind=$kind size=$size streams=3 messages=20 bad=0 $speed$latency" \
            stream "$at" $kind 3 20 $size
    done
done

kill -TERM "$server"
wait "$server"
status=$?
server=
cat "$work/errors" > "$work/log"
echo "exit status $status" >> "$work/log"
[ $status -eq 0 ] && [ ! -s "$work/errors" ]
result $? 'the end by SIGTERM'

timeout 60 "$build/bench-client" unary "$at" 1 1 > "$work/log" 2>&1
[ $? -eq 1 ] && grep -q '^err ' "$work/log"
result $? 'a client without a server'
timeout 60 "$build/bench-client" nonsense "$at" > "$work/log" 2>&1
[ $? -eq 2 ] && grep -q usage "$work/log"
result $? 'a client that is told nonsense'
timeout 60 "$build/bench-client" stream "$at" echo 1 1 1024 > "$work/log" 2>&1
[ $? -eq 1 ] && grep -q '^err ' "$work/log"
result $? 'a stream without a server'
for words in 'sing 1 1 1024' 'echo 0 1 1024' 'echo 1 0 1024' 'echo 1 1 7' 'echo 1 1'; do
    timeout 60 "$build/bench-client" stream "$at" $words > "$work/log" 2>&1
    [ $? -eq 2 ] && grep -q usage "$work/log"
    result $? "stream $words"
done
refused 'certificate' '0 cert.pem key.pem' 'cert.pem: No such file'
refused 'certificate without a key' '0 cert.pem' 'usage'
refused 'port' '70000' 'usage'
refused 'unknown option' '0 --fast' 'usage'
refused 'more workers than the maximum' '0 --workers 5 --max_workers 4' 'workers'

echo "bench: $passed passed, $failed failed"
[ $failed -eq 0 ]
