/* SPDX-License-Identifier: MIT */
#include "support/suite.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "support/patience.h"

void
gate_init(gate *g, const char *name)
{
    pthread_mutex_init(&g->lock, NULL);
    patience_condition_init(&g->condition);
    g->opened = 0;
    g->name = name;
}

void
gate_fini(gate *g)
{
    pthread_cond_destroy(&g->condition);
    pthread_mutex_destroy(&g->lock);
}

/* Signals under the lock: who waits may call gate_fini() as soon as the lock is free. */
void
gate_open(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->opened++;
    pthread_cond_broadcast(&g->condition);
    pthread_mutex_unlock(&g->lock);
}

void
gate_wait(gate *g)
{
    gate_wait_count(g, 1);
}

void
gate_wait_count(gate *g, int n)
{
    struct timespec deadline = patience_deadline(PATIENCE_GATE_S);
    pthread_mutex_lock(&g->lock);
    while (g->opened < n) {
        int error = pthread_cond_timedwait(&g->condition, &g->lock, &deadline);
        if (error == ETIMEDOUT && g->opened < n)
            patience_lost("gate %s: opened %d times after %u s, not %d", g->name, g->opened,
                          patience_seconds(PATIENCE_GATE_S), n);
    }
    pthread_mutex_unlock(&g->lock);
}

void
wait_until(bool (*condition)(void *argument), void *argument, const char *what)
{
    struct timespec deadline = patience_deadline(PATIENCE_GATE_S);
    while (!condition(argument)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > deadline.tv_sec)
            patience_lost("%s: not so after %u s", what, patience_seconds(PATIENCE_GATE_S));
        sched_yield();
    }
}
