/* SPDX-License-Identifier: MIT */
#include "base/quiet.h"

/* Between two lines, but for those that may come together. */
#define PAUSE UINT64_C(1000000000)

/* Whose turn it is to write one, of all that ask at the same time. */
static bool
takes_turn(bly_quiet *quiet, unsigned int together, uint64_t now)
{
    uint64_t due = __atomic_load_n(&quiet->due, __ATOMIC_RELAXED);
    if (due > now + (together - 1) * PAUSE)
        return false;
    return __atomic_compare_exchange_n(&quiet->due, &due, (due > now ? due : now) + PAUSE, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

bool
bly_quiet_may_say(bly_quiet *quiet, unsigned int together, uint64_t now, uint64_t *unsaid)
{
    if (takes_turn(quiet, together, now)) {
        *unsaid = __atomic_exchange_n(&quiet->unsaid, 0, __ATOMIC_RELAXED);
        return true;
    }
    __atomic_fetch_add(&quiet->unsaid, 1, __ATOMIC_RELAXED);
    return false;
}
