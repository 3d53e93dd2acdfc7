/* SPDX-License-Identifier: MIT */
/*
 * The alarm (libuv's timer, in milliseconds) only makes the loop look at the heap; what fires is
 * decided by the loop's clock. The alarm is set earlier when an earlier timer comes, and left alone when
 * the earliest is disarmed: deadlines that come and go with each call, all some seconds away, then
 * cost neither a wake-up nor a change of the alarm.
 */
#include "io/timer.h"

#include <limits.h>

#include "io/loop_inside.h"

#define NS_PER_MS 1000000u

static void
ask_for_look(bly_loop *loop)
{
    __atomic_store_n(&loop->timers.look_now, true, __ATOMIC_SEQ_CST);
}

void
bly_timer_init(bly_timer *timer, void (*fire)(bly_timer *timer))
{
    timer->fire = fire;
    timer->at = 0;
    timer->position = 0;
}

bool
bly_timer_arm(bly_loop *loop, bly_timer *timer, uint64_t at)
{
    bly_timers *timers = &loop->timers;
    bly_mutex_lock(&timers->lock);
    timer->at = at;
    if (!bly_heap_add(&timers->heap, timer)) {
        bly_mutex_unlock(&timers->lock);
        return false;
    }
    bool is_early = at < timers->look_at;
    if (is_early) {
        timers->look_at = at;
        ask_for_look(loop);
    }
    bly_mutex_unlock(&timers->lock);
    if (is_early)
        bly_mailbox_wake(&loop->mailbox);
    return true;
}

bool
bly_timer_disarm(bly_loop *loop, bly_timer *timer)
{
    bly_timers *timers = &loop->timers;
    bly_mutex_lock(&timers->lock);
    bool was_armed = timer->position > 0;
    if (was_armed)
        bly_heap_remove(&timers->heap, timer);
    bly_mutex_unlock(&timers->lock);
    return was_armed;
}

void
bly_timer_check(bly_loop *loop)
{
    ask_for_look(loop);
    bly_mailbox_wake(&loop->mailbox);
}

static void
alarm_rang(uv_timer_t *alarm)
{
    bly_loop *loop = alarm->data;
    bly_loop_say_awake(loop);
    ask_for_look(loop);
    uv_stop(&loop->uv); /* not on to a poll that blocks: the heap is looked at first */
}

/* libuv counts whole milliseconds of CLOCK_MONOTONIC from a cached time. This asks for the first of
 * them that is not before `ns_from_now`, so that the alarm seldom rings in vain. */
static uint64_t
alarm_delay(bly_loop *loop, uint64_t ns_from_now)
{
    if (ns_from_now / NS_PER_MS >= INT_MAX)
        return INT_MAX;
    uv_update_time(&loop->uv);
    uint64_t at_ms = (uv_hrtime() + ns_from_now + NS_PER_MS - 1) / NS_PER_MS;
    uint64_t now_ms = uv_now(&loop->uv);
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

static void
set_alarm_locked(bly_loop *loop)
{
    bly_timers *timers = &loop->timers;
    BLY_ASSERT_HELD(&timers->lock);
    const bly_timer *first = bly_heap_first(&timers->heap);
    if (first == NULL || first->at == UINT64_MAX) {
        timers->look_at = UINT64_MAX;
        uv_timer_stop(&timers->alarm);
        return;
    }
    timers->look_at = first->at;
    uint64_t now = bly_clock_now(loop->clock);
    if (first->at <= now)
        ask_for_look(loop);
    else
        uv_timer_start(&timers->alarm, alarm_rang, alarm_delay(loop, first->at - now), 0);
}

/* Fires each timer unlocked. Takes no more than there were, so that one that arms itself again for
 * a time gone by does not keep the loop here. */
static void
fire_due_locked(bly_loop *loop, uint64_t now)
{
    bly_timers *timers = &loop->timers;
    BLY_ASSERT_HELD(&timers->lock);
    for (size_t left = timers->heap.count; left > 0; left--) {
        bly_timer *timer = bly_heap_first(&timers->heap);
        if (timer == NULL || timer->at > now)
            return;
        bly_heap_remove(&timers->heap, timer);
        bly_mutex_unlock(&timers->lock);
        timer->fire(timer);
        bly_mutex_lock(&timers->lock);
    }
}

void
bly_timers_run(bly_loop *loop)
{
    bly_timers *timers = &loop->timers;
    if (!bly_timers_want_look(loop))
        return;
    /* Before the lock: who asks from now on, asks for another look. */
    __atomic_store_n(&timers->look_now, false, __ATOMIC_SEQ_CST);
    bly_mutex_lock(&timers->lock);
    fire_due_locked(loop, bly_clock_now(loop->clock));
    set_alarm_locked(loop);
    bly_mutex_unlock(&timers->lock);
}

uint64_t
bly_timers_look_at(bly_loop *loop)
{
    bly_mutex_lock(&loop->timers.lock);
    uint64_t at = loop->timers.look_at;
    bly_mutex_unlock(&loop->timers.lock);
    return at;
}

bool
bly_timers_want_look(const bly_loop *loop)
{
    return __atomic_load_n(&loop->timers.look_now, __ATOMIC_SEQ_CST);
}

void
bly_timers_init(bly_loop *loop)
{
    bly_timers *timers = &loop->timers;
    bly_mutex_init(&timers->lock);
    bly_heap_init(&timers->heap);
    timers->look_at = UINT64_MAX;
    timers->look_now = false;
    uv_timer_init(&loop->uv, &timers->alarm);
    timers->alarm.data = loop;
}

void
bly_timers_close(bly_loop *loop)
{
    uv_close((uv_handle_t *)&loop->timers.alarm, NULL);
}

void
bly_timers_fini(bly_loop *loop)
{
    BLY_ASSERT(loop->timers.heap.count == 0); /* an armed timer is a reference that nobody gives back */
    bly_heap_fini(&loop->timers.heap);
    bly_mutex_fini(&loop->timers.lock);
}
