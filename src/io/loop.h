/* SPDX-License-Identifier: MIT */
/*
 * The I/O thread: a libuv loop, its mailbox, and the work that ends each turn.
 *
 * One turn: wait for descriptors and timers, call their callbacks, run the mailbox, run the deferred
 * work (connections flush here), wake the threads that this turn has news for, sleep again. What does not say
 * "any thread" belongs to the thread that drives the loop, its own or a borrower (io/lend.h), and asserts it.
 */
#ifndef BLY_IO_LOOP_H
#define BLY_IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

typedef struct bly_loop bly_loop;

/* A message to the I/O thread, embedded in what it is about. It is in the mailbox at most once at a
 * time; its owner sees to that with a flag of its own. Once `run` is called the mailbox is done with
 * it: it may be posted again, or freed. */
typedef struct bly_loop_task {
    struct bly_loop_task *next; /* the mailbox's while posted */
    void (*run)(struct bly_loop_task *task);
} bly_loop_task;

/* Work to be done before the loop sleeps, embedded likewise. I/O thread only. */
typedef struct bly_loop_deferred {
    struct bly_loop_deferred *next; /* the loop's while pending */
    bool pending;
    void (*run)(struct bly_loop_deferred *deferred);
} bly_loop_deferred;

/* Makes a loop and starts its thread, called `name`. NULL when descriptors, memory or threads cannot
 * be had. Any thread. */
bly_loop *bly_loop_new(const char *name, const bly_clock *clock);

/* Runs what is in the mailbox and in the deferred list until both are empty, then ends the thread,
 * joins it and frees the loop. Stragglers (io/straggler.h) are waited for, shortly. All other watches must have been
 * closed and all timers disarmed or fired (both are asserted). Nothing may be posted once this has been called, except by the loop's own work. Resolutions must
 * have been cancelled; one that the system's resolver is busy with is waited for. Any thread but the loop's
 * own. NULL: nothing. */
void bly_loop_free(bly_loop *loop);

/* True on the thread that drives the loop. Any thread. */
bool bly_loop_is_current(const bly_loop *loop);

const bly_clock *bly_loop_clock(const bly_loop *loop); /* any thread */

/* Has task->run called on the loop's thread, in the order of posting. Writes the wake-up descriptor
 * only when the loop is (about to be) asleep. Any thread, any lock held; never blocks. What was
 * written before the post is visible to run. The task may have run and be gone before this returns; the
 * loop must not be: a poster keeps it alive until then by other means than the task. */
void bly_loop_post(bly_loop *loop, bly_loop_task *task);

/* The same in two steps, for a thread that is about to drive the loop or else to wake it: until then the task waits. */
void bly_loop_post_unannounced(bly_loop *loop, bly_loop_task *task);
void bly_loop_announce(bly_loop *loop);

/* Has deferred->run called at the end of this turn, after the mailbox; again after it when work is
 * added meanwhile. Nothing when it is pending already. */
void bly_loop_defer(bly_loop *loop, bly_loop_deferred *deferred);

/* For the callback of a descriptor that has something to pass on before all else: does what was posted and deferred so
 * far, connections flush too. Not with nghttp2 on the stack. Once a turn: others who are in a hurry wait for its end.
 * may_hurry: it is a callback's turn, and nobody has. */
bool bly_loop_may_hurry(const bly_loop *loop);
void bly_loop_hurry(bly_loop *loop);

/* What leaves with this turn stops work elsewhere: those whom it goes to, if they are on this machine, have the processor
 * before the threads that this turn has news for are woken. */
void bly_loop_give_way(bly_loop *loop);

/* Posts a function to the loop and waits until it has run; runs it directly on the loop's own
 * thread. For set-up and tear-down. Any thread that the loop never waits for. */
void bly_loop_call(bly_loop *loop, void (*function)(void *argument), void *argument);

/* The time, in milliseconds on the monotonic clock, as the loop read it when this turn began. Costs no clock. */
uint64_t bly_loop_turn_ms(const bly_loop *loop);

/* A buffer that callbacks of this loop may read into; its contents are good until the callback
 * returns. 256 KiB, of which only what was filled once costs memory. */
#define BLY_LOOP_BUFFER_SIZE 262144
uint8_t *bly_loop_buffer(bly_loop *loop);

/* Another of the same size and rules, for what a stream makes of bytes on their way to its socket. */
uint8_t *bly_loop_scratch(bly_loop *loop);

#endif
