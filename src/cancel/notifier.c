/* SPDX-License-Identifier: MIT */
#include "cancel/notifier.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"

#define NAME_SIZE 16

/*
 * A thread has one of three parts. The runner takes items and runs them. The standby watches how long the
 * runner's item takes, and takes over its part when that is too long while others wait. A runner which has
 * lost its part is late: when its item returns at last, it takes the part that is free, or leaves.
 *
 * The standby sleeps without a deadline until the runner is busy and something waits; whoever brings that
 * about wakes it. From then on it wakes by itself when the runner's item would become slow, so that a
 * notifier which is always busy costs a wake-up every BLY_NOTIFIER_SLOW_NS and not one for each item.
 *
 * Conditions are signalled with the lock held: an item may lead to the end of the notifier before its poster
 * is back from bly_notifier_post().
 */
struct bly_notifier {
    /* const after creation */
    char name[NAME_SIZE];

    bly_mutex lock;
    /* guarded by lock */
    bly_notifier_item *first;
    bly_notifier_item **last; /* where the next one goes */
    uintptr_t runner;         /* bly_thread_self() of who has the part, or 0 */
    uintptr_t standby;        /* likewise */
    bool recruiting;          /* a thread is being started, to become standby */
    bool busy;                /* the runner is in an item */
    uint64_t busy_since;
    bool watching; /* the standby sleeps with a deadline */
    bool closing;
    unsigned int threads; /* the one being started included */
    bool has_last_left;
    pthread_t last_left; /* joined by the next thread that leaves */

    bly_condition work;  /* the runner sleeps here */
    bly_condition watch; /* the standby */
    bly_condition gone;  /* bly_notifier_free(), until threads is 0 */
};

static _Thread_local const bly_notifier *current;

static void run_thread(void *argument);

/* ---- The runner -------------------------------------------------------------------------------- */

/* Leaves alone a standby that wakes by itself. */
static void
alert_standby_locked(bly_notifier *notifier)
{
    if (!notifier->watching)
        bly_condition_signal(&notifier->watch);
}

static bly_notifier_item *
take_first_locked(bly_notifier *notifier)
{
    bly_notifier_item *item = notifier->first;
    notifier->first = item->next;
    if (!notifier->first)
        notifier->last = &notifier->first;
    item->next = NULL;
    return item;
}

static void
run_first_locked(bly_notifier *notifier, uintptr_t self)
{
    bly_notifier_item *item = take_first_locked(notifier);
    notifier->busy = true;
    notifier->busy_since = bly_clock_now(&bly_clock_monotonic);
    if (notifier->first)
        alert_standby_locked(notifier);
    bly_mutex_unlock(&notifier->lock);
    item->run(item);
    bly_mutex_lock(&notifier->lock);
    if (notifier->runner == self)
        notifier->busy = false; /* else it is the successor's */
}

static bool
start_thread_locked(bly_notifier *notifier)
{
    pthread_t thread; /* joined by the thread that leaves after it */
    notifier->threads++;
    notifier->recruiting = true;
    bly_mutex_unlock(&notifier->lock);
    bool started = bly_thread_start(&thread, notifier->name, 0, run_thread, notifier);
    bly_mutex_lock(&notifier->lock);
    if (!started) {
        notifier->threads--;
        notifier->recruiting = false;
    }
    return started;
}

/* Without a standby, slow items hold up the others until the next attempt. */
static void
recruit_standby_locked(bly_notifier *notifier)
{
    bool is_ending = notifier->closing && !notifier->first;
    if (!notifier->standby && !notifier->recruiting && !is_ending
        && notifier->threads < BLY_NOTIFIER_MAX_THREADS)
        (void)start_thread_locked(notifier);
}

/* Nothing waits, and nobody is left whose item could still post something. */
static bool
is_done_locked(const bly_notifier *notifier)
{
    unsigned int parts = 1 + (notifier->standby != 0);
    return notifier->closing && !notifier->first && notifier->threads == parts;
}

/* One step of the runner; false: it is to leave. */
static bool
serve_locked(bly_notifier *notifier, uintptr_t self)
{
    recruit_standby_locked(notifier);
    if (notifier->first)
        run_first_locked(notifier, self);
    else if (is_done_locked(notifier))
        return false;
    else
        bly_condition_wait(&notifier->work, &notifier->lock);
    return true;
}

/* ---- The standby ------------------------------------------------------------------------------- */

static void
take_over_locked(bly_notifier *notifier, uintptr_t self)
{
    if (notifier->standby == self)
        notifier->standby = 0;
    notifier->runner = self;
    notifier->busy = false;
}

/* One step of the standby. */
static void
watch_locked(bly_notifier *notifier, uintptr_t self)
{
    if (!notifier->busy || !notifier->first) {
        bly_condition_wait(&notifier->watch, &notifier->lock);
        return;
    }
    uint64_t due = bly_clock_after(notifier->busy_since, BLY_NOTIFIER_SLOW_NS);
    if (bly_clock_now(&bly_clock_monotonic) >= due) {
        take_over_locked(notifier, self);
        return;
    }
    notifier->watching = true;
    (void)bly_condition_wait_until(&notifier->watch, &notifier->lock, due);
    notifier->watching = false;
}

/* ---- The thread -------------------------------------------------------------------------------- */

/* Takes a part that is free, then does one step of its own; false: it is to leave. */
static bool
step_locked(bly_notifier *notifier, uintptr_t self)
{
    if (!notifier->runner)
        take_over_locked(notifier, self);
    if (notifier->runner == self)
        return serve_locked(notifier, self);
    if (!notifier->standby) {
        notifier->standby = self;
        bly_condition_signal(&notifier->work); /* a runner that is about to end counts again */
    }
    if (notifier->standby != self)
        return false;
    watch_locked(notifier, self);
    return true;
}

/* Each thread joins the one that left before, and bly_notifier_free() the last. */
static void
leave_and_unlock(bly_notifier *notifier, uintptr_t self)
{
    bool has_previous = notifier->has_last_left;
    pthread_t previous = notifier->last_left;
    notifier->has_last_left = true;
    notifier->last_left = pthread_self();
    if (notifier->runner == self)
        notifier->runner = 0;
    notifier->threads--;
    bly_condition_signal(&notifier->work); /* both may wait for the end */
    bly_condition_signal(&notifier->watch);
    if (notifier->threads == 0)
        bly_condition_signal(&notifier->gone);
    bly_mutex_unlock(&notifier->lock);
    /* The notifier may be gone from here on. */
    if (has_previous)
        pthread_join(previous, NULL);
}

static void
run_thread(void *argument)
{
    bly_notifier *notifier = argument;
    uintptr_t self = bly_thread_self();
    current = notifier;
    bly_mutex_lock(&notifier->lock);
    notifier->recruiting = false;
    while (step_locked(notifier, self))
        ;
    leave_and_unlock(notifier, self);
    current = NULL;
}

/* ---- From outside ------------------------------------------------------------------------------ */

void
bly_notifier_post(bly_notifier *notifier, bly_notifier_item *item)
{
    bly_mutex_lock(&notifier->lock);
    item->next = NULL;
    *notifier->last = item;
    notifier->last = &item->next;
    if (notifier->busy)
        alert_standby_locked(notifier);
    else
        bly_condition_signal(&notifier->work);
    bly_mutex_unlock(&notifier->lock);
}

bool
bly_notifier_is_current(const bly_notifier *notifier)
{
    return current == notifier;
}

static void
destroy(bly_notifier *notifier)
{
    bly_condition_fini(&notifier->gone);
    bly_condition_fini(&notifier->watch);
    bly_condition_fini(&notifier->work);
    bly_mutex_fini(&notifier->lock);
    free(notifier);
}

bly_notifier *
bly_notifier_new(const char *name)
{
    bly_notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier)
        return NULL;
    strncpy(notifier->name, name, NAME_SIZE - 1);
    notifier->last = &notifier->first;
    bly_mutex_init(&notifier->lock);
    bly_condition_init(&notifier->work);
    bly_condition_init(&notifier->watch);
    bly_condition_init(&notifier->gone);
    bly_mutex_lock(&notifier->lock);
    bool started = start_thread_locked(notifier);
    bly_mutex_unlock(&notifier->lock);
    if (started)
        return notifier;
    destroy(notifier);
    return NULL;
}

void
bly_notifier_free(bly_notifier *notifier)
{
    if (!notifier)
        return;
    BLY_ASSERT(!bly_notifier_is_current(notifier));
    bly_mutex_lock(&notifier->lock);
    notifier->closing = true;
    bly_condition_signal(&notifier->work);
    while (notifier->threads > 0)
        bly_condition_wait(&notifier->gone, &notifier->lock);
    bly_mutex_unlock(&notifier->lock);
    pthread_join(notifier->last_left, NULL);
    destroy(notifier);
}
