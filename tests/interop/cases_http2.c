/* SPDX-License-Identifier: MIT */
/*
 * Cases of gRPC's "Negative HTTP/2 Test Case Descriptions": the server breaks off, or is odd, and the call ends as it
 * must.
 */
#include "interop/cases.h"

#include <belay/wait.h>

#include "interop/expect.h"

/* Calls at a time that the server does not want. */
#define CROWD 15

static belay_code
call_large(const testbed *bed, belay_status **status)
{
    Grpc__Testing__Payload payload;
    Grpc__Testing__SimpleRequest request = large_request(&payload);
    return grpc_testing_test_service_unary_call(bed->channel, NULL, &request, NULL, NULL, status);
}

/* A stream that was reset without error, before its status came. */
static bool
expect_reset(const testbed *bed)
{
    belay_status *status = NULL;
    belay_code code = call_large(bed, &status);
    return expect_end("UnaryCall, reset by the server", BELAY_INTERNAL, code, status);
}

bool
case_rst_after_header(const testbed *bed)
{
    return expect_reset(bed);
}

bool
case_rst_during_data(const testbed *bed)
{
    return expect_reset(bed);
}

bool
case_rst_after_data(const testbed *bed)
{
    return expect_reset(bed);
}

/* The server leaves after the first call; the second finds another connection. */
bool
case_goaway(const testbed *bed)
{
    belay_context *root = belay_context_new(bed->runtime);
    bool passed = root != NULL && make_large_call(bed->channel);
    passed = passed && expect_code("wait", BELAY_OK, belay_sleep(root, BELAY_SECONDS(1)));
    belay_context_unref(root);
    return passed && make_large_call(bed->channel);
}

/* The server sends PINGs at every turn. */
bool
case_ping(const testbed *bed)
{
    return make_large_call(bed->channel);
}

/* Many at a time, on a connection that takes one: they wait for one another. */
bool
case_max_streams(const testbed *bed)
{
    if (!make_large_call(bed->channel)) /* the server's limit is known then */
        return false;
    Grpc__Testing__Payload payload;
    Grpc__Testing__SimpleRequest request = large_request(&payload);
    belay_call *calls[CROWD] = {NULL};
    bool passed = true;
    for (int i = 0; passed && i < CROWD; i++) {
        belay_code code = grpc_testing_test_service_unary_call_start(bed->channel, NULL, &request, NULL, &calls[i]);
        passed = expect_code("UnaryCall: start", BELAY_OK, code);
    }
    for (int i = 0; i < CROWD && calls[i] != NULL; i++) {
        Grpc__Testing__SimpleResponse *response = NULL;
        belay_status *status = NULL;
        belay_code code = grpc_testing_test_service_unary_call_finish(calls[i], &response, &status);
        passed = expect_large(code, response, status) && passed;
    }
    return passed;
}

/* Every DATA frame has padding, which is not the message's and takes up window. */
bool
case_data_frame_padding(const testbed *bed)
{
    return make_large_call(bed->channel);
}

bool
case_no_df_padding_sanity_test(const testbed *bed)
{
    return make_large_call(bed->channel);
}
