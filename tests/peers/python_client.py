#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Opens calls of Relay and never ends them: a client to be killed.
usage: python_client.py ADDRESS Call|Stream COUNT REQUEST, the request serialized and in hexadecimal"""
import sys
import threading

sys.dont_write_bytecode = True
import harness
import services
from services import relay


def held_open(request):
    yield request
    threading.Event().wait()


def main():
    address, method, count, request = sys.argv[1:]
    request = relay.RelayRequest.FromString(bytes.fromhex(request))
    stub = services.Peer(address).relay
    calls = [stub.Call.future(request) if method == 'Call' else stub.Stream(held_open(request))
             for _ in range(int(count))]
    calls[0].exception() if method == 'Call' else list(calls[0])


main()
