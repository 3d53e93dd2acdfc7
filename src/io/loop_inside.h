/* SPDX-License-Identifier: MIT */
/*
 * What a loop consists of, for the files of this folder only.
 */
#ifndef BLY_IO_LOOP_INSIDE_H
#define BLY_IO_LOOP_INSIDE_H

#include <pthread.h>
#include <uv.h>

#include "base/list.h"
#include "base/mutex.h"
#include "base/parker.h"
#include "io/heap.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/way.h"

typedef struct bly_timers {
    bly_mutex lock;
    /* guarded by lock */
    bly_heap heap;
    uint64_t look_at; /* when the loop looks at the heap by itself, on its clock; UINT64_MAX: never */
    /* atomic: sequentially consistent, set before the mailbox is asked whether the loop is asleep */
    bool look_now;
    /* I/O thread only */
    uv_timer_t alarm;
} bly_timers;

/* What lend.c goes by. */
typedef struct bly_lending {
    /* atomic: released before the loop is shared, acquired by its own thread, which runs by then */
    bool (*quiet)(void *argument); /* NULL: never lent */
    void *quiet_argument;
    /* atomic, relaxed: how often somebody would have borrowed, as far as that matters; below 0 for a while when
     * lending did not pay */
    int wanted;
    unsigned int loans; /* so far */
    /* atomic, sequentially consistent */
    int kept;        /* by how many it must not be lent */
    bool owner_waits; /* the own thread sleeps until somebody wakes it, however long nobody drives */
} bly_lending;

struct bly_loop {
    /* const after creation */
    const bly_clock *clock;
    pthread_t thread;
    /* atomic, relaxed: only its own thread can find itself here */
    uintptr_t self;
    /* each with its own rules */
    bly_mailbox mailbox;
    bly_timers timers;
    bly_lending lending;
    /* I/O thread only */
    uv_loop_t uv;
    uv_poll_t wake;
    bly_loop_deferred *first_deferred;
    bly_loop_deferred **last_deferred;
    bly_wakes wakes; /* owed to threads, until what this turn sends has left, or it is full */
    bool may_hurry;
    bool gives_way; /* to others, before it carries the wake-ups out */
    bly_way way;    /* by CLOCK_MONOTONIC */
    bly_list stragglers; /* by when they came */
    uv_timer_t straggler_alarm;
    bly_loop_task stop;
    bool stopping;
    bool ended; /* the handles are closed */
    uint8_t buffer[BLY_LOOP_BUFFER_SIZE];
    uint8_t scratch[BLY_LOOP_BUFFER_SIZE];
};

#define BLY_ASSERT_CURRENT(loop) BLY_ASSERT(bly_loop_is_current(loop))

/* Every callback of libuv begins with this: threads that post need not write while the loop is up. */
static inline void
bly_loop_say_awake(bly_loop *loop)
{
    bly_mailbox_say_awake(&loop->mailbox);
}

/* The calling thread begins and stops to drive the loop: to be its I/O thread. */
void bly_loop_enter(bly_loop *loop);
void bly_loop_leave(bly_loop *loop);

/* Does all the work there is: timers, mailbox, deferred work, wake-ups. True: more is left, the poll must not block;
 * false: the mailbox says that the loop is asleep. */
bool bly_loop_settle(bly_loop *loop);

/* True when what other threads may have asked for waits. Any thread. */
bool bly_loop_has_mail(const bly_loop *loop);

/* Whether to lend the loop now: asked by the own thread when all is settled. And doing it: returns when the own thread
 * drives again. In lend.c. */
bool bly_loop_may_lend(bly_loop *loop);
void bly_loop_lend(bly_loop *loop);

/* The loop ends: gives up stragglers whose time is over. False: others are left, and the next poll ends when theirs
 * is. In straggler.c. */
bool bly_stragglers_see_off(bly_loop *loop);

/* The loop's timers, in timer.c. The loop's thread, or before it starts and after it has ended. */
void bly_timers_init(bly_loop *loop);
void bly_timers_close(bly_loop *loop); /* the handle; the rest stays until fini */
void bly_timers_fini(bly_loop *loop);

/* When the loop looks at the timers by itself, on its clock; UINT64_MAX: never. */
uint64_t bly_timers_look_at(bly_loop *loop);

/* True when bly_timers_run() has something to do. */
bool bly_timers_want_look(const bly_loop *loop);

/* Fires what is due, when there is reason to look, and sets the alarm for the next. */
void bly_timers_run(bly_loop *loop);

#endif
