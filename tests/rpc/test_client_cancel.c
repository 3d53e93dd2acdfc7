/* SPDX-License-Identifier: MIT */
/*
 * A caller that leaves, at each stage of its call: by cancelling the context that the call was opened with,
 * by freeing the call, by the end of a parent, by its deadline. The server hears RST_STREAM(CANCEL) where
 * there is a stream that is open, and never END_STREAM of a request that is not whole; where there is none it
 * hears nothing.
 */
#include "cancel/context.h"
#include "rpc/call.h"
#include "rpc/client_scene.h"

static const stage all_stages[] = {UNCONNECTED, WAITING, OPEN, HALF_SENT, ANSWERING};
#define STAGES (sizeof all_stages / sizeof all_stages[0])

/* ---- What goes out ------------------------------------------------------------------------------- */

static void
expect_reset(client_scene *s, stage where, kind which)
{
    client_sync(s);
    if (where == UNCONNECTED)
        return;
    if (where == WAITING) {
        CU_ASSERT_EQUAL(heard(s)->blocks, 0);
        CU_ASSERT_EQUAL(heard(s)->resets, 0);
        return;
    }
    CU_ASSERT_EQUAL(heard(s)->resets, 1);
    CU_ASSERT_EQUAL(heard(s)->reset_code, RAW_CANCEL);
    CU_ASSERT_EQUAL(heard(s)->ended, which == UNARY && where != HALF_SENT);
    CU_ASSERT_FALSE(heard(s)->reset_after_end);
}

/* The stream that a call which never left would have had goes to the next. */
static void
expect_next_call_works(client_scene *s, stage where)
{
    if (where != WAITING)
        return;
    raw_status_only(&s->server, 1, BELAY_OK, NULL);
    finish(s->other);
    s->other = NULL;
    belay_call *next = client_call(s, NULL, CHAT, BELAY_FOREVER);
    CU_ASSERT(raw_await_headers(&s->server, 3));
    raw_status_only(&s->server, 3, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_NOT_FOUND);
}

static void
expect_cancelled(stage where, kind which, const char *reason)
{
    client_scene s;
    client_open(&s, where, which, BELAY_FOREVER);
    belay_cancel(s.context, reason);
    CU_ASSERT(belay_cancelled(s.call));
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT(end.is_local);
    CU_ASSERT_STRING_EQUAL(end.message, reason != NULL ? reason : "the parent context ended");
    expect_reset(&s, where, which);
    expect_next_call_works(&s, where);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).children_open, s.other != NULL ? 1 : 0);
    client_close(&s);
}

static void
test_cancel_at_each_stage(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        expect_cancelled(all_stages[i], UNARY, "changed my mind");
        expect_cancelled(all_stages[i], CHAT, NULL);
    }
}

static void
test_free_at_each_stage(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        client_scene s;
        client_open(&s, all_stages[i], CHAT, BELAY_FOREVER);
        belay_call_free(s.call);
        s.call = NULL;
        expect_reset(&s, all_stages[i], CHAT);
        client_close(&s);
    }
}

static void
expect_deadline(stage where, kind which, bool of_parent)
{
    client_scene s;
    client_open(&s, where, which, of_parent ? BELAY_SECONDS(100) : BELAY_SECONDS(1));
    if (of_parent) {
        CU_ASSERT(bly_context_end(s.context, BELAY_CAUSE_DEADLINE, NULL));
    } else {
        fixture_advance(&s.f, BELAY_SECONDS(1));
    }
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT(end.is_local);
    CU_ASSERT_STRING_EQUAL(end.message, of_parent ? "the parent's deadline passed" : "deadline exceeded");
    expect_reset(&s, where, which);
    client_close(&s);
}

static void
test_deadline_at_each_stage(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        expect_deadline(all_stages[i], UNARY, false);
        expect_deadline(all_stages[i], CHAT, false);
    }
}

static void
test_parents_deadline_at_each_stage(void)
{
    for (size_t i = 0; i < STAGES; i++)
        expect_deadline(all_stages[i], CHAT, true);
}

/* ---- When the answer is there -------------------------------------------------------------------- */

static void
test_cancel_after_the_answer_changes_nothing(void)
{
    client_scene s;
    Belay__Test__Note *reply = NULL;
    client_open(&s, ANSWERED, UNARY, BELAY_SECONDS(1));
    belay_cancel(s.context, "too late");
    fixture_advance(&s.f, BELAY_SECONDS(2));
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_finish(s.call, &reply, NULL), BELAY_OK);
    s.call = NULL;
    CU_ASSERT_EQUAL(reply->payload.len, 10);
    belay__test__note__free_unpacked(reply, NULL);
    client_sync(&s);
    CU_ASSERT_EQUAL(heard(&s)->resets, 0);
    client_close(&s);
}

/* The status comes while the I/O thread stands still, then the cancel: the caller was first. */
static void
test_cancel_before_the_answer_is_read_wins(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    fixture_hold_io(&s.f);
    raw_status_only(&s.server, 1, BELAY_OK, NULL);
    belay_cancel(s.context, "first");
    fixture_release_io(&s.f);
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "first");
    client_sync(&s);
    client_close(&s);
}

/* A server's word about a call whose deadline has passed: nobody can tell it from the deadline's. */
static void
expect_deadline_whatever(int grpc_status, uint32_t reset_code)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_SECONDS(1));
    fixture_hold_io(&s.f);
    __atomic_fetch_add(&s.f.now, BELAY_SECONDS(1), __ATOMIC_RELAXED); /* and no timer has looked */
    if (grpc_status >= 0)
        raw_status_only(&s.server, 1, grpc_status, "by the server");
    else
        raw_reset(&s.server, 1, reset_code);
    fixture_release_io(&s.f);
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT(end.is_local);
    client_close(&s);
}

static void
test_after_its_deadline_the_caller_sees_the_deadline(void)
{
    expect_deadline_whatever(BELAY_CANCELLED, 0);
    expect_deadline_whatever(BELAY_UNAVAILABLE, 0);
    expect_deadline_whatever(-1, RAW_CANCEL);
    expect_deadline_whatever(-1, RAW_REFUSED_STREAM);
}

/* ---- Never begun --------------------------------------------------------------------------------- */

static void
expect_untouched(client_scene *s, belay_call *call, belay_code code, const char *message)
{
    CU_ASSERT(belay_cancelled(call));
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, code);
    CU_ASSERT_STRING_EQUAL(end.message, message);
    CU_ASSERT(end.is_local);
    client_sync(s);
    CU_ASSERT_EQUAL(heard(s)->blocks, 0);
    CU_ASSERT_EQUAL(heard(s)->resets, 0);
}

static void
test_call_with_an_ended_context_does_not_touch_the_network(void)
{
    client_scene s;
    client_open_idle(&s, (raw_settings){0}, true);
    belay_context *late = belay_context_derive(s.context, BELAY_SECONDS(1));
    fixture_advance(&s.f, BELAY_SECONDS(1));
    expect_untouched(&s, client_call(&s, late, UNARY, BELAY_FOREVER), BELAY_DEADLINE_EXCEEDED,
                     "the parent's deadline passed");
    expect_untouched(&s, client_call(&s, NULL, UNARY, 0), BELAY_DEADLINE_EXCEEDED, "deadline exceeded");
    belay_cancel(s.context, "over");
    expect_untouched(&s, client_call(&s, s.context, UNARY, BELAY_FOREVER), BELAY_CANCELLED, "over");
    expect_untouched(&s, client_call(&s, s.context, CHAT, BELAY_FOREVER), BELAY_CANCELLED, "over");
    belay_context_unref(late);
    client_close(&s);
}

/* Started and cancelled before the I/O thread looks. */
static void
test_call_cancelled_before_it_leaves_does_not_touch_the_network(void)
{
    client_scene s;
    client_open_idle(&s, (raw_settings){0}, false);
    fixture_hold_io(&s.f);
    s.call = client_call(&s, s.context, UNARY, BELAY_FOREVER);
    belay_cancel(s.context, "at once");
    fixture_release_io(&s.f);
    belay_call *call = s.call;
    s.call = NULL;
    expect_untouched(&s, call, BELAY_CANCELLED, "at once");
    client_close(&s);
}

/* Its turn comes in the very moment in which it was cancelled. */
static void
test_waiting_call_cancelled_as_its_stream_becomes_free(void)
{
    client_scene s;
    client_open(&s, WAITING, UNARY, BELAY_FOREVER);
    fixture_hold_io(&s.f);
    raw_status_only(&s.server, 1, BELAY_OK, NULL);
    belay_cancel(s.context, "no");
    fixture_release_io(&s.f);
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(finish(s.other).code, BELAY_OK);
    s.other = NULL;
    client_sync(&s);
    CU_ASSERT_EQUAL(heard(&s)->blocks, 0);
    client_close(&s);
}

/* In one turn: headers submitted, not flushed, and the cancel. */
static void
test_cancel_between_headers_and_their_flush(void)
{
    client_scene s;
    client_open_idle(&s, (raw_settings){0}, false);
    fixture_hold_io(&s.f);
    s.call = client_call(&s, s.context, UNARY, BELAY_FOREVER);
    fixture_step_io(&s.f);
    belay_cancel(s.context, "no");
    fixture_release_io(&s.f);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_CANCELLED);
    client_sync(&s);
    CU_ASSERT_EQUAL(heard(&s)->blocks, 0);
    CU_ASSERT_EQUAL(heard(&s)->resets, 0);
    belay_call *next = client_call(&s, NULL, CHAT, BELAY_FOREVER);
    CU_ASSERT(raw_await_headers(&s.server, 5));
    belay_call_free(next);
    client_close(&s);
}

/* The end of the requests was asked for, and has not left: the server must not take them for whole. */
static void
test_cancel_after_close_send_in_one_turn_sends_no_end(void)
{
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    fixture_hold_io(&s.f);
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(s.call, NOTE("half of it")), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_close_send(s.call), BELAY_OK);
    fixture_step_io(&s.f);
    belay_cancel(s.context, "no");
    fixture_release_io(&s.f);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_CANCELLED);
    client_sync(&s);
    CU_ASSERT_FALSE(heard(&s)->ended);
    CU_ASSERT_EQUAL(heard(&s)->resets, 1);
    client_close(&s);
}

/* ---- Threads that wait --------------------------------------------------------------------------- */

typedef struct waiter {
    pthread_t thread;
    client_scene *scene;
    belay_code code;
} waiter;

static void *
send_until_told(void *argument)
{
    waiter *w = argument;
    while ((w->code = belay_test_probe_chat_send_request(w->scene->call, w->scene->large)) == BELAY_OK)
        continue;
    return NULL;
}

static void *
receive_until_told(void *argument)
{
    waiter *w = argument;
    const void *data;
    size_t size;
    while ((w->code = belay_call_recv(w->scene->call, &data, &size)) == BELAY_OK)
        continue;
    return NULL;
}

static bool
sender_sleeps(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool sleeps = call->writer != NULL;
    bly_mutex_unlock(&call->lock);
    return sleeps;
}

static bool
receiver_sleeps(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool sleeps = call->reader != NULL;
    bly_mutex_unlock(&call->lock);
    return sleeps;
}

/* Both at once, each on its thread. */
static void
test_cancel_wakes_sender_and_receiver(void)
{
    client_scene s;
    client_open(&s, HALF_SENT, CHAT, BELAY_FOREVER);
    waiter sender = {.scene = &s}, receiver = {.scene = &s};
    pthread_create(&sender.thread, NULL, send_until_told, &sender);
    pthread_create(&receiver.thread, NULL, receive_until_told, &receiver);
    wait_until(sender_sleeps, s.call, "the sender sleeps");
    wait_until(receiver_sleeps, s.call, "the receiver sleeps");
    belay_cancel(s.context, NULL);
    pthread_join(sender.thread, NULL);
    pthread_join(receiver.thread, NULL);
    CU_ASSERT_EQUAL(sender.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(receiver.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_CANCELLED);
    client_close(&s);
}

static void
test_answer_wakes_sender_and_receiver(void)
{
    client_scene s;
    client_open(&s, HALF_SENT, CHAT, BELAY_FOREVER);
    waiter sender = {.scene = &s}, receiver = {.scene = &s};
    pthread_create(&sender.thread, NULL, send_until_told, &sender);
    pthread_create(&receiver.thread, NULL, receive_until_told, &receiver);
    wait_until(sender_sleeps, s.call, "the sender sleeps");
    wait_until(receiver_sleeps, s.call, "the receiver sleeps");
    raw_status_only(&s.server, 1, BELAY_ABORTED, "stop");
    pthread_join(sender.thread, NULL);
    pthread_join(receiver.thread, NULL);
    CU_ASSERT_EQUAL(sender.code, BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(receiver.code, BELAY_ABORTED);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_ABORTED);
    client_close(&s);
}

static void
test_loss_wakes_sender_and_receiver(void)
{
    client_scene s;
    client_open(&s, HALF_SENT, CHAT, BELAY_FOREVER);
    waiter sender = {.scene = &s}, receiver = {.scene = &s};
    pthread_create(&sender.thread, NULL, send_until_told, &sender);
    pthread_create(&receiver.thread, NULL, receive_until_told, &receiver);
    wait_until(sender_sleeps, s.call, "the sender sleeps");
    wait_until(receiver_sleeps, s.call, "the receiver sleeps");
    raw_break(&s.server);
    s.server_gone = true;
    pthread_join(sender.thread, NULL);
    pthread_join(receiver.thread, NULL);
    CU_ASSERT_EQUAL(sender.code, BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(receiver.code, BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_UNAVAILABLE);
    client_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_cancel_at_each_stage),
        TEST(test_free_at_each_stage),
        TEST(test_deadline_at_each_stage),
        TEST(test_parents_deadline_at_each_stage),
        TEST(test_cancel_after_the_answer_changes_nothing),
        TEST(test_cancel_before_the_answer_is_read_wins),
        TEST(test_after_its_deadline_the_caller_sees_the_deadline),
        TEST(test_call_with_an_ended_context_does_not_touch_the_network),
        TEST(test_call_cancelled_before_it_leaves_does_not_touch_the_network),
        TEST(test_waiting_call_cancelled_as_its_stream_becomes_free),
        TEST(test_cancel_between_headers_and_their_flush),
        TEST(test_cancel_after_close_send_in_one_turn_sends_no_end),
        TEST(test_cancel_wakes_sender_and_receiver),
        TEST(test_answer_wakes_sender_and_receiver),
        TEST(test_loss_wakes_sender_and_receiver),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client_cancel", tests, argc, argv);
}
