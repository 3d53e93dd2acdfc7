#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""belay as client, grpcio as server: gRPC's interoperability cases by interop-client; statuses, sizes and
order by a belay relay whose leaf is a Python one."""
import subprocess
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from python_relay import LEAF_LARGE, LEAF_STATUS
from services import CODES, relay

suite = harness.Suite('peers-clients')
server = harness.python_server()
middle = harness.belay_server()
peer = services.Peer(middle.address, services.NO_LIMITS)
watcher = services.Peer(server.address)

MEBIBYTE = 1 << 20

CASES = ['empty_unary', 'cacheable_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong',
         'small_messages', 'empty_stream', 'custom_metadata', 'status_code_and_message', 'special_status_message',
         'unimplemented_method', 'unimplemented_service', 'cancel_after_begin', 'cancel_after_first_response',
         'timeout_on_sleeping_server', 'concurrent_large_unary', 'rpc_soak', 'channel_soak',
         'server_compressed_unary', 'server_compressed_streaming']


def interop_client(address, case):
    host, port = address.rsplit(':', 1)
    return subprocess.run([harness.INTEROP_CLIENT, '--server_host=' + host, '--server_port=' + port,
                           '--test_case=' + case], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=harness.PATIENCE)


def passes(case):
    result = interop_client(server.address, case)
    if result.returncode != 0:
        raise AssertionError('exit status %d: %s' % (result.returncode, result.stdout.decode()))


for case in CASES:
    suite.add('case ' + case, passes, case)


@suite.test
def server_that_is_not_there():
    gone = harness.python_server()
    gone.kill()
    equal(interop_client(gone.address, 'empty_unary').returncode, 1, 'exit status')


# ---- Through a belay relay -----------------------------------------------------------------------------

def through(**fields):
    return relay.RelayRequest(route=[server.address], **fields)


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError('it should have failed')


MESSAGES = ['plain', '50 % off %41 %', ' both ends ', 'tab\tand\r\nlines', 'ümläut ☺ 😈', '\x01\x1f\x7f~']


@suite.test
def every_code_with_every_message():
    for number in range(1, 17):
        for message in MESSAGES:
            request = through(leaf=LEAF_STATUS + number, payload=message.encode())
            error = failure(lambda: peer.relay.Call(request))
            equal((error.code(), error.details()), (CODES[number], message))


@suite.test
def status_of_a_stream():
    requests = [through(payload=b'one'), relay.RelayRequest(leaf=LEAF_STATUS + 9, payload='then ☺'.encode())]
    call = peer.relay.Stream(iter(requests))
    equal(next(call).payload, b'one')
    error = failure(lambda: next(call))
    equal((error.code(), error.details()), (CODES[9], 'then ☺'))


@suite.test
def path_of_a_reply():
    equal(list(peer.relay.Call(through()).path), [middle.address, server.address])
    equal([list(reply.path) for reply in peer.relay.Stream(iter([through()] * 2))],
          [[middle.address, server.address]] * 2)


@suite.test
def messages_near_the_limit():
    load = bytes(range(256)) * 4 * 4090
    equal(peer.relay.Call(through(payload=load)).payload, load)
    equal([reply.payload for reply in peer.relay.Stream(iter([through(payload=load)] * 3))], [load] * 3)


@suite.test
def reply_over_the_limit():
    limit = 4 * MEBIBYTE
    equal(len(peer.relay.Call(through(leaf=LEAF_LARGE, leaf_ms=limit - 100)).payload), limit - 100)
    for size in limit, 4 * limit:
        error = failure(lambda: peer.relay.Call(through(leaf=LEAF_LARGE, leaf_ms=size)))
        equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        error = failure(lambda: next(peer.relay.Stream(iter([through(leaf=LEAF_LARGE, leaf_ms=size)]))))
        equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    path_of_a_reply()


@suite.test
def order_of_a_stream():
    requests = (through(payload=b'%d' % number) for number in range(1000))
    equal([int(reply.payload) for reply in peer.relay.Stream(requests)], list(range(1000)))


@suite.test
def many_calls_on_one_channel():
    """Ends in the order in which the leaves answer."""
    requests = [through(leaf=relay.LEAF_SLEEP, leaf_ms=number % 7, payload=b'%d' % number)
                for number in range(200)]
    calls = [peer.relay.Call.future(request) for request in requests]
    equal([int(call.result().payload) for call in calls], list(range(200)))


@suite.test
def fan_out():
    equal(peer.relay.Call(through(fan_out=30, payload=b'x')).payload, b'x')
    equal(len(list(peer.relay.Stream(iter([through(fan_out=30), through()])))), 60)


@suite.test
def method_that_the_server_lacks():
    error = failure(lambda: peer.relay.Call(through(leaf=LEAF_STATUS + 12)))
    equal(error.code(), grpc.StatusCode.UNIMPLEMENTED)


@suite.test
def server_that_does_not_listen():
    gone = harness.python_server()
    gone.kill()
    for fan_out in 1, 5:
        request = relay.RelayRequest(route=[gone.address], fan_out=fan_out)
        equal(failure(lambda: peer.relay.Call(request)).code(), grpc.StatusCode.UNAVAILABLE)
        equal(failure(lambda: next(peer.relay.Stream(iter([request])))).code(), grpc.StatusCode.UNAVAILABLE)


@suite.test
def nothing_is_left():
    for one in peer, watcher:
        until(one.is_idle, 'calls to be gone')
        one.close()
    equal(middle.terminate(), 0, 'exit status')
    equal(middle.said(), '', 'log')
    equal(server.terminate(), 0, 'exit status of the Python server')
    equal(server.said(), '', 'log of the Python server')


suite.run()
