/* SPDX-License-Identifier: MIT */
/*
 * Inside the pool: its crews, and how a worker is found for a job that waits.
 *
 * No wake-up is lost, because of two rules. Whoever makes the queue longer, takes from it and leaves
 * something, or blocks while something is in it, calls bly_crew_summon_locked(). And whoever was summoned
 * looks at the queue: a worker taken off the idle stack counts as `waking`, a thread being started as
 * `starting`, until it holds the lock; that somebody is on the way is then a reason not to summon more.
 *
 * The one look at the queue without the lock is in bly_pool_blocked_begin(): it counts itself blocked and
 * then reads `queued`; a push counts `queued` up and then reads `blocked`. All four are sequentially
 * consistent, so one of the two sees the other.
 */
#ifndef BLY_POOL_CREW_H
#define BLY_POOL_CREW_H

#include <pthread.h>

#include "base/mutex.h"
#include "base/parker.h"
#include "pool/pool.h"

#define BLY_POOL_NAME_SIZE 16
#define BLY_POOL_NO_TICK UINT64_MAX

typedef struct bly_crew {
    /* const after creation */
    bly_pool *pool;
    unsigned int minimum;
    unsigned int maximum;

    /* guarded by the pool's lock */
    bly_list jobs;
    unsigned int extra;   /* of the jobs: those that take no capacity */
    bly_list idle;        /* of workers; the last is the one that went idle last */
    unsigned int workers; /* starting ones included */
    unsigned int starting;
    unsigned int waking;
    unsigned int idling;       /* length of idle */
    struct bly_worker *leaver; /* the next to leave: the first of idle, or NULL */
    unsigned int left;         /* since the pool told that it has shrunk */

    /* atomic: sequentially consistent, see above; queued is written under the lock */
    unsigned int queued;
    unsigned int blocked;
} bly_crew;

struct bly_pool {
    /* const after creation */
    bly_pool_options options;
    char name[BLY_POOL_NAME_SIZE];

    bly_mutex lock;
    /* guarded by lock */
    bly_crew normal;
    bly_crew reserved;
    unsigned int numbers; /* given to threads so far */
    uint64_t tick;        /* the earliest that was asked for, or BLY_POOL_NO_TICK */
    bool closing;
    bly_condition gone; /* the last worker has left */
    bool has_last_left;
    pthread_t last_left; /* joined by the next worker that leaves */
};

/* On its thread's stack. */
typedef struct bly_worker {
    /* const after creation */
    bly_crew *crew;
    bly_parker *parker; /* NULL without memory: works but never idles */

    /* its own thread only */
    unsigned int blocks; /* nested bly_pool_blocked_in() */
    bool has_waited;     /* the running job did */
    unsigned int long_jobs; /* in a row, up to BLY_POOL_LONG_JOBS: then it is patient */
    bly_job *shown;      /* the running job, when its waits are to show */

    /* guarded by the pool's lock */
    bly_link link;       /* in the crew's idle, or in none */
    uint64_t idle_since; /* since when as a surplus; 0: it was none when it began */
} bly_worker;

/* Who comes for the next waiting job: decided under the lock, carried out after it. */
typedef struct bly_summons {
    bly_parker *parker;  /* an idle worker's, with a reference, or NULL */
    unsigned int number; /* of the worker to start, or 0 */
} bly_summons;

static inline unsigned int
bly_crew_queued(const bly_crew *crew)
{
    return __atomic_load_n(&crew->queued, __ATOMIC_SEQ_CST);
}

static inline unsigned int
bly_crew_blocked(const bly_crew *crew)
{
    return __atomic_load_n(&crew->blocked, __ATOMIC_SEQ_CST);
}

/* Workers that run jobs or are ready to. */
static inline unsigned int
bly_crew_unblocked_locked(const bly_crew *crew)
{
    return crew->workers - bly_crew_blocked(crew);
}

/* Takes the worker that went idle last off the stack; it then counts as waking. A reference to its parker,
 * or NULL when none idles. */
bly_parker *bly_crew_take_idle_locked(bly_crew *crew);

/* Finds somebody for the first waiting job, when there is one and nobody is on the way. */
bly_summons bly_crew_summon_locked(bly_crew *crew);

/* Wakes or starts who was found. Returns whether it started a worker. No lock held. */
bool bly_crew_call(bly_crew *crew, bly_summons summons);

/* Both. No lock held. */
bool bly_crew_summon(bly_crew *crew);

/* Takes the first waiting job out of the queue; NULL when there is none. */
bly_job *bly_crew_take_job_locked(bly_crew *crew);

/* What a worker's thread runs; the argument is its crew. */
void bly_worker_run(void *crew);

#endif
