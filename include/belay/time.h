/* SPDX-License-Identifier: MIT */
/*
 * Time in belay is nanoseconds in a uint64_t. Durations say so by a name that ends in _ns;
 * points in time are on the monotonic clock, the one of belay_now().
 */
#ifndef BELAY_TIME_H
#define BELAY_TIME_H

#include <stdint.h>

#include <belay/export.h>

BELAY_BEGIN_DECLS

/* No deadline, or no limit on a duration. */
#define BELAY_FOREVER UINT64_MAX

#define BELAY_MICROSECONDS(n) ((uint64_t)(n) * UINT64_C(1000))
#define BELAY_MILLISECONDS(n) ((uint64_t)(n) * UINT64_C(1000000))
#define BELAY_SECONDS(n) ((uint64_t)(n) * UINT64_C(1000000000))

/*
 * Reads the monotonic clock.
 *
 * Returns nanoseconds since a point that is fixed while the machine is up.
 * Threads: any.
 */
BELAY_API uint64_t belay_now(void);

BELAY_END_DECLS

#endif
