/* SPDX-License-Identifier: MIT */
/*
 * One method's numbers. Counted by workers and I/O threads with relaxed additions, a few for each call; read by
 * anyone.
 */
#ifndef BLY_RPC_METHOD_STATS_H
#define BLY_RPC_METHOD_STATS_H

#include <belay/context.h>
#include <belay/metrics.h>

typedef struct bly_time_stats {
    /* atomic, relaxed: they order nothing */
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t buckets[BELAY_TIME_BUCKETS];
} bly_time_stats;

/* What every call counts stands in the middle, away from what others read for every call. */
typedef struct bly_method_stats {
    /* atomic, relaxed: they order nothing */
    bly_time_stats after_cancel;
    bly_time_stats handling;
    uint64_t handlers_started;
    uint64_t dropped_in_queue;
    uint64_t handlers_ignoring_cancel;
    uint64_t cancelled[BELAY_METHOD_CAUSES];
    bly_time_stats after_cancel_cpu;
} bly_method_stats;

/* One more. Any thread. */
static inline void
bly_method_stats_count(uint64_t *total)
{
    __atomic_fetch_add(total, 1, __ATOMIC_RELAXED);
}

/* The bucket of a time: 0 below 1024 ns, then one for each doubling. */
static inline unsigned int
bly_time_stats_bucket(uint64_t ns)
{
    unsigned int above = ns < 1024 ? 0 : 54 - (unsigned int)__builtin_clzll(ns);
    return above < BELAY_TIME_BUCKETS ? above : BELAY_TIME_BUCKETS - 1;
}

/* Counts a time. Any thread. */
static inline void
bly_time_stats_add(bly_time_stats *stats, uint64_t ns)
{
    uint64_t most = __atomic_load_n(&stats->max_ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&stats->sum_ns, ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&stats->buckets[bly_time_stats_bucket(ns)], 1, __ATOMIC_RELAXED);
    while (ns > most && !__atomic_compare_exchange_n(&stats->max_ns, &most, ns, true, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED))
        continue;
}

/* Counts a call whose outcome is cancelled. Any thread. */
void bly_method_stats_count_cancel(bly_method_stats *stats, belay_cause cause);

/* Any thread. */
void bly_method_stats_read(const bly_method_stats *stats, belay_method_stats *to);

#endif
