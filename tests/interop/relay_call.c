/* SPDX-License-Identifier: MIT */
#include "interop/relay.h"

static void
free_reply(void *reply)
{
    belay__testing__relay_reply__free_unpacked(reply, NULL);
}

/* Keeps the first reply until the handler's call ends. Replies of calls that belong to the handler do so
 * anyway; those of detached calls are the handler's to free. */
static belay_code
keep_first(const relay_handler *handler, bool detached, relay_reply *reply, relay_reply **first)
{
    if (detached && *first != NULL) {
        free_reply(reply);
    } else if (detached && belay_defer(handler->call, free_reply, reply) != BELAY_OK) {
        free_reply(reply);
        return BELAY_RESOURCE_EXHAUSTED;
    } else if (*first == NULL) {
        *first = reply;
    }
    return BELAY_OK;
}

static belay_code
finish_child(const relay_handler *handler, relay_children *children, size_t index, relay_reply **first)
{
    relay_reply *reply = NULL;
    belay_status *status = NULL;
    belay_call *child = children->calls[index];
    children->calls[index] = NULL;
    belay_code code = belay_testing_relay_call_finish(child, &reply, &status);
    if (code != BELAY_OK)
        return relay_child_failed(handler, children, code, status);
    belay_status_free(status);
    return keep_first(handler, children->detached, reply, first);
}

/* Waits for all children, and gives the first reply, or NULL when all were cancelled. */
static belay_code
wait_for_all(const relay_handler *handler, relay_children *children, relay_reply **first)
{
    belay_code code = BELAY_OK;
    for (size_t left = children->count; code == BELAY_OK && left > 0; left--) {
        size_t index;
        code = belay_wait_any(belay_call_context(handler->call), children->calls, children->count, &index);
        if (belay_cancelled(handler->call))
            code = relay_cancelled(handler);
        if (code == BELAY_OK)
            code = finish_child(handler, children, index, first);
    }
    relay_leave(children);
    return code;
}

belay_code
relay_call_hop(const relay_handler *handler, const relay_request *request, relay_reply *reply)
{
    relay_request next;
    relay_children children;
    relay_reply *first = NULL;
    belay_code code = relay_open(handler, request, false, &next, &children);
    if (code == BELAY_OK)
        code = wait_for_all(handler, &children, &first);
    if (code != BELAY_OK)
        return code;
    if (first == NULL)
        return BELAY_CANCELLED;
    reply->path = belay_alloc(handler->call, (first->n_path + 1) * sizeof reply->path[0]);
    if (reply->path == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    relay_path(handler->relay, first, reply->path);
    reply->n_path = first->n_path + 1;
    reply->payload = first->payload;
    return BELAY_OK;
}
