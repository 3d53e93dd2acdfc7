/* SPDX-License-Identifier: MIT */
#include "base/jitter.h"

#define STEPS 2001

/* A cheap generator: jitter needs no more. */
static uint64_t
next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

uint64_t
bly_jitter(uint64_t *state, uint64_t duration, unsigned int percent)
{
    double share = (double)(next(state) % STEPS) / (STEPS / 2) - 1.0; /* from -1 to 1 */
    double result = (double)duration * (1.0 + share * percent / 100.0);
    if (duration == UINT64_MAX || result >= (double)UINT64_MAX)
        return UINT64_MAX;
    return (uint64_t)result;
}
