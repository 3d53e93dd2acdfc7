/* SPDX-License-Identifier: MIT */
/*
 * The worker pool: threads that run jobs from one bounded queue.
 *
 * Waking. Jobs are pushed in batches, one wake-up for each batch; a worker that takes a job and leaves
 * others behind wakes the next idle one. The worker that went idle last is woken first, so that a
 * large pool under a small load keeps to a few warm threads. While one is on its way, nobody wakes another.
 *
 * Growth. A worker that blocks in one of belay's waits (bly_pool_blocked_begin) stops counting. While
 * jobs wait, fewer than `minimum` workers are unblocked and fewer than `maximum` exist, another is
 * started; a job must have waited for `growth_delay_ns` first, so that short waits start nothing.
 * Workers leave after idling for `idle_ns` when more than the minimum are unblocked: those that replace
 * workers which block for long stay. They leave one after the other, the one that has idled longest first. A thread
 * that cannot be had loses no job: it is tried again whenever somebody looks at the queue, and at a tick.
 *
 * Cancel. A job that still waits can be taken out in O(1). Worker and canceller decide under the lock
 * who owns it: bly_pool_remove() returning true means that it never runs.
 *
 * Reserved workers are a second crew with a queue of its own, under the same lock.
 *
 * Lock order: the pool's lock is taken with a call's or context's lock held, and takes none. Jobs run
 * with no lock held.
 */
#ifndef BLY_POOL_POOL_H
#define BLY_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

typedef struct bly_pool bly_pool;

/* What a worker sleeps in, for those who watch. */
typedef enum bly_pool_wait {
    BLY_POOL_AWAKE,
    BLY_POOL_BLOCKED, /* in something that has no name of its own here */
    BLY_POOL_IN_RECV,
    BLY_POOL_IN_SEND,
    BLY_POOL_IN_CHILD, /* a call that it opened */
    BLY_POOL_IN_SLEEP,
    BLY_POOL_IN_DESCRIPTOR,
    BLY_POOL_IN_CONDITION,
    BLY_POOL_IN_PROCESS,
    BLY_POOL_IN_GROUP /* tasks that other workers run */
} bly_pool_wait;

/* Which workers interrupt nobody when they are woken (base/thread.h). */
typedef enum bly_pool_patience {
    BLY_POOL_NEVER_PATIENT,
    BLY_POOL_PATIENT_WHEN_COMPUTING, /* those whose last jobs computed for long, see bly_pool_took() */
    BLY_POOL_ALWAYS_PATIENT
} bly_pool_patience;

#define BLY_POOL_LONG_NS 2000000
#define BLY_POOL_LONG_JOBS 2 /* in a row: one alone may be short, and was interrupted */

typedef struct bly_job {
    /* const while queued */
    void (*run)(struct bly_job *job); /* worker; may free the job */
    int wait; /* atomic, relaxed: bly_pool_wait, written by its worker once bly_pool_show() was called; orders
               * nothing */
    /* guarded by the pool's lock */
    bly_link link;
    uint64_t queued_at;
    bool queued;
    bool reserved;
    bool extra; /* takes none of the queue's capacity */
} bly_job;

#define BLY_POOL_MANY 256

typedef struct bly_pool_options {
    const char *name; /* of the threads: "<name>-<number>" */
    unsigned int minimum;
    unsigned int maximum;
    unsigned int queue_capacity;
    unsigned int reserved_workers; /* extra threads that take only jobs pushed as reserved */
    size_t stack_size;             /* 0: the default */
    bly_pool_patience patience;    /* of workers, but not of reserved ones */
    uint64_t growth_delay_ns;
    uint64_t idle_ns;
    const bly_clock *clock; /* of ages and ticks; idling is on the monotonic clock, which threads sleep by */
    /* Asks that bly_pool_tick() be called at or after `at`. Called with the pool's lock held, on any
     * thread; may be called again before the tick, and is when the tick is overdue. Not called once
     * bly_pool_free() was. NULL: the pool grows only when a worker blocks. */
    void (*tick_at)(void *argument, uint64_t at);
    void *tick_argument;
    /* Called when BLY_POOL_MANY workers or more have left since the last time and few idle beyond the minimum: by the
     * worker that leaves, when the threads of those before it have ended. No lock held. NULL: not called. */
    void (*shrunk)(void);
    /* Called by each worker before its first job. No lock held. NULL: not called. */
    void (*begun)(void *argument);
    void *begun_argument;
} bly_pool_options;

/* Starts the pool; workers are started when first needed. NULL without memory. Any thread. */
bly_pool *bly_pool_new(const bly_pool_options *options);

/* Ends the workers once the queue is empty, joins them, frees the pool. Only running jobs may still push,
 * and the last tick must be over. Jobs for which no thread can be had at all are run by the caller. Any
 * thread but a worker. NULL: nothing. */
void bly_pool_free(bly_pool *pool);

void bly_job_init(bly_job *job, void (*run)(struct bly_job *job));

/* Pushes the jobs of a list (linked by job->link), in order, and wakes one worker when one is idle.
 * Those beyond the queue's capacity stay in the list. Any thread, but one list is pushed by one. */
void bly_pool_push(bly_pool *pool, bly_list *jobs);

/* Pushes one job to the reserved workers, of which there must be some; no capacity. Any thread. */
void bly_pool_push_reserved(bly_pool *pool, bly_job *job);

/* Pushes one job of a running one, whose pusher waits for it and runs it itself if no worker comes to it: it
 * has a memory of its own and somebody to run it, so that it counts not against the capacity, which is for
 * strangers. Any thread. */
void bly_pool_push_extra(bly_pool *pool, bly_job *job);

/* Takes a job out of the queue. True: it was there, never runs, and is the caller's again. False: it
 * has run, is running, or was not pushed. Any thread. */
bool bly_pool_remove(bly_pool *pool, bly_job *job);

/* Around a wait of the calling worker, so that another may run in its place. The outermost pair counts.
 * Takes no lock while nothing is queued. Nothing on a thread that is no worker. */
void bly_pool_blocked_in(bly_pool_wait wait);
void bly_pool_blocked_end(void);

/* The same for a wait without a name. */
void bly_pool_blocked_begin(void);

/* From here on until the job returns, the waits of the calling worker show in job->wait, so the job must stay until
 * the last of them. Worker that runs it; nothing on a thread that is no worker. */
void bly_pool_show(bly_job *job);

/* How long the running job took, so that its worker sees whether it computes: jobs of BLY_POOL_LONG_NS and more that did
 * not wait do. Said by the job, which has read the clock anyway; one that says nothing changes nothing. Worker. */
void bly_pool_took(uint64_t ns);

/* What the worker of a job sleeps in. Any thread. */
static inline bly_pool_wait
bly_job_wait(const bly_job *job)
{
    return (bly_pool_wait)__atomic_load_n(&job->wait, __ATOMIC_RELAXED);
}

/* The pool whose worker the calling thread is, or NULL. */
bly_pool *bly_pool_current(void);

/* True on a worker of this pool. */
bool bly_pool_is_worker(const bly_pool *pool);

/* Looks whether the pool should grow. Any thread; called as asked for by tick_at. */
void bly_pool_tick(bly_pool *pool);

typedef struct bly_pool_counts {
    unsigned int workers; /* threads, with those being started */
    unsigned int blocked;
    unsigned int idle;
    unsigned int queued;
} bly_pool_counts;

/* Reserved workers and their jobs are not counted. Any thread. */
void bly_pool_counts_read(bly_pool *pool, bly_pool_counts *counts);

#endif
