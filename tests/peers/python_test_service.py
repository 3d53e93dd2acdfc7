# SPDX-License-Identifier: MIT
"""grpc.testing.TestService on grpcio, for clients on belay. It compresses what it is asked to; grpcio does not
tell whether a request was compressed."""
import grpc

from python_relay import next_message
from services import CODES, testing


def echo_metadata(context):
    """Sends back what the caller wants to see again."""
    sent = context.invocation_metadata()
    context.send_initial_metadata([item for item in sent if item[0] == 'x-grpc-test-echo-initial'])
    context.set_trailing_metadata([item for item in sent if item[0] == 'x-grpc-test-echo-trailing-bin'])


def compress_if(wanted, context):
    if wanted:
        context.set_compression(grpc.Compression.Gzip)


def echo_status(context, request):
    if request.HasField('response_status') and request.response_status.code:
        context.abort(CODES[request.response_status.code], request.response_status.message)


def answer(request, context, cancelled):
    echo_status(context, request)
    for wanted in request.response_parameters:
        if cancelled.wait(wanted.interval_us / 1e6):
            return
        if not wanted.compressed.value:
            context.disable_next_message_compression()
        yield testing.StreamingOutputCallResponse(payload=testing.Payload(body=bytes(wanted.size)))


class TestService:
    """UnimplementedCall is left out on purpose. Handlers that may take long are counted by a relay."""

    def __init__(self, relay):
        self.relay = relay

    def EmptyCall(self, request, context):
        echo_metadata(context)
        return testing.Empty()

    def UnaryCall(self, request, context):
        compress_if(request.response_compressed.value, context)
        echo_metadata(context)
        echo_status(context, request)
        return testing.SimpleResponse(payload=testing.Payload(body=bytes(request.response_size)))

    def CacheableUnaryCall(self, request, context):
        context.send_initial_metadata([('cache-control', 'max-age=60, public')])
        return testing.SimpleResponse(payload=testing.Payload(body=b'1'))

    def StreamingOutputCall(self, request, context):
        with self.relay.counted(context) as cancelled:
            compress_if(any(wanted.compressed.value for wanted in request.response_parameters), context)
            echo_metadata(context)
            yield from answer(request, context, cancelled)

    def StreamingInputCall(self, requests, context):
        with self.relay.counted(context) as cancelled:
            echo_metadata(context)
            total = 0
            while (request := next_message(requests, cancelled)) is not None:
                total += len(request.payload.body)
            return testing.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        with self.relay.counted(context) as cancelled:
            echo_metadata(context)
            for request in requests:
                yield from answer(request, context, cancelled)

    def HalfDuplexCall(self, requests, context):
        with self.relay.counted(context) as cancelled:
            echo_metadata(context)
            for request in list(requests):
                yield from answer(request, context, cancelled)
