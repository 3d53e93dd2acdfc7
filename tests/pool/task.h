/* SPDX-License-Identifier: MIT */
/*
 * What the pool's suites share: a job that counts itself, says that it runs, and waits to be let go.
 */
#ifndef TESTS_POOL_TASK_H
#define TESTS_POOL_TASK_H

#include "pool/pool.h"
#include "support/suite.h"

typedef struct task {
    bly_job job;
    unsigned int *count;
    gate *entered;       /* NULL: says nothing */
    gate *hold;          /* NULL: does not wait */
    bool blocks;         /* tells the pool that it waits */
    unsigned int ran_as; /* the how-manieth of those that count, or 0 */
} task;

void task_init(task *t, unsigned int *count, gate *entered, gate *hold);

/* Pushes one job, for which there must be room. */
void task_push(bly_pool *pool, bly_job *job);

/* Options with a large queue, no growth delay and workers that idle for ever. */
bly_pool_options task_pool_options(unsigned int minimum, unsigned int maximum);

/* A pool, or the end of the test. */
bly_pool *task_pool_new(const bly_pool_options *options);

bly_pool_counts task_counts(bly_pool *pool);

#endif
