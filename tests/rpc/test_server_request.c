/* SPDX-License-Identifier: MIT */
/*
 * Requests in pieces, and requests that are not what their method takes: what runs, what the client is told,
 * and what the handler hears that runs already.
 */
#include "rpc/scene.h"

/* ---- Pieces -------------------------------------------------------------------------------------- */

/* One worker; as many unary requests under way as there may be streams, and none of them has it. */
static void
test_uploads_in_progress_hold_no_worker(void)
{
    scene s;
    scene_open(&s, QUEUED, RETURN, NULL);
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    for (uint32_t id = 5; id < 105; id += 2) {
        raw_call(&s.client, id, "Unary", NULL, false);
        raw_part(&s.client, id, 1000, 600, false);
    }
    raw_unary(&s.client, 105, NULL);
    CU_ASSERT(raw_await_end(&s.client, 105));
    CU_ASSERT_EQUAL(s.runs, 2);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_started, 3);
    scene_close(&s);
}

/* Messages and frames have nothing to do with each other. */
static void
test_request_in_single_bytes(void)
{
    static const uint8_t message[] = {0, 0, 0, 0, 3, 0x0a, 1, 'x'};
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    for (size_t i = 0; i < sizeof message; i++)
        raw_data(&s.client, SUBJECT, message + i, 1, false);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(s.runs, 0);
    raw_data(&s.client, SUBJECT, "", 0, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    scene_close(&s);
}

/* A message far over the stream's window comes in whole, whatever the handler does. */
static void
test_large_request_is_given_its_window(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_part(&s.client, SUBJECT, 1 << 20, 200000, false);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(s.runs, 0);
    CU_ASSERT_FALSE(s.client.lost);
    scene_close(&s);
}

/* ---- What is no request -------------------------------------------------------------------------- */

static void
expect_refused(const scene *s, const raw_stream *stream, int code)
{
    CU_ASSERT_EQUAL(stream->grpc_status, code);
    CU_ASSERT_EQUAL(stream->http_status, 200);
    CU_ASSERT_EQUAL(s->runs, 0);
}

static void
test_two_messages_where_one_is_expected(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_message(&s.client, SUBJECT, 0, false);
    raw_message(&s.client, SUBJECT, 0, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_UNIMPLEMENTED);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

static void
test_no_message_where_one_is_expected(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_data(&s.client, SUBJECT, "", 0, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_UNIMPLEMENTED);
    scene_close(&s);
}

static void
test_end_inside_a_message(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_part(&s.client, SUBJECT, 100, 50, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_INTERNAL);
    scene_close(&s);
}

static void
test_end_inside_the_prefix_of_a_message(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_part(&s.client, SUBJECT, 100, 3, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_INTERNAL);
    scene_close(&s);
}

static void
test_compressed_message_without_an_encoding(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_data(&s.client, SUBJECT, "\1\0\0\0\1x", 6, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_INTERNAL);
    scene_close(&s);
}

static void
test_bytes_that_are_no_message(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_data(&s.client, SUBJECT, "\0\0\0\0\3\xff\xff\xff", 8, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    expect_refused(&s, subject(&s), BELAY_INTERNAL);
    scene_close(&s);
}

static void
test_unknown_method(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    raw_call(&s.client, 5, "Nothing", NULL, true);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_UNIMPLEMENTED);
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->blocks, 1);
    scene_close(&s);
}

/* An answer before the request has ended: the client is told to stop. */
static void
test_refusal_before_the_requests_end_resets_with_no_error(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    raw_call(&s.client, 5, "Nothing", NULL, false);
    CU_ASSERT(raw_await_reset(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->reset_code, RAW_NO_ERROR);
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_UNIMPLEMENTED);
    scene_close(&s);
}

/* ---- While the handler runs ---------------------------------------------------------------------- */

/* It is cancelled with cause "limit", and its receive returns. */
static void
expect_handler_cancelled(const void *data, size_t size, bool end, int code)
{
    scene s;
    scene_open(&s, RUNNING, RECEIVE, NULL);
    raw_data(&s.client, SUBJECT, data, size, end);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, code);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_LIMIT);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

static void
test_bad_stream_of_requests_cancels_its_handler(void)
{
    expect_handler_cancelled("\0\0\0\0\3x", 6, true, BELAY_INTERNAL);         /* ends inside a message */
    expect_handler_cancelled("\1\0\0\0\1x", 6, false, BELAY_INTERNAL);        /* compressed */
    expect_handler_cancelled("\7\0\0\0\1x", 6, false, BELAY_INTERNAL);        /* no such flag */
    expect_handler_cancelled("\0\x7f\0\0\0", 5, false, BELAY_RESOURCE_EXHAUSTED); /* too large */
}

/* A reply has no window yet; then that comes, and bad bytes in the same read. */
static void
expect_reply_before_status(const char *bytes, size_t size, int code)
{
    scene s;
    scene_open(&s, STUCK, RETURN, NULL);
    s.doing = SEND_ONE;
    raw_call(&s.client, 5, "Chat", NULL, false);
    raw_await_headers(&s.client, 5); /* the reply is right behind them */
    gate_wait_count(&s.entered, 2);
    fixture_hold_io(&s.f);
    raw_window(&s.client, 5, 1000);
    raw_data(&s.client, 5, bytes, size, false);
    fixture_release_io(&s.f);
    CU_ASSERT(raw_await_reset(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->reset_code, RAW_NO_ERROR); /* it need not send more */
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->body, 10);
    CU_ASSERT_TRUE(raw_of(&s.client, 5)->ended);
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, code);
    gate_wait_count(&s.left, 2);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_LIMIT);
    scene_close(&s);
}

static void
test_replies_before_a_bad_request_come_before_its_status(void)
{
    expect_reply_before_status("\7\0\0\0\1x", 6, BELAY_INTERNAL);             /* no such flag */
    expect_reply_before_status("\0\x7f\0\0\0", 5, BELAY_RESOURCE_EXHAUSTED); /* too large */
}

/* The end of the stream and the end of the call are told apart. */
static void
test_end_of_requests_is_no_cancel(void)
{
    scene s;
    scene_open(&s, RUNNING, RECEIVE, NULL);
    raw_message(&s.client, SUBJECT, 10, true);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(s.seen, BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    scene_close(&s);
}

/* Messages that wait for the handler are not given out after a cancel. */
static void
test_cancel_hides_messages_that_wait(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    s.doing = RECEIVE_AT_GATE;
    raw_call(&s.client, 5, "Chat", NULL, false);
    gate_wait_count(&s.entered, 2);
    raw_message(&s.client, 5, 10, false);
    raw_message(&s.client, 5, 10, false);
    raw_reset(&s.client, 5, RAW_CANCEL);
    raw_sync(&s.client);
    gate_open(&s.go);
    gate_wait_count(&s.left, 2);
    CU_ASSERT_EQUAL(s.received, 0);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_uploads_in_progress_hold_no_worker),
        TEST(test_request_in_single_bytes),
        TEST(test_large_request_is_given_its_window),
        TEST(test_two_messages_where_one_is_expected),
        TEST(test_no_message_where_one_is_expected),
        TEST(test_end_inside_a_message),
        TEST(test_end_inside_the_prefix_of_a_message),
        TEST(test_compressed_message_without_an_encoding),
        TEST(test_bytes_that_are_no_message),
        TEST(test_unknown_method),
        TEST(test_refusal_before_the_requests_end_resets_with_no_error),
        TEST(test_bad_stream_of_requests_cancels_its_handler),
        TEST(test_replies_before_a_bad_request_come_before_its_status),
        TEST(test_end_of_requests_is_no_cancel),
        TEST(test_cancel_hides_messages_that_wait),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_request", tests, argc, argv);
}
