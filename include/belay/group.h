/* SPDX-License-Identifier: MIT */
/*
 * Groups: several tasks side by side under one context, as blocking functions on worker threads. The
 * group decides when it has seen enough; the tasks that are left are cancelled then, and waited for.
 * Nothing of a group outlives it.
 *
 *     belay_group *group = belay_group_new(belay_call_context(call), BELAY_GROUP_FIRST_SUCCESS);
 *     for (size_t i = 0; i < replicas; i++)
 *         code = belay_group_add(group, ask, &questions[i]);
 *     code = belay_group_wait(group, &winner);
 *
 * A group belongs to the handler, or to the task, in whose context it is made on its thread. Left open
 * when that returns, it is cancelled and waited for before anything else of the handler ends, and freed
 * with it. Its tasks run on the server's worker threads, beside calls, and take no place of a call in
 * the queue. Those for which no worker is free are run by the thread that waits for the group: a group
 * ends, nested or not, on a pool of one thread too. Any other group belongs to whoever made it; it has
 * threads of its own if that is asked for, and else all of its tasks are run by the thread that waits.
 *
 * Tasks of one group may thus run in any order and one after the other on one thread: they must not wait for
 * one another, and belay_group_wait() must not be called with a lock held that a task takes.
 */
#ifndef BELAY_GROUP_H
#define BELAY_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_group belay_group;
typedef struct belay_task belay_task;

/* What decides a group. */
typedef enum belay_group_mode {
    BELAY_GROUP_ALL = 0,           /* nothing: every task runs to its end */
    BELAY_GROUP_FIRST_SUCCESS = 1, /* the first task that returns BELAY_OK: the others are cancelled */
    BELAY_GROUP_FIRST_FAILURE = 2  /* the first task that returns anything else: the others are cancelled */
} belay_group_mode;

/*
 * What a task runs. It returns one of gRPC's codes (anything else counts as BELAY_UNKNOWN), and soon when its
 * context ends.
 */
typedef belay_code (*belay_task_function)(belay_task *task, void *argument);

/* ---- Groups ------------------------------------------------------------------------------------ */

/*
 * Makes a group.
 *
 * context: whose end cancels the group: a handler's or a task's own, one derived from it, or any other; kept.
 * mode: what decides the group.
 * Returns the group, or NULL without a context, for an unknown mode or without memory. It may be given to
 *     belay_group_free(), and must be when it belongs to no handler and no task.
 * Threads: any; a group that belongs to a handler or a task is its thread's.
 * Lifetime: until freed, or the end of the handler or task that it belongs to.
 */
BELAY_API belay_group *belay_group_new(belay_context *context, belay_group_mode mode);

/*
 * Gives a group threads of its own, which end with belay_group_wait(): for programs without a server.
 *
 * group: a group without tasks whose tasks no server's worker would run.
 * count: how many threads at most, 1 to 256, beside the one that waits. They are started as tasks are added.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT without a group or for a count out of range;
 *     BELAY_FAILED_PRECONDITION when it has tasks, or threads that run them, or was waited for;
 *     BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: the one that made the group.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_group_set_threads(belay_group *group, unsigned int count);

/*
 * Gives the context under which the tasks run, to cancel them, or to open calls that end with the group. It
 * ends when the group is decided, with the cause BELAY_CAUSE_APPLICATION.
 *
 * group: a group.
 * Returns the context, without a reference for the caller.
 * Threads: any, while the group lives.
 * Lifetime: as long as the group; belay_context_ref() to keep it longer.
 */
BELAY_API belay_context *belay_group_context(const belay_group *group);

/*
 * Adds a task, which may start at once on another thread. Tasks are numbered from 0 as they are added.
 *
 * group: a group that was not waited for yet.
 * run: the task; never called when the group's context ends first.
 * argument: passed to it; the caller's, and valid until the task has ended. Since a handler that
 *     returns early is waited for only after it has returned, memory of belay_alloc() is safe and its
 *     stack is not.
 * Returns BELAY_OK; BELAY_CANCELLED or BELAY_DEADLINE_EXCEEDED when the group was decided or its
 *     context has ended; BELAY_FAILED_PRECONDITION once the group was waited for;
 *     BELAY_INVALID_ARGUMENT without a group or function; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: the one that made the group, and its running tasks.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_group_add(belay_group *group, belay_task_function run,
                                                       void *argument);

/*
 * Waits until all tasks have ended, running those itself that no worker has begun. Does not return
 * earlier when the context ends: then it waits for the running tasks, which see that too. No task can
 * be added afterwards; called again, it returns the same.
 *
 * group: a group.
 * first: receives the number of the task that the code is from; untouched when it is no task's. May be NULL.
 * Returns, when the group was decided, the code of the task that decided it. When its context ended
 *     before that, BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED. Else BELAY_OK if all tasks have returned
 *     that, or the code of the one that failed first. BELAY_FAILED_PRECONDITION for
 *     BELAY_GROUP_FIRST_SUCCESS without a task, when called from one of its own tasks, or while another
 *     thread waits; BELAY_INVALID_ARGUMENT without a group.
 * Threads: the one that made the group.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_group_wait(belay_group *group, size_t *first);

/*
 * Tells how many tasks were added.
 *
 * group: a group.
 * Threads: as belay_group_add().
 */
BELAY_API size_t belay_group_count(const belay_group *group);

/*
 * Tells what a task has returned. One that never ran has the code that the group's context ended with.
 *
 * group: a group.
 * index: the task's number.
 * code: receives what it returned; untouched on failure.
 * Returns BELAY_OK; BELAY_FAILED_PRECONDITION while it has not ended; BELAY_INVALID_ARGUMENT when there
 *     is no such task.
 * Threads: as belay_group_add().
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_group_result(const belay_group *group, size_t index,
                                                          belay_code *code);

/*
 * Gives what a task said with belay_task_fail().
 *
 * group: a group.
 * index: the task's number.
 * Returns UTF-8 text, never NULL; empty when it said nothing, has not ended, or is not there.
 * Threads: as belay_group_add().
 * Lifetime: as long as the group.
 */
BELAY_API const char *belay_group_message(const belay_group *group, size_t index);

/*
 * Cancels the tasks that have not ended, waits for them, and frees the group with all that its tasks have
 * allocated.
 *
 * group: a group, or NULL.
 * Threads: the one that made the group; not a task of it.
 */
BELAY_API void belay_group_free(belay_group *group);

/* ---- Tasks: on the task's own thread, while it runs, but where another is named ----------------- */

/*
 * Tells whether the task's context has ended. Made for compute loops: one relaxed load, inlined.
 *
 * task: a task.
 * Returns true when nobody waits for the result any more.
 * Threads: any, while the task runs.
 */
static inline bool
belay_task_cancelled(const belay_task *task)
{
    /* The flag is the first word of a task, for good. */
    return __atomic_load_n((const int *)(const void *)task, __ATOMIC_RELAXED) != 0;
}

/*
 * Gives the task's context, a child of the group's. It works as a handler's does: client calls that are
 * opened with it on the task's thread, and groups made with it, belong to the task. They are cancelled
 * when it returns, and what such calls receive lives as long as the group.
 *
 * task: a task.
 * Returns the context, without a reference for the caller.
 * Threads: any, while the task runs.
 * Lifetime: until the task returns; belay_context_ref() to keep it longer.
 */
BELAY_API belay_context *belay_task_context(const belay_task *task);

/*
 * Gives the task's group, to add others to it.
 *
 * task: a task.
 * Threads: any, while the task runs.
 */
BELAY_API belay_group *belay_task_group(const belay_task *task);

/*
 * Gives the task's number.
 *
 * task: a task.
 * Threads: any, while the task runs.
 */
BELAY_API size_t belay_task_index(const belay_task *task);

/*
 * Allocates memory that lives as long as the group, so that results can be handed over in it.
 *
 * task: a task.
 * size: in bytes.
 * Returns memory aligned for any type, or NULL without memory.
 * Threads: the task's.
 */
BELAY_API void *belay_task_alloc(belay_task *task, size_t size);

/*
 * Formats a string that lives as long as the group.
 *
 * task: a task.
 * format: printf format.
 * Returns the string, or NULL without memory.
 * Threads: the task's.
 */
BELAY_API char *belay_task_printf(belay_task *task, const char *format, ...) BELAY_PRINTF(2, 3);

/*
 * Has a function called when the task has returned, in reverse order of registration, on the task's thread.
 *
 * task: a task.
 * function, argument: what to call; on failure it is not called.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT without a task or function; BELAY_RESOURCE_EXHAUSTED without
 *     memory.
 * Threads: the task's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_task_defer(belay_task *task, void (*function)(void *argument),
                                                        void *argument);

/*
 * Says why a task fails, for belay_group_message().
 *
 * task: a task.
 * code: what the task is going to return, not BELAY_OK.
 * format: printf format of the message, UTF-8.
 * Returns code, to be returned by the task.
 * Threads: the task's.
 */
BELAY_API belay_code belay_task_fail(belay_task *task, belay_code code, const char *format, ...)
    BELAY_PRINTF(3, 4);

BELAY_END_DECLS

#endif
