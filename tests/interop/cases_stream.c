/* SPDX-License-Identifier: MIT */
#include "interop/cases.h"

#include "interop/expect.h"

typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__StreamingOutputCallResponse output_response;
typedef Grpc__Testing__ResponseParameters response_parameters;

const int32_t stream_requests[STREAM_MESSAGES] = {27182, 8, 1828, 45904};
const int32_t stream_responses[STREAM_MESSAGES] = {31415, 9, 2653, 58979};

/* ---- One direction ---------------------------------------------------------------------------------- */

static belay_code
send_input(belay_call *call, int32_t size)
{
    Grpc__Testing__StreamingInputCallRequest request = GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
    Grpc__Testing__Payload payload = zero_payload(size);
    request.payload = &payload;
    return grpc_testing_test_service_streaming_input_call_send_request(call, &request);
}

bool
case_client_streaming(const testbed *bed)
{
    belay_call *call;
    belay_code code = grpc_testing_test_service_streaming_input_call_start(bed->channel, NULL, NULL, &call);
    if (!expect_code("StreamingInputCall: start", BELAY_OK, code))
        return false;
    bool passed = true;
    for (size_t i = 0; passed && i < STREAM_MESSAGES; i++)
        passed = expect_code("StreamingInputCall: send", BELAY_OK, send_input(call, stream_requests[i]));
    Grpc__Testing__StreamingInputCallResponse *response = NULL;
    belay_status *status = NULL;
    code = grpc_testing_test_service_streaming_input_call_finish(call, &response, &status);
    passed = expect_end("StreamingInputCall", BELAY_OK, code, status) && passed;
    if (code != BELAY_OK)
        return false;
    passed = expect_number("StreamingInputCall: aggregated_payload_size", 74922,
                           (size_t)response->aggregated_payload_size) && passed;
    grpc__testing__streaming_input_call_response__free_unpacked(response, NULL);
    return passed;
}

/* Receives one response, of `size`, with either streaming call. */
static bool
expect_response(const char *what, belay_call *call, int32_t size)
{
    ProtobufCMessage *message;
    belay_code code =
        belay_call_recv_message(call, &grpc__testing__streaming_output_call_response__descriptor, &message);
    if (!expect_code(what, BELAY_OK, code))
        return false;
    bool passed = expect_payload(what, (size_t)size, ((output_response *)message)->payload);
    protobuf_c_message_free_unpacked(message, NULL);
    return passed;
}

/* Nothing more comes, and the call ended well. */
static bool
expect_last(const char *what, belay_call *call)
{
    const void *data;
    size_t size;
    bool passed = expect_code(what, BELAY_END_OF_STREAM, belay_call_recv(call, &data, &size));
    belay_status *status = NULL;
    belay_code code = belay_call_finish(call, &status);
    return expect_end(what, BELAY_OK, code, status) && passed;
}

bool
case_server_streaming(const testbed *bed)
{
    output_request request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    response_parameters parameters[STREAM_MESSAGES], *list[STREAM_MESSAGES];
    for (size_t i = 0; i < STREAM_MESSAGES; i++) {
        parameters[i] = (response_parameters)GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
        parameters[i].size = stream_responses[i];
        list[i] = &parameters[i];
    }
    request.response_parameters = list;
    request.n_response_parameters = STREAM_MESSAGES;
    belay_call *call;
    belay_code code =
        grpc_testing_test_service_streaming_output_call_start(bed->channel, NULL, &request, NULL, &call);
    if (!expect_code("StreamingOutputCall: start", BELAY_OK, code))
        return false;
    bool passed = true;
    for (size_t i = 0; passed && i < STREAM_MESSAGES; i++)
        passed = expect_response("StreamingOutputCall: response", call, stream_responses[i]);
    return expect_last("StreamingOutputCall: end", call) && passed;
}

/* ---- Both directions -------------------------------------------------------------------------------- */

belay_code
send_output_request(belay_call *call, int32_t payload_size, int32_t response_size)
{
    output_request request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    response_parameters parameters = GRPC__TESTING__RESPONSE_PARAMETERS__INIT, *list = &parameters;
    Grpc__Testing__Payload payload = zero_payload(payload_size);
    parameters.size = response_size;
    request.payload = &payload;
    request.response_parameters = &list;
    request.n_response_parameters = response_size >= 0;
    return grpc_testing_test_service_full_duplex_call_send_request(call, &request);
}

bool
exchange(belay_call *call, int32_t payload_size, int32_t response_size)
{
    belay_code code = send_output_request(call, payload_size, response_size);
    return expect_code("FullDuplexCall: send", BELAY_OK, code) &&
           expect_response("FullDuplexCall: response", call, response_size);
}

/* NULL: it could not be started. */
static belay_call *
start_both_ways(const testbed *bed)
{
    belay_call *call;
    belay_code code = grpc_testing_test_service_full_duplex_call_start(bed->channel, NULL, NULL, &call);
    return expect_code("FullDuplexCall: start", BELAY_OK, code) ? call : NULL;
}

/* This side says that nothing follows, and the other ends well. */
static bool
expect_good_end(belay_call *call)
{
    bool closed = expect_code("FullDuplexCall: half-close", BELAY_OK, belay_call_close_send(call));
    return expect_last("FullDuplexCall: end", call) && closed;
}

bool
case_ping_pong(const testbed *bed)
{
    belay_call *call = start_both_ways(bed);
    if (call == NULL)
        return false;
    bool passed = true;
    for (size_t i = 0; passed && i < STREAM_MESSAGES; i++)
        passed = exchange(call, stream_requests[i], stream_responses[i]);
    return expect_good_end(call) && passed;
}

/* None of gRPC's: more messages than an abuse budget has to spare, all on their way before the first answer is read.
 * Many share a DATA frame, and servers on grpc's C core give window with each of their answers. */
bool
case_small_messages(const testbed *bed)
{
    enum { MESSAGES = 4000 };
    belay_call *call = start_both_ways(bed);
    if (call == NULL)
        return false;
    bool passed = true;
    for (int i = 0; passed && i < MESSAGES; i++)
        passed = expect_code("FullDuplexCall: send", BELAY_OK, send_output_request(call, 1, 1));
    for (int i = 0; passed && i < MESSAGES; i++)
        passed = expect_response("FullDuplexCall: response", call, 1);
    return expect_good_end(call) && passed;
}

bool
case_empty_stream(const testbed *bed)
{
    belay_call *call = start_both_ways(bed);
    if (call == NULL)
        return false;
    return expect_good_end(call);
}
