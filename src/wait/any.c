/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one of several calls: the waiting thread's parker stands as the receiver of each. A handler
 * that passes a stream on waits for its own call in the same way as for those that it opened.
 */
#include <belay/wait.h>

#include "base/parker.h"
#include "cancel/context.h"
#include "pool/pool.h"
#include "rpc/call.h"

static bool
is_ready_locked(const belay_call *call)
{
    unsigned int stream = call->is_server ? BELAY_CLIENT_STREAMING : BELAY_SERVER_STREAMING;
    bool many = (call->method->flags & stream) != 0;
    return many ? bly_call_has_message_locked(call) : bly_call_has_ended_locked(call);
}

static bool
claim(belay_call *call, bly_parker *parker)
{
    bly_mutex_lock(&call->lock);
    bool claimed = !call->receiving;
    if (claimed) {
        call->receiving = true;
        call->reader = parker;
        call->reader_ready = is_ready_locked;
    }
    bly_mutex_unlock(&call->lock);
    return claimed;
}

static void
release(belay_call *call)
{
    bly_mutex_lock(&call->lock);
    call->receiving = false;
    call->reader = NULL;
    bly_mutex_unlock(&call->lock);
}

/* Becomes the receiver of the first calls; tells how many, up to the first that has one already. */
static size_t
claim_all(belay_call *const *calls, size_t count, bly_parker *parker)
{
    size_t claimed = 0;
    while (claimed < count && (calls[claimed] == NULL || claim(calls[claimed], parker)))
        claimed++;
    return claimed;
}

static void
release_all(belay_call *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i] != NULL)
            release(calls[i]);
    }
}

static bool
find_ready(belay_call *const *calls, size_t count, size_t *index)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i] == NULL)
            continue;
        bly_mutex_lock(&calls[i]->lock);
        bool ready = is_ready_locked(calls[i]);
        bly_mutex_unlock(&calls[i]->lock);
        if (ready) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool
has_call(belay_call *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i] != NULL)
            return true;
    }
    return false;
}

static belay_code
wait_claimed(belay_context *context, bly_parker *parker, belay_call *const *calls, size_t count, size_t *index)
{
    while (context == NULL || !belay_context_cancelled(context)) {
        if (find_ready(calls, count, index))
            return BELAY_OK;
        bly_pool_blocked_in(BLY_POOL_IN_CHILD);
        bly_parker_park(parker);
        bly_pool_blocked_end();
    }
    return belay_context_code(context);
}

belay_code
belay_wait_any(belay_context *context, belay_call *const *calls, size_t count, size_t *index)
{
    if (calls == NULL || index == NULL || !has_call(calls, count))
        return BELAY_INVALID_ARGUMENT;
    bly_wait wait = {.parker = bly_parker_current()};
    if (wait.parker == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    size_t claimed = claim_all(calls, count, wait.parker);
    belay_code code = BELAY_FAILED_PRECONDITION;
    if (claimed == count && (context == NULL || bly_context_wait_begin(context, &wait))) {
        code = wait_claimed(context, wait.parker, calls, count, index);
        if (context != NULL)
            bly_context_wait_end(context, &wait);
    } else if (claimed == count) {
        code = belay_context_code(context);
    }
    release_all(calls, claimed);
    return code;
}
