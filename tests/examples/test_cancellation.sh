#!/bin/sh
# SPDX-License-Identifier: MIT
# The client of the cancellation example against its server: every kind of call, cancelled.

examples=cancellation
. "${top_srcdir:-.}/tests/examples/support.sh"

run_client()
{
    start "$1" cancellation-client --target="$target" --example="$1"
    ends "$1" $pid 0
    says_not "$1.out" 'this is wrong\|does not have it'
}

test_echo()
{
    run_client echo
    [ "$(grep -c '^    CANCELLED: I have changed my mind$' "$work/echo.out")" -eq 5 ] ||
        complain "not five calls were cancelled" echo.out
    says echo.out '^    DEADLINE_EXCEEDED'
    wait_for server '/UnaryEcho: cancelled: peer cancelled$'
    wait_for server '/ServerStreamingEcho: cancelled: peer cancelled$'
    wait_for server '/BidirectionalStreamingEcho: cancelled: peer cancelled$'
}

test_keyvaluestore()
{
    run_client keyvaluestore
    says keyvaluestore.out '^    Begin : Begin Ack$'
    says keyvaluestore.out '^    Count 9 : Count 9 Ack$'
    [ "$(grep -c '^    CANCELLED' "$work/keyvaluestore.out")" -eq 2 ] ||
        complain "not two were cancelled" keyvaluestore.out
    wait_for server '/GetValues: cancelled: peer cancelled$'
    wait_for server '/SayHelloBidiStream: cancelled: peer cancelled$'
}

test_hash_name()
{
    run_client hash_name
    says hash_name.out '^    secret "Eg==" has the hash "xPh6YpCu4az8HyYIOXTOlGIfymQ=", distance 3$'
    [ "$(grep -c '^    CANCELLED' "$work/hash_name.out")" -eq 2 ] ||
        complain "not two were cancelled" hash_name.out
    wait_for server '/Find: cancelled: peer cancelled$'
    wait_for server '/FindRange: cancelled: peer cancelled$'
}

# A handler that cancels its own call tells the client why.
test_server_gives_up()
{
    start_server brief cancellation-server --port=0 --maximum_hashes=100
    brief=$pid
    start limited cancellation-client --target="$address" --example=hash_name
    ends limited $pid 0
    says limited.out '^    CANCELLED: searched long enough$'
    wait_for brief '/Find: cancelled: application: searched long enough$'
    stop_server brief "$brief"
}

test_no_server_is_an_error()
{
    start nobody cancellation-client --target="$target" --example=echo
    ends nobody $pid 1
    says nobody.out 'UNAVAILABLE'
}

test_unknown_example_is_refused()
{
    start unknown cancellation-client --target="$target" --example=what
    ends unknown $pid 2
}

start_server server cancellation-server --port=0
server=$pid
target=$address
test_echo
test_keyvaluestore
test_hash_name
test_server_gives_up
test_unknown_example_is_refused
stop_server server "$server"
test_no_server_is_an_error
conclude
