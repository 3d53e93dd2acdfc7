/* SPDX-License-Identifier: MIT */
/*
 * Ends at times and places where nobody should have them, on real calls: from within callbacks, while
 * callbacks block, twice, too late, with contexts that are long given back.
 */
#include <belay/belay.h>

#include <pthread.h>
#include <string.h>

#include "support/fixture.h"

#define ROUNDS 200

typedef struct bench {
    fixture fixture;
    belay_context *root; /* of the calls */
    gate entered;        /* handlers */
    gate called;         /* callbacks that say so */
    gate go;             /* those that block may return */
    unsigned int causes[BELAY_CAUSE_FINISHED]; /* atomic, relaxed: with which handlers have ended */
} bench;

/* ---- Handlers -------------------------------------------------------------------------------------- */

/* Unary: sleeps until its call ends. */
static belay_code
sleep_on(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    (void)request, (void)reply;
    gate_open(&b->entered);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    __atomic_fetch_add(&b->causes[belay_context_cause(belay_call_context(call))], 1, __ATOMIC_RELAXED);
    return code;
}

static void
count(belay_context *context, void *argument)
{
    (void)context;
    ++*(int *)argument;
}

typedef struct pair {
    belay_cancel_callback *first;
    belay_cancel_callback *second;
    bool is_removed;
    int runs;
} pair;

/* Removes itself and the other, which is queued behind it. */
static void
remove_both(belay_context *context, void *argument)
{
    pair *self = argument;
    (void)context;
    self->is_removed = true;
    (void)belay_cancel_callback_remove(self->second);
    (void)belay_cancel_callback_remove(self->first);
}

/* When the callbacks have ended, run or not. */
static void
clean_up(void *argument)
{
    pair *self = argument;
    if (self->is_removed)
        return;
    (void)belay_cancel_callback_remove(self->second);
    (void)belay_cancel_callback_remove(self->first);
}

/* Download: leaves a callback behind that writes to its memory, while its call is cancelled. */
static belay_code
leave_callback(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    int *runs = belay_alloc(call, sizeof *runs);
    (void)request;
    *runs = 0;
    gate_open(&b->entered);
    return belay_on_cancel(belay_call_context(call), count, runs, NULL);
}

/* Chat: its callbacks remove one another while it comes to its end. */
static belay_code
tangle_callbacks(belay_call *call)
{
    bench *b = belay_call_data(call);
    belay_context *own = belay_call_context(call);
    pair *self = belay_alloc(call, sizeof *self);
    *self = (pair){.runs = 0};
    if (belay_on_cancel(own, remove_both, self, &self->first) != BELAY_OK ||
        belay_on_cancel(own, count, &self->runs, &self->second) != BELAY_OK ||
        belay_defer(call, clean_up, self) != BELAY_OK)
        return BELAY_INTERNAL;
    gate_open(&b->entered);
    return belay_sleep(own, BELAY_FOREVER);
}

/* ---- The bench -------------------------------------------------------------------------------------- */

static void
bench_open(bench *b)
{
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->called, "callback called");
    gate_init(&b->go, "callbacks may return");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = sleep_on, .download = leave_callback, .chat = tangle_callbacks}, .data = b});
    b->root = belay_context_new(b->fixture.runtime);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->root);
}

static void
bench_close(bench *b)
{
    belay_context_unref(b->root);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->called);
    gate_fini(&b->go);
}

/* ---- Contexts --------------------------------------------------------------------------------------- */

static void
test_a_context_may_be_given_back_as_soon_as_its_call_is_started(void)
{
    bench b;
    bench_open(&b);
    belay_context *own = belay_context_derive(b.root, BELAY_SECONDS(1000));
    belay_call *call = start_unary(&b.fixture, own, BELAY_FOREVER);
    belay_context_unref(own);
    gate_wait(&b.entered);
    belay_cancel(b.root, "from far above");
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "from far above");
    bench_close(&b);
    CU_ASSERT_EQUAL(b.causes[BELAY_CAUSE_PEER_CANCELLED], 1);
}

static void
test_a_context_may_be_given_back_while_it_is_cancelled(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < ROUNDS; i++) {
        belay_context *own = belay_context_derive(b.root, BELAY_FOREVER);
        belay_call *call = start_unary(&b.fixture, own, BELAY_FOREVER);
        belay_cancel(own, "again");
        belay_context_unref(own);
        belay_call_free(call);
    }
    bench_close(&b);
}

static void
test_to_cancel_twice_or_after_the_end_changes_nothing(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_unary(&b.fixture, b.root, BELAY_FOREVER);
    belay_context *own = belay_context_ref(belay_call_context(call));
    gate_wait(&b.entered);
    belay_cancel(own, "first");
    belay_cancel(own, "second");
    belay_cancel(b.root, "third");
    CU_ASSERT_STRING_EQUAL(finish(call).message, "first");
    belay_cancel(own, "fourth");
    CU_ASSERT_EQUAL(belay_context_cause(own), BELAY_CAUSE_APPLICATION);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(own), "first");
    belay_context_unref(own);
    bench_close(&b);
}

static void *
cancel_with_reason(void *argument)
{
    belay_cancel(argument, "by another thread");
    return NULL;
}

static void
test_of_two_cancellers_at_once_the_callers_message_is_the_winners(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t other;
        belay_call *call = start_unary(&b.fixture, b.root, BELAY_FOREVER);
        belay_context *own = belay_context_ref(belay_call_context(call));
        CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, cancel_with_reason, own), 0);
        belay_cancel(own, "by this thread");
        char said[32];
        snprintf(said, sizeof said, "%s", belay_context_reason(own)); /* a loser can read it when back */
        ending end = finish(call);
        pthread_join(other, NULL);
        CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
        CU_ASSERT_STRING_EQUAL(end.message, said);
        CU_ASSERT_TRUE(strncmp(said, "by ", 3) == 0);
        belay_context_unref(own);
    }
    bench_close(&b);
}

/* ---- Callbacks -------------------------------------------------------------------------------------- */

static void
free_call(belay_context *context, void *call)
{
    (void)context;
    belay_call_free(call);
}

static void
test_a_callback_may_free_the_call_whose_end_it_hears(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_unary(&b.fixture, b.root, BELAY_FOREVER);
    CU_ASSERT_EQUAL_FATAL(belay_on_cancel(belay_call_context(call), free_call, call, NULL), BELAY_OK);
    gate_wait(&b.entered);
    belay_cancel(b.root, NULL);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    bench_close(&b); /* which waits until no call is open */
}

typedef struct chain {
    bench *b;
    belay_context *next;
} chain;

static void
cancel_next(belay_context *context, void *argument)
{
    chain *self = argument;
    belay_cancel(context, "is over already");
    belay_cancel(self->next, "passed on");
    gate_open(&self->b->called);
}

static void
test_callbacks_cancel_one_call_after_the_other(void)
{
    enum { LENGTH = 20 };
    bench b;
    belay_call *calls[LENGTH];
    chain links[LENGTH];
    bench_open(&b);
    for (int i = 0; i < LENGTH; i++)
        calls[i] = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    for (int i = 0; i < LENGTH; i++) { /* a ring */
        links[i] = (chain){&b, belay_call_context(calls[(i + 1) % LENGTH])};
        belay_code code = belay_on_cancel(belay_call_context(calls[i]), cancel_next, &links[i], NULL);
        CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    }
    belay_cancel(belay_call_context(calls[0]), "begun");
    gate_wait_count(&b.called, LENGTH);
    CU_ASSERT_STRING_EQUAL(finish(calls[0]).message, "begun");
    for (int i = 1; i < LENGTH; i++)
        CU_ASSERT_STRING_EQUAL(finish(calls[i]).message, "passed on");
    bench_close(&b);
}

static void
block(belay_context *context, void *argument)
{
    bench *b = argument;
    (void)context;
    gate_open(&b->called);
    gate_wait(&b->go);
}

static void
tell(belay_context *context, void *argument)
{
    (void)context;
    gate_open(argument);
}

static void
test_a_callback_that_blocks_holds_up_neither_its_call_nor_others(void)
{
    bench b;
    gate heard;
    gate_init(&heard, "the other's callback runs");
    bench_open(&b);
    belay_call *call = start_unary(&b.fixture, b.root, BELAY_FOREVER);
    belay_call *other = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL_FATAL(belay_on_cancel(b.root, block, &b, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_on_cancel(belay_call_context(other), tell, &heard, NULL), BELAY_OK);
    gate_wait_count(&b.entered, 2);
    belay_cancel(b.root, "blocked");
    gate_wait(&b.called);
    CU_ASSERT_STRING_EQUAL(finish(call).message, "blocked");
    belay_cancel(belay_call_context(other), "not blocked");
    gate_wait(&heard);
    CU_ASSERT_STRING_EQUAL(finish(other).message, "not blocked");
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    gate_open(&b.go);
    bench_close(&b);
    gate_fini(&heard);
}

static void
test_a_callback_that_a_handler_leaves_behind_ends_before_its_memory(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < ROUNDS; i++) {
        belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
        gate_wait_count(&b.entered, i + 1);
        belay_call_free(call);
    }
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    bench_close(&b);
}

static void
test_callbacks_remove_one_another_while_their_handler_ends(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < ROUNDS; i++) {
        belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
        gate_wait_count(&b.entered, i + 1);
        belay_call_free(call);
    }
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_context_may_be_given_back_as_soon_as_its_call_is_started),
        TEST(a_context_may_be_given_back_while_it_is_cancelled),
        TEST(to_cancel_twice_or_after_the_end_changes_nothing),
        TEST(of_two_cancellers_at_once_the_callers_message_is_the_winners),
        TEST(a_callback_may_free_the_call_whose_end_it_hears),
        TEST(callbacks_cancel_one_call_after_the_other),
        TEST(a_callback_that_blocks_holds_up_neither_its_call_nor_others),
        TEST(a_callback_that_a_handler_leaves_behind_ends_before_its_memory),
        TEST(callbacks_remove_one_another_while_their_handler_ends),
        CU_TEST_INFO_NULL,
    };
    return suite_run("hostile", tests, argc, argv);
}
