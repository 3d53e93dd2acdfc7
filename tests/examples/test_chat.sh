#!/bin/sh
# SPDX-License-Identifier: MIT
# Rooms: who hears what, the ways to leave, and one who does not listen.

examples=chat
. "${top_srcdir:-.}/tests/examples/support.sh"

# enters NAME ROOM: a client that reads what is written into $work/NAME.in.
enters()
{
    mkfifo "$work/$1.in"
    : > "$work/$1.out"
    "$programs/chat-client" --target="$target" --room="$2" --name="$1" \
        < "$work/$1.in" > "$work/$1.out" 2> "$work/$1.err" &
    pid=$!
    started="$started $pid"
}

test_others_in_the_room_hear()
{
    echo 'is anybody there?' >&3
    wait_for ben '^ann: is anybody there?$'
    echo 'I am' >&4
    wait_for ann '^ben: I am$'
    says_not ann.out '^ann: '
}

# Told last, so that what should not be heard had time to come before.
test_other_rooms_do_not_hear()
{
    enters eve attic
    exec 6> "$work/eve.in"
    eve=$pid
    wait_for dan '^eve: has come in$'
    [ "$(wc -l < "$work/dan.out")" -eq 1 ] || complain "dan hears other rooms" dan.out
    exec 6>&-
    ends eve "$eve" 0
}

test_end_of_input_leaves()
{
    exec 4>&-
    ends ben "$ben" 0
    wait_for ann '^ben: has left$'
}

test_interrupt_cancels()
{
    kill -INT "$dan"
    ends dan "$dan" 0
    says dan.err '^CANCELLED'
}

# The slow one is stopped; the talk goes on without it. What it does not take fills first the window of its
# stream, then its queue. The talker waits now and then, so that those who listen keep up.
test_slow_reader_is_cancelled_alone()
{
    enters slow lobby
    exec 6> "$work/slow.in"
    slow=$pid
    enters cid lobby
    exec 7> "$work/cid.in"
    cid=$pid
    wait_for ann '^slow: has come in$'
    wait_for ann '^cid: has come in$'
    kill -STOP "$slow"
    many=$(printf '%0900d' 0)
    i=0
    while [ $i -lt 10 ]; do
        i=$((i + 1))
        awk -v line="$many" 'BEGIN { for (i = 0; i < 300; i++) print line }' >&3
        echo "part $i" >&3
        wait_for cid "^ann: part $i\$"
    done
    wait_for ann '^slow: is gone$'
    kill -CONT "$slow"
    ends slow "$slow" 1
    says slow.err '^CANCELLED'
    exec 6>&- 7>&-
    ends cid "$cid" 0
}

test_killed_client_is_gone()
{
    enters fay lobby
    exec 6> "$work/fay.in"
    wait_for ann '^fay: has come in$'
    kill -KILL $pid
    exec 6>&-
    wait_for ann '^fay: is gone$'
}

test_who_has_no_name_is_refused()
{
    start nameless chat-client --target="$target" --name= < /dev/null
    ends nameless $pid 1
    says nameless.err '^INVALID_ARGUMENT'
}

# Ann is still there: she gets the time to leave, then she is cancelled.
test_server_ends_on_request()
{
    stop_server server "$server"
    ends ann "$ann" 1
    says ann.err '^UNAVAILABLE'
}

start_server server chat-server --port=0
server=$pid
target=$address
enters ann lobby
exec 3> "$work/ann.in"
ann=$pid
enters dan attic
exec 5> "$work/dan.in"
dan=$pid
# Only who has come in before hears that somebody comes in: ann may have to be told by ben.
enters ben lobby
exec 4> "$work/ben.in"
ben=$pid
wait_for_company()
{
    while ! grep '^ben: has come in$' "$work/ann.out" > /dev/null &&
        ! grep '^ann: has come in$' "$work/ben.out" > /dev/null; do
        sleep 0.02
    done
}
wait_for_company

test_others_in_the_room_hear
test_other_rooms_do_not_hear
test_end_of_input_leaves
test_interrupt_cancels
test_slow_reader_is_cancelled_alone
test_killed_client_is_gone
test_who_has_no_name_is_refused
test_server_ends_on_request
conclude
