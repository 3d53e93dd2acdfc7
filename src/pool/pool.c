/* SPDX-License-Identifier: MIT */
#include "pool/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/thread.h"
#include "pool/crew.h"

/* ---- The queue --------------------------------------------------------------------------------- */

void
bly_job_init(bly_job *job, void (*run)(struct bly_job *job))
{
    job->run = run;
    job->wait = BLY_POOL_AWAKE;
    bly_link_init(&job->link);
    job->queued_at = 0;
    job->queued = false;
    job->reserved = false;
    job->extra = false;
}

static void
append_locked(bly_crew *crew, bly_job *job, uint64_t now)
{
    job->queued_at = now;
    job->queued = true;
    job->reserved = crew == &crew->pool->reserved;
    bly_list_append(&crew->jobs, &job->link);
}

static void
count_added_locked(bly_crew *crew, unsigned int added)
{
    __atomic_store_n(&crew->queued, bly_crew_queued(crew) + added, __ATOMIC_SEQ_CST);
}

/* A job less needs no order: who reads too many only looks again under the lock. */
static void
take_locked(bly_crew *crew, bly_job *job)
{
    bly_list_remove(&job->link);
    job->queued = false;
    if (job->extra)
        crew->extra--;
    __atomic_store_n(&crew->queued, bly_crew_queued(crew) - 1, __ATOMIC_RELAXED);
}

bly_job *
bly_crew_take_job_locked(bly_crew *crew)
{
    if (bly_list_is_empty(&crew->jobs))
        return NULL;
    bly_job *job = BLY_LIST_ENTRY(crew->jobs.next, bly_job, link);
    take_locked(crew, job);
    return job;
}

void
bly_pool_push(bly_pool *pool, bly_list *jobs)
{
    bly_crew *crew = &pool->normal;
    unsigned int added = 0;
    if (bly_list_is_empty(jobs))
        return;
    uint64_t now = bly_clock_now(pool->options.clock);
    bly_mutex_lock(&pool->lock);
    unsigned int room = pool->options.queue_capacity - (bly_crew_queued(crew) - crew->extra);
    while (added < room && !bly_list_is_empty(jobs)) {
        append_locked(crew, BLY_LIST_ENTRY(bly_list_take_first(jobs), bly_job, link), now);
        added++;
    }
    count_added_locked(crew, added);
    bly_summons summons = bly_crew_summon_locked(crew);
    bly_mutex_unlock(&pool->lock);
    bly_crew_call(crew, summons);
}

static void
push_one(bly_crew *crew, bly_job *job)
{
    bly_pool *pool = crew->pool;
    uint64_t now = bly_clock_now(pool->options.clock);
    bly_mutex_lock(&pool->lock);
    append_locked(crew, job, now);
    if (job->extra)
        crew->extra++;
    count_added_locked(crew, 1);
    bly_summons summons = bly_crew_summon_locked(crew);
    bly_mutex_unlock(&pool->lock);
    bly_crew_call(crew, summons);
}

void
bly_pool_push_reserved(bly_pool *pool, bly_job *job)
{
    BLY_ASSERT(pool->reserved.maximum > 0);
    push_one(&pool->reserved, job);
}

void
bly_pool_push_extra(bly_pool *pool, bly_job *job)
{
    job->extra = true;
    push_one(&pool->normal, job);
}

bool
bly_pool_remove(bly_pool *pool, bly_job *job)
{
    bly_mutex_lock(&pool->lock);
    bool was_queued = job->queued;
    if (was_queued)
        take_locked(job->reserved ? &pool->reserved : &pool->normal, job);
    bly_mutex_unlock(&pool->lock);
    return was_queued;
}

/* ---- Its life ---------------------------------------------------------------------------------- */

static void
crew_init(bly_crew *crew, bly_pool *pool, unsigned int minimum, unsigned int maximum)
{
    *crew = (bly_crew){ .pool = pool, .minimum = minimum, .maximum = maximum };
    bly_list_init(&crew->jobs);
    bly_list_init(&crew->idle);
}

static void
expect(void *count)
{
    bly_thread_expect((unsigned int)(uintptr_t)count);
}

/* The kernel takes some 25 ms for it, for which nobody need wait: not even whether it was done. */
static void
expect_many(unsigned int count)
{
    (void)bly_thread_start(NULL, "belay-expect", 0, expect, (void *)(uintptr_t)count);
}

bly_pool *
bly_pool_new(const bly_pool_options *options)
{
    BLY_ASSERT(options->minimum > 0 && options->minimum <= options->maximum);
    bly_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->options = *options;
    pool->options.name = pool->name; /* the given one need not last */
    strncpy(pool->name, options->name, sizeof pool->name - 1);
    bly_mutex_init(&pool->lock);
    bly_condition_init(&pool->gone);
    crew_init(&pool->normal, pool, options->minimum, options->maximum);
    crew_init(&pool->reserved, pool, options->reserved_workers, options->reserved_workers);
    pool->tick = BLY_POOL_NO_TICK;
    if (options->maximum > BLY_POOL_MANY)
        expect_many(options->maximum);
    return pool;
}

static void
summon_all(bly_crew *crew)
{
    while (bly_crew_summon(crew))
        ;
}

void
bly_pool_tick(bly_pool *pool)
{
    bly_mutex_lock(&pool->lock);
    pool->tick = BLY_POOL_NO_TICK;
    bly_mutex_unlock(&pool->lock);
    summon_all(&pool->normal);
    summon_all(&pool->reserved);
}

void
bly_pool_counts_read(bly_pool *pool, bly_pool_counts *counts)
{
    const bly_crew *crew = &pool->normal;
    bly_mutex_lock(&pool->lock);
    counts->workers = crew->workers;
    counts->blocked = bly_crew_blocked(crew);
    counts->idle = crew->idling;
    counts->queued = bly_crew_queued(crew);
    bly_mutex_unlock(&pool->lock);
}

/* Wakes all that idle, to leave: nobody idles any more in a pool that is closing. */
static void
dismiss_idle(bly_crew *crew)
{
    bly_parker *parker;
    bly_mutex_lock(&crew->pool->lock);
    while ((parker = bly_crew_take_idle_locked(crew))) {
        bly_mutex_unlock(&crew->pool->lock);
        bly_parker_wake(parker);
        bly_parker_unref(parker);
        bly_mutex_lock(&crew->pool->lock);
    }
    bly_mutex_unlock(&crew->pool->lock);
}

static void
wait_until_gone_locked(bly_pool *pool)
{
    while (pool->normal.workers > 0 || pool->reserved.workers > 0)
        bly_condition_wait(&pool->gone, &pool->lock);
}

static bly_job *
take_any_locked(bly_pool *pool)
{
    bly_job *job = bly_crew_take_job_locked(&pool->normal);
    return job ? job : bly_crew_take_job_locked(&pool->reserved);
}

/* Waits for the workers, then runs the jobs for which no thread could be had. Those may push others, for
 * which one can. */
static void
run_out(bly_pool *pool)
{
    bly_mutex_lock(&pool->lock);
    pool->closing = true;
    bly_mutex_unlock(&pool->lock);
    dismiss_idle(&pool->normal);
    dismiss_idle(&pool->reserved);
    bly_pool_tick(pool);
    bly_mutex_lock(&pool->lock);
    wait_until_gone_locked(pool);
    for (bly_job *job; (job = take_any_locked(pool));) {
        bly_mutex_unlock(&pool->lock);
        job->run(job);
        bly_mutex_lock(&pool->lock);
        wait_until_gone_locked(pool);
    }
    bly_mutex_unlock(&pool->lock);
}

void
bly_pool_free(bly_pool *pool)
{
    if (!pool)
        return;
    BLY_ASSERT(!bly_pool_is_worker(pool));
    run_out(pool);
    if (pool->has_last_left)
        pthread_join(pool->last_left, NULL);
    bly_condition_fini(&pool->gone);
    bly_mutex_fini(&pool->lock);
    free(pool);
}
