/* SPDX-License-Identifier: MIT */
/*
 * Random groups on a small pool: modes, nesting, failures, tasks that sleep, early returns, cancels from the
 * client and from within, all at once. What must hold whatever happens: every task has ended when the wait is
 * over, each has run once at most, the outcome fits the results, and at the end nothing is left.
 */
#include <belay/belay.h>

#include <pthread.h>
#include <sched.h>

#include "support/fixture.h"

#define CLIENTS 4
#define ROUNDS 60
#define MOST_TASKS 12

/* One word of state for each random sequence. */
static unsigned int
draw(unsigned int *seed, unsigned int below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % below;
}

/* What one task does; in memory that outlives it. */
typedef struct job {
    unsigned int seed;
    int depth;
    int running; /* atomic, sequentially consistent: 1 while it runs */
    int runs;    /* atomic, relaxed */
    int broken;  /* atomic, relaxed: of this and what is below */
} job;

static void
note_broken(job *self, bool is_broken)
{
    if (is_broken)
        __atomic_add_fetch(&self->broken, 1, __ATOMIC_RELAXED);
}

static belay_code run_group(belay_context *context, job *self, job *inner);

static belay_code
compute_a_while(belay_task *task, unsigned int rounds)
{
    while (rounds-- > 0 && !belay_task_cancelled(task))
        sched_yield();
    return BELAY_OK;
}

static belay_code
act(belay_task *task, job *self)
{
    switch (draw(&self->seed, 8)) {
    case 0:
        return BELAY_ABORTED;
    case 1:
        return belay_sleep(belay_task_context(task), BELAY_MILLISECONDS(draw(&self->seed, 3)));
    case 2:
        belay_cancel(belay_group_context(belay_task_group(task)), "by a task");
        return BELAY_OK;
    case 3:
    case 4:
        if (self->depth > 0) {
            job *inner = belay_task_alloc(task, MOST_TASKS * sizeof *inner);
            return run_group(belay_task_context(task), self, inner);
        }
        return BELAY_OK;
    default:
        return compute_a_while(task, draw(&self->seed, 50));
    }
}

static belay_code
run_job(belay_task *task, void *argument)
{
    job *self = argument;
    __atomic_store_n(&self->running, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&self->runs, 1, __ATOMIC_RELAXED);
    belay_code code = act(task, self);
    __atomic_store_n(&self->running, 0, __ATOMIC_SEQ_CST);
    return code;
}

static void
check(job *self, belay_group *group, belay_group_mode mode, belay_code outcome, size_t first,
      const job *inner)
{
    belay_code code;
    bool has_success = false, has_failure = false;
    for (size_t i = 0; i < belay_group_count(group); i++) {
        note_broken(self, belay_group_result(group, i, &code) != BELAY_OK);
        note_broken(self, inner[i].running != 0 || inner[i].runs > 1 || inner[i].broken > 0);
        note_broken(self, code == BELAY_OK && inner[i].runs != 1);
        has_success |= code == BELAY_OK;
        has_failure |= code != BELAY_OK;
    }
    if (first != SIZE_MAX)
        note_broken(self, belay_group_result(group, first, &code) != BELAY_OK || code != outcome);
    if (mode == BELAY_GROUP_FIRST_SUCCESS)
        note_broken(self, outcome == BELAY_OK && (first == SIZE_MAX || !has_success));
    else
        note_broken(self, outcome == BELAY_OK && has_failure);
}

/* A group of a few jobs, waited for or left to its owner's end. */
static belay_code
run_group(belay_context *context, job *self, job *inner)
{
    belay_group_mode mode = (belay_group_mode)draw(&self->seed, 3);
    belay_group *group = belay_group_new(context, mode);
    unsigned int count = draw(&self->seed, MOST_TASKS);
    size_t first = SIZE_MAX;
    if (group == NULL || inner == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (unsigned int i = 0; i < count; i++) {
        inner[i] = (job){.seed = draw(&self->seed, 60000), .depth = self->depth - 1};
        if (belay_group_add(group, run_job, &inner[i]) != BELAY_OK)
            break;
    }
    if (draw(&self->seed, 6) == 0)
        return BELAY_OK;
    belay_code outcome = belay_group_wait(group, &first);
    check(self, group, mode, outcome, first, inner);
    if (draw(&self->seed, 2) == 0)
        belay_group_free(group);
    return outcome;
}

static int broken; /* atomic, relaxed: over all calls */

static void
collect(void *argument)
{
    __atomic_add_fetch(&broken, ((job *)argument)->broken, __ATOMIC_RELAXED);
}

static belay_code
unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    job *root = belay_alloc(call, sizeof *root);
    job *inner = belay_alloc(call, MOST_TASKS * sizeof *inner);
    (void)reply;
    *root = (job){.seed = (unsigned int)request->number, .depth = 3};
    if (belay_defer(call, collect, root) != BELAY_OK)
        return BELAY_INTERNAL;
    return run_group(belay_call_context(call), root, inner);
}

typedef struct client {
    fixture *f;
    unsigned int seed;
    pthread_t thread;
} client;

static void *
call_again_and_again(void *argument)
{
    client *self = argument;
    for (int i = 0; i < ROUNDS; i++) {
        Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
        belay_call *call = NULL;
        note.number = draw(&self->seed, 60000);
        if (belay_test_probe_unary_start(self->f->channel, NULL, &note, NULL, &call) != BELAY_OK)
            continue;
        if (draw(&self->seed, 3) == 0) {
            for (unsigned int n = draw(&self->seed, 200); n > 0; n--)
                sched_yield();
            belay_call_free(call);
        } else {
            (void)!belay_call_finish(call, NULL);
        }
    }
    return NULL;
}

static void
storm(unsigned int minimum, unsigned int maximum)
{
    fixture f;
    client clients[CLIENTS];
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, minimum, maximum), BELAY_OK);
    fixture_open(&f, &(fixture_options){.handlers = {.unary = unary}, .server = options});
    belay_server_options_free(options);
    __atomic_store_n(&broken, 0, __ATOMIC_RELAXED);
    for (unsigned int i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.f = &f, .seed = i + 100 * maximum};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&clients[i].thread, NULL, call_again_and_again, &clients[i]), 0);
    }
    for (unsigned int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i].thread, NULL);
    fixture_close(&f);
    CU_ASSERT_EQUAL(__atomic_load_n(&broken, __ATOMIC_RELAXED), 0);
}

static void
test_random_groups_on_one_worker(void)
{
    storm(1, 1);
}

static void
test_random_groups_on_a_few_workers(void)
{
    storm(3, 3);
}

static void
test_random_groups_on_a_pool_that_grows(void)
{
    storm(2, 12);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(random_groups_on_one_worker),
        TEST(random_groups_on_a_few_workers),
        TEST(random_groups_on_a_pool_that_grows),
        CU_TEST_INFO_NULL,
    };
    return suite_run("group_stress", tests, argc, argv);
}
