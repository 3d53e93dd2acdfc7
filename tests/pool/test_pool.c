/* SPDX-License-Identifier: MIT */
#include "pool/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/assert.h"
#include "pool/task.h"
#include "support/suite.h"

#define MANY 1000

static bly_pool *
fixed_pool_new(unsigned int workers)
{
    bly_pool_options options = task_pool_options(workers, workers);
    return task_pool_new(&options);
}

/* ---- The queue --------------------------------------------------------------------------------- */

static void
test_one_worker_runs_jobs_in_the_order_of_pushing(void)
{
    static task tasks[MANY];
    bly_pool *pool = fixed_pool_new(1);
    unsigned int count = 0;
    bly_list jobs;
    bly_list_init(&jobs);
    for (int i = 0; i < MANY; i++) {
        task_init(&tasks[i], &count, NULL, NULL);
        bly_list_append(&jobs, &tasks[i].job.link);
        if (i % 7 == 0)
            bly_pool_push(pool, &jobs);
    }
    bly_pool_push(pool, &jobs);
    bly_pool_free(pool);
    for (unsigned int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(tasks[i].ran_as, i + 1);
}

static void
test_a_queued_job_never_runs_when_removed(void)
{
    bly_pool *pool = fixed_pool_new(1);
    unsigned int count = 0;
    gate entered;
    gate hold;
    task busy;
    task removed;
    task after;
    gate_init(&entered, "busy job entered");
    gate_init(&hold, "busy job may end");
    task_init(&busy, &count, &entered, &hold);
    task_init(&removed, &count, NULL, NULL);
    task_init(&after, &count, NULL, NULL);
    task_push(pool, &busy.job);
    gate_wait(&entered);
    task_push(pool, &removed.job);
    task_push(pool, &after.job);
    CU_ASSERT_EQUAL(task_counts(pool).queued, 2);
    CU_ASSERT_TRUE(bly_pool_remove(pool, &removed.job));
    CU_ASSERT_EQUAL(task_counts(pool).queued, 1);
    CU_ASSERT_FALSE(bly_pool_remove(pool, &removed.job));
    CU_ASSERT_FALSE(bly_pool_remove(pool, &busy.job));
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(removed.ran_as, 0);
    CU_ASSERT_EQUAL(after.ran_as, 2);
    gate_fini(&entered);
    gate_fini(&hold);
}

static void
test_a_job_that_was_not_pushed_is_not_removed(void)
{
    bly_pool *pool = fixed_pool_new(1);
    unsigned int count = 0;
    task idle;
    task_init(&idle, &count, NULL, NULL);
    CU_ASSERT_FALSE(bly_pool_remove(pool, &idle.job));
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 0);
}

static void
test_a_removed_job_can_be_pushed_again(void)
{
    bly_pool *pool = fixed_pool_new(1);
    unsigned int count = 0;
    gate entered;
    gate hold;
    task busy;
    task again;
    gate_init(&entered, "busy job entered");
    gate_init(&hold, "busy job may end");
    task_init(&busy, &count, &entered, &hold);
    task_init(&again, &count, NULL, NULL);
    task_push(pool, &busy.job);
    gate_wait(&entered);
    for (int i = 0; i < 3; i++) {
        task_push(pool, &again.job);
        CU_ASSERT_TRUE(bly_pool_remove(pool, &again.job));
    }
    task_push(pool, &again.job);
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 2);
    gate_fini(&entered);
    gate_fini(&hold);
}

static void
test_jobs_beyond_the_capacity_stay_in_the_list(void)
{
    bly_pool_options options = task_pool_options(1, 1);
    options.queue_capacity = 3;
    bly_pool *pool = task_pool_new(&options);
    unsigned int count = 0;
    gate entered;
    gate hold;
    task busy;
    task tasks[5];
    bly_list jobs;
    gate_init(&entered, "busy job entered");
    gate_init(&hold, "busy job may end");
    task_init(&busy, &count, &entered, &hold);
    task_push(pool, &busy.job);
    gate_wait(&entered); /* it is running and takes no room */
    bly_list_init(&jobs);
    for (int i = 0; i < 5; i++) {
        task_init(&tasks[i], &count, NULL, NULL);
        bly_list_append(&jobs, &tasks[i].job.link);
    }
    bly_pool_push(pool, &jobs);
    CU_ASSERT_EQUAL(task_counts(pool).queued, 3);
    CU_ASSERT_PTR_EQUAL(bly_list_take_first(&jobs), &tasks[3].job.link);
    CU_ASSERT_FALSE(bly_pool_remove(pool, &tasks[3].job));
    CU_ASSERT_TRUE(bly_pool_remove(pool, &tasks[0].job));
    bly_pool_push(pool, &jobs); /* there is room for the last again */
    CU_ASSERT_TRUE(bly_list_is_empty(&jobs));
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 4);
    CU_ASSERT_EQUAL(tasks[4].ran_as, 4);
    gate_fini(&entered);
    gate_fini(&hold);
}

static void
test_extra_jobs_take_nothing_of_the_capacity(void)
{
    bly_pool_options options = task_pool_options(1, 1);
    options.queue_capacity = 1;
    bly_pool *pool = task_pool_new(&options);
    unsigned int count = 0;
    gate entered;
    gate hold;
    task busy;
    task extra[3];
    task tasks[2];
    bly_list jobs;
    gate_init(&entered, "busy job entered");
    gate_init(&hold, "busy job may end");
    task_init(&busy, &count, &entered, &hold);
    task_push(pool, &busy.job);
    gate_wait(&entered);
    bly_list_init(&jobs);
    for (int i = 0; i < 3; i++) {
        task_init(&extra[i], &count, NULL, NULL);
        bly_pool_push_extra(pool, &extra[i].job);
    }
    for (int i = 0; i < 2; i++) {
        task_init(&tasks[i], &count, NULL, NULL);
        bly_list_append(&jobs, &tasks[i].job.link);
    }
    CU_ASSERT_TRUE(bly_pool_remove(pool, &extra[1].job));
    bly_pool_push(pool, &jobs);
    CU_ASSERT_EQUAL(task_counts(pool).queued, 3);
    CU_ASSERT_PTR_EQUAL(bly_list_take_first(&jobs), &tasks[1].job.link);
    CU_ASSERT_TRUE(bly_pool_remove(pool, &tasks[0].job));
    bly_list_append(&jobs, &tasks[1].job.link);
    bly_pool_push(pool, &jobs);
    CU_ASSERT_TRUE(bly_list_is_empty(&jobs));
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 4);
    CU_ASSERT_EQUAL(extra[0].ran_as, 2);
    CU_ASSERT_EQUAL(extra[2].ran_as, 3);
    gate_fini(&entered);
    gate_fini(&hold);
}

/* ---- Worker against canceller ------------------------------------------------------------------- */

#define RACERS 8

typedef struct race {
    bly_pool *pool;
    task tasks[RACERS];
    pthread_barrier_t *start;
    unsigned int removed;
} race;

static void *
remove_all(void *argument)
{
    race *self = argument;
    pthread_barrier_wait(self->start);
    for (int i = RACERS - 1; i >= 0; i--) {
        if (bly_pool_remove(self->pool, &self->tasks[i].job))
            self->removed++;
    }
    return NULL;
}

static void
test_worker_and_canceller_agree_on_who_owns_a_job(void)
{
    enum { ROUNDS = 500 };
    bly_pool *pool = fixed_pool_new(2);
    unsigned int ran = 0;
    unsigned int removed = 0;
    static race races[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        race *r = &races[round];
        pthread_barrier_t start;
        pthread_t canceller;
        bly_list jobs;
        pthread_barrier_init(&start, NULL, 2);
        *r = (race){ .pool = pool, .start = &start };
        bly_list_init(&jobs);
        for (int i = 0; i < RACERS; i++) {
            task_init(&r->tasks[i], &ran, NULL, NULL);
            bly_list_append(&jobs, &r->tasks[i].job.link);
        }
        CU_ASSERT_EQUAL_FATAL(pthread_create(&canceller, NULL, remove_all, r), 0);
        pthread_barrier_wait(&start);
        bly_pool_push(pool, &jobs);
        pthread_join(canceller, NULL);
        removed += r->removed;
        pthread_barrier_destroy(&start);
    }
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(ran + removed, ROUNDS * RACERS);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned int left = RACERS;
        for (int i = 0; i < RACERS; i++)
            left -= races[round].tasks[i].ran_as > 0;
        CU_ASSERT_EQUAL(left, races[round].removed);
    }
}

/* ---- Waking ------------------------------------------------------------------------------------- */

/* One wake-up is made for the batch, and each job waits until all run: workers must wake each other. */
static void
test_the_jobs_of_one_batch_run_side_by_side(void)
{
    enum { WORKERS = 8, ROUNDS = 100 };
    static task tasks[ROUNDS][WORKERS];
    static gate entered[ROUNDS];
    static gate hold[ROUNDS];
    bly_pool *pool = fixed_pool_new(WORKERS);
    unsigned int count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bly_list jobs;
        bly_list_init(&jobs);
        gate_init(&entered[round], "all of the batch entered");
        gate_init(&hold[round], "the batch may end");
        for (int i = 0; i < WORKERS; i++) {
            task_init(&tasks[round][i], &count, &entered[round], &hold[round]);
            bly_list_append(&jobs, &tasks[round][i].job.link);
        }
        bly_pool_push(pool, &jobs);
        gate_wait_count(&entered[round], WORKERS);
        gate_open(&hold[round]);
    }
    CU_ASSERT_EQUAL(task_counts(pool).workers, WORKERS);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, ROUNDS * WORKERS);
    for (int round = 0; round < ROUNDS; round++) {
        gate_fini(&entered[round]);
        gate_fini(&hold[round]);
    }
}

static bool
one_is_idle(void *pool)
{
    return task_counts(pool).idle == 1;
}

static void
test_workers_start_when_needed_and_no_sooner(void)
{
    bly_pool *pool = fixed_pool_new(4);
    unsigned int count = 0;
    task tasks[3];
    CU_ASSERT_EQUAL(task_counts(pool).workers, 0);
    for (int i = 0; i < 3; i++) {
        task_init(&tasks[i], &count, NULL, NULL);
        task_push(pool, &tasks[i].job);
        wait_until(one_is_idle, pool, "the worker is idle again");
        CU_ASSERT_EQUAL(task_counts(pool).workers, 1);
    }
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 3);
}

typedef struct pusher {
    bly_pool *pool;
    task tasks[MANY];
} pusher;

static void *
push_all(void *argument)
{
    pusher *self = argument;
    for (int i = 0; i < MANY; i++)
        task_push(self->pool, &self->tasks[i].job);
    return NULL;
}

static void
test_jobs_of_many_pushers_all_run_once(void)
{
    enum { PUSHERS = 4 };
    static pusher pushers[PUSHERS];
    pthread_t threads[PUSHERS];
    unsigned int count = 0;
    bly_pool *pool = fixed_pool_new(4);
    for (int p = 0; p < PUSHERS; p++) {
        pushers[p].pool = pool;
        for (int i = 0; i < MANY; i++)
            task_init(&pushers[p].tasks[i], &count, NULL, NULL);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[p], NULL, push_all, &pushers[p]), 0);
    }
    for (int p = 0; p < PUSHERS; p++)
        pthread_join(threads[p], NULL);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, PUSHERS * MANY);
}

/* ---- What jobs may do --------------------------------------------------------------------------- */

typedef struct nested {
    bly_job job;
    bly_pool *pool;
    int left;
    bool on_worker;
} nested;

static void
run_nested(bly_job *job)
{
    nested *self = BLY_CONTAINER_OF(job, nested, job);
    self->on_worker = bly_pool_is_worker(self->pool);
    if (--self->left > 0)
        task_push(self->pool, job);
}

static void
test_a_job_may_push_even_while_the_pool_is_freed(void)
{
    bly_pool *pool = fixed_pool_new(2);
    nested job = { .pool = pool, .left = MANY };
    bly_job_init(&job.job, run_nested);
    task_push(pool, &job.job);
    CU_ASSERT_FALSE(bly_pool_is_worker(pool));
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(job.left, 0);
    CU_ASSERT_TRUE(job.on_worker);
}

static void
free_job(bly_job *job)
{
    free(job);
}

static void
test_a_job_may_free_itself(void)
{
    bly_pool *pool = fixed_pool_new(2);
    for (int i = 0; i < MANY; i++) {
        bly_job *job = malloc(sizeof *job);
        CU_ASSERT_PTR_NOT_NULL_FATAL(job);
        bly_job_init(job, free_job);
        task_push(pool, job);
    }
    bly_pool_free(pool);
}

/* How often `begun` was called on the calling thread. */
static _Thread_local unsigned int begun_here;

static void
note_begun(void *argument)
{
    begun_here++;
    __atomic_fetch_add((unsigned int *)argument, 1, __ATOMIC_RELAXED);
}

typedef struct begun_job {
    bly_job job;
    gate *ran;
    unsigned int begun;
} begun_job;

static void
look_at_begun(bly_job *job)
{
    begun_job *self = BLY_CONTAINER_OF(job, begun_job, job);
    self->begun = begun_here;
    gate_open(self->ran);
}

static void
test_each_worker_says_once_that_it_begins_before_its_first_job(void)
{
    unsigned int begun = 0;
    bly_pool_options options = task_pool_options(1, 1);
    options.reserved_workers = 1;
    options.begun = note_begun;
    options.begun_argument = &begun;
    bly_pool *pool = task_pool_new(&options);
    gate ran;
    begun_job jobs[4];
    gate_init(&ran, "jobs ran");
    for (int i = 0; i < 4; i++) {
        jobs[i].ran = &ran;
        bly_job_init(&jobs[i].job, look_at_begun);
        if (i < 2)
            task_push(pool, &jobs[i].job);
        else
            bly_pool_push_reserved(pool, &jobs[i].job);
    }
    gate_wait_count(&ran, 4);
    bly_pool_free(pool);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(jobs[i].begun, 1);
    CU_ASSERT_EQUAL(begun, 2);
    gate_fini(&ran);
}

/* ---- Reserved workers --------------------------------------------------------------------------- */

static void
test_reserved_jobs_run_when_all_workers_are_busy(void)
{
    bly_pool_options options = task_pool_options(2, 2);
    options.reserved_workers = 1;
    options.queue_capacity = 1;
    bly_pool *pool = task_pool_new(&options);
    unsigned int count = 0;
    gate entered;
    gate hold;
    gate answered;
    task busy[2];
    task waiting;
    task reserved[2];
    gate_init(&entered, "busy jobs entered");
    gate_init(&hold, "busy jobs may end");
    gate_init(&answered, "reserved jobs ran");
    for (int i = 0; i < 2; i++) {
        task_init(&busy[i], &count, &entered, &hold);
        task_push(pool, &busy[i].job);
        gate_wait_count(&entered, i + 1);
    }
    task_init(&waiting, &count, NULL, NULL);
    task_push(pool, &waiting.job); /* the queue is full as well */
    for (int i = 0; i < 2; i++) {
        task_init(&reserved[i], &count, &answered, NULL);
        bly_pool_push_reserved(pool, &reserved[i].job);
    }
    gate_wait_count(&answered, 2);
    CU_ASSERT_EQUAL(task_counts(pool).queued, 1); /* the reserved worker left it alone */
    CU_ASSERT_EQUAL(task_counts(pool).workers, 2);
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 5);
    gate_fini(&entered);
    gate_fini(&hold);
    gate_fini(&answered);
}

static void
test_a_reserved_job_can_be_removed(void)
{
    bly_pool_options options = task_pool_options(1, 1);
    options.reserved_workers = 1;
    bly_pool *pool = task_pool_new(&options);
    unsigned int count = 0;
    gate entered;
    gate hold;
    task busy;
    task removed;
    gate_init(&entered, "busy job entered");
    gate_init(&hold, "busy job may end");
    task_init(&busy, &count, &entered, &hold);
    task_init(&removed, &count, NULL, NULL);
    bly_pool_push_reserved(pool, &busy.job);
    gate_wait(&entered);
    bly_pool_push_reserved(pool, &removed.job);
    CU_ASSERT_TRUE(bly_pool_remove(pool, &removed.job));
    gate_open(&hold);
    bly_pool_free(pool);
    CU_ASSERT_EQUAL(count, 1);
    gate_fini(&entered);
    gate_fini(&hold);
}

/* ---- The end ------------------------------------------------------------------------------------ */

typedef struct freeing {
    bly_pool *pool;
    bool done;
} freeing;

static void *
free_pool(void *argument)
{
    freeing *self = argument;
    bly_pool_free(self->pool);
    __atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void
test_free_waits_for_running_and_queued_jobs(void)
{
    freeing other = { .pool = fixed_pool_new(1) };
    pthread_t thread;
    unsigned int count = 0;
    gate entered;
    gate hold;
    task running;
    task queued;
    gate_init(&entered, "running job entered");
    gate_init(&hold, "running job may end");
    task_init(&running, &count, &entered, &hold);
    task_init(&queued, &count, NULL, NULL);
    task_push(other.pool, &running.job);
    gate_wait(&entered);
    task_push(other.pool, &queued.job);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, free_pool, &other), 0);
    for (int i = 0; i < 1000; i++)
        sched_yield(); /* gives a free that does not wait a chance to be seen */
    CU_ASSERT_FALSE(__atomic_load_n(&other.done, __ATOMIC_ACQUIRE));
    gate_open(&hold);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(queued.ran_as, 2);
    gate_fini(&entered);
    gate_fini(&hold);
}

static void
test_a_pool_that_was_never_used_is_freed(void)
{
    bly_pool_free(fixed_pool_new(4));
    bly_pool_free(NULL);
}

/* ---- Scheduling -------------------------------------------------------------------------------- */

#if defined(__linux__)
typedef struct policy_job {
    bly_job job;
    int policy;
} policy_job;

static void
note_policy(bly_job *job)
{
    BLY_CONTAINER_OF(job, policy_job, job)->policy = sched_getscheduler(0);
}

static void
test_patient_workers_are_batch_work_and_reserved_ones_are_not(void)
{
    for (int patient = 0; patient < 2; patient++) {
        bly_pool_options options = task_pool_options(1, 1);
        options.reserved_workers = 1;
        options.patience = patient ? BLY_POOL_ALWAYS_PATIENT : BLY_POOL_NEVER_PATIENT;
        bly_pool *pool = task_pool_new(&options);
        policy_job normal = {.policy = -1};
        policy_job reserved = {.policy = -1};
        bly_job_init(&normal.job, note_policy);
        bly_job_init(&reserved.job, note_policy);
        task_push(pool, &normal.job);
        bly_pool_push_reserved(pool, &reserved.job);
        bly_pool_free(pool);
        CU_ASSERT_EQUAL(normal.policy, patient ? SCHED_BATCH : SCHED_OTHER);
        CU_ASSERT_EQUAL(reserved.policy, SCHED_OTHER);
    }
}

/* A job that says how long it took, and notes what its worker has become by then. */
typedef struct timed_job {
    policy_job policy;
    uint64_t took;
    bool waits;
} timed_job;

static void
take_time(bly_job *job)
{
    timed_job *timed = BLY_CONTAINER_OF(job, timed_job, policy.job);
    if (timed->waits) {
        bly_pool_blocked_begin();
        bly_pool_blocked_end();
    }
    bly_pool_took(timed->took);
    note_policy(job);
}

/* What the one worker of a pool is after its last of some jobs. */
static int
policy_after(bly_pool_patience patience, const timed_job *jobs, size_t count)
{
    bly_pool_options options = task_pool_options(1, 1);
    options.patience = patience;
    bly_pool *pool = task_pool_new(&options);
    timed_job copies[8];
    CU_ASSERT_TRUE_FATAL(count > 0 && count <= 8);
    for (size_t i = 0; i < count; i++) {
        copies[i] = jobs[i];
        bly_job_init(&copies[i].policy.job, take_time);
        task_push(pool, &copies[i].policy.job);
    }
    bly_pool_free(pool);
    return copies[count - 1].policy.policy;
}

static void
test_workers_whose_jobs_compute_for_long_become_batch_work(void)
{
    const timed_job jobs[] = {{.took = BLY_POOL_LONG_NS}, {.took = BLY_POOL_LONG_NS}};
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 2), SCHED_BATCH);
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 1), SCHED_OTHER);
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_NEVER_PATIENT, jobs, 2), SCHED_OTHER);
}

static void
test_a_short_job_makes_an_ordinary_worker_again(void)
{
    const timed_job jobs[] = {
        {.took = BLY_POOL_LONG_NS}, {.took = BLY_POOL_LONG_NS}, {.took = 1}, {.took = BLY_POOL_LONG_NS}};
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 3), SCHED_OTHER);
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 4), SCHED_OTHER);
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_ALWAYS_PATIENT, jobs, 3), SCHED_BATCH);
}

static void
test_jobs_that_waited_tell_nothing_about_computing(void)
{
    const timed_job jobs[] = {{.took = BLY_POOL_LONG_NS, .waits = true}, {.took = BLY_POOL_LONG_NS, .waits = true},
                              {.took = BLY_POOL_LONG_NS},
                              {.took = BLY_POOL_LONG_NS},
                              {.took = BLY_POOL_LONG_NS, .waits = true}};
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 2), SCHED_OTHER);
    CU_ASSERT_EQUAL(policy_after(BLY_POOL_PATIENT_WHEN_COMPUTING, jobs, 5), SCHED_BATCH);
}
#endif

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "one_worker_runs_jobs_in_the_order_of_pushing", test_one_worker_runs_jobs_in_the_order_of_pushing },
        { "a_queued_job_never_runs_when_removed", test_a_queued_job_never_runs_when_removed },
        { "a_job_that_was_not_pushed_is_not_removed", test_a_job_that_was_not_pushed_is_not_removed },
        { "a_removed_job_can_be_pushed_again", test_a_removed_job_can_be_pushed_again },
        { "jobs_beyond_the_capacity_stay_in_the_list", test_jobs_beyond_the_capacity_stay_in_the_list },
        { "extra_jobs_take_nothing_of_the_capacity", test_extra_jobs_take_nothing_of_the_capacity },
        { "worker_and_canceller_agree_on_who_owns_a_job", test_worker_and_canceller_agree_on_who_owns_a_job },
        { "the_jobs_of_one_batch_run_side_by_side", test_the_jobs_of_one_batch_run_side_by_side },
        { "workers_start_when_needed_and_no_sooner", test_workers_start_when_needed_and_no_sooner },
        { "jobs_of_many_pushers_all_run_once", test_jobs_of_many_pushers_all_run_once },
        { "a_job_may_push_even_while_the_pool_is_freed", test_a_job_may_push_even_while_the_pool_is_freed },
        { "a_job_may_free_itself", test_a_job_may_free_itself },
        { "each_worker_says_once_that_it_begins_before_its_first_job", test_each_worker_says_once_that_it_begins_before_its_first_job },
        { "reserved_jobs_run_when_all_workers_are_busy", test_reserved_jobs_run_when_all_workers_are_busy },
        { "a_reserved_job_can_be_removed", test_a_reserved_job_can_be_removed },
        { "free_waits_for_running_and_queued_jobs", test_free_waits_for_running_and_queued_jobs },
        { "a_pool_that_was_never_used_is_freed", test_a_pool_that_was_never_used_is_freed },
#if defined(__linux__)
        { "patient_workers_are_batch_work_and_reserved_ones_are_not",
          test_patient_workers_are_batch_work_and_reserved_ones_are_not },
        { "workers_whose_jobs_compute_for_long_become_batch_work",
          test_workers_whose_jobs_compute_for_long_become_batch_work },
        { "a_short_job_makes_an_ordinary_worker_again", test_a_short_job_makes_an_ordinary_worker_again },
        { "jobs_that_waited_tell_nothing_about_computing", test_jobs_that_waited_tell_nothing_about_computing },
#endif
        CU_TEST_INFO_NULL,
    };
    return suite_run("pool", tests, argc, argv);
}
