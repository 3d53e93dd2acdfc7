/* SPDX-License-Identifier: MIT */
/*
 * A connection that is lost, closed or broken, at each place of its calls' lives: it ends all of them with
 * cause "connection lost", and nothing of it stays behind.
 */
#include "rpc/scene.h"

static void
expect_nothing_left(scene *s)
{
    FIXTURE_AWAIT(&s->f, handlers_running, 0);
    fixture_await_no_connection(&s->f);
}

static void
expect_no_run(place where, uint64_t dropped, bool by_reset)
{
    scene s;
    scene_open(&s, where, RETURN, NULL);
    bool has_other = where == QUEUED || where == HELD;
    scene_lose_client(&s, by_reset);
    FIXTURE_AWAIT(&s.f, calls_cancelled, has_other ? 2 : 1);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, dropped);
    /* The connection's record stays for the handler that still runs. */
    if (has_other)
        CU_ASSERT_EQUAL(fixture_counters(&s.f).connections, 1);
    gate_open(&s.other_go);
    expect_nothing_left(&s);
    CU_ASSERT_EQUAL(s.runs, 0);
    scene_close(&s);
}

static void
test_loss_before_the_request_is_complete(void)
{
    expect_no_run(RECEIVING, 0, false);
    expect_no_run(RECEIVING, 0, true);
    expect_no_run(HALF_RECEIVED, 0, true);
}

static void
test_queued_call_never_runs_when_the_connection_is_lost(void)
{
    expect_no_run(QUEUED, 1, false);
    expect_no_run(QUEUED, 1, true);
}

static void
test_held_call_never_runs_when_the_connection_is_lost(void)
{
    expect_no_run(HELD, 1, false);
    expect_no_run(HELD, 1, true);
}

static void
expect_wait_ends(doing what, bool by_reset)
{
    scene s;
    scene_open(&s, RUNNING, what, NULL);
    scene_lose_client(&s, by_reset);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, what == WAIT_GATE || what == SPIN ? BELAY_OK : BELAY_CANCELLED);
    CU_ASSERT(s.flag);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_CONNECTION_LOST);
    FIXTURE_AWAIT(&s.f, children_open, 0);
    expect_nothing_left(&s);
    scene_close(&s);
}

static void
test_loss_ends_each_wait(void)
{
    static const doing all[] = {WAIT_GATE, SPIN, RECEIVE, SEND, SEND_ONE, SLEEP, CHILD, WAIT_ANY};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        expect_wait_ends(all[i], false);
        expect_wait_ends(all[i], true);
    }
}

static void
test_loss_with_the_reply_stuck_makes_the_outcome_cancelled(void)
{
    scene s;
    scene_open(&s, STUCK, RETURN, NULL);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    scene_lose_client(&s, true);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    expect_nothing_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    scene_close(&s);
}

static void
test_loss_with_a_message_half_sent(void)
{
    scene s;
    scene_open(&s, HALF_SENT, SEND, NULL);
    scene_lose_client(&s, true);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_CONNECTION_LOST);
    expect_nothing_left(&s);
    scene_close(&s);
}

static void
test_loss_after_delivery_is_harmless(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    scene_lose_client(&s, false);
    expect_nothing_left(&s);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    scene_close(&s);
}

/* The client resets, then is gone, and the other way round cannot be: the first cause stays. */
static void
test_loss_after_a_reset_changes_nothing(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    raw_sync(&s.client);
    scene_lose_client(&s, true);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 1);
    scene_close(&s);
}

static void
test_loss_after_the_deadline_changes_nothing(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, "1S");
    fixture_advance(&s.f, BELAY_SECONDS(1));
    scene_lose_client(&s, true);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_DEADLINE);
    expect_nothing_left(&s);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 1);
    scene_close(&s);
}

/* The timer of a call outlives the connection by nothing. */
static void
test_deadline_after_the_loss_changes_nothing(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, "1S");
    scene_lose_client(&s, true);
    FIXTURE_AWAIT(&s.f, calls_cancelled, 1);
    fixture_advance(&s.f, BELAY_SECONDS(1));
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_CONNECTION_LOST);
    expect_nothing_left(&s);
    scene_close(&s);
}

/* The handler's status and the loss meet while the I/O thread stands still. */
static void
test_loss_and_return_at_once(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    fixture_hold_io(&s.f);
    scene_lose_client(&s, true);
    gate_open(&s.go);
    FIXTURE_AWAIT(&s.f, handlers_running, 0);
    fixture_release_io(&s.f);
    scene_await_left(&s);
    expect_nothing_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_NONE);
    scene_close(&s);
}

/* Request and loss come in one turn of the I/O thread. */
static void
test_request_and_loss_at_once(void)
{
    scene s;
    scene_open(&s, DELIVERED, RETURN, NULL);
    fixture_hold_io(&s.f);
    for (uint32_t id = 5; id < 25; id += 2)
        raw_unary(&s.client, id, "1S");
    scene_lose_client(&s, false);
    fixture_release_io(&s.f);
    expect_nothing_left(&s);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_loss_before_the_request_is_complete),
        TEST(test_queued_call_never_runs_when_the_connection_is_lost),
        TEST(test_held_call_never_runs_when_the_connection_is_lost),
        TEST(test_loss_ends_each_wait),
        TEST(test_loss_with_the_reply_stuck_makes_the_outcome_cancelled),
        TEST(test_loss_with_a_message_half_sent),
        TEST(test_loss_after_delivery_is_harmless),
        TEST(test_loss_after_a_reset_changes_nothing),
        TEST(test_loss_after_the_deadline_changes_nothing),
        TEST(test_deadline_after_the_loss_changes_nothing),
        TEST(test_loss_and_return_at_once),
        TEST(test_request_and_loss_at_once),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_loss", tests, argc, argv);
}
