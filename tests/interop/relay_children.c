/* SPDX-License-Identifier: MIT */
#include "interop/relay.h"

/* The number comes from a request. */
#define FAN_OUT_LIMIT 10000u

static belay_code
start_one(belay_channel *channel, belay_context *context, bool streams, const relay_request *next,
          const belay_call_options *options, belay_call **call)
{
    return streams ? belay_testing_relay_stream_start(channel, context, options, call)
                   : belay_testing_relay_call_start(channel, context, next, options, call);
}

static belay_code
start_all(belay_channel *channel, belay_context *context, bool streams, const relay_request *next,
          relay_children *children)
{
    belay_call_options *options = NULL;
    if (next->child_timeout_ms != 0) {
        options = belay_call_options_new();
        if (options == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        belay_call_options_set_timeout(options, BELAY_MILLISECONDS(next->child_timeout_ms));
    }
    belay_code code = BELAY_OK;
    for (size_t i = 0; code == BELAY_OK && i < children->count; i++)
        code = start_one(channel, context, streams, next, options, &children->calls[i]);
    belay_call_options_free(options);
    return code;
}

static void
cancel_all(relay_children *children)
{
    for (size_t i = 0; i < children->count; i++) {
        belay_call_free(children->calls[i]);
        children->calls[i] = NULL;
    }
}

/* With the handler's own context, or one that outlives it. */
static belay_code
open_all(const relay_handler *handler, belay_channel *channel, bool streams, const relay_request *next,
         relay_children *children)
{
    belay_context *context = belay_call_context(handler->call);
    belay_context *detached = NULL;
    if (children->detached) {
        context = detached = belay_context_detached(context, BELAY_FOREVER);
        if (detached == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
    }
    belay_code code = start_all(channel, context, streams, next, children);
    if (code != BELAY_OK)
        cancel_all(children);
    belay_context_unref(detached);
    return code;
}

belay_code
relay_open(const relay_handler *handler, const relay_request *request, bool streams, relay_request *next,
           relay_children *children)
{
    belay_channel *channel;
    *next = *request;
    next->route++;
    next->n_route--;
    children->count = request->fan_out != 0 ? request->fan_out : 1;
    children->detached = request->detach;
    if (children->count > FAN_OUT_LIMIT)
        return belay_fail(handler->call, BELAY_INVALID_ARGUMENT, "fan_out is above %u", FAN_OUT_LIMIT);
    belay_code code = channels_get(handler->relay->channels, request->route[0], &channel);
    if (code != BELAY_OK)
        return belay_fail(handler->call, code, "no channel to \"%s\"", request->route[0]);
    children->calls = belay_alloc(handler->call, (children->count + 1) * sizeof children->calls[0]);
    if (children->calls == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i <= children->count; i++)
        children->calls[i] = NULL;
    return open_all(handler, channel, streams, next, children);
}

void
relay_leave(relay_children *children)
{
    if (!children->detached) {
        cancel_all(children);
        return;
    }
    for (size_t i = 0; i < children->count; i++) {
        belay_call_abandon(children->calls[i]);
        children->calls[i] = NULL;
    }
}

/* A child's inherited deadline may pass a moment before the handler's own, which it is. */
static bool
own_deadline_passed(const relay_handler *handler, belay_code code)
{
    belay_context *context = belay_call_context(handler->call);
    if (code != BELAY_DEADLINE_EXCEEDED || belay_context_time_left(context) > 0)
        return false;
    return belay_sleep(context, BELAY_SECONDS(1)) != BELAY_OK;
}

belay_code
relay_child_failed(const relay_handler *handler, relay_children *children, belay_code code,
                   belay_status *status)
{
    (void)belay_fail(handler->call, code, "%s", belay_status_message(status));
    belay_status_free(status);
    if (code == BELAY_CANCELLED)
        return BELAY_OK;
    cancel_all(children);
    return own_deadline_passed(handler, code) ? relay_cancelled(handler) : code;
}
