/* SPDX-License-Identifier: MIT */
/*
 * A group, but for its tasks: making, adding, deciding, waiting, freeing.
 */
#include "wait/group.h"

#include <stdlib.h>

#define MOST_THREADS 256
#define FIRST_ROOM 8

/* ---- Making -------------------------------------------------------------------------------------- */

static void stop(bly_scope_part *part);
static void release(bly_scope_part *part);

/* The handler or task whose own context this is, or comes from, if it is this thread's. */
static void
find_home(belay_group *group, belay_context *context)
{
    for (; context != NULL && group->scope == NULL; context = context->parent) {
        group->scope = bly_context_handler(context);
        group->home = group->scope != NULL ? context : NULL;
    }
    if (group->scope == NULL)
        return;
    group->pool = bly_pool_current();
    bly_list_append(&group->scope->parts, &group->part.link);
}

belay_group *
belay_group_new(belay_context *context, belay_group_mode mode)
{
    if (context == NULL || (unsigned int)mode > BELAY_GROUP_FIRST_FAILURE)
        return NULL;
    belay_group *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->context = bly_context_make(context->environment, context, BELAY_FOREVER, false, NULL, NULL);
    if (group->context == NULL) {
        free(group);
        return NULL;
    }
    group->mode = mode;
    group->part.stop = stop;
    group->part.release = release;
    bly_link_init(&group->part.link);
    bly_mutex_init(&group->lock);
    bly_condition_init(&group->changed);
    bly_list_init(&group->waiting);
    find_home(group, context);
    return group;
}

belay_code
belay_group_set_threads(belay_group *group, unsigned int count)
{
    if (group == NULL || count == 0 || count > MOST_THREADS)
        return BELAY_INVALID_ARGUMENT;
    bly_mutex_lock(&group->lock);
    bool is_late = group->count > 0 || group->is_over;
    bly_mutex_unlock(&group->lock);
    if (group->pool != NULL || is_late)
        return BELAY_FAILED_PRECONDITION;
    bly_pool_options options = {
        .name = "belay-task",
        .minimum = count,
        .maximum = count,
        .idle_ns = BELAY_SECONDS(1),
        .clock = group->context->environment->clock,
    };
    group->pool = bly_pool_new(&options);
    group->owns_pool = group->pool != NULL;
    return group->owns_pool ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

belay_context *
belay_group_context(const belay_group *group)
{
    return group->context;
}

/* ---- Adding -------------------------------------------------------------------------------------- */

static bool
make_room_locked(belay_group *group)
{
    BLY_ASSERT_HELD(&group->lock);
    if (group->count < group->room)
        return true;
    size_t room = group->room > 0 ? 2 * group->room : FIRST_ROOM;
    belay_task **tasks = realloc(group->tasks, room * sizeof(belay_task *));
    if (tasks == NULL)
        return false;
    group->tasks = tasks;
    group->room = room;
    return true;
}

static belay_code
number(belay_group *group, belay_task *task)
{
    belay_code code = bly_context_catch_up(group->context);
    bly_mutex_lock(&group->lock);
    if (group->is_over)
        code = BELAY_FAILED_PRECONDITION;
    else if (code == BELAY_OK && !make_room_locked(group))
        code = BELAY_RESOURCE_EXHAUSTED;
    if (code == BELAY_OK) {
        task->index = group->count++;
        group->tasks[task->index] = task;
        group->unfinished++;
    }
    bly_mutex_unlock(&group->lock);
    return code;
}

/* The pool first: a waiting thread that finds the task nowhere in it takes it for begun. */
static void
offer(belay_group *group, belay_task *task)
{
    if (group->pool != NULL)
        bly_pool_push_extra(group->pool, &task->job);
    bly_mutex_lock(&group->lock);
    bly_list_append(&group->waiting, &task->waiting_link);
    bly_condition_signal(&group->changed);
    bly_mutex_unlock(&group->lock);
}

belay_code
belay_group_add(belay_group *group, belay_task_function run, void *argument)
{
    if (group == NULL || run == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_task *task = bly_task_new(group, run, argument);
    if (task == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = number(group, task);
    if (code == BELAY_OK)
        offer(group, task);
    else
        bly_task_free(task);
    return code;
}

/* ---- Deciding ------------------------------------------------------------------------------------ */

/* Whether this ends the group's context, and so says what the group's code is: not when it, or what it hangs
 * from, has ended before. */
static bool
end_context(belay_group *group, belay_cause cause, const char *reason)
{
    return bly_context_catch_up(group->context) == BELAY_OK && bly_context_end(group->context, cause, reason);
}

static bool
decide(belay_group *group, belay_code code)
{
    if (group->mode == BELAY_GROUP_FIRST_SUCCESS && code == BELAY_OK)
        return end_context(group, BELAY_CAUSE_APPLICATION, "another task of the group has succeeded");
    if (group->mode == BELAY_GROUP_FIRST_FAILURE && code != BELAY_OK)
        return end_context(group, BELAY_CAUSE_APPLICATION, "another task of the group has failed");
    return false;
}

void
bly_group_task_ended(belay_task *task, belay_code code)
{
    belay_group *group = task->group;
    bool decides = decide(group, code);
    bly_mutex_lock(&group->lock);
    task->is_over = true;
    task->code = code;
    if (decides || (code != BELAY_OK && !group->has_failure && !group->is_decided)) {
        group->code = code;
        group->first = task->index;
    }
    group->is_decided |= decides;
    group->has_failure |= code != BELAY_OK;
    if (--group->unfinished == 0)
        bly_condition_signal(&group->changed); /* with the lock: after it, the group may be gone */
    bly_mutex_unlock(&group->lock);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

/* The handler's or outer task's own context is not its own meanwhile: on other threads, which may run this
 * task as well, it is not either. */
static void
run_here(belay_group *group, belay_task *task)
{
    bool at_home = group->home != NULL && bly_context_handler(group->home) == group->scope;
    if (at_home)
        bly_context_set_handler(group->home, NULL);
    bly_task_run(task);
    if (at_home)
        bly_context_set_handler(group->home, group->scope);
}

/* Sleeps until there may be a task to begin, or none is left. Lock held, dropped meanwhile. */
static void
sleep_locked(belay_group *group)
{
    bly_mutex_unlock(&group->lock);
    bly_pool_blocked_in(BLY_POOL_IN_GROUP);
    bly_mutex_lock(&group->lock);
    while (group->unfinished > 0 && bly_list_is_empty(&group->waiting))
        bly_condition_wait(&group->changed, &group->lock);
    bly_mutex_unlock(&group->lock);
    bly_pool_blocked_end();
    bly_mutex_lock(&group->lock);
}

static void
wait_for_tasks_locked(belay_group *group)
{
    while (group->unfinished > 0) {
        bly_link *link = bly_list_take_first(&group->waiting);
        if (link == NULL) {
            sleep_locked(group);
            continue;
        }
        belay_task *task = BLY_LIST_ENTRY(link, belay_task, waiting_link);
        bly_mutex_unlock(&group->lock);
        if (group->pool == NULL || bly_pool_remove(group->pool, &task->job))
            run_here(group, task);
        bly_mutex_lock(&group->lock);
    }
}

/* Ends what is left of the group when its tasks have ended. */
static void
finish(belay_group *group)
{
    bool regular = end_context(group, BELAY_CAUSE_FINISHED, NULL);
    bly_context_drop_callbacks(group->context);
    if (group->owns_pool) {
        bly_pool_free(group->pool);
        group->pool = NULL;
        group->owns_pool = false;
    }
    bly_mutex_lock(&group->lock);
    group->is_cut_short = !regular && !group->is_decided;
    bly_mutex_unlock(&group->lock);
}

/* False: another thread waits. */
static bool
wait_once(belay_group *group)
{
    bly_mutex_lock(&group->lock);
    bool is_free = !group->is_waited_for;
    bool is_first = is_free && !group->is_over;
    if (is_first) {
        group->is_waited_for = true;
        wait_for_tasks_locked(group);
        group->is_over = true;
    }
    bly_mutex_unlock(&group->lock);
    if (is_first) {
        finish(group);
        bly_mutex_lock(&group->lock);
        group->is_waited_for = false;
        bly_mutex_unlock(&group->lock);
    }
    return is_free;
}

static belay_code
outcome_locked(const belay_group *group, size_t *first)
{
    if (group->is_cut_short)
        return belay_context_code(group->context);
    if (group->is_decided || group->has_failure) {
        if (first != NULL)
            *first = group->first;
        return group->code;
    }
    bool wants_one = group->mode == BELAY_GROUP_FIRST_SUCCESS;
    return wants_one ? BELAY_FAILED_PRECONDITION : BELAY_OK;
}

belay_code
belay_group_wait(belay_group *group, size_t *first)
{
    if (group == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (bly_task_is_within(group) || !wait_once(group))
        return BELAY_FAILED_PRECONDITION;
    bly_mutex_lock(&group->lock);
    belay_code code = outcome_locked(group, first);
    bly_mutex_unlock(&group->lock);
    return code;
}

/* ---- Looking ------------------------------------------------------------------------------------- */

size_t
belay_group_count(const belay_group *group)
{
    bly_mutex *lock = &((belay_group *)group)->lock;
    bly_mutex_lock(lock);
    size_t count = group->count;
    bly_mutex_unlock(lock);
    return count;
}

/* The task, if it has ended. */
static belay_code
find_ended(const belay_group *group, size_t index, const belay_task **task)
{
    if (group == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_mutex *lock = &((belay_group *)group)->lock;
    belay_code code = BELAY_INVALID_ARGUMENT;
    bly_mutex_lock(lock);
    if (index < group->count) {
        *task = group->tasks[index];
        code = (*task)->is_over ? BELAY_OK : BELAY_FAILED_PRECONDITION;
    }
    bly_mutex_unlock(lock);
    return code;
}

belay_code
belay_group_result(const belay_group *group, size_t index, belay_code *code)
{
    const belay_task *task = NULL;
    if (code == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_code found = find_ended(group, index, &task);
    if (found == BELAY_OK)
        *code = task->code;
    return found;
}

const char *
belay_group_message(const belay_group *group, size_t index)
{
    const belay_task *task = NULL;
    if (find_ended(group, index, &task) != BELAY_OK || task->fail_message == NULL)
        return "";
    return task->fail_message;
}

/* ---- Ending -------------------------------------------------------------------------------------- */

static void
stop(bly_scope_part *part)
{
    belay_group *group = BLY_CONTAINER_OF(part, belay_group, part);
    bly_context_end(group->context, BELAY_CAUSE_APPLICATION, "nobody waits for the group any more");
    bool waited = wait_once(group);
    BLY_ASSERT(waited); /* else another thread waits, which is not the owner's */
}

static void
release(bly_scope_part *part)
{
    belay_group *group = BLY_CONTAINER_OF(part, belay_group, part);
    bly_list_remove(&group->part.link);
    for (size_t i = group->count; i > 0; i--)
        bly_task_free(group->tasks[i - 1]);
    free(group->tasks);
    belay_context_unref(group->context);
    bly_condition_fini(&group->changed);
    bly_mutex_fini(&group->lock);
    free(group);
}

void
belay_group_free(belay_group *group)
{
    if (group == NULL)
        return;
    BLY_ASSERT(!bly_task_is_within(group));
    stop(&group->part);
    release(&group->part);
}
