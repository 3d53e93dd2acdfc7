/* SPDX-License-Identifier: MIT */
#include "base/mutex.h"

#include <errno.h>

#include "base/clock.h"
#include "base/thread.h"

static void
set_owner(bly_mutex *mutex, uintptr_t owner)
{
    __atomic_store_n(&mutex->owner, owner, __ATOMIC_RELAXED);
}

void
bly_mutex_init(bly_mutex *mutex)
{
    /* The same as pthread_mutex_init() without attributes (POSIX.1-2008), at the price of an assignment. */
    *mutex = (bly_mutex){ .mutex = PTHREAD_MUTEX_INITIALIZER };
}

void
bly_mutex_fini(bly_mutex *mutex)
{
    int error = pthread_mutex_destroy(&mutex->mutex);
    BLY_ASSERT(error == 0); /* else it is locked */
}

void
bly_condition_init(bly_condition *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
#ifndef __APPLE__ /* no choice of clocks there: see condition_time() */
    if (error == 0)
        error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    if (error == 0)
        error = pthread_cond_init(&condition->condition, &attributes);
    BLY_ASSERT(error == 0);
    pthread_condattr_destroy(&attributes);
}

void
bly_condition_fini(bly_condition *condition)
{
    pthread_cond_destroy(&condition->condition);
}

void
bly_condition_signal(bly_condition *condition)
{
    pthread_cond_signal(&condition->condition);
}

void
bly_condition_broadcast(bly_condition *condition)
{
    pthread_cond_broadcast(&condition->condition);
}

/* Waits with the owner taken off the mutex, as the wait unlocks it. */
static int
wait_without_owner(bly_condition *condition, bly_mutex *mutex, const struct timespec *deadline)
{
    uintptr_t self = bly_thread_self();
    int error;
    BLY_ASSERT_HELD(mutex);
    set_owner(mutex, 0);
    if (deadline)
        error = pthread_cond_timedwait(&condition->condition, &mutex->mutex, deadline);
    else
        error = pthread_cond_wait(&condition->condition, &mutex->mutex);
    set_owner(mutex, self);
    BLY_ASSERT(error == 0 || error == ETIMEDOUT);
    return error;
}

void
bly_condition_wait(bly_condition *condition, bly_mutex *mutex)
{
    wait_without_owner(condition, mutex, NULL);
}

#ifdef __APPLE__
/* The same point in time on the clock that conditions use there. */
static struct timespec
condition_time(uint64_t deadline)
{
    struct timespec wall;
    uint64_t now = bly_clock_now(&bly_clock_monotonic);
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t wall_ns = (uint64_t)wall.tv_sec * UINT64_C(1000000000) + (uint64_t)wall.tv_nsec;
    return bly_clock_timespec(bly_clock_after(wall_ns, deadline > now ? deadline - now : 0));
}
#else
static struct timespec
condition_time(uint64_t deadline)
{
    return bly_clock_timespec(deadline);
}
#endif

bool
bly_condition_wait_until(bly_condition *condition, bly_mutex *mutex, uint64_t deadline)
{
    if (deadline == UINT64_MAX) {
        bly_condition_wait(condition, mutex);
        return true;
    }
    struct timespec time = condition_time(deadline);
    return wait_without_owner(condition, mutex, &time) == 0;
}
