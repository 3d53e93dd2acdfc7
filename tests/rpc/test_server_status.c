/* SPDX-License-Identifier: MIT */
/*
 * What the client is told of each end that the server's side decides, and of requests that are none.
 */
#include "cancel/context.h"
#include "rpc/scene.h"

/* ---- The handler's own status -------------------------------------------------------------------- */

static void
test_each_code_reaches_the_client(void)
{
    for (int code = BELAY_OK; code <= BELAY_UNAUTHENTICATED; code++) {
        scene s;
        scene_open(&s, RUNNING, WAIT_GATE, NULL);
        s.answer = (belay_code)code;
        gate_open(&s.go);
        CU_ASSERT(raw_await_end(&s.client, SUBJECT));
        CU_ASSERT_EQUAL(subject(&s)->grpc_status, code);
        /* An error without anything before it is one block. */
        CU_ASSERT_EQUAL(subject(&s)->blocks, code == BELAY_OK ? 2 : 1);
        CU_ASSERT_EQUAL(subject(&s)->resets, 0);
        CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
        scene_close(&s);
    }
}

static void
test_codes_that_are_none_become_unknown(void)
{
    static const int codes[] = {BELAY_END_OF_STREAM, 17, -1, 1000};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        scene s;
        scene_open(&s, RUNNING, WAIT_GATE, NULL);
        s.answer = (belay_code)codes[i];
        gate_open(&s.go);
        CU_ASSERT(raw_await_end(&s.client, SUBJECT));
        CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_UNKNOWN);
        scene_close(&s);
    }
}

/* ---- A cancel by the server ---------------------------------------------------------------------- */

/* At once, before the handler has returned; its OK comes too late. */
static void
expect_told(belay_cause cause, const char *reason, int code, const char *message)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    CU_ASSERT(bly_context_end(s.context, cause, reason));
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, code);
    CU_ASSERT_STRING_EQUAL(subject(&s)->grpc_message, message);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 1);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, cause);
    CU_ASSERT_STRING_EQUAL(s.words, reason);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(subject(&s)->blocks, 1);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

static void
test_application_cancel_tells_its_reason(void)
{
    expect_told(BELAY_CAUSE_APPLICATION, "no use", BELAY_CANCELLED, "no use");
    expect_told(BELAY_CAUSE_APPLICATION, "", BELAY_CANCELLED, "cancelled by the server");
}

static void
test_operators_cancel_tells_its_reason(void)
{
    expect_told(BELAY_CAUSE_OPERATOR, "too many", BELAY_CANCELLED, "too many");
    expect_told(BELAY_CAUSE_OPERATOR, "", BELAY_CANCELLED, "cancelled by an operator");
}

static void
test_limit_shutdown_and_deadline_tell_their_code(void)
{
    expect_told(BELAY_CAUSE_LIMIT, "memory", BELAY_RESOURCE_EXHAUSTED, "memory");
    expect_told(BELAY_CAUSE_LIMIT, "", BELAY_RESOURCE_EXHAUSTED, "limit reached");
    expect_told(BELAY_CAUSE_SHUTDOWN, "", BELAY_UNAVAILABLE, "server is shutting down");
    expect_told(BELAY_CAUSE_DEADLINE, "", BELAY_DEADLINE_EXCEEDED, "deadline exceeded");
}

/* The peer knows, or is gone: nothing is sent. */
static void
test_ends_by_the_peer_tell_nothing(void)
{
    static const belay_cause causes[] = {BELAY_CAUSE_PEER_CANCELLED, BELAY_CAUSE_CONNECTION_LOST};
    for (size_t i = 0; i < 2; i++) {
        scene s;
        scene_open(&s, RUNNING, WAIT_GATE, NULL);
        CU_ASSERT(bly_context_end(s.context, causes[i], NULL));
        gate_open(&s.go);
        scene_await_left(&s);
        raw_sync(&s.client);
        CU_ASSERT_EQUAL(subject(&s)->blocks, 0);
        scene_close(&s);
    }
}

/* A handler that cancels itself and then returns OK has not succeeded. */
static void
test_own_cancel_wins_over_the_handlers_ok(void)
{
    scene s;
    scene_open(&s, RUNNING, CANCEL, NULL);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(subject(&s)->grpc_message, "enough");
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_APPLICATION);
    scene_close(&s);
}

/* The I/O thread finds a message, then a cancel, and flushes only then. */
static void
send_and_cancel_in_one_turn(scene *s)
{
    fixture_hold_io(&s->f);
    gate_open(&s->go);
    gate_wait(&s->sent);
    fixture_step_io(&s->f);
    CU_ASSERT(bly_context_end(s->context, BELAY_CAUSE_APPLICATION, "enough"));
    fixture_release_io(&s->f);
    CU_ASSERT(raw_await_end(&s->client, SUBJECT));
    scene_await_left(s);
}

/* The message leaves, and the reason too. */
static void
test_message_and_cancel_in_one_turn_tell_the_reason(void)
{
    scene s;
    scene_open(&s, RUNNING, SEND_AT_GATE, NULL);
    send_and_cancel_in_one_turn(&s);
    CU_ASSERT_EQUAL(subject(&s)->resets, 0);
    CU_ASSERT_EQUAL(subject(&s)->body, 10);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(subject(&s)->grpc_message, "enough");
    scene_close(&s);
}

/* Its first bytes leave, and the rest cannot: no status could follow. */
static void
test_message_and_cancel_in_one_turn_without_window_reset(void)
{
    scene s;
    scene_open(&s, RUNNING, SEND_AT_GATE, NULL);
    raw_set_window(&s.client, 4);
    send_and_cancel_in_one_turn(&s);
    CU_ASSERT_EQUAL(subject(&s)->reset_code, RAW_CANCEL);
    CU_ASSERT_EQUAL(subject(&s)->body, 4);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, -1);
    scene_close(&s);
}

/* What left before stays. */
static void
test_cancel_after_a_message_sends_trailers(void)
{
    scene s;
    scene_open(&s, RUNNING, SEND_ONE, NULL);
    CU_ASSERT(raw_await_body(&s.client, SUBJECT, 10));
    CU_ASSERT(bly_context_end(s.context, BELAY_CAUSE_APPLICATION, "enough"));
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(subject(&s)->grpc_message, "enough");
    CU_ASSERT_EQUAL(subject(&s)->blocks, 2);
    scene_await_left(&s);
    scene_close(&s);
}

/* Messages over the receive limit: the cause is a limit, the code says so. */
static void
test_oversized_message_is_a_limit(void)
{
    scene s;
    scene_open(&s, RUNNING, RECEIVE, NULL);
    raw_data(&s.client, SUBJECT, "\0\x7f\0\0\0", 5, false);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_LIMIT);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

/* One place in the queue, taken: the next is told at once, and runs nothing. */
static void
test_full_queue_refuses(void)
{
    scene s;
    scene_open(&s, QUEUED, RETURN, NULL);
    raw_unary(&s.client, 5, NULL);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_STRING_EQUAL(raw_of(&s.client, 5)->grpc_message, "the server's queue is full");
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_refused, 1);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(s.runs, 1);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_each_code_reaches_the_client),
        TEST(test_codes_that_are_none_become_unknown),
        TEST(test_application_cancel_tells_its_reason),
        TEST(test_operators_cancel_tells_its_reason),
        TEST(test_limit_shutdown_and_deadline_tell_their_code),
        TEST(test_ends_by_the_peer_tell_nothing),
        TEST(test_own_cancel_wins_over_the_handlers_ok),
        TEST(test_message_and_cancel_in_one_turn_tell_the_reason),
        TEST(test_message_and_cancel_in_one_turn_without_window_reset),
        TEST(test_cancel_after_a_message_sends_trailers),
        TEST(test_oversized_message_is_a_limit),
        TEST(test_full_queue_refuses),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_status", tests, argc, argv);
}
