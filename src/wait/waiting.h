/* SPDX-License-Identifier: MIT */
/*
 * What the waits of this folder share: a context may be left out, and is looked at first.
 */
#ifndef BLY_WAIT_WAITING_H
#define BLY_WAIT_WAITING_H

#include "cancel/context.h"

/* Has the wait's parker woken at the context's end; nothing without a context. False when it has ended. */
static inline bool
bly_waiting_begin(belay_context *context, bly_wait *wait)
{
    return context == NULL || bly_context_wait_begin(context, wait);
}

static inline void
bly_waiting_end(belay_context *context, bly_wait *wait)
{
    if (context != NULL)
        bly_context_wait_end(context, wait);
}

/* BELAY_OK while nothing has cut the wait short. */
static inline belay_code
bly_waiting_code(const belay_context *context)
{
    return context == NULL || !belay_context_cancelled(context) ? BELAY_OK : belay_context_code(context);
}

#endif
