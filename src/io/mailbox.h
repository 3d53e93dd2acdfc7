/* SPDX-License-Identifier: MIT */
/*
 * The mailbox of a loop: tasks that any thread pushes and the loop's thread takes out all at once,
 * and the descriptor that wakes the loop when it sleeps in poll.
 *
 * No wake-up is lost, and few are paid for: the loop says ASLEEP, then looks at the list once more; a
 * poster pushes, then looks whether the loop is ASLEEP. These four steps are sequentially consistent,
 * so at least one of the two sees the other. The poster that turns ASLEEP into AWAKE writes the
 * descriptor, nobody else does. While nobody drives the loop (see io/lend.h) there is no one in poll to see the
 * descriptor: then the poster wakes the loop's own thread by its parker.
 */
#ifndef BLY_IO_MAILBOX_H
#define BLY_IO_MAILBOX_H

#include <stdbool.h>

#include "base/bell.h"
#include "base/parker.h"
#include "io/loop.h"

typedef struct bly_mailbox {
    /* const after creation */
    bly_bell bell; /* rung to wake the loop */
    /* atomic: a push releases the task, taking the list acquires it; sequentially consistent because of
     * `asleep`, see above */
    bly_loop_task *newest;
    /* atomic: sequentially consistent, see above */
    bool asleep;
    bool idle; /* nobody drives the loop; who turns it false does */
    /* const from before `idle` is set for the first time */
    bly_parker *owner; /* of the loop's own thread, with a reference: a poster may still wake it when that has ended */
} bly_mailbox;

/* False when no descriptor can be had. */
bool bly_mailbox_init(bly_mailbox *mailbox);
void bly_mailbox_fini(bly_mailbox *mailbox);

/* Adds a task and wakes nobody: for one who drives or wakes the loop next. Any thread. */
void bly_mailbox_push(bly_mailbox *mailbox, bly_loop_task *task);

/* Adds a task and wakes the loop if it is asleep. Any thread. */
void bly_mailbox_post(bly_mailbox *mailbox, bly_loop_task *task);

/* Wakes the loop if it is asleep. What was stored before with sequential consistency is seen by the
 * loop before it sleeps again. Any thread. */
void bly_mailbox_wake(bly_mailbox *mailbox);

/* The rest is the loop's thread's. */

/* Says whom to wake while nobody drives the loop: the own thread, before the first time. NULL: nobody, then `idle` is
 * never set. */
void bly_mailbox_set_owner(bly_mailbox *mailbox, bly_parker *parker);

/* Takes all tasks out, in the order of posting; NULL when there are none. */
bly_loop_task *bly_mailbox_take(bly_mailbox *mailbox);

/* True when there is nothing in it. */
bool bly_mailbox_is_empty(const bly_mailbox *mailbox);

/* Says that the loop is about to sleep; the caller then looks for work once more. */
void bly_mailbox_say_asleep(bly_mailbox *mailbox);

/* Spares posters the write. Cheap when it is said already. */
void bly_mailbox_say_awake(bly_mailbox *mailbox);

/* Takes the wake-ups out of the descriptor. */
void bly_mailbox_drain(bly_mailbox *mailbox);

#endif
