/* SPDX-License-Identifier: MIT */
/*
 * A server that drains, with calls at each place of their lives: what outlasts the time of grace is cancelled
 * with cause "shutdown" and told UNAVAILABLE at once; the drain returns when all handlers have.
 */
#include "rpc/scene.h"

static void
expect_unavailable(scene *s)
{
    CU_ASSERT(raw_await_end(&s->client, SUBJECT));
    CU_ASSERT_EQUAL(subject(s)->grpc_status, BELAY_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(subject(s)->grpc_message, "server is shutting down");
}

static void
expect_no_run(place where, uint64_t dropped)
{
    scene s;
    drain draining;
    scene_open(&s, where, RETURN, NULL);
    drain_begin(&draining, &s, 0);
    expect_unavailable(&s);
    FIXTURE_AWAIT(&s.f, dropped_in_queue, dropped);
    gate_open(&s.other_go);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    CU_ASSERT_EQUAL(s.runs, 0);
    scene_close(&s);
}

static void
test_shutdown_before_the_request_is_complete(void)
{
    expect_no_run(RECEIVING, 0);
    expect_no_run(HALF_RECEIVED, 0);
}

static void
test_queued_call_never_runs_after_shutdown(void)
{
    expect_no_run(QUEUED, 1);
}

static void
test_held_call_never_runs_after_shutdown(void)
{
    expect_no_run(HELD, 1);
}

static void
expect_wait_ends(doing what)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, what, NULL);
    drain_begin(&draining, &s, 0);
    if (what == SEND) {
        CU_ASSERT(raw_await_end(&s.client, SUBJECT));
        CU_ASSERT_EQUAL(subject(&s)->reset_code, RAW_CANCEL);
    } else {
        expect_unavailable(&s);
    }
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.seen, what == WAIT_GATE || what == SPIN ? BELAY_OK : BELAY_CANCELLED);
    CU_ASSERT(s.flag);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_SHUTDOWN);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_close(&s);
}

static void
test_shutdown_ends_each_wait(void)
{
    static const doing all[] = {WAIT_GATE, SPIN, RECEIVE, SEND, SEND_ONE, SLEEP, CHILD, WAIT_ANY};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        expect_wait_ends(all[i]);
}

/* The client is told at once; the drain returns when the handler does. */
static void
test_drain_waits_for_a_deaf_handler(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    drain_begin(&draining, &s, 0);
    expect_unavailable(&s);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 1);
    gate_open(&s.go);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 0);
    scene_close(&s);
}

/* After the hard limit it gives up, and can be asked again. */
static void
test_drain_gives_up_on_a_deaf_handler(void)
{
    scene s;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    CU_ASSERT_EQUAL(belay_server_drain(s.f.server, 0, 0), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_running, 1);
    gate_open(&s.go);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_EQUAL(belay_server_drain(s.f.server, 0, BELAY_FOREVER), BELAY_OK);
    raw_await_lost(&s.client);
    scene_close(&s);
}

/* ---- The time of grace --------------------------------------------------------------------------- */

static void
test_call_that_ends_within_the_grace_time_is_delivered(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    gate_open(&s.go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 0);
    scene_close(&s);
}

static void
test_queued_call_runs_within_the_grace_time(void)
{
    scene s;
    drain draining;
    scene_open(&s, QUEUED, RETURN, NULL);
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    gate_open(&s.other_go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_OK);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_close(&s);
}

/* What was on its way when the client heard of the end is taken; what comes after the final GOAWAY is
 * refused, so that it can be tried again elsewhere. */
static void
test_calls_are_taken_until_the_final_goaway(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    s.client.no_pong = true;
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 1));
    CU_ASSERT_EQUAL(s.client.goaway_last, 0x7fffffff);
    raw_unary(&s.client, 5, NULL);
    raw_pong(&s.client);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    CU_ASSERT_EQUAL(s.client.goaway_last, 5);
    gate_wait_count(&s.entered, 2);
    raw_unary(&s.client, 7, NULL);
    raw_sync(&s.client);
    gate_open(&s.go);
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(raw_of(&s.client, 7)->blocks, 0);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    CU_ASSERT_EQUAL(s.runs, 2);
    scene_close(&s);
}

/* Its client has not heard of the end yet, but the time of grace is over: it must not begin. */
static void
test_call_that_comes_after_the_grace_time_is_refused(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, WAIT_GATE, NULL);
    s.client.no_pong = true;
    drain_begin(&draining, &s, 0);
    expect_unavailable(&s);
    raw_unary(&s.client, 5, NULL);
    CU_ASSERT(raw_await_end(&s.client, 5));
    CU_ASSERT_EQUAL(raw_of(&s.client, 5)->reset_code, RAW_REFUSED_STREAM);
    CU_ASSERT_EQUAL(s.runs, 1);
    gate_open(&s.go);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_close(&s);
}

static void
test_second_drain_hurries_the_first(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, SLEEP, NULL);
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    drain hurry;
    drain_begin(&hurry, &s, 0);
    expect_unavailable(&s);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&hurry), BELAY_OK);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_SHUTDOWN);
    scene_close(&s);
}

/* ---- Other ends meet the shutdown ---------------------------------------------------------------- */

static void
test_reset_during_the_drain_is_the_cause(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, SLEEP, NULL);
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    raw_reset(&s.client, SUBJECT, RAW_CANCEL);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_close(&s);
}

static void
test_deadline_during_the_drain_is_the_cause(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, SLEEP, "1S");
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 2));
    fixture_advance(&s.f, BELAY_SECONDS(1));
    CU_ASSERT(raw_await_end(&s.client, SUBJECT));
    CU_ASSERT_EQUAL(subject(&s)->grpc_status, BELAY_DEADLINE_EXCEEDED);
    raw_await_lost(&s.client);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_DEADLINE);
    scene_close(&s);
}

static void
test_loss_during_the_drain_ends_it(void)
{
    scene s;
    drain draining;
    scene_open(&s, RUNNING, SLEEP, NULL);
    drain_begin(&draining, &s, BELAY_FOREVER);
    CU_ASSERT(raw_await_goaway(&s.client, 1));
    scene_lose_client(&s, true);
    CU_ASSERT_EQUAL(drain_join(&draining), BELAY_OK);
    scene_await_left(&s);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_CONNECTION_LOST);
    scene_close(&s);
}

/* A reply that the client does not take keeps nobody for ever: after a moment its connection is closed. */
static void
test_stuck_reply_does_not_hold_up_the_drain(void)
{
    scene s;
    scene_open(&s, STUCK, RETURN, NULL);
    CU_ASSERT_EQUAL(belay_server_drain(s.f.server, 0, BELAY_FOREVER), BELAY_OK);
    raw_await_lost(&s.client);
    CU_ASSERT_FALSE(subject(&s)->ended);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).calls_cancelled, 1);
    scene_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_shutdown_before_the_request_is_complete),
        TEST(test_queued_call_never_runs_after_shutdown),
        TEST(test_held_call_never_runs_after_shutdown),
        TEST(test_shutdown_ends_each_wait),
        TEST(test_drain_waits_for_a_deaf_handler),
        TEST(test_drain_gives_up_on_a_deaf_handler),
        TEST(test_call_that_ends_within_the_grace_time_is_delivered),
        TEST(test_queued_call_runs_within_the_grace_time),
        TEST(test_calls_are_taken_until_the_final_goaway),
        TEST(test_call_that_comes_after_the_grace_time_is_refused),
        TEST(test_second_drain_hurries_the_first),
        TEST(test_reset_during_the_drain_is_the_cause),
        TEST(test_deadline_during_the_drain_is_the_cause),
        TEST(test_loss_during_the_drain_ends_it),
        TEST(test_stuck_reply_does_not_hold_up_the_drain),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_shutdown", tests, argc, argv);
}
