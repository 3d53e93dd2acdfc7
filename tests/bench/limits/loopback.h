/* SPDX-License-Identifier: MIT */
/* What the floors share, which measure without HTTP/2. */
#ifndef BENCH_LIMITS_LOOPBACK_H
#define BENCH_LIMITS_LOOPBACK_H

#include <stdint.h>
#include <time.h>

/* A clock, in nanoseconds. */
int64_t loopback_clock(clockid_t clock);

/* Two ends of a TCP connection that sends at once. Ends the program when there is none to be had. */
void loopback_pair(int ends[2]);

/* Says what failed and why, and ends the program. */
_Noreturn void loopback_fail(const char *what);

#endif
