/* SPDX-License-Identifier: MIT */
#include "interop/cases.h"

#include <stdio.h>
#include <string.h>

#include "interop/expect.h"

typedef Grpc__Testing__SimpleRequest simple_request;
typedef Grpc__Testing__SimpleResponse simple_response;

#define CONCURRENT_CALLS 1000

static uint8_t zeros[LARGE_REQUEST];

Grpc__Testing__Payload
zero_payload(int32_t size)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    payload.body.data = zeros;
    payload.body.len = (size_t)size;
    return payload;
}

Grpc__Testing__SimpleRequest
large_request(Grpc__Testing__Payload *payload)
{
    simple_request request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    *payload = zero_payload(LARGE_REQUEST);
    request.payload = payload;
    request.response_size = LARGE_RESPONSE;
    return request;
}

bool
expect_large(belay_code code, Grpc__Testing__SimpleResponse *response, belay_status *status)
{
    bool passed = expect_end("UnaryCall", BELAY_OK, code, status);
    if (code == BELAY_OK) {
        passed = expect_payload("UnaryCall: response", LARGE_RESPONSE, response->payload);
        grpc__testing__simple_response__free_unpacked(response, NULL);
    }
    return passed;
}

bool
make_large_call(belay_channel *channel)
{
    Grpc__Testing__Payload payload;
    simple_request request = large_request(&payload);
    simple_response *response = NULL;
    belay_status *status = NULL;
    belay_code code =
        grpc_testing_test_service_unary_call(channel, NULL, &request, NULL, &response, &status);
    return expect_large(code, response, status);
}

/* ---- Plain calls ---------------------------------------------------------------------------------- */

bool
case_empty_unary(const testbed *bed)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT, *reply = NULL;
    belay_status *status = NULL;
    belay_code code =
        grpc_testing_test_service_empty_call(bed->channel, NULL, &request, NULL, &reply, &status);
    bool passed = expect_end("EmptyCall", BELAY_OK, code, status);
    if (code == BELAY_OK) {
        size_t size = grpc__testing__empty__get_packed_size(reply);
        passed = expect_number("EmptyCall: size of the response", 0, size);
        grpc__testing__empty__free_unpacked(reply, NULL);
    }
    return passed;
}

static bool
make_cacheable_call(belay_channel *channel, const simple_request *request, const belay_call_options *options)
{
    simple_response *response = NULL;
    belay_status *status = NULL;
    belay_code code = grpc_testing_test_service_cacheable_unary_call(channel, NULL, request, options,
                                                                     &response, &status);
    bool passed = expect_end("CacheableUnaryCall", BELAY_OK, code, status);
    if (code == BELAY_OK) {
        bool has_body = response->payload != NULL && response->payload->body.len > 0;
        passed = expect_number("CacheableUnaryCall: responses with a body", 1, has_body);
        grpc__testing__simple_response__free_unpacked(response, NULL);
    }
    return passed;
}

/* Twice with one payload. As gRPC has no GET any more, no proxy answers, and the two answers differ. */
bool
case_cacheable_unary(const testbed *bed)
{
    char now[32];
    simple_request request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    snprintf(now, sizeof now, "%llu", (unsigned long long)belay_now());
    payload.body.data = (uint8_t *)now;
    payload.body.len = strlen(now);
    request.payload = &payload;
    belay_call_options *options = belay_call_options_new();
    bool passed = options != NULL &&
                  belay_call_options_add_metadata(options, "x-user-ip", "1.2.3.4", 7) == BELAY_OK &&
                  make_cacheable_call(bed->channel, &request, options) &&
                  make_cacheable_call(bed->channel, &request, options);
    belay_call_options_free(options);
    return passed;
}

bool
case_large_unary(const testbed *bed)
{
    return make_large_call(bed->channel);
}

/* All are open before the first is finished. */
bool
case_concurrent_large_unary(const testbed *bed)
{
    Grpc__Testing__Payload payload;
    simple_request request = large_request(&payload);
    belay_call *calls[CONCURRENT_CALLS];
    size_t count = 0;
    belay_code code = BELAY_OK;
    while (count < CONCURRENT_CALLS && code == BELAY_OK) {
        code = grpc_testing_test_service_unary_call_start(bed->channel, NULL, &request, NULL, &calls[count]);
        count += code == BELAY_OK;
    }
    bool passed = expect_code("UnaryCall: start", BELAY_OK, code);
    for (size_t i = 0; i < count; i++) {
        simple_response *response = NULL;
        belay_status *status = NULL;
        code = grpc_testing_test_service_unary_call_finish(calls[i], &response, &status);
        passed = expect_large(code, response, status) && passed;
    }
    return passed;
}
