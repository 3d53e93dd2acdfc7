/* SPDX-License-Identifier: MIT */
/* The pool when threads cannot be had. The linker puts __wrap_bly_thread_start() in the place of the
 * original. */
#include "pool/pool.h"

#include "base/assert.h"
#include "base/thread.h"
#include "pool/task.h"
#include "support/suite.h"

static bool refuse;          /* atomic: read by workers */
static unsigned int refused; /* atomic: counted by workers */

typedef void run_function(void *argument);

bool __real_bly_thread_start(pthread_t *thread, const char *name, size_t stack_size, run_function *run,
                             void *argument);
bool __wrap_bly_thread_start(pthread_t *thread, const char *name, size_t stack_size, run_function *run,
                             void *argument);

bool
__wrap_bly_thread_start(pthread_t *thread, const char *name, size_t stack_size, run_function *run,
                        void *argument)
{
    if (!__atomic_load_n(&refuse, __ATOMIC_RELAXED))
        return __real_bly_thread_start(thread, name, stack_size, run, argument);
    __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
    return false;
}

static void
set_refuse(bool value)
{
    __atomic_store_n(&refuse, value, __ATOMIC_RELAXED);
}

static void
note_tick(void *argument, uint64_t at)
{
    __atomic_store_n((uint64_t *)argument, at, __ATOMIC_RELAXED);
}

static void
test_a_job_waits_for_a_tick_when_no_thread_can_be_had(void)
{
    uint64_t tick = 0;
    unsigned int count = 0;
    gate entered;
    task t;
    bly_pool_options options = task_pool_options(2, 2);
    options.tick_at = note_tick;
    options.tick_argument = &tick;
    bly_pool *pool = task_pool_new(&options);
    gate_init(&entered, "job entered");
    task_init(&t, &count, &entered, NULL);
    set_refuse(true);
    task_push(pool, &t.job);
    CU_ASSERT_NOT_EQUAL(tick, 0);
    CU_ASSERT_EQUAL(task_counts(pool).workers, 0);
    CU_ASSERT_EQUAL(task_counts(pool).queued, 1);
    tick = 0;
    bly_pool_tick(pool);
    CU_ASSERT_NOT_EQUAL(tick, 0);
    CU_ASSERT_EQUAL(task_counts(pool).workers, 0);
    set_refuse(false);
    bly_pool_tick(pool);
    gate_wait(&entered);
    bly_pool_free(pool);
    gate_fini(&entered);
}

static void
test_a_job_that_waits_for_a_thread_can_be_removed(void)
{
    unsigned int count = 0;
    task t;
    bly_pool_options options = task_pool_options(2, 2);
    bly_pool *pool = task_pool_new(&options);
    task_init(&t, &count, NULL, NULL);
    set_refuse(true);
    task_push(pool, &t.job);
    CU_ASSERT_TRUE(bly_pool_remove(pool, &t.job));
    set_refuse(false);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 0);
}

static void
test_the_worker_there_is_runs_all_jobs(void)
{
    enum { JOBS = 100 };
    static task tasks[JOBS];
    unsigned int count = 0;
    gate entered;
    bly_pool_options options = task_pool_options(4, 8);
    bly_pool *pool = task_pool_new(&options);
    gate_init(&entered, "all jobs ran");
    task_init(&tasks[0], &count, &entered, NULL);
    task_push(pool, &tasks[0].job);
    gate_wait(&entered);
    set_refuse(true);
    for (int i = 1; i < JOBS; i++) {
        task_init(&tasks[i], &count, &entered, NULL);
        task_push(pool, &tasks[i].job);
    }
    gate_wait_count(&entered, JOBS);
    set_refuse(false);
    CU_ASSERT_EQUAL(task_counts(pool).workers, 1);
    bly_pool_free(pool);
    gate_fini(&entered);
}

/* The first job blocks while the only other waits: growth fails, and is tried again by the next push. */
static void
test_growth_is_tried_again_by_the_next_push(void)
{
    unsigned int count = 0;
    gate entered;
    gate hold;
    task tasks[3];
    bly_pool_options options = task_pool_options(1, 3);
    bly_pool *pool = task_pool_new(&options);
    gate_init(&entered, "jobs entered");
    gate_init(&hold, "jobs may end");
    for (int i = 0; i < 3; i++) {
        task_init(&tasks[i], &count, &entered, &hold);
        tasks[i].blocks = true;
    }
    task_push(pool, &tasks[0].job);
    gate_wait_count(&entered, 1);
    set_refuse(true);
    __atomic_store_n(&refused, 0, __ATOMIC_RELAXED);
    task_push(pool, &tasks[1].job);
    CU_ASSERT_EQUAL(__atomic_load_n(&refused, __ATOMIC_RELAXED), 1);
    CU_ASSERT_EQUAL(task_counts(pool).workers, 1);
    set_refuse(false);
    task_push(pool, &tasks[2].job);
    gate_wait_count(&entered, 3);
    gate_open(&hold);
    bly_pool_free(pool);
    gate_fini(&entered);
    gate_fini(&hold);
}

typedef struct nested {
    bly_job job;
    bly_pool *pool;
    task *next;
    bool on_worker;
} nested;

static void
run_nested(bly_job *job)
{
    nested *self = BLY_CONTAINER_OF(job, nested, job);
    self->on_worker = bly_pool_is_worker(self->pool);
    set_refuse(false);
    task_push(self->pool, &self->next->job);
}

static void
test_free_runs_what_no_thread_could_be_had_for(void)
{
    unsigned int count = 0;
    task next;
    task reserved;
    bly_pool_options options = task_pool_options(1, 1);
    options.reserved_workers = 1;
    bly_pool *pool = task_pool_new(&options);
    nested first = { .pool = pool, .next = &next, .on_worker = true };
    bly_job_init(&first.job, run_nested);
    task_init(&next, &count, NULL, NULL);
    task_init(&reserved, &count, NULL, NULL);
    set_refuse(true);
    task_push(pool, &first.job);
    bly_pool_push_reserved(pool, &reserved.job);
    bly_pool_free(pool);
    CU_ASSERT_FALSE(first.on_worker);
    CU_ASSERT_EQUAL(count, 2);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "a_job_waits_for_a_tick_when_no_thread_can_be_had",
          test_a_job_waits_for_a_tick_when_no_thread_can_be_had },
        { "a_job_that_waits_for_a_thread_can_be_removed", test_a_job_that_waits_for_a_thread_can_be_removed },
        { "the_worker_there_is_runs_all_jobs", test_the_worker_there_is_runs_all_jobs },
        { "growth_is_tried_again_by_the_next_push", test_growth_is_tried_again_by_the_next_push },
        { "free_runs_what_no_thread_could_be_had_for", test_free_runs_what_no_thread_could_be_had_for },
        CU_TEST_INFO_NULL,
    };
    return suite_run("start_failure", tests, argc, argv);
}
