/* SPDX-License-Identifier: MIT */
/* Groups without a server: what decides them, what cancels them, what they leave behind. */
#include <belay/belay.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/suite.h"
#include "wait/group.h"

#define MANY 300

/* What a task does, and what it saw. */
typedef struct plan {
    belay_code code;  /* what it returns */
    bool hangs;       /* first sleeps until its context ends, and returns what that gives */
    bool is_stubborn; /* first computes for a while after its context has ended */
    gate *entered;
    gate *hold;
    int ran;          /* atomic, relaxed */
    int over;
    belay_cause cause;
    char reason[80];
} plan;

static void
dawdle(void)
{
    for (int i = 0; i < 2000; i++)
        sched_yield();
}

static belay_code
act(belay_task *task, void *argument)
{
    plan *self = argument;
    belay_context *context = belay_task_context(task);
    belay_code code = self->code;
    __atomic_add_fetch(&self->ran, 1, __ATOMIC_RELAXED);
    if (self->entered != NULL)
        gate_open(self->entered);
    if (self->hold != NULL)
        gate_wait(self->hold);
    if (self->hangs)
        code = belay_sleep(context, BELAY_FOREVER);
    while (self->is_stubborn && !belay_task_cancelled(task))
        sched_yield();
    if (self->is_stubborn)
        dawdle();
    self->cause = belay_context_cause(context);
    snprintf(self->reason, sizeof self->reason, "%s", belay_context_reason(context));
    self->over = 1;
    if (code == BELAY_OK || self->hangs)
        return code;
    return belay_task_fail(task, code, "task %zu", belay_task_index(task));
}

typedef struct stage {
    belay_runtime *runtime;
    belay_context *context;
    belay_group *group;
    gate entered;
    gate hold;
} stage;

/* threads: of the group's own; 0: the test's thread runs all. */
static void
stage_open(stage *s, belay_group_mode mode, unsigned int threads)
{
    s->runtime = belay_runtime_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->runtime);
    s->context = belay_context_new(s->runtime);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->context);
    s->group = belay_group_new(s->context, mode);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->group);
    if (threads > 0)
        CU_ASSERT_EQUAL_FATAL(belay_group_set_threads(s->group, threads), BELAY_OK);
    gate_init(&s->entered, "a task has begun");
    gate_init(&s->hold, "the tasks may go on");
}

static void
stage_close(stage *s)
{
    belay_group_free(s->group);
    belay_context_unref(s->context);
    belay_runtime_unref(s->runtime);
    gate_fini(&s->entered);
    gate_fini(&s->hold);
}

static void
add(stage *s, plan *p)
{
    CU_ASSERT_EQUAL_FATAL(belay_group_add(s->group, act, p), BELAY_OK);
}

static belay_code
result(const stage *s, size_t index)
{
    belay_code code = BELAY_END_OF_STREAM;
    CU_ASSERT_EQUAL(belay_group_result(s->group, index, &code), BELAY_OK);
    return code;
}

/* ---- What decides -------------------------------------------------------------------------------- */

static void
test_all_tasks_run_and_their_results_are_gathered(void)
{
    plan plans[] = {{.code = BELAY_OK}, {.code = BELAY_NOT_FOUND}, {.code = (belay_code)77},
                    {.code = BELAY_ABORTED}};
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_ALL, 0);
    for (int i = 0; i < 4; i++)
        add(&s, &plans[i]);
    CU_ASSERT_EQUAL(belay_group_count(s.group), 4);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(result(&s, 0), BELAY_OK);
    CU_ASSERT_EQUAL(result(&s, 1), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(result(&s, 2), BELAY_UNKNOWN);
    CU_ASSERT_EQUAL(result(&s, 3), BELAY_ABORTED);
    CU_ASSERT_STRING_EQUAL(belay_group_message(s.group, 0), "");
    CU_ASSERT_STRING_EQUAL(belay_group_message(s.group, 3), "task 3");
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_NOT_FOUND);
    stage_close(&s);
}

static void
test_a_group_of_all_is_ok_when_all_are(void)
{
    plan plans[MANY] = {{0}};
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_ALL, 8);
    for (int i = 0; i < MANY; i++)
        add(&s, &plans[i]);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_OK);
    CU_ASSERT_EQUAL(first, 99);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(plans[i].ran, 1);
    CU_ASSERT_EQUAL(belay_context_cause(belay_group_context(s.group)), BELAY_CAUSE_FINISHED);
    CU_ASSERT_EQUAL(belay_context_cause(s.context), BELAY_CAUSE_NONE);
    stage_close(&s);
}

/* Two hang; the third ends when both do. */
static void
decided_by_the_third(belay_group_mode mode, belay_code code, const char *reason)
{
    stage s;
    size_t first = 99;
    stage_open(&s, mode, 3);
    plan plans[] = {{.hangs = true, .entered = &s.entered}, {.hangs = true, .entered = &s.entered},
                    {.code = code, .hold = &s.hold}};
    for (int i = 0; i < 3; i++)
        add(&s, &plans[i]);
    gate_wait_count(&s.entered, 2);
    gate_open(&s.hold);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), code);
    CU_ASSERT_EQUAL(first, 2);
    CU_ASSERT_EQUAL(result(&s, 2), code);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(result(&s, (size_t)i), BELAY_CANCELLED);
        CU_ASSERT_EQUAL(plans[i].cause, BELAY_CAUSE_PARENT);
        CU_ASSERT_STRING_EQUAL(plans[i].reason, reason);
    }
    CU_ASSERT_EQUAL(belay_context_cause(belay_group_context(s.group)), BELAY_CAUSE_APPLICATION);
    stage_close(&s);
}

static void
test_the_first_success_cancels_the_others(void)
{
    decided_by_the_third(BELAY_GROUP_FIRST_SUCCESS, BELAY_OK, "another task of the group has succeeded");
}

static void
test_the_first_failure_cancels_the_others(void)
{
    decided_by_the_third(BELAY_GROUP_FIRST_FAILURE, BELAY_DATA_LOSS, "another task of the group has failed");
}

static void
test_without_a_success_the_first_failure_is_told(void)
{
    plan plans[] = {{.code = BELAY_ABORTED}, {.code = BELAY_NOT_FOUND}};
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 0);
    add(&s, &plans[0]);
    add(&s, &plans[1]);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_ABORTED);
    CU_ASSERT_EQUAL(first, 0);
    stage_close(&s);
}

static void
test_without_a_failure_all_is_well(void)
{
    plan plans[] = {{0}, {0}};
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, 0);
    add(&s, &plans[0]);
    add(&s, &plans[1]);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_OK);
    CU_ASSERT_EQUAL(first, 99);
    stage_close(&s);
}

static void
test_an_empty_group(void)
{
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 2);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    stage_close(&s);
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, 0);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    stage_close(&s);
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 0);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_FAILED_PRECONDITION);
    stage_close(&s);
}

static void
test_tasks_that_were_not_begun_at_the_decision_never_run(void)
{
    plan plans[] = {{0}, {.code = BELAY_INTERNAL}, {0}, {0}};
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, 0);
    for (int i = 0; i < 4; i++)
        add(&s, &plans[i]);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_INTERNAL);
    CU_ASSERT_EQUAL(plans[0].ran, 1);
    CU_ASSERT_EQUAL(plans[2].ran, 0);
    CU_ASSERT_EQUAL(plans[3].ran, 0);
    CU_ASSERT_EQUAL(result(&s, 0), BELAY_OK);
    CU_ASSERT_EQUAL(result(&s, 3), BELAY_CANCELLED);
    stage_close(&s);
}

static void
test_a_task_that_ends_after_the_decision_is_waited_for(void)
{
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 2);
    plan plans[] = {{.code = BELAY_ABORTED, .is_stubborn = true, .entered = &s.entered}, {.hold = &s.hold}};
    add(&s, &plans[0]);
    add(&s, &plans[1]);
    gate_wait(&s.entered);
    gate_open(&s.hold);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(plans[0].over, 1);
    CU_ASSERT_EQUAL(result(&s, 0), BELAY_ABORTED);
    stage_close(&s);
}

static bool
has_ended(void *context)
{
    return belay_context_cancelled(context);
}

static void
test_nothing_is_added_after_the_decision_or_the_wait(void)
{
    plan ok = {0}, late = {0};
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 1);
    add(&s, &ok);
    wait_until(has_ended, belay_group_context(s.group), "the group is decided");
    CU_ASSERT_EQUAL(belay_group_add(s.group, act, &late), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_add(s.group, act, &late), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_group_count(s.group), 1);
    CU_ASSERT_EQUAL(late.ran, 0);
    stage_close(&s);
}

/* ---- What cancels -------------------------------------------------------------------------------- */

static void
test_a_context_that_has_ended_takes_no_task(void)
{
    plan p = {0};
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 0);
    belay_cancel(s.context, "too late");
    CU_ASSERT_EQUAL(belay_group_add(s.group, act, &p), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_CANCELLED);
    belay_group *late = belay_group_new(s.context, BELAY_GROUP_ALL);
    CU_ASSERT_EQUAL(belay_group_add(late, act, &p), BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(belay_group_context(late)), "too late");
    belay_group_free(late);
    CU_ASSERT_EQUAL(p.ran, 0);
    stage_close(&s);
}

static void
test_waiting_tasks_of_a_cancelled_context_never_run(void)
{
    plan plans[] = {{0}, {0}};
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_ALL, 0);
    add(&s, &plans[0]);
    add(&s, &plans[1]);
    belay_cancel(s.context, NULL);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(first, 99);
    CU_ASSERT_EQUAL(plans[0].ran + plans[1].ran, 0);
    CU_ASSERT_EQUAL(result(&s, 1), BELAY_CANCELLED);
    stage_close(&s);
}

static void
cancelled_while_running(belay_group_mode mode, bool by_group)
{
    stage s;
    size_t first = 99;
    stage_open(&s, mode, 2);
    plan plans[] = {{.hangs = true, .entered = &s.entered}, {.hangs = true, .entered = &s.entered}};
    add(&s, &plans[0]);
    add(&s, &plans[1]);
    gate_wait_count(&s.entered, 2);
    belay_cancel(by_group ? belay_group_context(s.group) : s.context, "enough");
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(first, 99);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(plans[i].cause, BELAY_CAUSE_PARENT);
        CU_ASSERT_STRING_EQUAL(plans[i].reason, "enough");
    }
    CU_ASSERT_EQUAL(belay_context_cause(s.context), by_group ? BELAY_CAUSE_NONE : BELAY_CAUSE_APPLICATION);
    stage_close(&s);
}

static void
test_running_tasks_of_a_cancelled_context_are_cancelled_and_waited_for(void)
{
    for (int mode = BELAY_GROUP_ALL; mode <= BELAY_GROUP_FIRST_FAILURE; mode++) {
        cancelled_while_running((belay_group_mode)mode, false);
        cancelled_while_running((belay_group_mode)mode, true);
    }
}

static void
test_a_deadline_is_told_as_such(void)
{
    plan p = {.hangs = true};
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, 0);
    belay_context *timed = belay_context_derive(s.context, BELAY_MILLISECONDS(2));
    belay_group *group = belay_group_new(timed, BELAY_GROUP_FIRST_FAILURE);
    size_t first = 99;
    CU_ASSERT_EQUAL(belay_group_add(group, act, &p), BELAY_OK);
    wait_until(has_ended, timed, "the deadline has passed");
    CU_ASSERT_EQUAL(belay_group_wait(group, &first), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(first, 99);
    CU_ASSERT_EQUAL(p.ran, 0);
    belay_group_free(group);
    belay_context_unref(timed);
    timed = belay_context_derive(s.context, BELAY_MILLISECONDS(2));
    group = belay_group_new(timed, BELAY_GROUP_ALL);
    if (belay_group_add(group, act, &p) == BELAY_OK)
        CU_ASSERT_EQUAL(belay_group_wait(group, NULL), BELAY_DEADLINE_EXCEEDED);
    belay_group_free(group);
    belay_context_unref(timed);
    stage_close(&s);
}

static void
test_a_success_after_the_cancel_decides_nothing(void)
{
    stage s;
    size_t first = 99;
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 1);
    plan p = {.code = BELAY_OK, .is_stubborn = true, .entered = &s.entered};
    add(&s, &p);
    gate_wait(&s.entered);
    belay_cancel(s.context, NULL);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, &first), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(first, 99);
    CU_ASSERT_EQUAL(result(&s, 0), BELAY_OK);
    stage_close(&s);
}

static void
test_a_cancel_after_the_decision_changes_nothing(void)
{
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_SUCCESS, 2);
    plan plans[] = {{.code = BELAY_ABORTED, .hold = &s.hold, .entered = &s.entered}, {0}};
    add(&s, &plans[0]);
    gate_wait(&s.entered);
    add(&s, &plans[1]);
    wait_until(has_ended, belay_group_context(s.group), "the group is decided");
    belay_cancel(s.context, NULL);
    gate_open(&s.hold);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    stage_close(&s);
}

static void
open_gate(belay_context *context, void *argument)
{
    (void)context;
    gate_open(argument);
}

static belay_code
wait_for_own_callback(belay_task *task, void *argument)
{
    stage *s = argument;
    belay_cancel_callback *callback;
    if (belay_on_cancel(belay_task_context(task), open_gate, &s->hold, &callback) != BELAY_OK)
        return BELAY_INTERNAL;
    gate_open(&s->entered);
    gate_wait(&s->hold);
    return belay_cancel_callback_remove(callback) ? BELAY_OUT_OF_RANGE : BELAY_INTERNAL;
}

static void
test_a_tasks_callback_runs_when_its_group_is_decided(void)
{
    plan failing = {.code = BELAY_ABORTED};
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, 2);
    CU_ASSERT_EQUAL(belay_group_add(s.group, wait_for_own_callback, &s), BELAY_OK);
    gate_wait(&s.entered);
    add(&s, &failing);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_ABORTED);
    CU_ASSERT_EQUAL(result(&s, 0), BELAY_OUT_OF_RANGE);
    stage_close(&s);
}

/* ---- Tasks in tasks ------------------------------------------------------------------------------ */

typedef struct tree {
    int height;
    int *leaves; /* atomic, relaxed */
} tree;

/* Adds two smaller ones to its own group. */
static belay_code
fork_within(belay_task *task, void *argument)
{
    tree *self = argument;
    if (self->height == 0) {
        __atomic_add_fetch(self->leaves, 1, __ATOMIC_RELAXED);
        return BELAY_OK;
    }
    tree *half = belay_task_alloc(task, sizeof *half);
    *half = (tree){self->height - 1, self->leaves};
    for (int i = 0; i < 2; i++) {
        belay_code code = belay_group_add(belay_task_group(task), fork_within, half);
        if (code != BELAY_OK)
            return code;
    }
    return BELAY_OK;
}

/* Waits for a group of two smaller ones. */
static belay_code
fork_nested(belay_task *task, void *argument)
{
    tree *self = argument;
    if (self->height == 0)
        return fork_within(task, argument);
    tree half = {self->height - 1, self->leaves};
    belay_group *group = belay_group_new(belay_task_context(task), BELAY_GROUP_FIRST_FAILURE);
    belay_code code = BELAY_OK;
    for (int i = 0; i < 2 && code == BELAY_OK; i++)
        code = belay_group_add(group, fork_nested, &half);
    belay_code outcome = belay_group_wait(group, NULL);
    return code == BELAY_OK ? outcome : code;
}

static void
grow_tree(belay_task_function function, unsigned int threads)
{
    int leaves = 0;
    tree root = {6, &leaves};
    stage s;
    stage_open(&s, BELAY_GROUP_FIRST_FAILURE, threads);
    CU_ASSERT_EQUAL(belay_group_add(s.group, function, &root), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(leaves, 64);
    stage_close(&s);
}

static void
test_tasks_add_tasks_to_their_group(void)
{
    grow_tree(fork_within, 0);
    grow_tree(fork_within, 1);
    grow_tree(fork_within, 4);
}

static void
test_nested_groups_end_however_few_threads_there_are(void)
{
    grow_tree(fork_nested, 0);
    grow_tree(fork_nested, 1);
    grow_tree(fork_nested, 3);
}

static belay_code
wait_for_itself(belay_task *task, void *argument)
{
    *(belay_code *)argument = belay_group_wait(belay_task_group(task), NULL);
    return BELAY_OK;
}

static void
test_a_task_cannot_wait_for_its_own_group(void)
{
    belay_code code = BELAY_OK;
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 1);
    CU_ASSERT_EQUAL(belay_group_add(s.group, wait_for_itself, &code), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(code, BELAY_FAILED_PRECONDITION);
    stage_close(&s);
}

static belay_code
leave_group_open(belay_task *task, void *argument)
{
    belay_group *group = belay_group_new(belay_task_context(task), BELAY_GROUP_ALL);
    plan *p = argument;
    belay_code code = belay_group_add(group, act, p);
    if (code == BELAY_OK)
        gate_wait(p->entered);
    return code;
}

static void
test_a_group_that_a_task_leaves_open_ends_with_it(void)
{
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 2);
    plan p = {.is_stubborn = true, .entered = &s.entered};
    CU_ASSERT_EQUAL(belay_group_add(s.group, leave_group_open, &p), BELAY_OK);
    gate_wait(&s.entered); /* so that the waiting thread is not the one with both tasks */
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(p.over, 1);
    CU_ASSERT_STRING_EQUAL(p.reason, "nobody waits for the group any more");
    stage_close(&s);
}

/* ---- What a task leaves -------------------------------------------------------------------------- */

typedef struct diary {
    char text[8];
    size_t length;
} diary;

static void
note_a(void *argument)
{
    diary *d = argument;
    d->text[d->length++] = 'a';
}

static void
note_b(void *argument)
{
    diary *d = argument;
    d->text[d->length++] = 'b';
}

static belay_code
keep_diary(belay_task *task, void *argument)
{
    diary *d = argument;
    if (belay_task_defer(task, note_a, d) != BELAY_OK || belay_task_defer(task, note_b, d) != BELAY_OK)
        return BELAY_INTERNAL;
    d->text[d->length++] = '-';
    return BELAY_OK;
}

static void
test_cleanups_run_in_reverse_when_the_task_has_returned(void)
{
    diary d = {.length = 0};
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 1);
    CU_ASSERT_EQUAL(belay_group_add(s.group, keep_diary, &d), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(d.text, "-ba");
    stage_close(&s);
}

static belay_code
say_number(belay_task *task, void *argument)
{
    char **place = argument;
    *place = belay_task_printf(task, "number %zu", belay_task_index(task));
    return BELAY_OK;
}

static void
test_what_tasks_allocate_lives_as_long_as_the_group(void)
{
    char *words[50];
    char wanted[16];
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 4);
    for (int i = 0; i < 50; i++)
        CU_ASSERT_EQUAL(belay_group_add(s.group, say_number, &words[i]), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    for (int i = 0; i < 50; i++) {
        snprintf(wanted, sizeof wanted, "number %d", i);
        CU_ASSERT_STRING_EQUAL(words[i], wanted);
    }
    stage_close(&s);
}

static void
test_freeing_cancels_and_waits(void)
{
    stage s;
    stage_open(&s, BELAY_GROUP_ALL, 1);
    plan plans[] = {{.is_stubborn = true, .entered = &s.entered}, {0}};
    add(&s, &plans[0]);
    gate_wait(&s.entered);
    add(&s, &plans[1]);
    belay_group_free(s.group);
    CU_ASSERT_EQUAL(plans[0].over, 1);
    CU_ASSERT_EQUAL(plans[1].ran, 0);
    s.group = NULL;
    stage_close(&s);
}

/* ---- Misuse -------------------------------------------------------------------------------------- */

static void
test_wrong_arguments_are_told(void)
{
    stage s;
    belay_code code;
    plan p = {.hold = NULL};
    stage_open(&s, BELAY_GROUP_ALL, 0);
    CU_ASSERT_PTR_NULL(belay_group_new(NULL, BELAY_GROUP_ALL));
    CU_ASSERT_PTR_NULL(belay_group_new(s.context, (belay_group_mode)3));
    CU_ASSERT_EQUAL(belay_group_add(s.group, NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_group_add(NULL, act, &p), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_group_wait(NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_group_set_threads(s.group, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_group_set_threads(s.group, 257), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_group_result(s.group, 0, &code), BELAY_INVALID_ARGUMENT);
    add(&s, &p);
    CU_ASSERT_EQUAL(belay_group_result(s.group, 0, &code), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_STRING_EQUAL(belay_group_message(s.group, 0), "");
    CU_ASSERT_EQUAL(belay_group_set_threads(s.group, 1), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_group_result(s.group, 0, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(belay_group_message(s.group, 5), "");
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    belay_group_free(s.group);
    s.group = belay_group_new(s.context, BELAY_GROUP_ALL);
    CU_ASSERT_EQUAL(belay_group_wait(s.group, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_group_set_threads(s.group, 1), BELAY_FAILED_PRECONDITION); /* for whom? */
    belay_group_free(NULL);
    stage_close(&s);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(all_tasks_run_and_their_results_are_gathered),
        TEST(a_group_of_all_is_ok_when_all_are),
        TEST(the_first_success_cancels_the_others),
        TEST(the_first_failure_cancels_the_others),
        TEST(without_a_success_the_first_failure_is_told),
        TEST(without_a_failure_all_is_well),
        TEST(an_empty_group),
        TEST(tasks_that_were_not_begun_at_the_decision_never_run),
        TEST(a_task_that_ends_after_the_decision_is_waited_for),
        TEST(nothing_is_added_after_the_decision_or_the_wait),
        TEST(a_context_that_has_ended_takes_no_task),
        TEST(waiting_tasks_of_a_cancelled_context_never_run),
        TEST(running_tasks_of_a_cancelled_context_are_cancelled_and_waited_for),
        TEST(a_deadline_is_told_as_such),
        TEST(a_success_after_the_cancel_decides_nothing),
        TEST(a_cancel_after_the_decision_changes_nothing),
        TEST(a_tasks_callback_runs_when_its_group_is_decided),
        TEST(tasks_add_tasks_to_their_group),
        TEST(nested_groups_end_however_few_threads_there_are),
        TEST(a_task_cannot_wait_for_its_own_group),
        TEST(a_group_that_a_task_leaves_open_ends_with_it),
        TEST(cleanups_run_in_reverse_when_the_task_has_returned),
        TEST(what_tasks_allocate_lives_as_long_as_the_group),
        TEST(freeing_cancels_and_waits),
        TEST(wrong_arguments_are_told),
        CU_TEST_INFO_NULL,
    };
    return suite_run("group", tests, argc, argv);
}
