/* SPDX-License-Identifier: MIT */
/*
 * A deadline that passes on the server, at each place of the call's life: the client is told at once, without
 * waiting for the handler; what cannot be told by a status, because bytes of a message stand before it, is
 * told by a reset. The clock stands still but for what a test moves it on.
 */
#include "rpc/call.h"
#include "rpc/scene.h"

#define TIMEOUT "1S"

static void
pass(scene *s)
{
    fixture_advance(&s->f, BELAY_SECONDS(1));
}

static void
expect_deadline_status(scene *s)
{
    CU_ASSERT(raw_await_end(&s->client, SUBJECT));
    CU_ASSERT_EQUAL(subject(s)->grpc_status, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT(subject(s)->ended);
    FIXTURE_AWAIT(&s->f, calls_cancelled, 1);
}

/* ---- Before it runs ------------------------------------------------------------------------------ */

static void
expect_no_run(place where, uint64_t dropped)
{
    scene s;
    scene_open(&s, where, RETURN, TIMEOUT);
    pass(&s);
    expect_deadline_status(&s);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, dropped);
    fixture_await_queued(&s.f, 0);
    gate_open(&s.other_go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    CU_ASSERT_EQUAL(s.runs, 0);
    scene_close(&s);
}

static void
test_deadline_before_the_request_is_complete(void)
{
    expect_no_run(RECEIVING, 0);
    expect_no_run(HALF_RECEIVED, 0);
}

static void
test_queued_call_never_runs_after_its_deadline(void)
{
    expect_no_run(QUEUED, 1);
}

static void
test_held_call_never_runs_after_its_deadline(void)
{
    expect_no_run(HELD, 1);
}

/* The rest of the request comes when it is over. */
static void
test_request_completed_after_the_deadline_never_runs(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, TIMEOUT);
    pass(&s);
    expect_deadline_status(&s);
    raw_message(&s.client, SUBJECT, 0, true);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(s.runs, 0);
    CU_ASSERT_FALSE(s.client.lost);
    scene_close(&s);
}

static void
test_zero_timeout_never_runs(void)
{
    static const char *const texts[] = {"0n", "0m", "00000000H"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        scene s;
        scene_open(&s, DELIVERED, RETURN, texts[i]);
        CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_DEADLINE_EXCEEDED);
        CU_ASSERT_EQUAL(s.runs, 0);
        CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_started, 0);
        scene_close(&s);
    }
}

/* ---- While it runs ------------------------------------------------------------------------------- */

static void
expect_wait_ends(doing what)
{
    scene s;
    scene_open(&s, RUNNING, what, TIMEOUT);
    CU_ASSERT_FALSE(subject(&s)->ended);
    pass(&s);
    /* Before the handler has returned. */
    if (what == SEND) {
        CU_ASSERT(raw_await_end(&s.client, SUBJECT));
        CU_ASSERT_EQUAL(subject(&s)->reset_code, RAW_CANCEL);
        CU_ASSERT_EQUAL(subject(&s)->grpc_status, -1);
    } else {
        expect_deadline_status(&s);
    }
    if (what == WAIT_GATE) {
        CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 1);
        gate_open(&s.go);
    }
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, what == WAIT_GATE || what == SPIN ? BELAY_OK : BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT(s.flag);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_DEADLINE);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    FIXTURE_AWAIT(&s.f, children_open, 0);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(subject(&s)->blocks, 1);
    scene_close(&s);
}

static void
test_deaf_handler_does_not_delay_the_status(void)
{
    expect_wait_ends(WAIT_GATE);
}

static void
test_deadline_raises_the_flag(void)
{
    expect_wait_ends(SPIN);
}

static void
test_deadline_wakes_receive(void)
{
    expect_wait_ends(RECEIVE);
}

static void
test_deadline_wakes_a_send_that_flow_control_blocks(void)
{
    expect_wait_ends(SEND);
}

static void
test_deadline_wakes_sleep(void)
{
    expect_wait_ends(SLEEP);
}

static void
test_deadline_wakes_a_child_call(void)
{
    expect_wait_ends(CHILD);
}

static void
test_deadline_wakes_wait_any(void)
{
    expect_wait_ends(WAIT_ANY);
}

/* The first cause stays, whichever it is. */
static void
test_reset_after_the_deadline_changes_nothing(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, TIMEOUT);
    pass(&s);
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    raw_sync(&s.client);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 1);
    scene_close(&s);
}

static void
test_deadline_after_a_reset_changes_nothing(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, TIMEOUT);
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    raw_sync(&s.client);
    pass(&s);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    CU_ASSERT_EQUAL(subject(&s)->blocks, 0);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 1);
    scene_close(&s);
}

/* ---- With a reply under way ---------------------------------------------------------------------- */

/* The status could not get past the bytes that wait: a reset, which is not flow controlled, can. */
static void
test_deadline_with_a_message_half_sent_resets(void)
{
    scene s;
    scene_open(&s, HALF_SENT, SEND, TIMEOUT);
    pass(&s);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->reset_code, RAW_CANCEL);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, -1);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, BELAY_DEADLINE_EXCEEDED);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

/* The deadline is armed until the outcome is known. */
static void
test_deadline_with_the_reply_stuck_resets(void)
{
    scene s;
    scene_open(&s, STUCK, RETURN, TIMEOUT);
    scene_await_left(&s);
    pass(&s);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->reset_code, RAW_CANCEL);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, -1);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

static void
test_reply_that_gets_its_window_in_time_is_delivered(void)
{
    scene s;
    scene_open(&s, STUCK, RETURN, TIMEOUT);
    fixture_advance(&s.f, BELAY_SECONDS(1) - 1);
    raw_window(&s.client, SUBJECT, 1000);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    pass(&s);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(subject(&s)->resets, 0);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    scene_close(&s);
}

static void
test_deadline_after_delivery_is_harmless(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, TIMEOUT);
    pass(&s);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(subject(&s)->resets, 0);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    scene_close(&s);
}

/* Messages that have left whole stay; the status comes as trailers. */
static void
test_deadline_between_messages_sends_trailers(void)
{
    scene s;
    scene_open(&s, RUNNING, SEND_ONE, TIMEOUT);
    CU_ASSERT(raw_await_body(&s.client, SUBJECT, 10));
    pass(&s);
    expect_deadline_status(&s);
    CU_ASSERT_EQUAL(subject(&s)->body, 10);
    CU_ASSERT_EQUAL(subject(&s)->blocks, 2);
    scene_await_left(&s);
    scene_close(&s);
}

/* The handler returns and the deadline passes while the I/O thread stands still. */
static void
test_deadline_and_return_at_once_agree(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, TIMEOUT);
    fixture_hold_io(&s.f);
    gate_open(&s.go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    __atomic_fetch_add(&s.f.now, BELAY_SECONDS(1), __ATOMIC_RELAXED);
    fixture_release_io(&s.f);
    pass(&s);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    bool delivered = subject(&s)->grpc_status == BELAY_OK;
    CU_ASSERT(delivered || subject(&s)->reset_code == RAW_CANCEL);
    FIXTURE_AWAIT(&s.f, calls_cancelled, delivered ? 0 : 1);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    scene_close(&s);
}

/* On the I/O thread, so that nothing comes between the cancel and the timer of the deadline. */
static void
cancel_and_expire(void *argument)
{
    scene *s = argument;
    belay_call *call = BLY_CONTAINER_OF(s->context->owner, belay_call, context_owner);
    belay_cancel(s->context, "had enough");
    call->side->expired(call);
}

/* The program cancels, and the deadline passes before the I/O thread has come to tell the client. */
static void
test_a_cancel_just_before_the_deadline_tells_its_reason(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, TIMEOUT);
    bly_loop_call(s.f.runtime->loops[0], cancel_and_expire, &s);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(subject(&s)->grpc_message, "had enough");
    CU_ASSERT_EQUAL(subject(&s)->resets, 0);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_APPLICATION);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_deadline_before_the_request_is_complete),
        TEST(test_queued_call_never_runs_after_its_deadline),
        TEST(test_held_call_never_runs_after_its_deadline),
        TEST(test_request_completed_after_the_deadline_never_runs),
        TEST(test_zero_timeout_never_runs),
        TEST(test_deaf_handler_does_not_delay_the_status),
        TEST(test_deadline_raises_the_flag),
        TEST(test_deadline_wakes_receive),
        TEST(test_deadline_wakes_a_send_that_flow_control_blocks),
        TEST(test_deadline_wakes_sleep),
        TEST(test_deadline_wakes_a_child_call),
        TEST(test_deadline_wakes_wait_any),
        TEST(test_reset_after_the_deadline_changes_nothing),
        TEST(test_deadline_after_a_reset_changes_nothing),
        TEST(test_deadline_with_a_message_half_sent_resets),
        TEST(test_deadline_with_the_reply_stuck_resets),
        TEST(test_reply_that_gets_its_window_in_time_is_delivered),
        TEST(test_deadline_after_delivery_is_harmless),
        TEST(test_deadline_between_messages_sends_trailers),
        TEST(test_deadline_and_return_at_once_agree),
        TEST(test_a_cancel_just_before_the_deadline_tells_its_reason),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_deadline", tests, argc, argv);
}
