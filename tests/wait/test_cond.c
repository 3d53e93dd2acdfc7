/* SPDX-License-Identifier: MIT */
#include <belay/cond.h>

#include "wait/scene.h"

/* Things to be taken, under a mutex of the program's. */
typedef struct store {
    scene s;
    pthread_mutex_t mutex;
    belay_cond *cond;
    int things; /* guarded by mutex */
    gate entered; /* by waiters that hold the mutex */
} store;

static void
store_open(store *d)
{
    scene_open(&d->s);
    pthread_mutex_init(&d->mutex, NULL);
    d->cond = belay_cond_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(d->cond);
    d->things = 0;
    gate_init(&d->entered, "a waiter has the mutex");
}

static void
store_close(store *d)
{
    gate_fini(&d->entered);
    belay_cond_free(d->cond);
    pthread_mutex_destroy(&d->mutex);
    scene_close(&d->s);
}

static void
put(store *d, int count)
{
    pthread_mutex_lock(&d->mutex);
    d->things += count;
    if (count == 1)
        belay_cond_signal(d->cond);
    else
        belay_cond_broadcast(d->cond);
    pthread_mutex_unlock(&d->mutex);
}

typedef struct taker {
    store *store;
    belay_context *context;
    pthread_t thread;
    belay_code code;
} taker;

static void *
take(void *argument)
{
    taker *self = argument;
    store *d = self->store;
    pthread_mutex_lock(&d->mutex);
    gate_open(&d->entered);
    self->code = BELAY_OK;
    while (d->things == 0 && self->code == BELAY_OK)
        self->code = belay_cond_wait(d->cond, &d->mutex, self->context, BELAY_FOREVER);
    if (self->code == BELAY_OK)
        d->things--;
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

/* Returns when the n-th taker waits: it had the mutex, and has it no more. */
static void
start(taker *self, store *d, belay_context *context, int n)
{
    *self = (taker){.store = d, .context = context};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&self->thread, NULL, take, self), 0);
    gate_wait_count(&d->entered, n);
    pthread_mutex_lock(&d->mutex);
    pthread_mutex_unlock(&d->mutex);
}

static belay_code
join(taker *self)
{
    pthread_join(self->thread, NULL);
    return self->code;
}

/* ---- Signals ------------------------------------------------------------------------------------- */

static void
test_a_signal_wakes_one_and_a_broadcast_all(void)
{
    enum { TAKERS = 20 }; /* more than are woken at once */
    store d;
    taker takers[TAKERS];
    store_open(&d);
    for (int i = 0; i < TAKERS; i++)
        start(&takers[i], &d, i % 2 == 0 ? d.s.context : NULL, i + 1);
    put(&d, 1);
    CU_ASSERT_EQUAL(join(&takers[0]), BELAY_OK); /* who came first */
    put(&d, TAKERS - 1);
    for (int i = 1; i < TAKERS; i++)
        CU_ASSERT_EQUAL(join(&takers[i]), BELAY_OK);
    CU_ASSERT_EQUAL(d.things, 0);
    store_close(&d);
}

static void
test_a_signal_that_nobody_waits_for_is_none(void)
{
    store d;
    store_open(&d);
    belay_cond_signal(d.cond);
    belay_cond_broadcast(d.cond);
    pthread_mutex_lock(&d.mutex);
    CU_ASSERT_EQUAL(belay_cond_wait(d.cond, &d.mutex, NULL, BELAY_MILLISECONDS(1)),
                    BELAY_DEADLINE_EXCEEDED);
    pthread_mutex_unlock(&d.mutex);
    store_close(&d);
}

static void
test_it_lasts_its_whole_time(void)
{
    store d;
    store_open(&d);
    bly_parker_wake(bly_parker_current()); /* left over from another wait */
    pthread_mutex_lock(&d.mutex);
    uint64_t before = belay_now();
    CU_ASSERT_EQUAL(belay_cond_wait(d.cond, &d.mutex, d.s.context, BELAY_MILLISECONDS(3)),
                    BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_TRUE(belay_now() - before >= BELAY_MILLISECONDS(3));
    CU_ASSERT_FALSE(belay_context_cancelled(d.s.context));
    CU_ASSERT_NOT_EQUAL(pthread_mutex_trylock(&d.mutex), 0); /* it has it again */
    pthread_mutex_unlock(&d.mutex);
    store_close(&d);
}

/* ---- The end of the context ---------------------------------------------------------------------- */

static void
test_a_cancel_cuts_it_short_and_takes_no_mutex(void)
{
    store d;
    taker self;
    store_open(&d);
    start(&self, &d, d.s.context, 1);
    pthread_mutex_lock(&d.mutex);
    belay_cancel(d.s.context, NULL); /* would hang if it took the mutex */
    pthread_mutex_unlock(&d.mutex);
    CU_ASSERT_EQUAL(join(&self), BELAY_CANCELLED);
    store_close(&d);
}

static void
test_a_deadline_cuts_it_short(void)
{
    store d;
    store_open(&d);
    belay_context *limited = belay_context_derive(d.s.context, BELAY_MILLISECONDS(1));
    taker self;
    start(&self, &d, limited, 1);
    CU_ASSERT_EQUAL(join(&self), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_TRUE(belay_context_cancelled(limited));
    belay_context_unref(limited);
    store_close(&d);
}

static void
test_on_an_ended_context_nobody_waits(void)
{
    store d;
    store_open(&d);
    belay_cancel(d.s.context, NULL);
    pthread_mutex_lock(&d.mutex);
    CU_ASSERT_EQUAL(belay_cond_wait(d.cond, &d.mutex, d.s.context, BELAY_FOREVER), BELAY_CANCELLED);
    CU_ASSERT_NOT_EQUAL(pthread_mutex_trylock(&d.mutex), 0);
    pthread_mutex_unlock(&d.mutex);
    store_close(&d);
}

/* Who is signalled and cancelled before it runs returns as cancelled: the signal must reach the other.
 * Whichever of the two happens first, one thing is there and one taker is left. */
static void
test_the_signal_of_a_cancelled_waiter_is_passed_on(void)
{
    for (int round = 0; round < 200; round++) {
        store d;
        taker cancelled;
        taker other;
        store_open(&d);
        start(&cancelled, &d, d.s.context, 1);
        start(&other, &d, NULL, 2);
        pthread_mutex_lock(&d.mutex);
        d.things = 1;
        belay_cond_signal(d.cond);
        belay_cancel(d.s.context, NULL);
        pthread_mutex_unlock(&d.mutex);
        if (join(&cancelled) == BELAY_OK)
            put(&d, 1); /* it was fast, and took the thing */
        CU_ASSERT_EQUAL(join(&other), BELAY_OK);
        CU_ASSERT_EQUAL(d.things, 0);
        store_close(&d);
    }
}

/* ---- Misuse -------------------------------------------------------------------------------------- */

static void
test_a_mutex_that_is_not_held_is_refused(void)
{
    store d;
    pthread_mutexattr_t checking;
    pthread_mutex_t mutex;
    store_open(&d);
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &checking);
#ifndef __SANITIZE_THREAD__ /* which reports the program's mistake */
    CU_ASSERT_EQUAL(belay_cond_wait(d.cond, &mutex, NULL, 0), BELAY_FAILED_PRECONDITION);
#endif
    CU_ASSERT_EQUAL(belay_cond_wait(NULL, &mutex, NULL, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_cond_wait(d.cond, NULL, NULL, 0), BELAY_INVALID_ARGUMENT);
    belay_cond_signal(NULL);
    belay_cond_broadcast(NULL);
    belay_cond_free(NULL);
    pthread_mutex_destroy(&mutex);
    pthread_mutexattr_destroy(&checking);
    store_close(&d);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_signal_wakes_one_and_a_broadcast_all),
        TEST(a_signal_that_nobody_waits_for_is_none),
        TEST(it_lasts_its_whole_time),
        TEST(a_cancel_cuts_it_short_and_takes_no_mutex),
        TEST(a_deadline_cuts_it_short),
        TEST(on_an_ended_context_nobody_waits),
        TEST(the_signal_of_a_cancelled_waiter_is_passed_on),
        TEST(a_mutex_that_is_not_held_is_refused),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/cond", tests, argc, argv);
}
