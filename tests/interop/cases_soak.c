/* SPDX-License-Identifier: MIT */
/*
 * The same call again and again, on one channel or on a new one each time.
 */
#include "interop/cases.h"

#include <stdio.h>

static bool
report(const testbed *bed, uint32_t failed)
{
    if (failed > 0)
        fprintf(stderr, "soak: expected no failures, came %u in %u calls\n", (unsigned int)failed,
                (unsigned int)bed->soak_iterations);
    return failed == 0;
}

bool
case_rpc_soak(const testbed *bed)
{
    uint32_t failed = 0;
    for (uint32_t i = 0; i < bed->soak_iterations; i++)
        failed += !make_large_call(bed->channel);
    return report(bed, failed);
}

static bool
make_call_on_new_channel(const testbed *bed)
{
    belay_channel *channel = belay_channel_new(bed->runtime, bed->target, bed->options);
    bool passed = channel != NULL && make_large_call(channel);
    belay_channel_free(channel);
    return passed;
}

bool
case_channel_soak(const testbed *bed)
{
    uint32_t failed = 0;
    for (uint32_t i = 0; i < bed->soak_iterations; i++)
        failed += !make_call_on_new_channel(bed);
    return report(bed, failed);
}
