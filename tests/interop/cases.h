/* SPDX-License-Identifier: MIT */
/*
 * The test cases, by what they are about: cases_unary.c, cases_stream.c, cases_compressed.c, cases_status.c,
 * cases_cancel.c, cases_soak.c, cases_http2.c. Their procedures are gRPC's "Interoperability Test Case
 * Descriptions", but for those that say otherwise.
 */
#ifndef TESTS_INTEROP_CASES_H
#define TESTS_INTEROP_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/belay.h>

#include "testing.belay.h"

/* What the cases use. */
typedef struct testbed {
    /* const */
    belay_runtime *runtime;
    const char *target;
    const belay_channel_options *options;
    uint32_t soak_iterations;
    bool plaintext;

    belay_channel *channel;
} testbed;

/* Sizes that the descriptions give. */
#define LARGE_REQUEST 271828
#define LARGE_RESPONSE 314159
#define STREAM_MESSAGES 4
extern const int32_t stream_requests[STREAM_MESSAGES];
extern const int32_t stream_responses[STREAM_MESSAGES];

/* A payload of zeros, which stay theirs. */
Grpc__Testing__Payload zero_payload(int32_t size);

/* The request of large_unary; it points to `payload`. */
Grpc__Testing__SimpleRequest large_request(Grpc__Testing__Payload *payload);

/* Checks how a call of large_unary ended; frees response and status. */
bool expect_large(belay_code code, Grpc__Testing__SimpleResponse *response, belay_status *status);

/* Makes one such call. */
bool make_large_call(belay_channel *channel);

/* Sends a request of FullDuplexCall; a negative response_size asks for no response. */
BELAY_WARN_UNUSED belay_code send_output_request(belay_call *call, int32_t payload_size,
                                                 int32_t response_size);

/* Sends one, and receives the response. */
bool exchange(belay_call *call, int32_t payload_size, int32_t response_size);

/* Each returns whether it passed, and has said on standard error what was wrong when not. */
bool case_empty_unary(const testbed *bed);
bool case_cacheable_unary(const testbed *bed);
bool case_large_unary(const testbed *bed);
bool case_concurrent_large_unary(const testbed *bed);

bool case_client_streaming(const testbed *bed);
bool case_server_streaming(const testbed *bed);
bool case_ping_pong(const testbed *bed);
bool case_small_messages(const testbed *bed);
bool case_empty_stream(const testbed *bed);

bool case_client_compressed_unary(const testbed *bed);
bool case_server_compressed_unary(const testbed *bed);
bool case_client_compressed_streaming(const testbed *bed);
bool case_server_compressed_streaming(const testbed *bed);

bool case_custom_metadata(const testbed *bed);
bool case_per_rpc_creds(const testbed *bed);
bool case_status_code_and_message(const testbed *bed);
bool case_special_status_message(const testbed *bed);
bool case_unimplemented_method(const testbed *bed);
bool case_unimplemented_service(const testbed *bed);

bool case_cancel_after_begin(const testbed *bed);
bool case_cancel_after_first_response(const testbed *bed);
bool case_timeout_on_sleeping_server(const testbed *bed);

bool case_goaway(const testbed *bed);
bool case_rst_after_header(const testbed *bed);
bool case_rst_during_data(const testbed *bed);
bool case_rst_after_data(const testbed *bed);
bool case_ping(const testbed *bed);
bool case_max_streams(const testbed *bed);
bool case_data_frame_padding(const testbed *bed);
bool case_no_df_padding_sanity_test(const testbed *bed);

bool case_rpc_soak(const testbed *bed);
bool case_channel_soak(const testbed *bed);

#endif
