/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the server's drain: its context and the given one both know the waiting thread's parker.
 */
#include <belay/wait.h>

#include "base/parker.h"
#include "cancel/context.h"
#include "pool/pool.h"
#include "rpc/server_call.h"

static void
park_until_either_ends(bly_parker *parker, belay_context *context, belay_context *drain)
{
    bly_wait wait = {.parker = parker};
    if (!bly_context_wait_begin(drain, &wait))
        return;
    bly_pool_blocked_begin();
    while (!belay_context_cancelled(context) && !belay_context_cancelled(drain))
        bly_parker_park(parker);
    bly_pool_blocked_end();
    bly_context_wait_end(drain, &wait);
}

belay_code
belay_wait_draining(belay_call *call, belay_context *context)
{
    if (call == NULL || !call->is_server)
        return BELAY_INVALID_ARGUMENT;
    if (context == NULL)
        context = call->context;
    bly_wait wait = {.parker = bly_parker_current()};
    if (wait.parker == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (bly_context_wait_begin(context, &wait)) {
        park_until_either_ends(wait.parker, context, bly_server_call_of(call)->draining->context);
        bly_context_wait_end(context, &wait);
    }
    return belay_context_code(context);
}
