/* SPDX-License-Identifier: MIT */
/* When the pool starts workers beyond its minimum, and when they leave. Time passes when the test says so. */
#include "pool/pool.h"

#include "base/assert.h"
#include "pool/task.h"
#include "support/suite.h"

#define DELAY 1000
#define NO_TICK 0

/* A pool on a clock of its own, whose busy jobs wait at one gate. */
typedef struct stage {
    bly_pool *pool;
    bly_clock clock;
    uint64_t now;  /* atomic: read by workers */
    uint64_t tick; /* atomic: the last that was asked for, or NO_TICK */
    unsigned int count;
    gate entered;
    gate hold;
} stage;

static uint64_t
stage_now(void *argument)
{
    stage *s = argument;
    return __atomic_load_n(&s->now, __ATOMIC_RELAXED);
}

static void
stage_tick_at(void *argument, uint64_t at)
{
    stage *s = argument;
    __atomic_store_n(&s->tick, at, __ATOMIC_RELAXED);
}

static uint64_t
asked_tick(stage *s)
{
    return __atomic_exchange_n(&s->tick, NO_TICK, __ATOMIC_RELAXED);
}

static void
stage_pass(stage *s, uint64_t duration)
{
    __atomic_fetch_add(&s->now, duration, __ATOMIC_RELAXED);
}

static void
stage_init_with(stage *s, bly_pool_options options)
{
    *s = (stage){ .clock = { .now = stage_now, .argument = s }, .now = 5000 };
    gate_init(&s->entered, "busy jobs entered");
    gate_init(&s->hold, "busy jobs may end");
    options.clock = &s->clock;
    options.growth_delay_ns = DELAY;
    options.tick_at = stage_tick_at;
    options.tick_argument = s;
    s->pool = task_pool_new(&options);
}

static void
stage_init(stage *s, unsigned int minimum, unsigned int maximum)
{
    stage_init_with(s, task_pool_options(minimum, maximum));
}

/* Lets the busy jobs go and ends the pool. */
static void
stage_fini(stage *s)
{
    gate_open(&s->hold);
    bly_pool_free(s->pool);
    gate_fini(&s->entered);
    gate_fini(&s->hold);
}

static void
stage_push(stage *s, task *t, bool blocks)
{
    task_init(t, &s->count, &s->entered, &s->hold);
    t->blocks = blocks;
    task_push(s->pool, &t->job);
}

/* ---- Growing ------------------------------------------------------------------------------------ */

static void
test_a_job_that_waits_long_behind_blocked_workers_gets_a_new_one(void)
{
    stage s;
    task tasks[3];
    stage_init(&s, 2, 5);
    stage_push(&s, &tasks[0], true);
    stage_push(&s, &tasks[1], true);
    gate_wait_count(&s.entered, 2);
    CU_ASSERT_EQUAL(task_counts(s.pool).blocked, 2);
    CU_ASSERT_EQUAL(asked_tick(&s), NO_TICK);
    stage_push(&s, &tasks[2], true);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + DELAY);
    stage_pass(&s, DELAY - 1);
    bly_pool_tick(s.pool);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 2);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + DELAY);
    stage_pass(&s, 1);
    bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, 3);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 3);
    stage_fini(&s);
}

static void
test_no_worker_is_added_while_all_compute(void)
{
    stage s;
    task tasks[3];
    stage_init(&s, 2, 5);
    stage_push(&s, &tasks[0], false);
    stage_push(&s, &tasks[1], false);
    gate_wait_count(&s.entered, 2);
    stage_push(&s, &tasks[2], false);
    stage_pass(&s, 100 * DELAY);
    bly_pool_tick(s.pool);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 2);
    CU_ASSERT_EQUAL(task_counts(s.pool).queued, 1);
    CU_ASSERT_EQUAL(asked_tick(&s), NO_TICK);
    stage_fini(&s);
    CU_ASSERT_EQUAL(s.count, 3);
}

typedef struct blocker {
    bly_job job;
    gate go;
    gate *entered;
    gate *hold;
} blocker;

/* Computes until told, then blocks. */
static void
run_blocker(bly_job *job)
{
    blocker *self = BLY_CONTAINER_OF(job, blocker, job);
    gate_open(self->entered);
    gate_wait(&self->go);
    bly_pool_blocked_begin();
    gate_wait(self->hold);
    bly_pool_blocked_end();
}

static void
test_a_worker_that_blocks_is_replaced_at_once_when_jobs_have_waited(void)
{
    stage s;
    blocker first;
    task second;
    stage_init(&s, 1, 2);
    first = (blocker){ .entered = &s.entered, .hold = &s.hold };
    gate_init(&first.go, "first job may block");
    bly_job_init(&first.job, run_blocker);
    task_push(s.pool, &first.job);
    gate_wait(&s.entered);
    stage_push(&s, &second, false);
    stage_pass(&s, DELAY);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 1);
    gate_open(&first.go);
    gate_wait_count(&s.entered, 2); /* without a tick */
    CU_ASSERT_EQUAL(asked_tick(&s), NO_TICK);
    stage_fini(&s);
    gate_fini(&first.go);
}

static void
test_jobs_that_all_block_run_side_by_side_up_to_the_maximum(void)
{
    enum { MAXIMUM = 100, JOBS = MAXIMUM + 20 };
    static task tasks[JOBS];
    stage s;
    stage_init(&s, 2, MAXIMUM);
    for (int i = 0; i < JOBS; i++)
        stage_push(&s, &tasks[i], true);
    stage_pass(&s, DELAY);
    bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, MAXIMUM); /* one tick; then each that blocks starts the next */
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, MAXIMUM);
    CU_ASSERT_EQUAL(task_counts(s.pool).queued, JOBS - MAXIMUM);
    bly_pool_tick(s.pool);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, MAXIMUM);
    stage_fini(&s);
    CU_ASSERT_EQUAL(s.count, JOBS);
}

static void
test_one_waiting_job_adds_one_worker(void)
{
    stage s;
    task tasks[5];
    stage_init(&s, 4, 100);
    for (int i = 0; i < 4; i++) {
        stage_push(&s, &tasks[i], true);
        gate_wait_count(&s.entered, i + 1);
    }
    stage_push(&s, &tasks[4], true);
    stage_pass(&s, DELAY);
    for (int i = 0; i < 10; i++)
        bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, 5);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 5);
    stage_fini(&s);
}

static void
test_a_fixed_pool_never_grows(void)
{
    stage s;
    task tasks[3];
    stage_init(&s, 2, 2);
    stage_push(&s, &tasks[0], true);
    stage_push(&s, &tasks[1], true);
    gate_wait_count(&s.entered, 2);
    stage_push(&s, &tasks[2], true);
    stage_pass(&s, 100 * DELAY);
    bly_pool_tick(s.pool);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 2);
    CU_ASSERT_EQUAL(asked_tick(&s), NO_TICK);
    stage_fini(&s);
    CU_ASSERT_EQUAL(s.count, 3);
}

/* The tick was asked for the first job, which is gone; the second is younger. */
static void
test_a_tick_that_comes_too_early_is_asked_for_again(void)
{
    stage s;
    task busy;
    task first;
    task second;
    stage_init(&s, 1, 2);
    stage_push(&s, &busy, true);
    gate_wait(&s.entered);
    stage_push(&s, &first, true);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + DELAY);
    stage_pass(&s, DELAY / 2);
    stage_push(&s, &second, true);
    CU_ASSERT_EQUAL(asked_tick(&s), NO_TICK); /* the one on its way comes sooner */
    CU_ASSERT_TRUE(bly_pool_remove(s.pool, &first.job));
    stage_pass(&s, DELAY / 2);
    bly_pool_tick(s.pool);
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 1);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + DELAY / 2 + DELAY);
    stage_pass(&s, DELAY / 2);
    bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, 2);
    stage_fini(&s);
    CU_ASSERT_EQUAL(first.ran_as, 0);
}

static void
test_a_tick_that_never_came_is_asked_for_again(void)
{
    stage s;
    task busy;
    task first;
    task second;
    stage_init(&s, 1, 2);
    stage_push(&s, &busy, true);
    gate_wait(&s.entered);
    stage_push(&s, &first, true);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + DELAY);
    CU_ASSERT_TRUE(bly_pool_remove(s.pool, &first.job));
    stage_pass(&s, 2 * DELAY);
    stage_push(&s, &second, true);
    CU_ASSERT_EQUAL(asked_tick(&s), 5000 + 2 * DELAY + DELAY);
    stage_pass(&s, DELAY);
    bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, 2);
    stage_fini(&s);
}

static void
test_a_pool_that_is_freed_does_not_wait_to_grow(void)
{
    enum { JOBS = 3 };
    stage s;
    task tasks[JOBS];
    blocker first;
    stage_init(&s, 1, 1 + JOBS);
    first = (blocker){ .entered = &s.entered, .hold = &s.hold };
    gate_init(&first.go, "first job may block");
    gate_open(&first.go);
    bly_job_init(&first.job, run_blocker);
    task_push(s.pool, &first.job);
    gate_wait(&s.entered);
    for (int i = 0; i < JOBS; i++) {
        task_init(&tasks[i], &s.count, i == JOBS - 1 ? &s.hold : NULL, NULL); /* the last lets the first go */
        task_push(s.pool, &tasks[i].job);
    }
    bly_pool_free(s.pool);
    CU_ASSERT_EQUAL(s.count, JOBS);
    gate_fini(&first.go);
    gate_fini(&s.entered);
    gate_fini(&s.hold);
}

/* ---- Blocking ----------------------------------------------------------------------------------- */

typedef struct nester {
    bly_job job;
    bly_pool *pool;
    unsigned int blocked[4];
    gate done;
} nester;

static void
run_nester(bly_job *job)
{
    nester *self = BLY_CONTAINER_OF(job, nester, job);
    bly_pool_blocked_begin();
    bly_pool_blocked_begin();
    self->blocked[0] = task_counts(self->pool).blocked;
    bly_pool_blocked_end();
    self->blocked[1] = task_counts(self->pool).blocked;
    bly_pool_blocked_end();
    self->blocked[2] = task_counts(self->pool).blocked;
    gate_open(&self->done);
}

static void
test_the_outermost_of_nested_waits_counts(void)
{
    stage s;
    nester job;
    stage_init(&s, 1, 2);
    job = (nester){ .pool = s.pool };
    gate_init(&job.done, "nested waits are over");
    bly_job_init(&job.job, run_nester);
    task_push(s.pool, &job.job);
    gate_wait(&job.done);
    CU_ASSERT_EQUAL(job.blocked[0], 1);
    CU_ASSERT_EQUAL(job.blocked[1], 1);
    CU_ASSERT_EQUAL(job.blocked[2], 0);
    stage_fini(&s);
    gate_fini(&job.done);
}

static void
test_waits_of_other_threads_do_not_count(void)
{
    stage s;
    stage_init(&s, 1, 2);
    bly_pool_blocked_begin();
    CU_ASSERT_EQUAL(task_counts(s.pool).blocked, 0);
    bly_pool_blocked_end();
    stage_fini(&s);
}

/* ---- Leaving ------------------------------------------------------------------------------------ */

static bool
only_minimum_is_left(void *argument)
{
    stage *s = argument;
    bly_pool_counts counts = task_counts(s->pool);
    return counts.workers == 2 && counts.idle == 2;
}

static void
test_workers_above_the_minimum_leave_and_come_again(void)
{
    enum { JOBS = 20, ROUNDS = 3 };
    static task tasks[JOBS];
    stage s;
    bly_pool_options options = task_pool_options(2, JOBS);
    options.idle_ns = 1;
    stage_init_with(&s, options);
    for (int round = 1; round <= ROUNDS; round++) {
        gate_fini(&s.hold);
        gate_init(&s.hold, "busy jobs may end");
        for (int i = 0; i < JOBS; i++)
            stage_push(&s, &tasks[i], true);
        stage_pass(&s, DELAY);
        bly_pool_tick(s.pool);
        gate_wait_count(&s.entered, round * JOBS);
        CU_ASSERT_EQUAL(task_counts(s.pool).workers, JOBS);
        gate_open(&s.hold);
        wait_until(only_minimum_is_left, &s, "extra workers have left");
    }
    stage_fini(&s);
    CU_ASSERT_EQUAL(s.count, ROUNDS * JOBS);
}

static bool
one_is_idle(void *argument)
{
    stage *s = argument;
    return task_counts(s->pool).idle == 1;
}

static bool
one_is_left(void *argument)
{
    stage *s = argument;
    bly_pool_counts counts = task_counts(s->pool);
    return counts.workers == 1 && counts.idle == 1;
}

static void
test_a_worker_that_replaces_a_blocked_one_leaves_only_after_it(void)
{
    stage s;
    task blocked;
    task quick;
    bly_pool_options options = task_pool_options(1, 2);
    options.idle_ns = 1;
    stage_init_with(&s, options);
    stage_push(&s, &blocked, true);
    gate_wait(&s.entered);
    task_init(&quick, &s.count, NULL, NULL);
    task_push(s.pool, &quick.job);
    stage_pass(&s, DELAY);
    bly_pool_tick(s.pool);
    wait_until(one_is_idle, &s, "the replacement is idle");
    CU_ASSERT_EQUAL(task_counts(s.pool).workers, 2);
    gate_open(&s.hold);
    wait_until(one_is_left, &s, "one of two has left");
    stage_fini(&s);
}

/* ---- Having shrunk ------------------------------------------------------------------------------ */

static unsigned int shrunk; /* atomic: how often the pool has told */

static void
count_shrunk(void)
{
    __atomic_fetch_add(&shrunk, 1, __ATOMIC_RELAXED);
}

static bool
has_shrunk(void *argument)
{
    (void)argument;
    return __atomic_load_n(&shrunk, __ATOMIC_RELAXED) > 0;
}

/* Has `jobs` jobs block side by side in a pool of its own whose minimum is two, lets them all go, and waits until
 * none but two workers are left. */
static void
grow_and_shrink(unsigned int jobs)
{
    static task tasks[BLY_POOL_MANY + 2];
    stage s;
    bly_pool_options options = task_pool_options(2, jobs);
    options.idle_ns = 1;
    options.shrunk = count_shrunk;
    __atomic_store_n(&shrunk, 0, __ATOMIC_RELAXED);
    stage_init_with(&s, options);
    for (unsigned int i = 0; i < jobs; i++)
        stage_push(&s, &tasks[i], true);
    stage_pass(&s, DELAY);
    bly_pool_tick(s.pool);
    gate_wait_count(&s.entered, (int)jobs);
    CU_ASSERT_FALSE(has_shrunk(NULL));
    gate_open(&s.hold);
    wait_until(only_minimum_is_left, &s, "extra workers have left");
    stage_fini(&s);
}

static void
test_the_last_of_many_workers_to_leave_tells(void)
{
    grow_and_shrink(BLY_POOL_MANY + 2);
    CU_ASSERT_EQUAL(__atomic_load_n(&shrunk, __ATOMIC_RELAXED), 1);
}

static void
test_when_few_workers_leave_nobody_tells(void)
{
    grow_and_shrink(BLY_POOL_MANY + 1);
    CU_ASSERT_FALSE(has_shrunk(NULL));
}

/* ---- Without ticks ------------------------------------------------------------------------------- */

static void
test_without_ticks_a_pool_grows_when_a_worker_blocks(void)
{
    enum { JOBS = 10 };
    static task tasks[JOBS];
    unsigned int count = 0;
    gate entered;
    gate hold;
    bly_list jobs;
    bly_pool_options options = task_pool_options(1, JOBS);
    bly_pool *pool = task_pool_new(&options);
    gate_init(&entered, "all jobs entered");
    gate_init(&hold, "jobs may end");
    bly_list_init(&jobs);
    for (int i = 0; i < JOBS; i++) {
        task_init(&tasks[i], &count, &entered, &hold);
        tasks[i].blocks = true;
        bly_list_append(&jobs, &tasks[i].job.link);
    }
    bly_pool_push(pool, &jobs);
    gate_wait_count(&entered, JOBS);
    gate_open(&hold);
    bly_pool_free(pool);
    gate_fini(&entered);
    gate_fini(&hold);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "a_job_that_waits_long_behind_blocked_workers_gets_a_new_one",
          test_a_job_that_waits_long_behind_blocked_workers_gets_a_new_one },
        { "no_worker_is_added_while_all_compute", test_no_worker_is_added_while_all_compute },
        { "a_worker_that_blocks_is_replaced_at_once_when_jobs_have_waited",
          test_a_worker_that_blocks_is_replaced_at_once_when_jobs_have_waited },
        { "jobs_that_all_block_run_side_by_side_up_to_the_maximum",
          test_jobs_that_all_block_run_side_by_side_up_to_the_maximum },
        { "one_waiting_job_adds_one_worker", test_one_waiting_job_adds_one_worker },
        { "a_fixed_pool_never_grows", test_a_fixed_pool_never_grows },
        { "a_tick_that_comes_too_early_is_asked_for_again",
          test_a_tick_that_comes_too_early_is_asked_for_again },
        { "a_tick_that_never_came_is_asked_for_again", test_a_tick_that_never_came_is_asked_for_again },
        { "a_pool_that_is_freed_does_not_wait_to_grow", test_a_pool_that_is_freed_does_not_wait_to_grow },
        { "the_outermost_of_nested_waits_counts", test_the_outermost_of_nested_waits_counts },
        { "waits_of_other_threads_do_not_count", test_waits_of_other_threads_do_not_count },
        { "workers_above_the_minimum_leave_and_come_again",
          test_workers_above_the_minimum_leave_and_come_again },
        { "a_worker_that_replaces_a_blocked_one_leaves_only_after_it",
          test_a_worker_that_replaces_a_blocked_one_leaves_only_after_it },
        { "the_last_of_many_workers_to_leave_tells", test_the_last_of_many_workers_to_leave_tells },
        { "when_few_workers_leave_nobody_tells", test_when_few_workers_leave_nobody_tells },
        { "without_ticks_a_pool_grows_when_a_worker_blocks",
          test_without_ticks_a_pool_grows_when_a_worker_blocks },
        CU_TEST_INFO_NULL,
    };
    return suite_run("growth", tests, argc, argv);
}
