/* SPDX-License-Identifier: MIT */
#include "rpc/method_stats.h"

#include "base/assert.h"

void
bly_method_stats_count_cancel(bly_method_stats *stats, belay_cause cause)
{
    BLY_ASSERT((unsigned int)cause < BELAY_METHOD_CAUSES);
    bly_method_stats_count(&stats->cancelled[cause]);
}

static uint64_t
read_total(const uint64_t *total)
{
    return __atomic_load_n(total, __ATOMIC_RELAXED);
}

static void
read_times(const bly_time_stats *stats, belay_time_stats *to)
{
    to->count = 0;
    to->sum_ns = read_total(&stats->sum_ns);
    to->max_ns = read_total(&stats->max_ns);
    for (unsigned int i = 0; i < BELAY_TIME_BUCKETS; i++) {
        to->buckets[i] = read_total(&stats->buckets[i]);
        to->count += to->buckets[i];
    }
}

/* The path is not known here. Returned before started, so that no more handlers seem to have returned than began. */
void
bly_method_stats_read(const bly_method_stats *stats, belay_method_stats *to)
{
    read_times(&stats->after_cancel_cpu, &to->after_cancel_cpu);
    read_times(&stats->after_cancel, &to->after_cancel);
    read_times(&stats->handling, &to->handling);
    for (unsigned int i = 0; i < BELAY_METHOD_CAUSES; i++)
        to->cancelled[i] = read_total(&stats->cancelled[i]);
    to->handlers_ignoring_cancel = read_total(&stats->handlers_ignoring_cancel);
    to->dropped_in_queue = read_total(&stats->dropped_in_queue);
    to->handlers_started = read_total(&stats->handlers_started);
}
