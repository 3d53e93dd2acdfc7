/* SPDX-License-Identifier: MIT */
/*
 * Conditions: pthread_cond_t for handlers. A thread that waits for what others of the program bring about,
 * under a mutex of the program's, is also released when its context ends. Only the waiting thread takes that
 * mutex: who cancels a context does not, so it may be held while something is cancelled.
 */
#ifndef BELAY_COND_H
#define BELAY_COND_H

#include <pthread.h>
#include <stdint.h>

#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_cond belay_cond;

/*
 * Makes a condition.
 *
 * Returns the condition, which the caller frees with belay_cond_free(), or NULL without memory.
 * Threads: any.
 */
BELAY_API belay_cond *belay_cond_new(void);

/*
 * Frees a condition.
 *
 * cond: on which nobody waits any more, or NULL.
 * Threads: any. Also right after the last waiter was woken, when belay_cond_wait() has returned for all of
 *     them.
 */
BELAY_API void belay_cond_free(belay_cond *cond);

/*
 * Waits for a signal: unlocks the mutex, sleeps, and locks it again before it returns. Waiters are woken in
 * the order of their coming.
 *
 * Look at what is waited for again after BELAY_OK, in a loop, as with pthread_cond_wait(): other threads may
 * have been faster between the signal and the lock, and a signal that was meant for a waiter whose context
 * ended at the same time is passed on to the next, who may have come after it was sent. Look also after
 * BELAY_DEADLINE_EXCEEDED by time-out: it may have come to pass by then.
 *
 * cond: to wait on.
 * mutex: the program's, locked once by the caller; neither robust nor shared between processes. Who changes
 *     what is waited for does so with it locked, else a signal may come before the wait.
 * context: whose end cuts the wait short; NULL for none.
 * timeout_ns: how long, in nanoseconds; BELAY_FOREVER for no limit.
 * Returns BELAY_OK when it was signalled; BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED as the context ended,
 *     also when it was signalled too; BELAY_DEADLINE_EXCEEDED when the time passed (belay_context_cancelled()
 *     tells the two apart); BELAY_INVALID_ARGUMENT without a condition or a mutex; BELAY_FAILED_PRECONDITION
 *     when the mutex cannot be unlocked, as an error-checking one that the caller does not hold;
 *     BELAY_RESOURCE_EXHAUSTED without memory. In each case the mutex is as it was before, locked.
 * Threads: any but a callback's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_cond_wait(belay_cond *cond, pthread_mutex_t *mutex,
                                                       belay_context *context, uint64_t timeout_ns);

/*
 * Wakes the thread that has waited longest, if any does. It is not lost to a waiter whose context ends at the
 * same time: then the next has it.
 *
 * cond: to signal.
 * Threads: any, callbacks included, with the mutex locked or not.
 */
BELAY_API void belay_cond_signal(belay_cond *cond);

/*
 * Wakes all threads that wait now.
 *
 * cond: to signal.
 * Threads: any, callbacks included, with the mutex locked or not.
 */
BELAY_API void belay_cond_broadcast(belay_cond *cond);

BELAY_END_DECLS

#endif
