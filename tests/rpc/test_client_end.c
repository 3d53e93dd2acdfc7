/* SPDX-License-Identifier: MIT */
/*
 * Ways to let go of a call: finish, free, abandon, and freeing its channel under it, at each stage. Whatever
 * is done in whatever order, the owner gets an end, and nothing stays behind.
 */
#include "rpc/client_scene.h"

static const stage all_stages[] = {UNCONNECTED, WAITING, OPEN, HALF_SENT, ANSWERING, ANSWERED};
#define STAGES (sizeof all_stages / sizeof all_stages[0])

/* ---- The channel goes first ---------------------------------------------------------------------- */

typedef struct freeing {
    pthread_t thread;
    belay_channel *channel;
} freeing;

static void *
free_channel(void *argument)
{
    belay_channel_free(((freeing *)argument)->channel);
    return NULL;
}

/* The owner finishes after the channel was freed, or is blocked in it meanwhile. */
static void
expect_ended_with_channel(stage where, kind which, bool blocked)
{
    client_scene s;
    ending end;
    client_open(&s, where, which, BELAY_FOREVER);
    freeing f = {.channel = s.channel};
    s.channel = NULL;
    pthread_create(&f.thread, NULL, free_channel, &f);
    if (blocked)
        end = client_finish(&s);
    if (s.connected)
        raw_await_lost(&s.server);
    pthread_join(f.thread, NULL);
    if (!blocked)
        end = client_finish(&s);
    if (where == ANSWERED) {
        CU_ASSERT_EQUAL(end.code, BELAY_OK);
    } else {
        CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
        CU_ASSERT_STRING_EQUAL(end.message, "the channel was closed");
        CU_ASSERT(end.is_local);
    }
    if (s.connected && where != WAITING && where != ANSWERED) {
        CU_ASSERT_EQUAL(heard(&s)->resets, 1);
        CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_CANCEL);
    }
    client_close(&s);
}

static void
test_freed_channel_ends_its_calls(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        expect_ended_with_channel(all_stages[i], UNARY, false);
        expect_ended_with_channel(all_stages[i], CHAT, false);
        expect_ended_with_channel(all_stages[i], UNARY, true);
    }
}

/* A call that nobody will finish goes with its channel. */
static void
test_freed_channel_ends_abandoned_calls(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        client_scene s;
        client_open(&s, all_stages[i], CHAT, BELAY_FOREVER);
        belay_call_abandon(s.call);
        s.call = NULL;
        client_close(&s);
    }
}

/* ---- Free ---------------------------------------------------------------------------------------- */

static void
test_free_after_the_end(void)
{
    client_scene s;
    client_open(&s, ANSWERED, UNARY, BELAY_FOREVER);
    belay_call_free(s.call);
    s.call = NULL;
    client_sync(&s);
    CU_ASSERT_EQUAL(heard(&s)->resets, 0);
    client_close(&s);
}

static void
test_free_after_the_cancel(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        client_scene s;
        client_open(&s, all_stages[i], UNARY, BELAY_FOREVER);
        belay_cancel(s.context, NULL);
        belay_call_free(s.call);
        s.call = NULL;
        client_close(&s);
    }
}

/* Freed in the moment in which another thread cancels its parent. */
static void *
cancel_parent(void *argument)
{
    belay_cancel(argument, "from another thread");
    return NULL;
}

static void
test_free_while_the_parent_is_cancelled(void)
{
    for (int round = 0; round < 50; round++) {
        client_scene s;
        pthread_t thread;
        client_open(&s, UNCONNECTED, CHAT, BELAY_FOREVER);
        pthread_create(&thread, NULL, cancel_parent, s.context);
        while (round % 2 == 0 && !belay_cancelled(s.call))
            continue;
        belay_call_free(s.call);
        s.call = NULL;
        pthread_join(thread, NULL);
        client_close(&s);
    }
}

/* ---- Abandon ------------------------------------------------------------------------------------- */

/* It goes on: the request is whole, the answer is taken in and dropped. */
static void
test_abandoned_call_goes_on(void)
{
    client_scene s;
    client_open(&s, HALF_SENT, CHAT, BELAY_FOREVER);
    belay_call_abandon(s.call);
    s.call = NULL;
    raw_window(&s.server, 1, 5000);
    CU_ASSERT(raw_await_end(&s.server, 1));
    CU_ASSERT(heard(&s)->ended);
    CU_ASSERT_EQUAL(heard(&s)->resets, 0);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).children_open, 1);
    raw_respond(&s.server, 1);
    for (int i = 0; i < 8; i++) { /* more than a window that nobody opens */
        raw_message(&s.server, 1, 60000, false);
        raw_sync(&s.server);
    }
    raw_status(&s.server, 1, BELAY_OK, NULL);
    FIXTURE_AWAIT(&s.f, children_open, 0);
    client_close(&s);
}

static void
test_abandoned_call_ends_with_its_deadline(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        client_scene s;
        client_open(&s, all_stages[i], CHAT, BELAY_SECONDS(1));
        belay_call_abandon(s.call);
        s.call = NULL;
        fixture_advance(&s.f, BELAY_SECONDS(1));
        FIXTURE_AWAIT(&s.f, children_open, s.other != NULL ? 1 : 0);
        client_close(&s);
    }
}

static void
test_abandoned_call_ends_with_its_context(void)
{
    for (size_t i = 0; i < STAGES; i++) {
        client_scene s;
        client_open(&s, all_stages[i], CHAT, BELAY_FOREVER);
        belay_call_abandon(s.call);
        s.call = NULL;
        belay_cancel(s.context, NULL);
        FIXTURE_AWAIT(&s.f, children_open, s.other != NULL ? 1 : 0);
        client_close(&s);
    }
}

/* Its end lies in the mailbox already when it is abandoned, and the other way round. */
static void
test_abandon_and_end_in_one_turn(void)
{
    for (int cancel_first = 0; cancel_first <= 1; cancel_first++) {
        client_scene s;
        client_open(&s, OPEN, CHAT, BELAY_FOREVER);
        fixture_hold_io(&s.f);
        if (cancel_first)
            belay_cancel(s.context, NULL);
        belay_call_abandon(s.call);
        s.call = NULL;
        if (!cancel_first)
            belay_cancel(s.context, NULL);
        fixture_release_io(&s.f);
        CU_ASSERT(raw_await_reset(&s.server, 1));
        client_close(&s);
    }
}

/* ---- Finish -------------------------------------------------------------------------------------- */

/* Nobody asks for messages: they are dropped, and their sender is never out of window. */
static void
test_finish_drops_what_still_comes(void)
{
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    raw_respond(&s.server, 1);
    for (int i = 0; i < 3; i++)
        raw_message(&s.server, 1, 60000, false);
    client_sync(&s);
    raw_status(&s.server, 1, BELAY_OK, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_OK);
    client_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_freed_channel_ends_its_calls),
        TEST(test_freed_channel_ends_abandoned_calls),
        TEST(test_free_after_the_end),
        TEST(test_free_after_the_cancel),
        TEST(test_free_while_the_parent_is_cancelled),
        TEST(test_abandoned_call_goes_on),
        TEST(test_abandoned_call_ends_with_its_deadline),
        TEST(test_abandoned_call_ends_with_its_context),
        TEST(test_abandon_and_end_in_one_turn),
        TEST(test_finish_drops_what_still_comes),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client_end", tests, argc, argv);
}
