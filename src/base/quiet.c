/* SPDX-License-Identifier: MIT */
#include "base/quiet.h"

/* Between two lines. */
#define PAUSE UINT64_C(1000000000)

static bool
is_first(bly_quiet *quiet, uint64_t now)
{
    uint64_t said = __atomic_load_n(&quiet->said_at, __ATOMIC_RELAXED);
    if (said != 0 && now - said < PAUSE)
        return false;
    return __atomic_compare_exchange_n(&quiet->said_at, &said, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool
bly_quiet_may_say(bly_quiet *quiet, uint64_t now, uint64_t *unsaid)
{
    if (is_first(quiet, now)) {
        *unsaid = __atomic_exchange_n(&quiet->unsaid, 0, __ATOMIC_RELAXED);
        return true;
    }
    __atomic_fetch_add(&quiet->unsaid, 1, __ATOMIC_RELAXED);
    return false;
}
