/* SPDX-License-Identifier: MIT */
/*
 * Lending: a program's thread that waits for an answer may drive the loop itself meanwhile.
 *
 * At any time one thread at most drives a loop: it is the I/O thread, and all that is "I/O thread only" is its. Usually
 * that is the loop's own thread. A blocking call costs two hand-overs then, to the own thread and back, each a
 * wake-up. When the own thread sees that this is what goes on, one caller at a time and nothing else, it lends the loop: it
 * sleeps, and nobody drives. The next caller that waits borrows the loop, sends, polls and receives on its own
 * thread, gives the loop back and goes. The whole role moves; nothing is shared that was not shared before.
 *
 * Whatever is posted while nobody drives wakes the own thread, which takes the loop back. So does a borrower that leaves
 * while others still wait for something. And when nobody has borrowed for some milliseconds the own thread goes back
 * to its sockets by itself: so long may pass until something that comes from outside, and that nobody waits for, is
 * noticed. A loop on which servers live is not lent: bly_loop_keep().
 */
#ifndef BLY_IO_LEND_H
#define BLY_IO_LEND_H

#include <stdbool.h>

#include "io/loop.h"

/* Allows lending. quiet: tells whether nobody waits for anything of the loop; called on any thread, no lock held.
 * Before the loop is shared. */
void bly_loop_allow_lending(bly_loop *loop, bool (*quiet)(void *argument), void *argument);

/* From here on the loop is not lent, until it was let go as often. Any thread. */
void bly_loop_keep(bly_loop *loop);
void bly_loop_let_go(bly_loop *loop);

/* What a borrower keeps on its stack. */
typedef struct bly_loan {
    int cancel_state;
} bly_loan;

/* Becomes the loop's I/O thread if nobody is, and takes in what has come. True: until bly_loop_give_back() the
 * calling thread drives, by bly_loop_turn(). False: nothing has changed. Any thread that drives no loop, no lock held; whoever borrows keeps
 * the loop alive until it has given it back. */
bool bly_loop_borrow(bly_loop *loop, bly_loan *loan);
void bly_loop_give_back(bly_loop *loop, const bly_loan *loan);

/* Does what there is to do; then, unless `done` says that what the borrower waits for has come, waits for something to
 * happen and takes it in. Returns what done said. The borrower. */
bool bly_loop_turn(bly_loop *loop, bool (*done)(void *argument), void *argument);

#endif
