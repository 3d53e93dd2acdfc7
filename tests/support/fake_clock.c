/* SPDX-License-Identifier: MIT */
#include "support/fake_clock.h"

#include <stddef.h>

static uint64_t fake_now; /* atomic, release and acquire: what was done before a move is seen after it */

static uint64_t
read_fake(void *argument)
{
    (void)argument;
    return __atomic_load_n(&fake_now, __ATOMIC_ACQUIRE);
}

const bly_clock fake_clock = {read_fake, NULL};

void
fake_clock_set(uint64_t now)
{
    __atomic_store_n(&fake_now, now, __ATOMIC_RELEASE);
}

void
fake_clock_add(uint64_t ns)
{
    __atomic_fetch_add(&fake_now, ns, __ATOMIC_ACQ_REL);
}
