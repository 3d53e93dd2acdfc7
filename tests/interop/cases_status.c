/* SPDX-License-Identifier: MIT */
/*
 * What travels beside messages: metadata and the status.
 */
#include "interop/cases.h"

#include <string.h>

#include "interop/expect.h"

#define ECHO_INITIAL "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

static const char echo_text[] = "test_initial_metadata_value";
static const uint8_t echo_bytes[] = {0xab, 0xab, 0xab};

/* ---- Metadata --------------------------------------------------------------------------------------- */

static belay_code
add_metadata(belay_call_options *options)
{
    belay_code code = belay_call_options_add_metadata(options, ECHO_INITIAL, echo_text, strlen(echo_text));
    if (code == BELAY_OK)
        code = belay_call_options_add_metadata(options, ECHO_TRAILING, echo_bytes, sizeof echo_bytes);
    return code;
}

static bool
expect_headers(const char *what, belay_call *call)
{
    return expect_code(what, BELAY_OK, belay_call_wait_headers(call)) &&
           expect_pair(what, belay_call_metadata(call), ECHO_INITIAL, echo_text, strlen(echo_text));
}

static bool
expect_trailers(const char *what, const belay_status *status)
{
    return expect_pair(what, belay_status_trailers(status), ECHO_TRAILING, echo_bytes, sizeof echo_bytes);
}

static bool
unary_echoes(belay_channel *channel, const belay_call_options *options)
{
    Grpc__Testing__Payload payload;
    Grpc__Testing__SimpleRequest request = large_request(&payload);
    belay_call *call;
    belay_code code = grpc_testing_test_service_unary_call_start(channel, NULL, &request, options, &call);
    if (!expect_code("UnaryCall: start", BELAY_OK, code))
        return false;
    Grpc__Testing__SimpleResponse *response = NULL;
    belay_status *status = NULL;
    bool passed = expect_headers("UnaryCall: headers", call);
    code = grpc_testing_test_service_unary_call_finish(call, &response, &status);
    passed = expect_trailers("UnaryCall: trailers", status) && passed;
    return expect_large(code, response, status) && passed;
}

static bool
stream_echoes(belay_channel *channel, const belay_call_options *options)
{
    belay_call *call;
    belay_code code = grpc_testing_test_service_full_duplex_call_start(channel, NULL, options, &call);
    if (!expect_code("FullDuplexCall: start", BELAY_OK, code))
        return false;
    belay_status *status = NULL;
    bool passed = exchange(call, LARGE_REQUEST, LARGE_RESPONSE);
    passed = expect_headers("FullDuplexCall: headers", call) && passed;
    code = belay_call_finish(call, &status);
    passed = expect_trailers("FullDuplexCall: trailers", status) && passed;
    return expect_end("FullDuplexCall", BELAY_OK, code, status) && passed;
}

bool
case_custom_metadata(const testbed *bed)
{
    belay_call_options *options = belay_call_options_new();
    bool passed = options != NULL && expect_code("metadata", BELAY_OK, add_metadata(options));
    if (passed) {
        bool unary = unary_echoes(bed->channel, options);
        passed = stream_echoes(bed->channel, options) && unary;
    }
    belay_call_options_free(options);
    return passed;
}

/* Credentials of a call that the server sends back, as it does with any metadata of that name. */
static belay_code
make_credentials(void *argument, const belay_credentials_request *request, belay_metadata *metadata)
{
    const char *token = argument;
    (void)request;
    belay_code code = belay_metadata_add(metadata, "authorization", token, strlen(token));
    return code == BELAY_OK ? belay_metadata_add(metadata, ECHO_INITIAL, token, strlen(token)) : code;
}

bool
case_per_rpc_creds(const testbed *bed)
{
    char token[] = "Bearer of-this-call";
    belay_call_options *options = belay_call_options_new();
    belay_call *call;
    if (options == NULL)
        return false;
    belay_call_options_set_credentials(options, make_credentials, token);
    belay_call_options_set_plaintext_credentials(options, bed->plaintext);
    Grpc__Testing__Payload payload;
    Grpc__Testing__SimpleRequest request = large_request(&payload);
    belay_code code = grpc_testing_test_service_unary_call_start(bed->channel, NULL, &request, options, &call);
    belay_call_options_free(options);
    if (!expect_code("UnaryCall: start", BELAY_OK, code))
        return false;
    bool passed = expect_code("UnaryCall: headers", BELAY_OK, belay_call_wait_headers(call)) &&
                  expect_pair("UnaryCall: headers", belay_call_metadata(call), ECHO_INITIAL, token, strlen(token));
    Grpc__Testing__SimpleResponse *response = NULL;
    belay_status *status = NULL;
    code = grpc_testing_test_service_unary_call_finish(call, &response, &status);
    return expect_large(code, response, status) && passed;
}

/* ---- Status ----------------------------------------------------------------------------------------- */

static bool
expect_status(const char *what, const char *message, belay_code code, belay_status *status)
{
    bool passed = expect_text(what, message, belay_status_message(status));
    return expect_end(what, BELAY_UNKNOWN, code, status) && passed;
}

static Grpc__Testing__EchoStatus
unknown(const char *message)
{
    Grpc__Testing__EchoStatus wanted = GRPC__TESTING__ECHO_STATUS__INIT;
    wanted.code = BELAY_UNKNOWN;
    wanted.message = (char *)message;
    return wanted;
}

static bool
unary_ends_with(belay_channel *channel, const char *message)
{
    Grpc__Testing__EchoStatus wanted = unknown(message);
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    request.response_status = &wanted;
    belay_status *status = NULL;
    belay_code code = grpc_testing_test_service_unary_call(channel, NULL, &request, NULL, NULL, &status);
    return expect_status("UnaryCall: status", message, code, status);
}

static bool
stream_ends_with(belay_channel *channel, const char *message)
{
    Grpc__Testing__EchoStatus wanted = unknown(message);
    Grpc__Testing__StreamingOutputCallRequest request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    request.response_status = &wanted;
    belay_call *call;
    belay_code code = grpc_testing_test_service_full_duplex_call_start(channel, NULL, NULL, &call);
    if (!expect_code("FullDuplexCall: start", BELAY_OK, code))
        return false;
    code = grpc_testing_test_service_full_duplex_call_send_request(call, &request);
    bool passed = expect_code("FullDuplexCall: send", BELAY_OK, code);
    belay_status *status = NULL;
    code = belay_call_finish(call, &status);
    return expect_status("FullDuplexCall: status", message, code, status) && passed;
}

bool
case_status_code_and_message(const testbed *bed)
{
    static const char message[] = "test status message";
    bool unary = unary_ends_with(bed->channel, message);
    return stream_ends_with(bed->channel, message) && unary;
}

/* White space, and characters that take three and four bytes. */
bool
case_special_status_message(const testbed *bed)
{
    return unary_ends_with(bed->channel, "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba"
                                         " and non-BMP \xf0\x9f\x98\x88\t\n");
}

bool
case_unimplemented_method(const testbed *bed)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    belay_status *status = NULL;
    belay_code code =
        grpc_testing_test_service_unimplemented_call(bed->channel, NULL, &request, NULL, NULL, &status);
    return expect_end("TestService/UnimplementedCall", BELAY_UNIMPLEMENTED, code, status);
}

bool
case_unimplemented_service(const testbed *bed)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    belay_status *status = NULL;
    belay_code code = grpc_testing_unimplemented_service_unimplemented_call(bed->channel, NULL, &request,
                                                                            NULL, NULL, &status);
    return expect_end("UnimplementedService/UnimplementedCall", BELAY_UNIMPLEMENTED, code, status);
}
