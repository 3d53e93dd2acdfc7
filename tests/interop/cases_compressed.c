/* SPDX-License-Identifier: MIT */
/*
 * Cases of compression. Those of a client's compression begin with a probe: a message that says that it is
 * compressed, and is not, must be answered with INVALID_ARGUMENT; else the server does not look.
 */
#include "interop/cases.h"

#include "interop/expect.h"

typedef Grpc__Testing__SimpleRequest simple_request;
typedef Grpc__Testing__SimpleResponse simple_response;
typedef Grpc__Testing__BoolValue bool_value;
typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__StreamingOutputCallResponse output_response;
typedef Grpc__Testing__ResponseParameters response_parameters;

static bool_value
make_bool(bool value)
{
    bool_value made = GRPC__TESTING__BOOL_VALUE__INIT;
    made.value = value;
    return made;
}

static belay_call_options *
options_with(belay_compression compression)
{
    belay_call_options *options = belay_call_options_new();
    if (options == NULL || belay_call_options_set_compression(options, compression) == BELAY_OK)
        return options;
    belay_call_options_free(options);
    return NULL;
}

/* ---- Unary, by the client ----------------------------------------------------------------------------- */

/* Makes one call of large_unary that says whether it is compressed, and is or is not. */
static bool
make_unary_call(const testbed *bed, bool says, bool is, belay_code wanted)
{
    Grpc__Testing__Payload payload;
    simple_request request = large_request(&payload);
    bool_value expect = make_bool(says);
    simple_response *response = NULL;
    belay_status *status = NULL;
    belay_call_options *options = options_with(is ? BELAY_COMPRESSION_GZIP : BELAY_COMPRESSION_NONE);
    if (options == NULL)
        return false;
    request.expect_compressed = &expect;
    belay_code code =
        grpc_testing_test_service_unary_call(bed->channel, NULL, &request, options, &response, &status);
    belay_call_options_free(options);
    if (wanted == BELAY_OK)
        return expect_large(code, response, status);
    if (code == BELAY_OK)
        grpc__testing__simple_response__free_unpacked(response, NULL);
    return expect_end("UnaryCall: probe", wanted, code, status);
}

bool
case_client_compressed_unary(const testbed *bed)
{
    return make_unary_call(bed, true, false, BELAY_INVALID_ARGUMENT) &&
           make_unary_call(bed, true, true, BELAY_OK) && make_unary_call(bed, false, false, BELAY_OK);
}

/* ---- Unary, by the server ----------------------------------------------------------------------------- */

/* The response, and whether it came compressed. */
static bool
expect_unary_response(belay_call *call, bool compressed)
{
    ProtobufCMessage *message;
    belay_code code = belay_call_recv_message(call, &grpc__testing__simple_response__descriptor, &message);
    if (!expect_code("UnaryCall: response", BELAY_OK, code))
        return false;
    const simple_response *response = (const simple_response *)message;
    bool passed = expect_payload("UnaryCall: response", LARGE_RESPONSE, response->payload);
    protobuf_c_message_free_unpacked(message, NULL);
    return expect_number("UnaryCall: responses that are compressed", compressed,
                         belay_call_received_compressed(call)) && passed;
}

static bool
ask_for_response(const testbed *bed, bool compressed)
{
    Grpc__Testing__Payload payload;
    simple_request request = large_request(&payload);
    bool_value wanted = make_bool(compressed);
    belay_status *status = NULL;
    belay_call *call;
    request.response_compressed = &wanted;
    belay_code code = grpc_testing_test_service_unary_call_start(bed->channel, NULL, &request, NULL, &call);
    if (!expect_code("UnaryCall: start", BELAY_OK, code))
        return false;
    bool passed = expect_unary_response(call, compressed);
    code = belay_call_finish(call, &status);
    return expect_end("UnaryCall", BELAY_OK, code, status) && passed;
}

bool
case_server_compressed_unary(const testbed *bed)
{
    return ask_for_response(bed, true) && ask_for_response(bed, false);
}

/* ---- Streams, by the client --------------------------------------------------------------------------- */

static belay_call *
start_input(const testbed *bed)
{
    belay_call *call = NULL;
    belay_call_options *options = options_with(BELAY_COMPRESSION_GZIP);
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    if (options != NULL)
        code = grpc_testing_test_service_streaming_input_call_start(bed->channel, NULL, options, &call);
    belay_call_options_free(options);
    return expect_code("StreamingInputCall: start", BELAY_OK, code) ? call : NULL;
}

/* Sends a message that says whether it is compressed, and is or is not. */
static belay_code
send_input(belay_call *call, int32_t size, bool says, bool is)
{
    Grpc__Testing__StreamingInputCallRequest request = GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
    Grpc__Testing__Payload payload = zero_payload(size);
    bool_value expect = make_bool(says);
    request.payload = &payload;
    request.expect_compressed = &expect;
    belay_call_set_message_compression(call, is);
    return grpc_testing_test_service_streaming_input_call_send_request(call, &request);
}

static bool
probe_input(const testbed *bed)
{
    belay_call *call = start_input(bed);
    if (call == NULL)
        return false;
    belay_code code = send_input(call, 27182, true, false);
    bool passed = expect_code("StreamingInputCall: send", BELAY_OK, code);
    belay_status *status = NULL;
    code = grpc_testing_test_service_streaming_input_call_finish(call, NULL, &status);
    return expect_end("StreamingInputCall: probe", BELAY_INVALID_ARGUMENT, code, status) && passed;
}

static bool
make_input_call(const testbed *bed)
{
    belay_call *call = start_input(bed);
    if (call == NULL)
        return false;
    belay_code first = send_input(call, 27182, true, true);
    belay_code second = send_input(call, 45904, false, false);
    bool passed = expect_code("StreamingInputCall: send", BELAY_OK, first) &&
                  expect_code("StreamingInputCall: send", BELAY_OK, second);
    Grpc__Testing__StreamingInputCallResponse *response = NULL;
    belay_status *status = NULL;
    belay_code code = grpc_testing_test_service_streaming_input_call_finish(call, &response, &status);
    passed = expect_end("StreamingInputCall", BELAY_OK, code, status) && passed;
    if (code != BELAY_OK)
        return false;
    passed = expect_number("StreamingInputCall: aggregated_payload_size", 73086,
                           (size_t)response->aggregated_payload_size) && passed;
    grpc__testing__streaming_input_call_response__free_unpacked(response, NULL);
    return passed;
}

bool
case_client_compressed_streaming(const testbed *bed)
{
    return probe_input(bed) && make_input_call(bed);
}

/* ---- Streams, by the server --------------------------------------------------------------------------- */

#define OUTPUTS 2

static const int32_t output_sizes[OUTPUTS] = {31415, 92653};
static const bool output_compressed[OUTPUTS] = {true, false};

static belay_call *
start_output(const testbed *bed)
{
    output_request request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    response_parameters parameters[OUTPUTS], *list[OUTPUTS];
    bool_value wanted[OUTPUTS];
    for (size_t i = 0; i < OUTPUTS; i++) {
        wanted[i] = make_bool(output_compressed[i]);
        parameters[i] = (response_parameters)GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
        parameters[i].size = output_sizes[i];
        parameters[i].compressed = &wanted[i];
        list[i] = &parameters[i];
    }
    request.response_parameters = list;
    request.n_response_parameters = OUTPUTS;
    belay_call *call = NULL;
    belay_code code =
        grpc_testing_test_service_streaming_output_call_start(bed->channel, NULL, &request, NULL, &call);
    return expect_code("StreamingOutputCall: start", BELAY_OK, code) ? call : NULL;
}

static bool
expect_output(belay_call *call, size_t size, bool compressed)
{
    ProtobufCMessage *message;
    belay_code code =
        belay_call_recv_message(call, &grpc__testing__streaming_output_call_response__descriptor, &message);
    if (!expect_code("StreamingOutputCall: response", BELAY_OK, code))
        return false;
    const output_response *response = (const output_response *)message;
    bool passed = expect_payload("StreamingOutputCall: response", size, response->payload);
    protobuf_c_message_free_unpacked(message, NULL);
    return expect_number("StreamingOutputCall: responses that are compressed", compressed,
                         belay_call_received_compressed(call)) && passed;
}

bool
case_server_compressed_streaming(const testbed *bed)
{
    belay_call *call = start_output(bed);
    if (call == NULL)
        return false;
    bool passed = true;
    for (size_t i = 0; passed && i < OUTPUTS; i++)
        passed = expect_output(call, (size_t)output_sizes[i], output_compressed[i]);
    belay_status *status = NULL;
    belay_code code = belay_call_finish(call, &status);
    return expect_end("StreamingOutputCall", BELAY_OK, code, status) && passed;
}
