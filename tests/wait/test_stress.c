/* SPDX-License-Identifier: MIT */
/*
 * All waits against ends of their contexts at random moments, for the sanitizers to watch, and to see that no
 * wake-up is lost: then a wait would last for ever. What each thread does follows from its number; how they
 * meet does not.
 */
#include <belay/belay.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait/scene.h"

#define THREADS 6
#define ROUNDS 150
#define PROCESSES 12

/* Of a thread's own, small and good enough. */
static unsigned int
draw(unsigned int *seed, unsigned int below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % below;
}

/* ---- Waits of one context each ---------------------------------------------------------------------- */

typedef struct canceller {
    belay_context *context;
    int pipe; /* written to in every fourth round */
    unsigned int yields;
    bool writes;
} canceller;

static void *
cancel_soon(void *argument)
{
    canceller *self = argument;
    for (unsigned int i = 0; i < self->yields; i++)
        sched_yield();
    if (self->writes)
        CU_ASSERT_EQUAL(write(self->pipe, "x", 1), 1);
    belay_cancel(self->context, NULL);
    return NULL;
}

typedef struct waiter {
    scene *scene;
    unsigned int seed;
    void (*wait)(struct waiter *self, belay_context *context);
    int rounds;
    int ends[2];
} waiter;

static void
wait_descriptor(waiter *self, belay_context *context)
{
    char byte;
    belay_code code = belay_wait_fd(context, self->ends[0], POLLIN, BELAY_FOREVER, NULL);
    CU_ASSERT_TRUE(code == BELAY_OK || code == BELAY_CANCELLED);
    if (code == BELAY_OK)
        CU_ASSERT_EQUAL(read(self->ends[0], &byte, 1), 1);
}

static void
wait_cancel_descriptor(waiter *self, belay_context *context)
{
    struct pollfd entry = {.events = POLLIN};
    CU_ASSERT_EQUAL_FATAL(belay_cancel_fd(context, &entry.fd), BELAY_OK);
    if (draw(&self->seed, 4) != 0) { /* else it is closed before or while the context ends */
        CU_ASSERT_EQUAL(poll(&entry, 1, -1), 1);
        CU_ASSERT_TRUE(belay_context_cancelled(context));
    }
    belay_cancel_fd_close(context, entry.fd);
}

static void
run_process(waiter *self, belay_context *context)
{
    static const char *const forever[] = {"sleep", "100000", NULL};
    (void)self;
    CU_ASSERT_EQUAL(belay_process_run(context, forever, NULL, NULL), BELAY_CANCELLED);
}

static void *
wait_often(void *argument)
{
    waiter *self = argument;
    for (int i = 0; i < self->rounds; i++) {
        pthread_t thread;
        CU_ASSERT_EQUAL_FATAL(pipe(self->ends), 0);
        belay_context *context = belay_context_derive(self->scene->context, BELAY_FOREVER);
        CU_ASSERT_PTR_NOT_NULL_FATAL(context);
        canceller other = {.context = context,
                           .pipe = self->ends[1],
                           .yields = draw(&self->seed, 20),
                           .writes = draw(&self->seed, 4) == 0};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, cancel_soon, &other), 0);
        self->wait(self, context);
        pthread_join(thread, NULL);
        belay_context_unref(context);
        close(self->ends[0]);
        close(self->ends[1]);
    }
    return NULL;
}

static void
run_waiters(void (*wait)(waiter *self, belay_context *context), int rounds)
{
    scene s;
    waiter waiters[THREADS];
    pthread_t threads[THREADS];
    scene_open(&s);
    int before = count_descriptors();
    for (int i = 0; i < THREADS; i++) {
        waiters[i] = (waiter){.scene = &s, .seed = (unsigned int)i, .wait = wait, .rounds = rounds};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, wait_often, &waiters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(count_descriptors(), before);
    scene_close(&s);
}

static void
test_descriptors(void)
{
    run_waiters(wait_descriptor, ROUNDS);
}

static void
test_cancel_descriptors(void)
{
    run_waiters(wait_cancel_descriptor, ROUNDS);
}

static void
test_processes(void)
{
    run_waiters(run_process, PROCESSES);
    CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* ---- One condition for all -------------------------------------------------------------------------- */

/* Things are put one by one, with a signal each, among takers some of which are cancelled. When a signal is
 * lost with a cancelled taker, a thing stays while a patient taker sleeps, and the test hangs. */
typedef struct store {
    scene s;
    pthread_mutex_t mutex;
    belay_cond *cond;
    int things;             /* guarded by mutex */
    belay_context *current; /* guarded by mutex: the impatient takers', a reference */
    bool is_over;           /* guarded by mutex */
} store;

static void *
take_patiently(void *argument)
{
    store *d = argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&d->mutex);
        while (d->things == 0)
            CU_ASSERT_EQUAL(belay_cond_wait(d->cond, &d->mutex, NULL, BELAY_FOREVER), BELAY_OK);
        d->things--;
        pthread_mutex_unlock(&d->mutex);
    }
    return NULL;
}

/* Waits for things and takes none. */
static void *
be_cancelled(void *argument)
{
    store *d = argument;
    pthread_mutex_lock(&d->mutex);
    while (!d->is_over) {
        belay_context *context = belay_context_ref(d->current);
        belay_code code = belay_cond_wait(d->cond, &d->mutex, context, BELAY_FOREVER);
        if (code == BELAY_OK)
            belay_cond_signal(d->cond); /* not for us */
        else
            CU_ASSERT_EQUAL(code, BELAY_CANCELLED);
        belay_context_unref(context);
        pthread_mutex_unlock(&d->mutex);
        sched_yield();
        pthread_mutex_lock(&d->mutex);
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static bool
is_empty(void *argument)
{
    store *d = argument;
    pthread_mutex_lock(&d->mutex);
    bool empty = d->things == 0;
    pthread_mutex_unlock(&d->mutex);
    return empty;
}

static void
cancel_current(store *d, bool is_over)
{
    belay_context *next = belay_context_derive(d->s.context, BELAY_FOREVER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(next);
    pthread_mutex_lock(&d->mutex);
    belay_context *last = d->current;
    d->current = next;
    d->is_over = is_over;
    pthread_mutex_unlock(&d->mutex);
    belay_cancel(last, NULL);
    belay_context_unref(last);
}

static void
put_one(store *d)
{
    pthread_mutex_lock(&d->mutex);
    d->things++;
    pthread_mutex_unlock(&d->mutex);
    belay_cond_signal(d->cond);
}

static void
test_no_signal_is_lost_with_a_cancelled_waiter(void)
{
    enum { PATIENT = 2, IMPATIENT = 3 };
    store d = {.things = 0};
    pthread_t threads[PATIENT + IMPATIENT];
    scene_open(&d.s);
    pthread_mutex_init(&d.mutex, NULL);
    d.cond = belay_cond_new();
    d.current = belay_context_derive(d.s.context, BELAY_FOREVER);
    CU_ASSERT_TRUE_FATAL(d.cond != NULL && d.current != NULL);
    for (int i = 0; i < PATIENT + IMPATIENT; i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&threads[i], NULL, i < PATIENT ? take_patiently : be_cancelled, &d), 0);
    for (int i = 0; i < PATIENT * ROUNDS; i++) {
        put_one(&d);
        cancel_current(&d, false);
        wait_until(is_empty, &d, "the thing was taken");
    }
    for (int i = 0; i < PATIENT; i++)
        pthread_join(threads[i], NULL);
    cancel_current(&d, true);
    for (int i = PATIENT; i < PATIENT + IMPATIENT; i++)
        pthread_join(threads[i], NULL);
    belay_context_unref(d.current);
    belay_cond_free(d.cond);
    pthread_mutex_destroy(&d.mutex);
    scene_close(&d.s);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(descriptors),
        TEST(cancel_descriptors),
        TEST(processes),
        TEST(no_signal_is_lost_with_a_cancelled_waiter),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/stress", tests, argc, argv);
}
