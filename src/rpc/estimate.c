/* SPDX-License-Identifier: MIT */
#include "rpc/estimate.h"

static uint64_t
moved(uint64_t low, uint64_t sample)
{
    if (sample <= low)
        return low - (low - sample) / 2;
    uint64_t above = sample - low;
    return low + (above < low ? above : low) / 64 + 1;
}

void
bly_estimate_add(bly_estimate *estimate, uint64_t ns, bool cut)
{
    uint64_t low = __atomic_load_n(&estimate->low_ns, __ATOMIC_RELAXED);
    uint32_t samples = __atomic_load_n(&estimate->samples, __ATOMIC_RELAXED);
    if (samples >= BLY_ESTIMATE_WARM_UP) {
        if (!cut || ns > low)
            __atomic_store_n(&estimate->low_ns, moved(low, ns), __ATOMIC_RELAXED);
        return;
    }
    if (cut)
        return;
    if (samples == 0 || ns < low)
        __atomic_store_n(&estimate->low_ns, ns, __ATOMIC_RELAXED);
    __atomic_store_n(&estimate->samples, samples + 1, __ATOMIC_RELAXED);
}

uint64_t
bly_estimate_read(const bly_estimate *estimate)
{
    if (__atomic_load_n(&estimate->samples, __ATOMIC_RELAXED) < BLY_ESTIMATE_WARM_UP)
        return 0;
    return __atomic_load_n(&estimate->low_ns, __ATOMIC_RELAXED);
}

bool
bly_estimate_drops(bly_estimate *estimate, uint64_t left_ns)
{
    if (left_ns >= bly_estimate_read(estimate))
        return false;
    return __atomic_add_fetch(&estimate->hopeless, 1, __ATOMIC_RELAXED) % BLY_ESTIMATE_PROBE != 0;
}
