/* SPDX-License-Identifier: MIT */
/*
 * Conditions. The waiters stand in a queue under a lock of the condition's own; a waiter is in it from before
 * the program's mutex is unlocked until it was signalled, or has left by itself. Who signals takes waiters
 * out and wakes their parkers after the unlock; who cancels wakes the parker alone, and touches neither queue
 * nor mutex.
 *
 * A waiter looks under the lock how it ended. One that was signalled and whose context has ended gives the
 * signal to the next: it is going to return without having looked at what was signalled. Not so for a
 * broadcast, of which everybody had one.
 *
 * Lock order: the program's mutex, then this lock, which takes none.
 */
#include <belay/cond.h>

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mutex.h"
#include "base/parker.h"
#include "pool/pool.h"
#include "wait/waiting.h"

struct belay_cond {
    bly_mutex lock;
    /* guarded by lock */
    bly_list waiters; /* oldest first */
};

typedef enum signal_kind {
    NOT_SIGNALLED,
    SIGNALLED,
    BROADCAST
} signal_kind;

/* On the waiting thread's stack. */
typedef struct waiter {
    /* const */
    bly_parker *parker;
    /* guarded by the condition's lock */
    bly_link link;
    signal_kind signalled; /* atomic: also read without, by the waiter, which then looks again */
} waiter;

belay_cond *
belay_cond_new(void)
{
    belay_cond *cond = malloc(sizeof *cond);
    if (cond == NULL)
        return NULL;
    bly_mutex_init(&cond->lock);
    bly_list_init(&cond->waiters);
    return cond;
}

void
belay_cond_free(belay_cond *cond)
{
    if (cond == NULL)
        return;
    BLY_ASSERT(bly_list_is_empty(&cond->waiters));
    bly_mutex_fini(&cond->lock);
    free(cond);
}

/* ---- Signalling -------------------------------------------------------------------------------- */

/* Takes the first waiter of a queue out and gives its parker, with a reference: it may be gone after the
 * unlock. */
static bly_parker *
take_first_locked(bly_list *waiters, signal_kind kind)
{
    bly_link *link = bly_list_take_first(waiters);
    if (link == NULL)
        return NULL;
    waiter *first = BLY_LIST_ENTRY(link, waiter, link);
    bly_parker *parker = bly_parker_ref(first->parker);
    __atomic_store_n(&first->signalled, kind, __ATOMIC_RELAXED);
    return parker;
}

static void
wake(bly_parker *parker)
{
    bly_parker_wake(parker);
    bly_parker_unref(parker);
}

void
belay_cond_signal(belay_cond *cond)
{
    if (cond == NULL)
        return;
    bly_mutex_lock(&cond->lock);
    bly_parker *parker = take_first_locked(&cond->waiters, SIGNALLED);
    bly_mutex_unlock(&cond->lock);
    if (parker != NULL)
        wake(parker);
}

/* Waiters that are woken after the lock is dropped; more than these are woken under it. It is not taken a
 * second time: by then all waiters may have returned, and the condition may be gone. */
#define WAKE_BATCH 16

void
belay_cond_broadcast(belay_cond *cond)
{
    if (cond == NULL)
        return;
    bly_parker *batch[WAKE_BATCH];
    unsigned int count = 0;
    bly_parker *parker;
    bly_mutex_lock(&cond->lock);
    while ((parker = take_first_locked(&cond->waiters, BROADCAST)) != NULL) {
        if (count < WAKE_BATCH)
            batch[count++] = parker;
        else
            wake(parker);
    }
    bly_mutex_unlock(&cond->lock);
    for (unsigned int i = 0; i < count; i++)
        wake(batch[i]);
}

/* ---- Waiting ----------------------------------------------------------------------------------- */

static void
enter(belay_cond *cond, waiter *self)
{
    bly_mutex_lock(&cond->lock);
    bly_list_append(&cond->waiters, &self->link);
    bly_mutex_unlock(&cond->lock);
}

static signal_kind
leave(belay_cond *cond, waiter *self)
{
    bly_mutex_lock(&cond->lock);
    bly_list_remove(&self->link);
    signal_kind kind = __atomic_load_n(&self->signalled, __ATOMIC_RELAXED);
    bly_mutex_unlock(&cond->lock);
    return kind;
}

static void
sleep_until_signalled(waiter *self, belay_context *context, uint64_t until)
{
    while (__atomic_load_n(&self->signalled, __ATOMIC_RELAXED) == NOT_SIGNALLED
           && bly_waiting_code(context) == BELAY_OK && bly_parker_park_until(self->parker, until))
        continue; /* woken: by one of these, or by what is left of an earlier wait */
}

static belay_code
wait_unlocked(belay_cond *cond, waiter *self, belay_context *context, uint64_t until)
{
    sleep_until_signalled(self, context, until);
    signal_kind kind = leave(cond, self);
    belay_code code = bly_waiting_code(context);
    if (code == BELAY_OK)
        return kind != NOT_SIGNALLED ? BELAY_OK : BELAY_DEADLINE_EXCEEDED;
    if (kind == SIGNALLED)
        belay_cond_signal(cond);
    return code;
}

belay_code
belay_cond_wait(belay_cond *cond, pthread_mutex_t *mutex, belay_context *context, uint64_t timeout_ns)
{
    if (cond == NULL || mutex == NULL)
        return BELAY_INVALID_ARGUMENT;
    uint64_t until = bly_clock_after(belay_now(), timeout_ns);
    waiter self = {.parker = bly_parker_current(), .signalled = NOT_SIGNALLED};
    bly_wait wait = {.parker = self.parker};
    if (self.parker == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_waiting_begin(context, &wait))
        return belay_context_code(context);
    enter(cond, &self);
    belay_code code = BELAY_FAILED_PRECONDITION;
    if (pthread_mutex_unlock(mutex) == 0) {
        bly_pool_blocked_in(BLY_POOL_IN_CONDITION);
        code = wait_unlocked(cond, &self, context, until);
        pthread_mutex_lock(mutex); /* may take long: whoever has it */
        bly_pool_blocked_end();
    } else if (leave(cond, &self) == SIGNALLED) {
        belay_cond_signal(cond);
    }
    bly_waiting_end(context, &wait);
    return code;
}
