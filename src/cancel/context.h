/* SPDX-License-Identifier: MIT */
/*
 * Contexts from the inside: the one record of how something ended, and the propagation table.
 *
 * A context ends once. Whoever gets there first writes cause, reason, code and time under the lock,
 * then raises the flag; everybody else returns after that. In the same critical section waits are
 * woken and the owner is told; then callbacks are queued and the children ended, with no lock held, by
 * walking a list (a deep chain of contexts is no deep stack).
 *
 * A child is linked into its parent's table and holds a reference to it; the parent's links are weak. A
 * child that is being freed may still be seen in the table, so a canceller takes a reference only if
 * one is left.
 *
 * Lock order: a context's lock is taken first, before a call's, and never together with another
 * context's. Under it: the owner's `ended`, and what that may take (call, pool, mailbox, timers,
 * notifier, log).
 */
#ifndef BLY_CANCEL_CONTEXT_H
#define BLY_CANCEL_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/context.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mutex.h"
#include "base/parker.h"
#include "base/refcount.h"
#include "cancel/notifier.h"

/* What contexts need from the runtime, which outlives them: they hold references to it. */
typedef struct bly_context_environment {
    /* const after creation */
    const bly_clock *clock;
    bly_notifier *notifier;
    /* Wire's copy of a metadata list, which this floor does not include. Any thread. */
    belay_metadata *(*copy_metadata)(const belay_metadata *list);
    /* Any thread, no lock held. */
    void (*retain)(struct bly_context_environment *environment);
    void (*release)(struct bly_context_environment *environment);
    /* Has bly_context_end(context, BELAY_CAUSE_DEADLINE) called at `at` or later. The timer's link to the
     * context is
     * weak: it takes a reference with bly_context_try_ref() when it fires. Returns a handle, NULL without
     * memory. Any thread, no lock held. */
    void *(*arm)(struct bly_context_environment *environment, belay_context *context, uint64_t at);
    /* Gives up a handle: once this returns, the timer does not touch the context any more. Called when the
     * last reference to the context is gone. Any thread, no lock held. */
    void (*disarm)(struct bly_context_environment *environment, void *handle);
    /* Around a wait for a callback that runs: while a worker sleeps, another is to run in its place, for the
     * callback may need one. The sleeping thread, no lock held. */
    void (*blocked_begin)(void);
    void (*blocked_end)(void);
} bly_context_environment;

/* Whose context it is: a call's. */
typedef struct bly_context_owner {
    /* const after creation */
    /* The context has ended, by whatever cause, finished included. Called once, on any thread, with
     * the context's lock held; must not take a context's lock. */
    void (*ended)(struct bly_context_owner *owner, belay_context *context);
} bly_context_owner;

/* A thread that waits for the end of a context, on its own stack; or what else is told of it with the
 * waits. */
typedef struct bly_wait {
    bly_link link; /* guarded by the context's lock */
    /* const while added */
    bly_parker *parker; /* woken at the end */
    /* NULL, or called instead, on any thread with the context's lock held; must not block, nor change the
     * waits */
    void (*ended)(struct bly_wait *wait);
} bly_wait;

/* Metadata that contexts share. */
typedef struct bly_context_metadata {
    bly_refcount refs;
    belay_metadata *list; /* const after creation */
} bly_context_metadata;

struct belay_context {
    int flag; /* atomic: raised when the end can be read, with release; programs read it relaxed. Must be the
               * first word (belay/context.h) */
    bly_refcount refs;

    /* const after creation */
    bly_context_environment *environment;
    belay_context *parent; /* a reference, or NULL */
    uint64_t deadline;
    void *timer;  /* handle of the environment's, or NULL */
    bly_context_metadata *metadata; /* a reference, or NULL */
    bool is_call; /* made for an owner */

    uint64_t id; /* atomic, relaxed: 0 until somebody asks, then for good */

    /* the handler's thread writes; others compare `handler_thread` with themselves (atomic, relaxed) */
    void *handler; /* the scope of the handler or task whose own context this is, while that runs */
    uintptr_t handler_thread;

    bly_link sibling; /* guarded by the parent's lock; a canceller's once taken out */

    bly_mutex lock;
    /* guarded by lock */
    bly_context_owner *owner; /* NULL: none, or let go */
    int *mirror;              /* the owner's copy of the flag, or NULL */
    bly_list children;
    bly_list waits;
    bly_list callbacks;
    /* written once under lock, published by `flag` */
    char *reason;
    uint64_t end_time;
    belay_code code;
    belay_cause cause; /* atomic, relaxed: the flag orders it */
    bool is_bare;      /* finished without a callback: has none, and never will; published by `settled` */
    int settled;       /* atomic: raised with release when owner and waits know of the end, read with acquire */
};

/* Makes a context. parent: ended with it; NULL for none. deadline: the parent's is applied too. owner and
 * mirror: may be NULL; the owner holds a reference until bly_context_disown(). armed: whether the
 * environment's timer watches the deadline (calls have timers of their own). If the parent has ended, the
 * context is made ended. NULL without memory. Any thread. */
belay_context *bly_context_make(bly_context_environment *environment, belay_context *parent, uint64_t deadline,
                                bool armed, bly_context_owner *owner, int *mirror);

/* Ends it. reason may be NULL. True when this call did it. Any thread, no context's or call's lock held. */
bool bly_context_end(belay_context *context, belay_cause cause, const char *reason);

/* The same, but all that hangs from it ends with the same cause too. */
bool bly_context_end_tree(belay_context *context, belay_cause cause, const char *reason);

/* What the context is called by those who watch: a number that no other context of the process has or will have.
 * Made when it is first asked for. Any thread. */
uint64_t bly_context_id(belay_context *context);

/* The nearest context above it that is a call's own; NULL when there is none. Without a reference: lives as long as
 * `context`. Any thread. */
belay_context *bly_context_call_above(const belay_context *context);

/* Ends it if an ancestor has ended and the canceller has yet to come down to it: for those who must not find it
 * live after they have seen the ancestor's flag. Tells its code, as belay_context_code(). Any thread, no context's
 * or call's lock held. */
belay_code bly_context_catch_up(belay_context *context);

/* Takes a reference unless the last one is gone. For weak links, whose own lock keeps the memory there. */
bool bly_context_try_ref(belay_context *context);

/* The owner lets go: once this returns, `ended` is neither running nor called again and the mirror is not
 * written any more. Any thread, no lock held. */
void bly_context_disown(belay_context *context);

/* The same, and gives back the owner's reference. */
void bly_context_leave(belay_context *context);

/* Removes the callbacks that have not begun, and waits for those that run, but not for one that the calling
 * thread is in. */
void bly_context_drop_callbacks(belay_context *context);

/* Says whose own context it is while a handler or task runs on the calling thread; NULL at its end. */
void bly_context_set_handler(belay_context *context, void *handler);

/* What was said when the calling thread is the one that said it, else NULL. */
void *bly_context_handler(const belay_context *context);

/* Adds a wait whose parker is woken at the end. False when the context has ended: then it was not added. */
bool bly_context_wait_begin(belay_context *context, bly_wait *wait);
void bly_context_wait_end(belay_context *context, bly_wait *wait);

/* Adds a wait that may stay beyond the end; on a context that has ended its `ended` is called at once. Until
 * bly_context_wait_end(). */
void bly_context_wait_add(belay_context *context, bly_wait *wait);

/* Takes out the first wait that `matches`; NULL when there is none. It is called with the context's lock
 * held. */
bly_wait *bly_context_wait_take(belay_context *context,
                                bool (*matches)(const bly_wait *wait, const void *argument), const void *argument);

/* Whether a thread waits for its end now. Any thread. */
bool bly_context_has_waits(belay_context *context);

/* The number of live children, for those who watch. */
size_t bly_context_child_count(belay_context *context);

#endif
