#!/bin/sh
# SPDX-License-Identifier: MIT
# A client of another make against cancellation-server: Python's grpc.

for python in /usr/bin/python3 python3 none; do
    if [ $python = none ]; then
        echo "skipped: no python3 with grpc (Debian, Ubuntu: apt-get install python3-grpcio)"
        exit 77
    fi
    ! $python -c 'import grpc' 2> /dev/null || break
done

examples=cancellation
. "${top_srcdir:-.}/tests/examples/support.sh"

start_server server cancellation-server --port=0
server=$pid
$python "${top_srcdir:-.}/tests/examples/cancellation_client.py" "$address" > "$work/python.out" 2>&1 ||
    complain "the client ended with $?" python.out
wait_for server '/UnaryEcho: cancelled: peer cancelled$'
wait_for server '/BidirectionalStreamingEcho: cancelled: peer cancelled$'
wait_for server '/FindRange: cancelled: peer cancelled$'
wait_for server '/Find: cancelled: \(deadline\|peer cancelled\)$'
stop_server server "$server"
conclude
