#!/bin/sh
# SPDX-License-Identifier: MIT
# The search over several servers: whatever becomes of the client, the back servers stop to compute.

examples=hashsearch
. "${top_srcdir:-.}/tests/examples/support.sh"

start_servers()
{
    backs=
    back_processes=
    for i in 1 2 3; do
        start_server back$i hashsearch-back --port=0
        backs="$backs --back=$address"
        back_processes="$back_processes $pid"
    done
    # shellcheck disable=SC2086 # a list of options
    start_server front hashsearch-front --port=0 $backs
    front_process=$pid
    target=$address
}

# Starts a search that takes for ever, and waits until all back servers have told how far they are.
start_endless_search()
{
    start "$1" hashsearch-client --target="$target" --bits=200
    wait_for "$1" 'M/s$'
}

seen()
{
    "$programs/hashsearch-client" --target="$target" --seen > "$work/seen.out" 2> "$work/seen.err" ||
        complain "the servers do not tell what they do" seen.out seen.err
}

# No handler runs any more, and nobody counts hashes: asked, not timed.
servers_are_idle()
{
    seen
    while [ "$(grep -c 'running=0' "$work/seen.out")" -ne 4 ]; do
        [ $failed -eq 0 ] || return
        seen
    done
    cp "$work/seen.out" "$work/seen-before.out"
    seen
    cmp -s "$work/seen.out" "$work/seen-before.out" || complain "still computing" seen-before.out seen.out
}

test_search_succeeds()
{
    start found hashsearch-client --target="$target" --bits=12 'some text '
    ends found $pid 0
    says found.out '^  found: SHA-256("some text [0-9]*") begins with 12 zero bits'
    says found.out '^  front  *0  *back [123] found it$'
    text=$(sed -n 's/^  found: SHA-256("\(.*\)") begins.*/\1/p' "$work/found.out")
    if command -v sha256sum > /dev/null; then
        printf '%s' "$text" | sha256sum | grep '^000' > /dev/null || complain "$text is wrong" found.out
    fi
    servers_are_idle
}

test_interrupt_cancels()
{
    start_endless_search interrupted
    kill -INT $pid
    ends interrupted $pid 0
    says interrupted.out '^  CANCELLED: Ctrl-C$'
    says interrupted.out '^  front  *[0-9][0-9]*  *peer cancelled$'
    [ "$(grep -c '^  back [123]  *[0-9].* peer cancelled$' "$work/interrupted.out")" -eq 3 ] ||
        complain "not all back servers saw it" interrupted.out
    servers_are_idle
}

test_deadline_ends_it()
{
    start late hashsearch-client --target="$target" --bits=200 --timeout_ms=300
    ends late $pid 1
    says late.out '^  DEADLINE_EXCEEDED'
    servers_are_idle
}

test_killed_client_ends_it()
{
    start_endless_search killed
    kill -KILL $pid
    wait $pid 2> /dev/null
    servers_are_idle
    says seen.out '^front .*cause="connection lost"$'
}

test_bad_arguments_are_refused()
{
    start usage hashsearch-client --bits=12
    ends usage $pid 2
    start usage hashsearch-front --port=0
    ends usage $pid 2
    start usage hashsearch-back --what
    ends usage $pid 2
}

test_servers_end_on_request()
{
    stop_server front "$front_process"
    i=0
    for process in $back_processes; do
        i=$((i + 1))
        stop_server back$i "$process"
    done
}

test_no_server_is_an_error()
{
    start nobody hashsearch-client --target="$target"
    ends nobody $pid 1
    says nobody.err 'UNAVAILABLE'
}

# Without a terminal it takes some seconds, and leaves no process.
test_demo_shows_all()
{
    "$programs/hashsearch-demo" < /dev/null > "$work/demo.out" 2> "$work/demo.err" ||
        complain "the demo ended with $?" demo.out demo.err
    says demo.out 'found it$'
    says demo.out 'cancel sent$'
    says demo.out 'killed$'
    [ "$(grep -c '^  microseconds' "$work/demo.out")" -eq 3 ] || complain "not three timelines" demo.out
    for process in $(sed -n 's/^  \(front\|back [123]\)  *\([0-9][0-9]*\)   127.*/\2/p' "$work/demo.out"); do
        ! kill -0 "$process" 2> /dev/null || complain "process $process is still there" demo.out
    done
}

start_servers
test_search_succeeds
test_interrupt_cancels
test_deadline_ends_it
test_killed_client_ends_it
test_bad_arguments_are_refused
test_servers_end_on_request
test_no_server_is_an_error
test_demo_shows_all
conclude
