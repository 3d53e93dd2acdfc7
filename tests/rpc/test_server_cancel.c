/* SPDX-License-Identifier: MIT */
/*
 * A client that resets its call, at each place of the call's life: what has not begun never runs and leaves
 * at once, what runs hears of it, what is done is not undone. Nothing more is sent on the stream.
 */
#include "rpc/scene.h"
#include "server/server.h"

static void
reset_subject(scene *s)
{
    raw_reset(&s->client, SUBJECT, RAW_CANCEL);
    raw_sync(&s->client);
}

static void
expect_silence(scene *s)
{
    raw_sync(&s->client);
    CU_ASSERT_EQUAL(subject(s)->blocks, 0);
    CU_ASSERT_EQUAL(subject(s)->body, 0);
    CU_ASSERT_EQUAL(subject(s)->resets, 0);
}

/* The subject ends without a run; `dropped`: it was waiting for one. The other handler still stands. */
static void
expect_no_run(place where, uint64_t dropped)
{
    scene s;
    scene_open(&s, where, RETURN, NULL);
    reset_subject(&s);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, dropped);
    fixture_await_queued(&s.f, 0);
    gate_open(&s.other_go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    CU_ASSERT_EQUAL(s.runs, 0);
    expect_silence(&s);
    scene_close(&s);
}

/* ---- Before it runs ------------------------------------------------------------------------------ */

static void
test_reset_before_the_request_is_complete(void)
{
    expect_no_run(RECEIVING, 0);
    expect_no_run(HALF_RECEIVED, 0);
}

static void
test_queued_call_never_runs_when_reset(void)
{
    expect_no_run(QUEUED, 1);
}

static void
test_held_call_never_runs_when_reset(void)
{
    expect_no_run(HELD, 1);
}

/* Request and reset come in one turn of the I/O thread: the call has not reached the queue. */
static void
test_request_and_reset_at_once(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    int runs = s.runs;
    fixture_hold_io(&s.f);
    raw_unary(&s.client, 5, NULL);
    raw_reset(&s.client, 5, RAW_CANCEL);
    fixture_release_io(&s.f);
    raw_sync(&s.client);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, 1);
    CU_ASSERT_EQUAL(s.runs, runs);
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->blocks, 0);
    scene_close(&s);
}

/* How often a turn looks into its mailbox before it does what was deferred (io/loop.c), or more. */
#define BATCHES 4

/* A task that keeps the mailbox busy until a call has come, and then cancels it so late in the turn that the call is
 * in the pool's queue when its own task hears of it. */
typedef struct late_cancel {
    bly_loop_task task;
    bly_server_loop *place;
    int batches;
    gate done;
} late_cancel;

static void
cancel_late(bly_loop_task *task)
{
    late_cancel *self = BLY_CONTAINER_OF(task, late_cancel, task);
    bly_link *first = self->place->batch.next;
    if (first != &self->place->batch)
        self->batches++;
    if (self->batches < BATCHES) {
        bly_loop_post(self->place->loop, &self->task);
        return;
    }
    bly_context_end(BLY_LIST_ENTRY(first, bly_server_call, job.link)->call.context, BELAY_CAUSE_OPERATOR, NULL);
    gate_open(&self->done);
}

/* Whoever cancels finds the call in no queue yet; the I/O thread then finds it in the turn's batch no more. */
static void
test_call_that_is_cancelled_on_its_way_to_the_queue_leaves_it(void)
{
    scene s;
    scene_open(&s, QUEUED, RETURN, NULL);
    reset_subject(&s); /* there is room for one */
    late_cancel cancel = {.task.run = cancel_late, .place = &s.f.server->loops[0]};
    gate_init(&cancel.done, "the call is cancelled");
    bly_loop_post(cancel.place->loop, &cancel.task);
    raw_unary(&s.client, 5, NULL);
    gate_wait(&cancel.done);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, 2); /* the subject, and this; the other handler still stands */
    fixture_await_queued(&s.f, 0);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_CANCELLED);
    gate_open(&s.other_go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    CU_ASSERT_EQUAL(s.runs, 0);
    gate_fini(&cancel.done);
    scene_close(&s);
}

/* The place in the queue is free at once: of one place, the next call takes it. */
static void
test_reset_frees_its_place_in_the_queue(void)
{
    scene s;
    scene_open(&s, QUEUED, RETURN, NULL);
    reset_subject(&s);
    fixture_await_queued(&s.f, 0);
    raw_unary(&s.client, 5, NULL);
    fixture_await_queued(&s.f, 1);
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(s.runs, 1);
    scene_close(&s);
}

/* Of three held calls the middle one is reset: the others run in their order. */
static void
test_reset_leaves_the_other_held_calls_in_order(void)
{
    scene s;
    scene_open(&s, HELD, RETURN, NULL);
    raw_unary(&s.client, 5, NULL);
    reset_subject(&s);
    raw_unary(&s.client, 7, NULL);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(s.runs, 0);
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT(raw_await_end(&s.client, 7));
    CU_ASSERT_EQUAL(s.runs, 2);
    scene_close(&s);
}

/* A handler that runs on counts against the connection's limit although its stream is gone. */
static void
test_reset_call_keeps_its_slot_until_its_handler_returns(void)
{
    scene s;
    scene_open(&s, HELD, RETURN, NULL);
    raw_reset(&s.client, 1, RAW_CANCEL);
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(s.runs, 0);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 1);
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(s.runs, 1);
    scene_close(&s);
}

/* ---- While it runs ------------------------------------------------------------------------------- */

/* Each wait returns, with the flag, the cause and no reason. */
static void
expect_wait_ends(doing what)
{
    scene s;
    scene_open(&s, RUNNING, what, NULL);
    unsigned int blocks = subject(&s)->blocks;
    reset_subject(&s);
    if (what == WAIT_GATE)
        gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, what == WAIT_GATE || what == SPIN ? BELAY_OK : BELAY_CANCELLED);
    CU_ASSERT(s.flag);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    CU_ASSERT_STRING_EQUAL(s.words, "");
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    FIXTURE_AWAIT(&s.f, children_open, 0);
    /* Whatever the handler returns, nothing more is sent. */
    raw_sync(&s.client);
    CU_ASSERT_EQUAL(subject(&s)->blocks, blocks);
    CU_ASSERT_FALSE(subject(&s)->ended);
    CU_ASSERT_EQUAL(subject(&s)->resets, 0);
    scene_close(&s);
}

static void
test_deaf_handler_runs_on_and_its_answer_is_dropped(void)
{
    expect_wait_ends(WAIT_GATE);
}

static void
test_reset_raises_the_flag(void)
{
    expect_wait_ends(SPIN);
}

static void
test_reset_wakes_receive(void)
{
    expect_wait_ends(RECEIVE);
}

static void
test_reset_wakes_a_send_that_flow_control_blocks(void)
{
    expect_wait_ends(SEND);
}

static void
test_reset_wakes_sleep(void)
{
    expect_wait_ends(SLEEP);
}

static void
test_reset_wakes_a_child_call(void)
{
    expect_wait_ends(CHILD);
}

static void
test_reset_wakes_wait_any(void)
{
    expect_wait_ends(WAIT_ANY);
}

/* The record of the call outlives the client's half of the stream. */
static void
test_reset_after_the_requests_end_finds_the_call(void)
{
    scene s;
    scene_open(&s, RUNNING, RECEIVE, NULL);
    s.doing = SPIN;
    raw_unary(&s.client, 5, NULL);
    gate_wait_count(&s.entered, 2);
    raw_reset(&s.client, 5, RAW_CANCEL);
    gate_wait(&s.left);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    reset_subject(&s);
    gate_wait_count(&s.left, 2);
    scene_close(&s);
}

/* What follows a reset on its stream is ignored, and the connection goes on. */
static void
test_data_after_reset_is_ignored(void)
{
    scene s;
    scene_open(&s, RECEIVING, RETURN, NULL);
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    raw_message(&s.client, SUBJECT, 100, true);
    raw_sync(&s.client);
    CU_ASSERT_FALSE(s.client.lost);
    raw_unary(&s.client, 5, NULL);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(s.runs, 1);
    scene_close(&s);
}

/* Any code of RST_STREAM is a cancel, NO_ERROR too. */
static void
test_any_reset_cancels(void)
{
    static const uint32_t codes[] = {RAW_NO_ERROR, RAW_PROTOCOL_ERROR, RAW_REFUSED_STREAM, 0x100, 0xffffffff};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        scene s;
        scene_open(&s, RUNNING, SLEEP, NULL);
        raw_reset(&s.client, SUBJECT, codes[i]);
        scene_await_left(&s);
        CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
        scene_close(&s);
    }
}

/* ---- After it ran -------------------------------------------------------------------------------- */

static void
test_reset_while_the_reply_is_stuck_makes_the_outcome_cancelled(void)
{
    scene s;
    scene_open(&s, STUCK, RETURN, NULL);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    reset_subject(&s);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    scene_close(&s);
}

static void
test_reset_after_delivery_is_harmless(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    reset_subject(&s);
    scene_await_left(&s);
    CU_ASSERT_FALSE(s.client.lost);
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    raw_unary(&s.client, 5, NULL);
    CU_ASSERT(raw_await_end(&s.client, 5));
    scene_close(&s);
}

/* The handler returns while the I/O thread stands still with the reset at the door: whichever is dealt
 * with first, the count of cancelled calls says the same as the wire. */
static void
test_reset_and_return_at_once_agree(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    fixture_hold_io(&s.f);
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    gate_open(&s.go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    fixture_release_io(&s.f);
    raw_sync(&s.client);
    raw_sync(&s.client);
    bool delivered = subject(&s)->ended;
    FIXTURE_AWAIT(&s.f, calls_cancelled, delivered ? 0 : 1);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_reset_before_the_request_is_complete),
        TEST(test_queued_call_never_runs_when_reset),
        TEST(test_held_call_never_runs_when_reset),
        TEST(test_request_and_reset_at_once),
        TEST(test_call_that_is_cancelled_on_its_way_to_the_queue_leaves_it),
        TEST(test_reset_frees_its_place_in_the_queue),
        TEST(test_reset_leaves_the_other_held_calls_in_order),
        TEST(test_reset_call_keeps_its_slot_until_its_handler_returns),
        TEST(test_deaf_handler_runs_on_and_its_answer_is_dropped),
        TEST(test_reset_raises_the_flag),
        TEST(test_reset_wakes_receive),
        TEST(test_reset_wakes_a_send_that_flow_control_blocks),
        TEST(test_reset_wakes_sleep),
        TEST(test_reset_wakes_a_child_call),
        TEST(test_reset_wakes_wait_any),
        TEST(test_reset_after_the_requests_end_finds_the_call),
        TEST(test_data_after_reset_is_ignored),
        TEST(test_any_reset_cancels),
        TEST(test_reset_while_the_reply_is_stuck_makes_the_outcome_cancelled),
        TEST(test_reset_after_delivery_is_harmless),
        TEST(test_reset_and_return_at_once_agree),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_cancel", tests, argc, argv);
}
