/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "base/blocks.h"
#include "base/clock.h"
#include "base/thread.h"
#include "pool/crew.h"

static _Thread_local bly_worker *current;

static bool
is_surplus_locked(const bly_crew *crew)
{
    return bly_crew_unblocked_locked(crew) > crew->minimum;
}

/* Of the workers that idle without a deadline there are never more than the minimum, so that the surplus
 * always has one. */
static uint64_t
idle_deadline_locked(const bly_crew *crew)
{
    if (!is_surplus_locked(crew))
        return UINT64_MAX;
    return bly_clock_after(bly_clock_now(&bly_clock_monotonic), crew->pool->options.idle_ns);
}

/* For a worker that has idled too long and was not summoned. Takes it off the stack unless it is needed
 * there. */
static void
end_idling_locked(bly_worker *self)
{
    bly_crew *crew = self->crew;
    if (bly_list_is_empty(&crew->jobs) && !is_surplus_locked(crew))
        return;
    bly_list_remove(&self->link);
    crew->idling--;
}

/* Idles until there may be work. False: the worker is to leave; nothing is queued then. */
static bool
idle_locked(bly_worker *self)
{
    bly_crew *crew = self->crew;
    bly_pool *pool = crew->pool;
    if (pool->closing || !self->parker)
        return false;
    uint64_t deadline = idle_deadline_locked(crew);
    bly_list_append(&crew->idle, &self->link);
    crew->idling++;
    for (;;) {
        bly_mutex_unlock(&pool->lock);
        bool in_time = bly_parker_park_until(self->parker, deadline);
        bly_mutex_lock(&pool->lock);
        if (!bly_link_is_linked(&self->link)) {
            crew->waking--; /* counted by who took it off the stack */
            return true;
        }
        if (in_time)
            continue; /* a wake-up left over from another wait */
        end_idling_locked(self);
        if (!bly_link_is_linked(&self->link))
            return !bly_list_is_empty(&crew->jobs);
        deadline = UINT64_MAX;
    }
}

static void
run_job(bly_worker *self, bly_job *job)
{
    bly_crew *crew = self->crew;
    bly_summons summons = bly_crew_summon_locked(crew);
    bly_mutex_unlock(&crew->pool->lock);
    bly_crew_call(crew, summons);
    job->run(job);
    BLY_ASSERT(self->blocks == 0);
    bly_mutex_lock(&crew->pool->lock);
}

/* Each worker that leaves joins the one before, and bly_pool_free() the last: all are joined, and never
 * more than one waits for it. */
static void
leave_and_unlock(bly_crew *crew)
{
    bly_pool *pool = crew->pool;
    bool has_previous = pool->has_last_left;
    pthread_t previous = pool->last_left;
    pool->has_last_left = true;
    pool->last_left = pthread_self();
    crew->workers--;
    if (pool->normal.workers == 0 && pool->reserved.workers == 0)
        bly_condition_broadcast(&pool->gone);
    bly_mutex_unlock(&pool->lock);
    /* The pool may be gone from here on. */
    if (has_previous)
        pthread_join(previous, NULL);
}

void
bly_worker_run(void *argument)
{
    bly_crew *crew = argument;
    bly_worker self = { .crew = crew, .parker = bly_parker_current() };
    bly_job *job;
    bly_link_init(&self.link);
    current = &self;
    if (crew->pool->options.patient && crew == &crew->pool->normal)
        bly_thread_be_patient();
    bly_blocks_begin_few();
    bly_mutex_lock(&crew->pool->lock);
    crew->starting--;
    do {
        while ((job = bly_crew_take_job_locked(crew)))
            run_job(&self, job);
    } while (idle_locked(&self));
    leave_and_unlock(crew);
    current = NULL;
    bly_blocks_end();
}

void
bly_pool_blocked_begin(void)
{
    bly_worker *self = current;
    if (!self || self->blocks++ > 0)
        return;
    __atomic_fetch_add(&self->crew->blocked, 1, __ATOMIC_SEQ_CST);
    if (bly_crew_queued(self->crew) > 0)
        bly_crew_summon(self->crew);
}

void
bly_pool_blocked_end(void)
{
    bly_worker *self = current;
    if (!self)
        return;
    BLY_ASSERT(self->blocks > 0);
    if (--self->blocks == 0)
        __atomic_fetch_sub(&self->crew->blocked, 1, __ATOMIC_SEQ_CST);
}

bool
bly_pool_is_worker(const bly_pool *pool)
{
    return current && current->crew->pool == pool;
}
