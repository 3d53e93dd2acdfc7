/* SPDX-License-Identifier: MIT */
/*
 * A mutex that knows its owner, so that "the lock is held" can be asserted in every _locked
 * function, and the condition that goes with it (monotonic clock).
 */
#ifndef BLY_BASE_MUTEX_H
#define BLY_BASE_MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/thread.h"

typedef struct bly_mutex {
    pthread_mutex_t mutex;
    uintptr_t owner; /* atomic, relaxed: only its own thread can find itself here */
} bly_mutex;

typedef struct bly_condition {
    pthread_cond_t condition;
} bly_condition;

void bly_mutex_init(bly_mutex *mutex);
void bly_mutex_fini(bly_mutex *mutex);

/* True when the calling thread holds it. */
static inline bool
bly_mutex_is_held(const bly_mutex *mutex)
{
    return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == bly_thread_self();
}
#define BLY_ASSERT_HELD(lock) BLY_ASSERT(bly_mutex_is_held(lock))

/* These two are inlined: a call takes and drops a dozen locks. */
static inline void
bly_mutex_lock(bly_mutex *mutex)
{
    BLY_ASSERT(!bly_mutex_is_held(mutex));
    int error = pthread_mutex_lock(&mutex->mutex);
    BLY_ASSERT(error == 0);
    __atomic_store_n(&mutex->owner, bly_thread_self(), __ATOMIC_RELAXED);
}

static inline void
bly_mutex_unlock(bly_mutex *mutex)
{
    BLY_ASSERT_HELD(mutex);
    __atomic_store_n(&mutex->owner, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&mutex->mutex);
}

void bly_condition_init(bly_condition *condition);
void bly_condition_fini(bly_condition *condition);
void bly_condition_signal(bly_condition *condition);
void bly_condition_broadcast(bly_condition *condition);
void bly_condition_wait(bly_condition *condition, bly_mutex *mutex);

/* Waits until `deadline` (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: for ever); false when it passed. */
bool bly_condition_wait_until(bly_condition *condition, bly_mutex *mutex, uint64_t deadline);

#endif
