/* SPDX-License-Identifier: MIT */
#include "pool/task.h"

#include "base/assert.h"

static void
run_task(bly_job *job)
{
    task *self = BLY_CONTAINER_OF(job, task, job);
    gate *hold = self->hold;
    bool blocks = self->blocks;
    self->ran_as = __atomic_add_fetch(self->count, 1, __ATOMIC_RELAXED);
    if (blocks)
        bly_pool_blocked_begin();
    if (self->entered)
        gate_open(self->entered);
    if (hold)
        gate_wait(hold);
    if (blocks)
        bly_pool_blocked_end();
}

void
task_init(task *t, unsigned int *count, gate *entered, gate *hold)
{
    *t = (task){ .count = count, .entered = entered, .hold = hold };
    bly_job_init(&t->job, run_task);
}

void
task_push(bly_pool *pool, bly_job *job)
{
    bly_list jobs;
    bly_list_init(&jobs);
    bly_list_append(&jobs, &job->link);
    bly_pool_push(pool, &jobs);
    BLY_ASSERT(bly_list_is_empty(&jobs)); /* not CUnit's: jobs call this too */
}

bly_pool_options
task_pool_options(unsigned int minimum, unsigned int maximum)
{
    return (bly_pool_options){
        .name = "worker",
        .minimum = minimum,
        .maximum = maximum,
        .queue_capacity = 100000,
        .idle_ns = UINT64_MAX,
        .clock = &bly_clock_monotonic,
    };
}

bly_pool *
task_pool_new(const bly_pool_options *options)
{
    bly_pool *pool = bly_pool_new(options);
    if (!pool)
        CU_FAIL_FATAL("no pool");
    return pool;
}

bly_pool_counts
task_counts(bly_pool *pool)
{
    bly_pool_counts counts;
    bly_pool_counts_read(pool, &counts);
    return counts;
}
