/* SPDX-License-Identifier: MIT */
#include "pool/crew.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/thread.h"

#define RETRY_NS 10000000 /* after a thread could not be had, when nothing else happens */

/* One tick on its way is enough when it comes in time. One that is overdue may never come: whoever arms
 * the timer can fail. */
static void
ask_tick_locked(bly_pool *pool, uint64_t now, uint64_t at)
{
    bool is_coming = pool->tick > now && pool->tick <= at;
    if (pool->closing || !pool->options.tick_at || is_coming)
        return;
    pool->tick = at;
    pool->options.tick_at(pool->options.tick_argument, at);
}

/* True when the first job has waited long enough for a worker above the minimum; else sees to it that
 * somebody looks again. A pool that is being freed gets no ticks and so does not wait. */
static bool
growth_is_due_locked(const bly_crew *crew)
{
    bly_pool *pool = crew->pool;
    const bly_job *first = BLY_LIST_ENTRY(crew->jobs.next, bly_job, link);
    uint64_t due = bly_clock_after(first->queued_at, pool->options.growth_delay_ns);
    uint64_t now = bly_clock_now(pool->options.clock);
    if (pool->closing || now >= due)
        return true;
    ask_tick_locked(pool, now, due);
    return false;
}

static bool
may_start_locked(const bly_crew *crew)
{
    if (bly_crew_unblocked_locked(crew) >= crew->minimum || crew->workers >= crew->maximum)
        return false;
    if (crew->starting >= bly_crew_queued(crew))
        return false; /* each of those takes one */
    return crew->workers < crew->minimum || growth_is_due_locked(crew);
}

bly_parker *
bly_crew_take_idle_locked(bly_crew *crew)
{
    if (bly_list_is_empty(&crew->idle))
        return NULL;
    bly_worker *last = BLY_LIST_ENTRY(crew->idle.previous, bly_worker, link);
    bly_list_remove(&last->link);
    crew->idling--;
    crew->waking++;
    if (crew->leaver == last)
        crew->leaver = NULL;
    return bly_parker_ref(last->parker);
}

bly_summons
bly_crew_summon_locked(bly_crew *crew)
{
    bly_summons summons = { NULL, 0 };
    BLY_ASSERT_HELD(&crew->pool->lock);
    if (bly_list_is_empty(&crew->jobs) || crew->waking > 0)
        return summons;
    summons.parker = bly_crew_take_idle_locked(crew);
    if (!summons.parker && may_start_locked(crew)) {
        crew->workers++;
        crew->starting++;
        summons.number = ++crew->pool->numbers;
    }
    return summons;
}

static void
start_failed(bly_crew *crew)
{
    bly_pool *pool = crew->pool;
    bly_mutex_lock(&pool->lock);
    crew->workers--;
    crew->starting--;
    uint64_t now = bly_clock_now(pool->options.clock);
    if (!bly_list_is_empty(&crew->jobs))
        ask_tick_locked(pool, now, bly_clock_after(now, RETRY_NS));
    bly_mutex_unlock(&pool->lock);
}

static bool
start(bly_crew *crew, unsigned int number)
{
    pthread_t thread; /* joined by the worker that leaves after it */
    char name[BLY_POOL_NAME_SIZE + sizeof "-4294967295"];
    snprintf(name, sizeof name, "%s-%u", crew->pool->name, number);
    if (bly_thread_start(&thread, name, crew->pool->options.stack_size, bly_worker_run, crew))
        return true;
    start_failed(crew);
    return false;
}

/* Not locked: starting a thread is slow, and a waker in its system call would hold up everybody. */
bool
bly_crew_call(bly_crew *crew, bly_summons summons)
{
    if (summons.parker) {
        bly_parker_wake(summons.parker);
        bly_parker_unref(summons.parker);
    }
    return summons.number > 0 && start(crew, summons.number);
}

bool
bly_crew_summon(bly_crew *crew)
{
    bly_mutex_lock(&crew->pool->lock);
    bly_summons summons = bly_crew_summon_locked(crew);
    bly_mutex_unlock(&crew->pool->lock);
    return bly_crew_call(crew, summons);
}
