/* SPDX-License-Identifier: MIT */
/*
 * Groups from the inside.
 *
 * Each task is begun once. The pool's lock decides by whom: a worker that takes its job out of the queue,
 * or the thread that waits for the group, which takes it out by bly_pool_remove(). `waiting` only tells
 * that thread which ones to try. Without a pool it is the only one that begins any.
 *
 * Each group is decided once, and the end of its context decides: of a task that has succeeded or failed, a
 * canceller and the end of waiting, one ends the context (bly_context_end), and it alone says what the
 * group's code is. Tasks that were not begun by then never run.
 *
 * The waiting thread sleeps only when every task is begun. Tasks wait for no task of their own group, and for
 * those of groups within theirs in the same way: so the innermost ones always get on, however few threads
 * there are.
 *
 * Lock order: the group's lock takes no other, and is taken with none held.
 */
#ifndef BLY_WAIT_GROUP_H
#define BLY_WAIT_GROUP_H

#include <belay/group.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/mutex.h"
#include "cancel/context.h"
#include "pool/pool.h"
#include "rpc/scope.h"

struct belay_group {
    /* const after creation */
    belay_group_mode mode;
    belay_context *context; /* a reference: a child of the one that it was made with */
    belay_context *home;    /* that one or an ancestor: whose scope the group is in; or NULL */
    bly_scope *scope;       /* home's, or NULL */

    /* the owner's thread only; `pool` const while there are tasks */
    bly_scope_part part;
    bly_pool *pool; /* its scope's, its own, or NULL */
    bool owns_pool;

    bly_mutex lock;
    /* guarded by lock */
    bly_condition changed; /* for the waiting thread: a task more to begin, or the last has ended */
    belay_task **tasks;
    size_t count;
    size_t room;        /* of tasks */
    size_t unfinished;  /* tasks that have not ended */
    bly_list waiting;   /* tasks that nobody may have begun */
    bool is_waited_for; /* by a thread, now */
    bool is_over;       /* no task is left, and none is added */
    bool is_cut_short;  /* the context ended before anything was decided */
    bool is_decided;
    bool has_failure;
    belay_code code; /* of the decision, else of the first failure */
    size_t first;    /* whose code it is */
};

struct belay_task {
    int flag; /* atomic: relaxed; the context's mirror; must be the first word (belay/group.h) */

    /* const after creation */
    belay_group *group;
    size_t index;
    belay_task_function run;
    void *argument;

    bly_job job; /* the pool's */

    /* its thread only; once it has ended, the owner's of the group */
    belay_context *context; /* a reference while it runs */
    belay_task *outer;      /* what its thread ran before: it waits for this one's group */
    bly_arena arena;
    bly_scope scope;
    const char *fail_message; /* in the arena, or NULL */

    /* guarded by the group's lock */
    bly_link waiting_link;
    bool is_over;
    belay_code code;
};

/* ---- task.c ---- */

/* Makes a task of a group; NULL without memory. */
belay_task *bly_task_new(belay_group *group, belay_task_function run, void *argument);
void bly_task_free(belay_task *task);

/* Runs a task that the calling thread has taken, unless the group's context has ended. The group may be gone
 * afterwards, unless the calling thread waits for it. */
void bly_task_run(belay_task *task);

/* True on a thread that runs a task of the group. */
bool bly_task_is_within(const belay_group *group);

/* ---- group.c ---- */

/* Takes in what a task has returned, or the context's code for one that never ran. The task's thread, no
 * lock held. The group may be gone afterwards. */
void bly_group_task_ended(belay_task *task, belay_code code);

#endif
