/* SPDX-License-Identifier: MIT */
/*
 * Calls that end early.
 */
#include "interop/cases.h"

#include "interop/expect.h"

static bool
expect_finish(const char *what, belay_code wanted, belay_call *call)
{
    belay_status *status = NULL;
    belay_code code = belay_call_finish(call, &status);
    return expect_end(what, wanted, code, status);
}

bool
case_cancel_after_begin(const testbed *bed)
{
    belay_call *call;
    belay_code code = grpc_testing_test_service_streaming_input_call_start(bed->channel, NULL, NULL, &call);
    if (!expect_code("StreamingInputCall: start", BELAY_OK, code))
        return false;
    belay_cancel(belay_call_context(call), NULL);
    return expect_finish("StreamingInputCall, cancelled", BELAY_CANCELLED, call);
}

bool
case_cancel_after_first_response(const testbed *bed)
{
    belay_call *call;
    belay_code code = grpc_testing_test_service_full_duplex_call_start(bed->channel, NULL, NULL, &call);
    if (!expect_code("FullDuplexCall: start", BELAY_OK, code))
        return false;
    bool passed = exchange(call, stream_requests[0], stream_responses[0]);
    belay_cancel(belay_call_context(call), NULL);
    return expect_finish("FullDuplexCall, cancelled", BELAY_CANCELLED, call) && passed;
}

/* The server answers nothing to the request, and waits for another. */
bool
case_timeout_on_sleeping_server(const testbed *bed)
{
    belay_call_options *options = belay_call_options_new();
    belay_call *call;
    if (options == NULL)
        return false;
    belay_call_options_set_timeout(options, BELAY_MILLISECONDS(1));
    belay_code code = grpc_testing_test_service_full_duplex_call_start(bed->channel, NULL, options, &call);
    belay_call_options_free(options);
    if (!expect_code("FullDuplexCall: start", BELAY_OK, code))
        return false;
    const void *data;
    size_t size;
    code = send_output_request(call, stream_requests[0], -1);
    if (code == BELAY_OK)
        code = belay_call_recv(call, &data, &size);
    bool passed = expect_code("FullDuplexCall: send, receive", BELAY_DEADLINE_EXCEEDED, code);
    return expect_finish("FullDuplexCall, out of time", BELAY_DEADLINE_EXCEEDED, call) && passed;
}
