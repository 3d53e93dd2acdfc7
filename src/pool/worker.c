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

/* While there is a surplus, the worker that has idled longest is the next to leave, and the only one that sleeps
 * with a deadline; each that leaves appoints the next. Thousands that went idle together thus leave one by one: all
 * at once they would stand in line for the pool's lock and the processors, and the I/O thread behind them. Called
 * by whoever begins to idle or leaves. Gives the parker of the one that is to learn of its appointment, with a
 * reference, or NULL. */
static bly_parker *
appoint_locked(const bly_worker *self)
{
    bly_crew *crew = self->crew;
    if (crew->leaver || bly_list_is_empty(&crew->idle) || !is_surplus_locked(crew))
        return NULL;
    crew->leaver = BLY_LIST_ENTRY(crew->idle.next, bly_worker, link);
    if (crew->leaver == self)
        return NULL;
    if (crew->leaver->idle_since == 0)
        crew->leaver->idle_since = self->idle_since;
    return bly_parker_ref(crew->leaver->parker);
}

static void
tell_appointed(bly_parker *parker)
{
    if (!parker)
        return;
    bly_parker_wake(parker);
    bly_parker_unref(parker);
}

static uint64_t
idle_deadline_locked(const bly_worker *self)
{
    const bly_crew *crew = self->crew;
    return crew->leaver == self ? bly_clock_after(self->idle_since, crew->pool->options.idle_ns) : UINT64_MAX;
}

static void
begin_idling_locked(bly_worker *self)
{
    bly_crew *crew = self->crew;
    self->idle_since = is_surplus_locked(crew) ? bly_clock_now(&bly_clock_monotonic) : 0;
    bly_list_append(&crew->idle, &self->link);
    crew->idling++;
}

/* For the next to leave when its time has come. Takes it off the stack unless it is needed there. */
static void
end_idling_locked(bly_worker *self)
{
    bly_crew *crew = self->crew;
    BLY_ASSERT(crew->leaver == self);
    crew->leaver = NULL;
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
    begin_idling_locked(self);
    bly_parker *appointed = appoint_locked(self);
    for (;;) {
        uint64_t deadline = idle_deadline_locked(self);
        bly_mutex_unlock(&pool->lock);
        tell_appointed(appointed);
        appointed = NULL;
        bool in_time = bly_parker_park_until(self->parker, deadline);
        bly_mutex_lock(&pool->lock);
        if (!bly_link_is_linked(&self->link)) {
            crew->waking--; /* counted by who took it off the stack */
            return true;
        }
        if (in_time)
            continue; /* it was appointed, or a wake-up is left over from another wait */
        end_idling_locked(self);
        if (bly_link_is_linked(&self->link))
            continue;
        if (bly_list_is_empty(&crew->jobs))
            return false;
        appointed = appoint_locked(self);
        bly_mutex_unlock(&pool->lock);
        tell_appointed(appointed);
        bly_mutex_lock(&pool->lock);
        return true;
    }
}

static void
run_job(bly_worker *self, bly_job *job)
{
    bly_crew *crew = self->crew;
    bly_summons summons = bly_crew_summon_locked(crew);
    bly_mutex_unlock(&crew->pool->lock);
    bly_crew_call(crew, summons);
    self->has_waited = false;
    job->run(job);
    self->shown = NULL;
    BLY_ASSERT(self->blocks == 0);
    bly_mutex_lock(&crew->pool->lock);
}

/* Whether the worker that leaves is the last of many, or nearly so: of those that idle now some may still be wanted
 * now and then, and stay for long. */
static bool
has_shrunk_locked(bly_crew *crew)
{
    crew->left++;
    unsigned int few = crew->minimum + crew->left / 16;
    if (crew->left < BLY_POOL_MANY || crew->idling > few || crew->pool->closing)
        return false;
    crew->left = 0;
    return true;
}

/* Each worker that leaves joins the one before, and bly_pool_free() the last: all are joined, and never
 * more than one waits for it. */
static void
leave_and_unlock(const bly_worker *self)
{
    bly_crew *crew = self->crew;
    bly_pool *pool = crew->pool;
    void (*shrunk)(void) = has_shrunk_locked(crew) ? pool->options.shrunk : NULL;
    bool has_previous = pool->has_last_left;
    pthread_t previous = pool->last_left;
    pool->has_last_left = true;
    pool->last_left = pthread_self();
    crew->workers--;
    bly_parker *appointed = appoint_locked(self);
    if (pool->normal.workers == 0 && pool->reserved.workers == 0)
        bly_condition_broadcast(&pool->gone);
    bly_mutex_unlock(&pool->lock);
    /* The pool may be gone from here on. */
    tell_appointed(appointed);
    if (has_previous)
        pthread_join(previous, NULL);
    if (shrunk)
        shrunk();
}

void
bly_worker_run(void *argument)
{
    bly_crew *crew = argument;
    bly_worker self = { .crew = crew, .parker = bly_parker_current() };
    bly_job *job;
    bly_link_init(&self.link);
    current = &self;
    if (crew->pool->options.patience == BLY_POOL_ALWAYS_PATIENT && crew == &crew->pool->normal)
        bly_thread_be_patient();
    bly_blocks_begin_few();
    if (crew->pool->options.begun)
        crew->pool->options.begun(crew->pool->options.begun_argument);
    bly_mutex_lock(&crew->pool->lock);
    crew->starting--;
    do {
        while ((job = bly_crew_take_job_locked(crew)))
            run_job(&self, job);
    } while (idle_locked(&self));
    leave_and_unlock(&self);
    current = NULL;
    bly_blocks_end();
}

static void
show(bly_worker *self, bly_pool_wait wait)
{
    if (self->shown)
        __atomic_store_n(&self->shown->wait, wait, __ATOMIC_RELAXED);
}

void
bly_pool_show(bly_job *job)
{
    if (current)
        current->shown = job;
}

void
bly_pool_blocked_begin(void)
{
    bly_pool_blocked_in(BLY_POOL_BLOCKED);
}

void
bly_pool_blocked_in(bly_pool_wait wait)
{
    bly_worker *self = current;
    if (!self || self->blocks++ > 0)
        return;
    self->has_waited = true;
    show(self, wait);
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
    if (--self->blocks > 0)
        return;
    __atomic_fetch_sub(&self->crew->blocked, 1, __ATOMIC_SEQ_CST);
    show(self, BLY_POOL_AWAKE);
}

static void
took_long(bly_worker *self)
{
    if (self->has_waited || self->long_jobs == BLY_POOL_LONG_JOBS)
        return;
    self->long_jobs++;
    if (self->long_jobs == BLY_POOL_LONG_JOBS)
        bly_thread_be_patient();
}

void
bly_pool_took(uint64_t ns)
{
    bly_worker *self = current;
    if (!self || self->crew->pool->options.patience != BLY_POOL_PATIENT_WHEN_COMPUTING
        || self->crew != &self->crew->pool->normal)
        return;
    if (ns >= BLY_POOL_LONG_NS) {
        took_long(self);
        return;
    }
    if (self->long_jobs == BLY_POOL_LONG_JOBS)
        bly_thread_be_ordinary();
    self->long_jobs = 0;
}

bly_pool *
bly_pool_current(void)
{
    return current ? current->crew->pool : NULL;
}

bool
bly_pool_is_worker(const bly_pool *pool)
{
    return current && current->crew->pool == pool;
}
