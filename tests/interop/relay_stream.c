/* SPDX-License-Identifier: MIT */
/*
 * Stream on a server on the way: one thread passes messages on and answers back. It must never block on a
 * child that in turn waits for its answers to be taken. So it takes from upstream only while little is
 * unanswered: less than children take without blocking.
 */
#include "interop/relay.h"

#include <stdlib.h>

#include "interop/stream.h"

#define UNANSWERED_LIMIT (32u << 10)

typedef struct stream_hop {
    /* handler's thread only */
    const relay_handler *handler;
    relay_request next; /* what was first sent on: its route is everybody's */
    relay_children children;
    size_t live;        /* children that have not ended */
    bool any_ended_well;
    bool upstream_open;
    size_t *unanswered; /* messages, of each child */
    size_t unanswered_bytes;
} stream_hop;

/* ---- Downstream ------------------------------------------------------------------------------------- */

/* A child that has ended takes no more; how it ended is found when it is received from. */
static belay_code
send_to_all(stream_hop *hop, const relay_request *message)
{
    for (size_t i = 0; i < hop->children.count; i++) {
        if (hop->children.calls[i] == NULL)
            continue;
        belay_code code = belay_call_send_message(hop->children.calls[i], &message->base);
        if (code == BELAY_RESOURCE_EXHAUSTED || code == BELAY_INVALID_ARGUMENT)
            return code;
        hop->unanswered[i]++;
    }
    hop->unanswered_bytes += protobuf_c_message_get_packed_size(&message->base);
    return BELAY_OK;
}

static belay_code
close_all(stream_hop *hop)
{
    belay_code code = BELAY_OK;
    hop->upstream_open = false;
    for (size_t i = 0; code == BELAY_OK && i < hop->children.count; i++) {
        if (hop->children.calls[i] != NULL)
            code = belay_call_close_send(hop->children.calls[i]);
    }
    return code;
}

static belay_code
pass_on(stream_hop *hop)
{
    ProtobufCMessage *message;
    belay_code code = stream_next(hop->handler->call, &belay__testing__relay_request__descriptor, &message);
    if (code == BELAY_END_OF_STREAM)
        return close_all(hop);
    if (code != BELAY_OK)
        return code;
    relay_request onward = *(relay_request *)message;
    onward.route = hop->next.route;
    onward.n_route = hop->next.n_route;
    code = send_to_all(hop, &onward);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

/* ---- Upstream --------------------------------------------------------------------------------------- */

static void
note_answered(stream_hop *hop, size_t index, size_t count)
{
    hop->unanswered[index] -= count < hop->unanswered[index] ? count : hop->unanswered[index];
    for (size_t i = 0; i < hop->children.count; i++) {
        if (hop->unanswered[i] > 0)
            return;
    }
    hop->unanswered_bytes = 0;
}

static belay_code
answer_upstream(stream_hop *hop, const relay_reply *from)
{
    char **path = calloc(from->n_path + 1, sizeof *path);
    if (path == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    relay_path(hop->handler->relay, from, path);
    relay_reply reply = *from;
    reply.path = path;
    reply.n_path = from->n_path + 1;
    belay_code code = belay_call_send_message(hop->handler->call, &reply.base);
    free(path);
    return code;
}

/* A child has ended: takes in how. `code` is what its receive said; a message that could not be read has not
 * ended the call, so it is ended here. */
static belay_code
end_child(stream_hop *hop, size_t index, belay_code code)
{
    belay_status *status = NULL;
    belay_call *child = hop->children.calls[index];
    if (code != BELAY_END_OF_STREAM)
        belay_cancel(belay_call_context(child), NULL);
    hop->children.calls[index] = NULL;
    hop->live--;
    note_answered(hop, index, hop->unanswered[index]);
    belay_code ended = belay_call_finish(child, &status);
    if (code == BELAY_END_OF_STREAM)
        code = ended;
    if (code != BELAY_OK)
        return relay_child_failed(hop->handler, &hop->children, code, status);
    belay_status_free(status);
    hop->any_ended_well = true;
    return BELAY_OK;
}

static belay_code
pass_back(stream_hop *hop, size_t index)
{
    ProtobufCMessage *message;
    belay_code code =
        stream_next(hop->children.calls[index], &belay__testing__relay_reply__descriptor, &message);
    if (code != BELAY_OK)
        return end_child(hop, index, code);
    note_answered(hop, index, 1);
    code = answer_upstream(hop, (const relay_reply *)message);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

/* ---- Both ------------------------------------------------------------------------------------------- */

/* Waits for the next message from either side, children first, and passes it. */
static belay_code
step(stream_hop *hop)
{
    belay_call *call = hop->handler->call;
    relay_children *children = &hop->children;
    bool takes = hop->upstream_open && hop->unanswered_bytes < UNANSWERED_LIMIT;
    size_t index;
    children->calls[children->count] = takes ? call : NULL;
    belay_code code = belay_wait_any(belay_call_context(call), children->calls, children->count + 1, &index);
    if (code != BELAY_OK || belay_cancelled(call))
        return code;
    return index == children->count ? pass_on(hop) : pass_back(hop, index);
}

static belay_code
run(stream_hop *hop)
{
    const relay_handler *handler = hop->handler;
    belay_code code = send_to_all(hop, &hop->next);
    while (code == BELAY_OK && hop->live > 0 && !belay_cancelled(handler->call))
        code = step(hop);
    if (belay_cancelled(handler->call))
        code = relay_cancelled(handler);
    else if (code == BELAY_OK && !hop->any_ended_well)
        code = BELAY_CANCELLED;
    relay_leave(&hop->children);
    return code;
}

belay_code
relay_stream_hop(const relay_handler *handler, const relay_request *first)
{
    stream_hop hop = {.handler = handler, .upstream_open = true};
    belay_code code = relay_open(handler, first, true, &hop.next, &hop.children);
    if (code != BELAY_OK)
        return code;
    hop.live = hop.children.count;
    hop.unanswered = belay_alloc(handler->call, hop.children.count * sizeof hop.unanswered[0]);
    if (hop.unanswered == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < hop.children.count; i++)
        hop.unanswered[i] = 0;
    return run(&hop);
}
