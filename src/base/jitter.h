/* SPDX-License-Identifier: MIT */
/*
 * Times that are not to be the same for all, so that what begins at once does not come back at once.
 */
#ifndef BLY_BASE_JITTER_H
#define BLY_BASE_JITTER_H

#include <stdint.h>

/* A duration, up to so many percent (100 at most) more or less. UINT64_MAX stays what it is. state: a seed, moved on;
 * whoever keeps it says by what it is guarded. */
uint64_t bly_jitter(uint64_t *state, uint64_t duration, unsigned int percent);

#endif
