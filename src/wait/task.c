/* SPDX-License-Identifier: MIT */
/*
 * A task: running it, and what it may ask for. It ends as a handler does.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "wait/group.h"
#include "wire/status.h"

/* What the calling thread runs. */
static _Thread_local belay_task *current;

/* ---- Its life ------------------------------------------------------------------------------------ */

static void
run_job(bly_job *job)
{
    bly_task_run(BLY_CONTAINER_OF(job, belay_task, job));
}

belay_task *
bly_task_new(belay_group *group, belay_task_function run, void *argument)
{
    belay_task *task = calloc(1, sizeof *task);
    if (task == NULL)
        return NULL;
    task->group = group;
    task->run = run;
    task->argument = argument;
    bly_job_init(&task->job, run_job);
    bly_arena_init(&task->arena);
    bly_scope_init(&task->scope, &task->arena);
    bly_link_init(&task->waiting_link);
    return task;
}

void
bly_task_free(belay_task *task)
{
    bly_scope_release_parts(&task->scope);
    bly_arena_fini(&task->arena);
    free(task);
}

bool
bly_task_is_within(const belay_group *group)
{
    for (const belay_task *task = current; task != NULL; task = task->outer) {
        if (task->group == group)
            return true;
    }
    return false;
}

/* ---- Running ------------------------------------------------------------------------------------- */

/* In the order of a handler's end (rpc/handler.c). Its arena stays for the group's owner. */
static void
end(belay_task *task)
{
    bly_scope_stop(&task->scope);
    bly_context_end(task->context, BELAY_CAUSE_FINISHED, NULL);
    bly_context_drop_callbacks(task->context);
    bly_scope_release_calls(&task->scope);
    bly_arena_run_cleanups(&task->arena);
    bly_scope_release_calls(&task->scope); /* what a cleanup has left */
    bly_scope_stop(&task->scope);
    bly_context_set_handler(task->context, NULL);
    bly_context_leave(task->context);
    task->context = NULL;
}

static belay_code
run_in_context(belay_task *task)
{
    belay_context *parent = task->group->context;
    task->context =
        bly_context_make(parent->environment, parent, BELAY_FOREVER, false, NULL, &task->flag);
    if (task->context == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    bly_context_set_handler(task->context, &task->scope);
    task->outer = current;
    current = task;
    belay_code code = bly_status_valid(task->run(task, task->argument));
    end(task);
    current = task->outer;
    return code;
}

void
bly_task_run(belay_task *task)
{
    belay_code code = bly_context_catch_up(task->group->context);
    if (code == BELAY_OK)
        code = run_in_context(task);
    bly_group_task_ended(task, code);
}

/* ---- What a task asks for ------------------------------------------------------------------------ */

belay_context *
belay_task_context(const belay_task *task)
{
    return task->context;
}

belay_group *
belay_task_group(const belay_task *task)
{
    return task->group;
}

size_t
belay_task_index(const belay_task *task)
{
    return task->index;
}

void *
belay_task_alloc(belay_task *task, size_t size)
{
    return bly_arena_alloc(&task->arena, size);
}

char *
belay_task_printf(belay_task *task, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = bly_arena_vprintf(&task->arena, format, arguments);
    va_end(arguments);
    return text;
}

belay_code
belay_task_defer(belay_task *task, void (*function)(void *argument), void *argument)
{
    if (task == NULL || function == NULL)
        return BELAY_INVALID_ARGUMENT;
    return bly_arena_defer(&task->arena, function, argument) ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

belay_code
belay_task_fail(belay_task *task, belay_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    task->fail_message = bly_arena_vprintf(&task->arena, format, arguments);
    va_end(arguments);
    return code;
}
