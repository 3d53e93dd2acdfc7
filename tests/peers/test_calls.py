#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""grpcio as client, belay as server: gRPC's interoperability cases, metadata, statuses, sizes."""
import random
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import CODES, payload, testing

suite = harness.Suite('peers-calls')
server = harness.belay_server()
peer = services.Peer(server.address, services.NO_LIMITS)
stub = peer.test

MEBIBYTE = 1 << 20
RECEIVE_LIMIT = 4 * MEBIBYTE


def failure(call):
    """The error that a call ends with."""
    try:
        result = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError('it should have failed and gave ' + harness.shorten(result))


def fails(call, code, part=''):
    error = failure(call)
    equal(error.code(), code, 'status')
    if part not in error.details():
        raise AssertionError('"%s" is not in the message "%s"' % (part, error.details()))
    return error


def output_request(*sizes, **fields):
    return testing.StreamingOutputCallRequest(
        response_parameters=[testing.ResponseParameters(size=size) for size in sizes], **fields)


def sizes_of(replies):
    return [len(reply.payload.body) for reply in replies]


# ---- The cases that all stacks share -------------------------------------------------------------------

@suite.test
def empty_unary():
    equal(stub.EmptyCall(testing.Empty()), testing.Empty())


@suite.test
def cacheable_unary():
    reply, call = stub.CacheableUnaryCall.with_call(testing.SimpleRequest())
    equal(dict(call.initial_metadata()).get('cache-control'), 'max-age=60, public')
    int(reply.payload.body)


@suite.test
def large_unary():
    equal(stub.UnaryCall(testing.SimpleRequest(response_size=314159, payload=payload(271828))),
          testing.SimpleResponse(payload=payload(314159)))


@suite.test
def client_streaming():
    requests = [testing.StreamingInputCallRequest(payload=payload(size)) for size in (27182, 8, 1828, 45904)]
    equal(stub.StreamingInputCall(iter(requests)).aggregated_payload_size, 74922)


@suite.test
def client_streaming_nothing():
    equal(stub.StreamingInputCall(iter([])).aggregated_payload_size, 0)


@suite.test
def server_streaming():
    equal(sizes_of(stub.StreamingOutputCall(output_request(31415, 9, 2653, 58979))), [31415, 9, 2653, 58979])


@suite.test
def server_streaming_nothing():
    equal(sizes_of(stub.StreamingOutputCall(output_request())), [])


class Conversation:
    """A stream of both directions, a message at a time."""

    def __init__(self, method, **options):
        self.requests = services.Sends()
        self.call = method(iter(self.requests), **options)

    def ask(self, size, request_size):
        self.requests.put(output_request(size, payload=payload(request_size)))
        return len(next(self.call).payload.body)


@suite.test
def ping_pong():
    talk = Conversation(stub.FullDuplexCall)
    for request_size, size in (27182, 31415), (8, 9), (1828, 2653), (45904, 58979):
        equal(talk.ask(size, request_size), size)
    talk.requests.close()
    equal(list(talk.call), [])
    equal(talk.call.code(), grpc.StatusCode.OK)


@suite.test
def empty_stream():
    equal(list(stub.FullDuplexCall(iter([]))), [])


@suite.test
def half_duplex():
    requests = [output_request(1, 2), output_request(), output_request(3)]
    equal(sizes_of(stub.HalfDuplexCall(iter(requests))), [1, 2, 3])


@suite.test
def status_code_and_message():
    status = testing.EchoStatus(code=2, message='test status message')
    fails(lambda: stub.UnaryCall(testing.SimpleRequest(response_status=status)),
          grpc.StatusCode.UNKNOWN, status.message)
    requests = [testing.StreamingOutputCallRequest(response_status=status)]
    fails(lambda: list(stub.FullDuplexCall(iter(requests))), grpc.StatusCode.UNKNOWN, status.message)


@suite.test
def unimplemented_method():
    fails(lambda: stub.UnimplementedCall(testing.Empty()), grpc.StatusCode.UNIMPLEMENTED)


@suite.test
def unimplemented_service():
    fails(lambda: peer.unimplemented.UnimplementedCall(testing.Empty()), grpc.StatusCode.UNIMPLEMENTED)


@suite.test
def paths_that_are_none():
    service = '/grpc.testing.TestService'
    for path in '/', '//', '/a', '/a/b/c', service, service + '/', service.lower() + '/EmptyCall':
        fails(lambda: peer.channel.unary_unary(path)(b''), grpc.StatusCode.UNIMPLEMENTED)


@suite.test
def concurrent_large_unary():
    request = testing.SimpleRequest(response_size=314159, payload=payload(271828))
    calls = [stub.UnaryCall.future(request) for _ in range(200)]
    for call in calls:
        equal(len(call.result().payload.body), 314159)


@suite.test
def channel_soak():
    for _ in range(20):
        other = services.Peer(server.address)
        equal(other.test.UnaryCall(testing.SimpleRequest(response_size=10)).payload.body, bytes(10))
        other.close()
    until(lambda: peer.counters().connections == 1, 'closed connections to be noticed')


# ---- Compression ---------------------------------------------------------------------------------------

COMPRESSIONS = [grpc.Compression.Gzip, grpc.Compression.Deflate]
YES, NO = testing.BoolValue(value=True), testing.BoolValue(value=False)


@suite.test
def client_compressed_unary():
    request = testing.SimpleRequest(response_size=314159, payload=payload(271828), expect_compressed=YES)
    fails(lambda: stub.UnaryCall(request), grpc.StatusCode.INVALID_ARGUMENT)
    for compression in COMPRESSIONS:
        equal(len(stub.UnaryCall(request, compression=compression).payload.body), 314159)
    request.expect_compressed.value = False
    equal(len(stub.UnaryCall(request).payload.body), 314159)


@suite.test
def client_compressed_streaming():
    requests = [testing.StreamingInputCallRequest(payload=payload(size), expect_compressed=YES)
                for size in (27182, 45904)]
    fails(lambda: stub.StreamingInputCall(iter(requests)), grpc.StatusCode.INVALID_ARGUMENT)
    for compression in COMPRESSIONS:
        reply = stub.StreamingInputCall(iter(requests), compression=compression)
        equal(reply.aggregated_payload_size, 73086)


@suite.test
def server_compressed_unary():
    for wanted in YES, NO:
        request = testing.SimpleRequest(response_size=314159, response_compressed=wanted)
        equal(stub.UnaryCall(request), testing.SimpleResponse(payload=payload(314159)))


@suite.test
def server_compressed_streaming():
    for flags in (YES, NO), (NO, YES), (YES, YES):
        request = output_request(31415, 92653)
        for parameters, wanted in zip(request.response_parameters, flags):
            parameters.compressed.CopyFrom(wanted)
        equal(sizes_of(stub.StreamingOutputCall(request)), [31415, 92653])


@suite.test
def messages_of_all_kinds_compressed():
    """Sizes around those of buffers, and bytes that do not become smaller."""
    loads = [bytes(size) for size in (0, 1, 10, 1023, 16384, 65536, 65537, 4190000)]
    loads += [random.Random(5).randbytes(size) for size in (1, 100, 100000, 4000000)]
    for compression in COMPRESSIONS:
        for load in loads:
            request = testing.StreamingInputCallRequest(payload=testing.Payload(body=load))
            reply = stub.StreamingInputCall(iter([request]), compression=compression)
            equal(reply.aggregated_payload_size, len(load))


@suite.test
def compressed_request_over_the_limit():
    """A few kilobytes that would become more than the limit."""
    for compression in COMPRESSIONS:
        request = request_of(RECEIVE_LIMIT)
        stub.UnaryCall(request, compression=compression)
        request = request_of(RECEIVE_LIMIT + 1)
        fails(lambda: stub.UnaryCall(request, compression=compression), grpc.StatusCode.RESOURCE_EXHAUSTED)
        upload = testing.StreamingInputCallRequest(payload=payload(RECEIVE_LIMIT))
        fails(lambda: stub.StreamingInputCall(iter([upload]), compression=compression),
              grpc.StatusCode.RESOURCE_EXHAUSTED)


# ---- Metadata ------------------------------------------------------------------------------------------

def echo(*metadata):
    """What comes back of metadata in headers and in trailers, unary and on a stream."""
    _, call = stub.UnaryCall.with_call(testing.SimpleRequest(), metadata=metadata)
    unary = dict(call.initial_metadata()), dict(call.trailing_metadata())
    call = stub.FullDuplexCall(iter([]), metadata=metadata)
    equal(list(call), [])
    equal((dict(call.initial_metadata()), dict(call.trailing_metadata())), unary, 'metadata on a stream')
    return unary


@suite.test
def custom_metadata():
    header = 'x-grpc-test-echo-initial', 'test_initial_metadata_value'
    trailer = 'x-grpc-test-echo-trailing-bin', b'\xab\xab\xab'
    equal(echo(header, trailer), (dict([header]), dict([trailer])))


@suite.test
def binary_metadata_of_every_length_and_byte():
    for value in [bytes(range(size)) for size in range(8)] + [bytes(range(256)), b'\xff' * 5]:
        trailers = echo(('x-grpc-test-echo-trailing-bin', value))[1]
        equal(trailers, {'x-grpc-test-echo-trailing-bin': value})


@suite.test
def text_metadata_of_every_character():
    text = ''.join(chr(character) for character in range(0x20, 0x7f)).strip()
    equal(echo(('x-grpc-test-echo-initial', text))[0], {'x-grpc-test-echo-initial': text})


@suite.test
def metadata_given_twice():
    """Two values of a key are two entries, or one with a comma between them. The server echoes one entry."""
    headers = echo(('x-grpc-test-echo-initial', 'a'), ('x-grpc-test-echo-initial', 'b'))[0]
    if headers['x-grpc-test-echo-initial'] not in ('a', 'b', 'a,b', 'a, b'):
        raise AssertionError(headers)


@suite.test
def large_metadata():
    value = 'v' * 6000
    equal(echo(('x-grpc-test-echo-initial', value))[0], {'x-grpc-test-echo-initial': value})


@suite.test
def metadata_over_the_limit():
    for metadata in [('x-large', 'v' * 17000)], [('x-%d' % number, '') for number in range(200)]:
        fails(lambda: stub.EmptyCall(testing.Empty(), metadata=metadata), grpc.StatusCode.RESOURCE_EXHAUSTED)
    empty_unary()


@suite.test
def early_failure_has_no_headers():
    """It is one block of trailers: what a server would have in headers stands there."""
    error = failure(lambda: stub.UnimplementedCall(testing.Empty()))
    equal(tuple(error.initial_metadata()), ())
    equal(tuple(error.trailing_metadata()), ())


@suite.test
def failure_keeps_its_trailers():
    status = testing.EchoStatus(code=9, message='with trailers')
    metadata = [('x-grpc-test-echo-initial', 'h'), ('x-grpc-test-echo-trailing-bin', b'\0t')]
    error = failure(lambda: stub.UnaryCall(testing.SimpleRequest(response_status=status), metadata=metadata))
    equal(dict(error.trailing_metadata()).get('x-grpc-test-echo-trailing-bin'), b'\0t')


# ---- Statuses ------------------------------------------------------------------------------------------

MESSAGES = ['', 'plain', '50 % off %41 %', ' both ends ', 'tab\tand\r\nlines', 'ümläut ☺ 😈', '\x01\x1f\x7f~',
            'long ' * 500]


@suite.test
def every_code_with_every_message():
    for number in range(1, 17):
        for message in MESSAGES:
            status = testing.EchoStatus(code=number, message=message)
            error = failure(lambda: stub.UnaryCall(testing.SimpleRequest(response_status=status)))
            equal((error.code(), error.details()), (CODES[number], message))


@suite.test
def code_0_is_a_success():
    stub.UnaryCall(testing.SimpleRequest(response_status=testing.EchoStatus(code=0, message='fine')))


@suite.test
def codes_that_are_none():
    for number in 17, 99, -1, 2147483647, -2147483648:
        status = testing.EchoStatus(code=number, message='odd')
        fails(lambda: stub.UnaryCall(testing.SimpleRequest(response_status=status)), grpc.StatusCode.UNKNOWN)


@suite.test
def status_after_messages():
    requests = [output_request(10), output_request(20),
                output_request(response_status=testing.EchoStatus(code=10, message='then ☺'))]
    call = stub.FullDuplexCall(iter(requests))
    equal([len(next(call).payload.body) for _ in range(2)], [10, 20])
    fails(lambda: next(call), grpc.StatusCode.ABORTED, 'then ☺')


@suite.test
def messages_of_another_type():
    call = peer.channel.unary_unary('/grpc.testing.TestService/UnaryCall')
    for junk in b'\xff', b'\x0a\x05', b'\x1a\x02\x12\x7f', b'\x0b\x0c':
        fails(lambda: call(junk), grpc.StatusCode.INTERNAL)


# ---- Sizes and order -----------------------------------------------------------------------------------

def request_of(size):
    """A request that takes exactly so many bytes."""
    request = testing.SimpleRequest(payload=payload(size))
    while request.ByteSize() > size:
        request.payload.body = request.payload.body[:-(request.ByteSize() - size)]
    equal(request.ByteSize(), size)
    return request


@suite.test
def request_at_the_limit():
    stub.UnaryCall(request_of(RECEIVE_LIMIT))


@suite.test
def request_over_the_limit():
    fails(lambda: stub.UnaryCall(request_of(RECEIVE_LIMIT + 1)), grpc.StatusCode.RESOURCE_EXHAUSTED)
    fails(lambda: stub.UnaryCall(request_of(4 * RECEIVE_LIMIT)), grpc.StatusCode.RESOURCE_EXHAUSTED)
    request = testing.StreamingInputCallRequest(payload=payload(RECEIVE_LIMIT))
    fails(lambda: stub.StreamingInputCall(iter([request])), grpc.StatusCode.RESOURCE_EXHAUSTED)
    empty_unary()


@suite.test
def large_messages_both_ways():
    reply = stub.UnaryCall(testing.SimpleRequest(response_size=16 * MEBIBYTE, payload=payload(4190000)))
    equal(len(reply.payload.body), 16 * MEBIBYTE)
    talk = Conversation(stub.FullDuplexCall)
    for _ in range(3):
        equal(talk.ask(4 * MEBIBYTE, 4190000), 4 * MEBIBYTE)
    talk.requests.close()


@suite.test
def upload_of_many_large_messages():
    request = testing.StreamingInputCallRequest(payload=payload(4 * MEBIBYTE - 100))
    equal(stub.StreamingInputCall(iter([request] * 8)).aggregated_payload_size, 8 * (4 * MEBIBYTE - 100))


@suite.test
def order_of_a_stream():
    sizes = [number * 37 % 5000 for number in range(2000)]
    equal(sizes_of(stub.StreamingOutputCall(output_request(*sizes))), sizes)
    requests = (output_request(size) for size in sizes)
    equal(sizes_of(stub.FullDuplexCall(requests)), sizes)


@suite.test
def order_along_a_relay():
    requests = (services.relay.RelayRequest(payload=b'%d' % number) for number in range(500))
    equal([int(reply.payload) for reply in peer.relay.Stream(requests)], list(range(500)))


@suite.test
def streams_side_by_side():
    calls = [stub.StreamingOutputCall(output_request(*[number * 100 + 1] * 20)) for number in range(50)]
    for number, call in enumerate(calls):
        equal(sizes_of(call), [number * 100 + 1] * 20)


@suite.test
def slow_reader_delays_nobody():
    slow = stub.StreamingOutputCall(output_request(*[MEBIBYTE] * 30))
    next(slow)
    for _ in range(20):
        large_unary()
    equal(len(sizes_of(slow)), 29)


@suite.test
def nothing_is_left():
    until(lambda: peer.counters().handlers_running == 0, 'handlers to return')
    peer.close()
    equal(server.terminate(), 0, 'exit status')
    equal(server.said(), '', 'log')


suite.run()
