# SPDX-License-Identifier: MIT
"""Cancels calls of cancellation-server with Python's grpc. Needs no generated code: messages are simple."""

import base64
import hashlib
import queue
import sys

import grpc

ECHO = "/grpc.examples.echo.Echo/"
HASH_FINDER = "/hash_name.HashFinder/"


def string(number, text):
    """A string field of a message, below 128 bytes."""
    data = text.encode()
    return bytes([number << 3 | 2, len(data)]) + data


def strings(message):
    """The string fields of a message that has nothing but short strings and small numbers."""
    fields, at = {}, 0
    while at < len(message):
        number, kind = message[at] >> 3, message[at] & 7
        value = message[at + 1]
        at += 2
        if kind == 2:
            fields[number] = message[at:at + value].decode()
            at += value
    return fields


def ends_with(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
    else:
        raise AssertionError("the call did not fail")


def unary(channel):
    echo = channel.unary_unary(ECHO + "UnaryEcho")
    assert strings(echo(string(1, "hello")))[1] == "hello"
    for _ in range(20):  # a call that no worker has come to yet is cancelled without its handler
        cancel_one(channel, echo)


def cancel_one(channel, echo):
    future = echo.future(string(1, "hello again"))
    seen = channel.unary_stream(ECHO + "ServerStreamingEcho")(string(1, "there"))
    assert strings(next(seen))[1] == "there"  # the call before it has reached the server, too
    seen.cancel()
    future.cancel()
    assert future.cancelled() and future.code() == grpc.StatusCode.CANCELLED


def bidirectional(channel):
    to_send = queue.Queue()
    replies = channel.stream_stream(ECHO + "BidirectionalStreamingEcho")(iter(to_send.get, None))
    for text in "hello", "world":
        to_send.put(string(1, text))
        assert strings(next(replies))[1] == text
    replies.cancel()
    ends_with(grpc.StatusCode.CANCELLED, lambda: next(replies))
    to_send.put(None)


def hash_finder(channel):
    name = string(1, "doctor")
    found = strings(channel.unary_unary(HASH_FINDER + "Find")(name + b"\x10\x04"))
    secret = base64.b64decode(found.get(1, ""))
    assert base64.b64encode(hashlib.sha1(secret).digest()).decode() == found[2]

    endless = string(1, "timelordvictorious")
    candidates = channel.unary_stream(HASH_FINDER + "FindRange")(endless + b"\x18\x0f")
    assert strings(next(candidates))[2]
    candidates.cancel()
    ends_with(grpc.StatusCode.CANCELLED, lambda: next(candidates))

    find = channel.unary_unary(HASH_FINDER + "Find")
    ends_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: find(endless, timeout=0.3))
    too_long = string(1, "a name that is longer than a hash text")
    ends_with(grpc.StatusCode.INVALID_ARGUMENT, lambda: find(too_long))


with grpc.insecure_channel(sys.argv[1]) as channel:
    unary(channel)
    bidirectional(channel)
    hash_finder(channel)
