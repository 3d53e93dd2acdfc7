/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <belay/time.h>

#define QUIET BELAY_MILLISECONDS(30) /* without use of the CPU: then it is idle */
#define PATIENCE BELAY_SECONDS(5)

bool
watch_add(watch *self, pid_t process)
{
    if (self->count == WATCH_MAX || clock_getcpuclockid(process, &self->clocks[self->count]) != 0)
        return false;
    self->count++;
    return true;
}

/* A process that is gone uses no CPU. */
static uint64_t
cpu_time(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * BELAY_SECONDS(1) + (uint64_t)time.tv_nsec;
}

void
watch_until_idle(watch *self)
{
    uint64_t used[WATCH_MAX] = {0};
    uint64_t start = belay_now(), latest = start, now = start;
    while (now - latest < QUIET && now - start < PATIENCE) {
        for (size_t i = 0; i < self->count; i++) {
            uint64_t cpu = cpu_time(self->clocks[i]);
            now = belay_now();
            if (cpu != used[i]) {
                used[i] = cpu;
                self->idle_ns[i] = latest = now;
            }
        }
        /* Looking must not take the CPU from those that are looked at. */
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        now = belay_now();
    }
    for (size_t i = 0; i < self->count; i++)
        if (now - self->idle_ns[i] < QUIET)
            self->idle_ns[i] = 0;
}
