/* SPDX-License-Identifier: MIT */
/*
 * A runtime for contexts in tests: a clock that stands until it is told, timers that fire when it is moved,
 * a real notifier, and counts of what is held.
 */
#ifndef TESTS_CANCEL_ENVIRONMENT_H
#define TESTS_CANCEL_ENVIRONMENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "cancel/context.h"

typedef struct fake_environment {
    bly_context_environment environment;
    bly_clock clock;
    uint64_t now;    /* atomic, relaxed */
    int references;  /* atomic, relaxed: held by contexts */
    bool arm_fails;  /* the test's thread */

    pthread_mutex_t lock;
    /* guarded by lock */
    bly_list timers;
    int armed; /* so far */
} fake_environment;

void environment_init(fake_environment *fake);

/* Runs what was posted to the notifier and ends it. The environment stays good for looking at. */
void environment_settle(fake_environment *fake);

/* Settles it, and fails the test when a context or a timer is left. */
void environment_fini(fake_environment *fake);

/* Lets time pass, and fires the timers that are due, on the calling thread. */
void environment_pass(fake_environment *fake, uint64_t duration_ns);

/* How many timers wait. */
int environment_timers(fake_environment *fake);

/* How many threads have said that they are blocked, of all environments. */
int environment_blocked(void);

/* A context with an environment's defaults, which the test must get. */
belay_context *environment_root(fake_environment *fake);

#endif
