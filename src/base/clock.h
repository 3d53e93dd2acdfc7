/* SPDX-License-Identifier: MIT */
/*
 * The clock that deadlines are counted on. Injected, so that tests decide when time passes.
 */
#ifndef BLY_BASE_CLOCK_H
#define BLY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

typedef struct bly_clock {
    /* const after creation */
    uint64_t (*now)(void *argument); /* any thread, any lock held; nanoseconds, never goes back */
    void *argument;
} bly_clock;

/* CLOCK_MONOTONIC. */
extern const bly_clock bly_clock_monotonic;

static inline uint64_t
bly_clock_now(const bly_clock *clock)
{
    return clock->now(clock->argument);
}

/* now + duration without overflow: BELAY_FOREVER stays forever. */
uint64_t bly_clock_after(uint64_t now, uint64_t duration_ns);

/* A point in time as the system's calls want it; what a narrow time_t cannot hold is its maximum. */
struct timespec bly_clock_timespec(uint64_t time);

#endif
