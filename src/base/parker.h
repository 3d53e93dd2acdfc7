/* SPDX-License-Identifier: MIT */
/*
 * Parkers: how a thread sleeps until another wakes it. Each thread has one. A waker takes a
 * reference under the lock that guards the wait, unlocks, wakes, and drops the reference: waking
 * after the unlock never touches freed memory, even when the woken thread is gone by then.
 *
 * Wake-ups are remembered, one deep, and may be left over from a wait that ended otherwise; a waiter
 * always looks at its condition again.
 */
#ifndef BLY_BASE_PARKER_H
#define BLY_BASE_PARKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seat.h"

typedef struct bly_parker bly_parker;
struct pollfd;

/* The calling thread's parker; made at first use, freed when the thread and all wakers let go of
 * it. NULL without memory. Threads: any. Lifetime: the calling thread's. */
bly_parker *bly_parker_current(void);

bly_parker *bly_parker_ref(bly_parker *parker);
void bly_parker_unref(bly_parker *parker);

/* Sleeps until woken; at once when a wake-up is remembered. Only on the calling thread's own. */
void bly_parker_park(bly_parker *parker);

/* The same until `deadline` (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: for ever). False when it passed. */
bool bly_parker_park_until(bly_parker *parker, uint64_t deadline);

/* Makes sure that the thread's bell is there, which is how it is woken from poll(); it stays as long as the
 * parker. False when no descriptor can be had. Only on the calling thread's own. */
bool bly_parker_can_poll(bly_parker *parker);

typedef enum bly_poll_end {
    BLY_POLL_READY,  /* one of the descriptors is; a wake-up that came meanwhile is used up */
    BLY_POLL_WOKEN,  /* or a signal handler ran */
    BLY_POLL_LATE,   /* the deadline passed */
    BLY_POLL_FAILED  /* the system has no memory, or the process may not have so many descriptors */
} bly_poll_end;

/* Sleeps in poll() until a descriptor is ready, the thread is woken or `deadline` passes. What is ready is
 * seen also when a wake-up is remembered or the deadline has passed. The first of the `count` entries is the
 * parker's own, and filled in here. Only on the calling thread's own, after bly_parker_can_poll(). */
bly_poll_end bly_parker_poll(bly_parker *parker, struct pollfd *polls, unsigned int count, uint64_t deadline);

/* Wakes its thread, now or at its next park or poll. Threads: any that holds a reference; on one that gathers
 * wake-ups a sleeping thread is woken when they are carried out, at the latest when the list is full and one more is to
 * be woken; one that has not looked yet sees it at once. */
void bly_parker_wake(bly_parker *parker);

/* Wake-ups that a thread has gathered. Waking costs a system call and may cost the waker its processor: an I/O thread
 * does first what others wait for on the wire. Where many are woken, the first of them can run meanwhile on another
 * processor: a full list is carried out. */
#define BLY_WAKES_MOST BLY_SEATS_AT_ONCE

typedef struct bly_wakes {
    /* the gathering thread only */
    unsigned int count;
    bly_parker *parkers[BLY_WAKES_MOST]; /* with a reference to each */
    bool polls[BLY_WAKES_MOST];          /* whether it sleeps in poll() */
} bly_wakes;

/* From here on the calling thread gathers its wake-ups in `wakes`; NULL: it no longer does. None may be left in the
 * old list. The list must stay until then. */
void bly_parker_gather(bly_wakes *wakes);

/* Carries out what was gathered. The thread that gathers in it. */
void bly_wakes_carry_out(bly_wakes *wakes);

#endif
