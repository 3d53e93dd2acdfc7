# SPDX-License-Identifier: MIT
"""grpc.testing.TestService on grpcio, for interop-client."""
import time

from services import CODES, testing


def echo_metadata(context):
    """Sends back what the caller wants to see again."""
    sent = context.invocation_metadata()
    context.send_initial_metadata([item for item in sent if item[0] == 'x-grpc-test-echo-initial'])
    context.set_trailing_metadata([item for item in sent if item[0] == 'x-grpc-test-echo-trailing-bin'])


def echo_status(context, request):
    if request.HasField('response_status') and request.response_status.code:
        context.abort(CODES[request.response_status.code], request.response_status.message)


class TestService:
    """UnimplementedCall is left out on purpose."""

    def EmptyCall(self, request, context):
        echo_metadata(context)
        return testing.Empty()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        echo_status(context, request)
        return testing.SimpleResponse(payload=testing.Payload(body=bytes(request.response_size)))

    def CacheableUnaryCall(self, request, context):
        context.send_initial_metadata([('cache-control', 'max-age=60, public')])
        return testing.SimpleResponse(payload=testing.Payload(body=str(time.time_ns()).encode()))

    def StreamingOutputCall(self, request, context):
        echo_metadata(context)
        yield from self.answer(request, context)

    def StreamingInputCall(self, requests, context):
        echo_metadata(context)
        return testing.StreamingInputCallResponse(
            aggregated_payload_size=sum(len(request.payload.body) for request in requests))

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            yield from self.answer(request, context)

    def HalfDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in list(requests):
            yield from self.answer(request, context)

    def answer(self, request, context):
        echo_status(context, request)
        for wanted in request.response_parameters:
            time.sleep(wanted.interval_us / 1e6)
            yield testing.StreamingOutputCallResponse(payload=testing.Payload(body=bytes(wanted.size)))
