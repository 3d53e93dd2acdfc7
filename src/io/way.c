/* SPDX-License-Identifier: MIT */
#include "io/way.h"

#define SHORT_TURN_NS 1000000
#define FIRST_TIME_NS UINT64_C(1000000000)
#define LONGEST_TIME_NS (64 * FIRST_TIME_NS)

bool
bly_way_is_free(const bly_way *way, uint64_t now)
{
    return now >= way->closed_until;
}

void
bly_way_note(bly_way *way, uint64_t now, uint64_t taken)
{
    if (taken <= SHORT_TURN_NS) {
        way->closed_ns = 0;
        return;
    }
    if (way->closed_ns == 0)
        way->closed_ns = FIRST_TIME_NS;
    else if (way->closed_ns < LONGEST_TIME_NS)
        way->closed_ns *= 2;
    way->closed_until = now + way->closed_ns;
}
