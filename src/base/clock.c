/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <belay/time.h>

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t
monotonic_now(void *argument)
{
    (void)argument;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

const bly_clock bly_clock_monotonic = { .now = monotonic_now };

uint64_t
bly_clock_after(uint64_t now, uint64_t duration_ns)
{
    return duration_ns > BELAY_FOREVER - now ? BELAY_FOREVER : now + duration_ns;
}

struct timespec
bly_clock_timespec(uint64_t time)
{
    const uint64_t last_second = sizeof(time_t) < 8 ? INT32_MAX : INT64_MAX;
    uint64_t second = time / NS_PER_SECOND;
    if (second > last_second)
        return (struct timespec){ .tv_sec = (time_t)last_second };
    return (struct timespec){ .tv_sec = (time_t)second, .tv_nsec = (long)(time % NS_PER_SECOND) };
}

uint64_t
belay_now(void)
{
    return monotonic_now(NULL);
}
