/* SPDX-License-Identifier: MIT */
#include <belay/wait.h>

#include "base/clock.h"
#include "base/parker.h"
#include "cancel/context.h"
#include "pool/pool.h"

belay_code
belay_sleep(belay_context *context, uint64_t duration_ns)
{
    if (context == NULL)
        return BELAY_INVALID_ARGUMENT;
    uint64_t until = bly_clock_after(belay_now(), duration_ns);
    bly_wait wait = {.parker = bly_parker_current()};
    if (wait.parker == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_context_wait_begin(context, &wait))
        return belay_context_code(context);
    bly_pool_blocked_in(BLY_POOL_IN_SLEEP);
    while (!belay_context_cancelled(context) && bly_parker_park_until(wait.parker, until))
        continue; /* woken: by the end, or by what is left of an earlier wait */
    bly_pool_blocked_end();
    bly_context_wait_end(context, &wait);
    return belay_context_code(context);
}
