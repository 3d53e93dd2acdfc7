/* SPDX-License-Identifier: MIT */
/*
 * Timers: a heap of nanosecond times for each loop, under a lock of its own, because contexts with
 * deadlines are made and dropped on any thread. They fire on the I/O thread, in order of time; the
 * clock is read again before anything fires, so none fires early.
 *
 * Ownership: an armed timer stands for a reference to whatever it is embedded in. Who arms takes one;
 * disarm gives it back by returning true; when it fires, `fire` inherits it. So a timer that is
 * being fired while another thread disarms it stays valid.
 *
 * Lock order: the heap's lock is taken with other locks held and takes none.
 */
#ifndef BLY_IO_TIMER_H
#define BLY_IO_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

typedef struct bly_timer {
    /* const after creation */
    void (*fire)(struct bly_timer *timer); /* I/O thread, no lock held */
    /* guarded by the heap's lock */
    uint64_t at;
    size_t position; /* in the heap, from 1; 0: not armed */
} bly_timer;

void bly_timer_init(bly_timer *timer, void (*fire)(struct bly_timer *timer));

/* Arms a timer that is not armed, for `at` on the loop's clock. False without memory. Any thread; the
 * loop is woken when it is asleep and this is the earliest. */
bool bly_timer_arm(bly_loop *loop, bly_timer *timer, uint64_t at);

/* Disarms it. True when it was armed and will not fire, false when it was not armed, has fired, or is
 * about to. Any thread. */
bool bly_timer_disarm(bly_loop *loop, bly_timer *timer);

/* For tests with a clock of their own: has the loop look at its timers. Any thread. */
void bly_timer_check(bly_loop *loop);

#endif
