/* SPDX-License-Identifier: MIT */
/*
 * How long a method's handlers take at least: a low quantile of the times measured, kept in two words. A call
 * that has less time left than this would, but for a few in a hundred, be cut off at its deadline.
 *
 * Low, and not the mean: a method that answers some of its calls from a cache is not to lose those. What is
 * faster than the estimate halves the way to it; what is slower raises it a little, by no more than a 64th of
 * itself, so that a single stuck call means nothing. The first few measurements only look for the fastest.
 *
 * Calls that are dropped bring no measurement: an estimate that is too high after a slow hour would stay so
 * for good. So one in BLY_ESTIMATE_PROBE of them is to be run all the same.
 *
 * Updates are plain loads and stores: one that gets lost between two threads costs nothing.
 */
#ifndef BLY_RPC_ESTIMATE_H
#define BLY_RPC_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#define BLY_ESTIMATE_WARM_UP 8
#define BLY_ESTIMATE_PROBE 16

/* All zero: nothing measured. */
typedef struct bly_estimate {
    /* atomic, relaxed: they order nothing */
    uint64_t low_ns;
    uint32_t samples;  /* up to BLY_ESTIMATE_WARM_UP */
    uint32_t hopeless; /* calls that had too little time left */
} bly_estimate;

/* Takes in a handler that returned after `ns`. cut: its call had been cancelled, so that it may have stopped
 * early: then it only counts when it took longer than the estimate. Any thread. */
void bly_estimate_add(bly_estimate *estimate, uint64_t ns, bool cut);

/* The estimate; 0 while too little was measured. Any thread. */
uint64_t bly_estimate_read(const bly_estimate *estimate);

/* Whether a call with so much time left is not to be run. Any thread. */
bool bly_estimate_drops(bly_estimate *estimate, uint64_t left_ns);

#endif
