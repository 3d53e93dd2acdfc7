/* SPDX-License-Identifier: MIT */
#include "interop/relay.h"

#include <stdint.h>

#include "interop/stream.h"

/* Where the computing goes, so that it is not optimised away. */
static uint64_t sink; /* atomic, relaxed: orders nothing */

/* Computes until the time is over, or with `looks` until the call is cancelled. */
static void
compute(const belay_call *call, uint32_t milliseconds, bool looks)
{
    uint64_t end = belay_now() + BELAY_MILLISECONDS(milliseconds);
    uint64_t value = __atomic_load_n(&sink, __ATOMIC_RELAXED);
    while (belay_now() < end) {
        for (unsigned int i = 0; i < 256; i++) {
            if (looks && belay_cancelled(call))
                return;
            value = value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        }
        __atomic_store_n(&sink, value, __ATOMIC_RELAXED);
    }
}

static belay_code
work(const relay_handler *handler, const relay_request *request)
{
    belay_call *call = handler->call;
    belay_code code = BELAY_OK;
    switch (request->leaf) {
    case BELAY__TESTING__LEAF__LEAF_ECHO:
        return BELAY_OK;
    case BELAY__TESTING__LEAF__LEAF_SPIN:
        compute(call, request->leaf_ms, true);
        break;
    case BELAY__TESTING__LEAF__LEAF_SLEEP:
        code = belay_sleep(belay_call_context(call), BELAY_MILLISECONDS(request->leaf_ms));
        break;
    case BELAY__TESTING__LEAF__LEAF_IGNORE:
        compute(call, request->leaf_ms, false);
        return BELAY_OK;
    default:
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "no work for leaf %d", (int)request->leaf);
    }
    return belay_cancelled(call) ? relay_cancelled(handler) : code;
}

belay_code
relay_call_leaf(const relay_handler *handler, const relay_request *request, relay_reply *reply)
{
    belay_code code = work(handler, request);
    if (code != BELAY_OK)
        return code;
    reply->path = belay_alloc(handler->call, sizeof reply->path[0]);
    if (reply->path == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    reply->path[0] = (char *)handler->relay->address;
    reply->n_path = 1;
    reply->payload = request->payload;
    return BELAY_OK;
}

/* Does one message's work and answers it; with LEAF_RECV the next receive is the work. */
static belay_code
serve(const relay_handler *handler, const relay_request *request)
{
    if (request->leaf == BELAY__TESTING__LEAF__LEAF_RECV)
        return BELAY_OK;
    belay_code code = work(handler, request);
    if (code != BELAY_OK)
        return code;
    relay_reply reply = BELAY__TESTING__RELAY_REPLY__INIT;
    char *path[1] = {(char *)handler->relay->address};
    reply.path = path;
    reply.n_path = 1;
    reply.payload = request->payload;
    return belay_call_send_message(handler->call, &reply.base);
}

belay_code
relay_stream_leaf(const relay_handler *handler, const relay_request *first)
{
    belay_code code = serve(handler, first);
    while (code == BELAY_OK) {
        ProtobufCMessage *message;
        code = stream_next(handler->call, &belay__testing__relay_request__descriptor, &message);
        if (code != BELAY_OK)
            break;
        code = serve(handler, (const relay_request *)message);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    if (code == BELAY_END_OF_STREAM)
        return BELAY_OK;
    return belay_cancelled(handler->call) ? relay_cancelled(handler) : code;
}
