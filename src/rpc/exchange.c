/* SPDX-License-Identifier: MIT */
/*
 * What programs ask of a call on either side: messages as bytes or unpacked, metadata, the peer.
 */
#include "rpc/client_call.h"
#include "rpc/server_call.h"
#include "wire/metadata.h"

const char *
belay_call_peer(const belay_call *call)
{
    if (call->is_server)
        return BLY_CONTAINER_OF(call, bly_server_call, call)->peer;
    /* The connection may come while the program looks. */
    return __atomic_load_n(&BLY_CONTAINER_OF(call, bly_client_call, call)->peer, __ATOMIC_ACQUIRE);
}

const belay_peer_identity *
belay_call_peer_identity(const belay_call *call)
{
    if (!call->is_server)
        return NULL;
    const bly_server_call *server = BLY_CONTAINER_OF(call, bly_server_call, call);
    return server->ops->identity(server->host);
}

const belay_metadata *
belay_call_metadata(const belay_call *call)
{
    if (call->is_server)
        return BLY_CONTAINER_OF(call, bly_server_call, call)->metadata;
    belay_call *own = (belay_call *)call;
    bly_client_call *client = bly_client_call_of(own);
    const belay_metadata *headers = NULL;
    bly_mutex_lock(&own->lock);
    if (client->headers_ready)
        headers = client->headers != NULL ? client->headers : &bly_metadata_none;
    bly_mutex_unlock(&own->lock);
    return headers;
}

/* A message as it was before it was compressed. One that cannot be had ends the call. */
static belay_code
open_message(belay_call *call, bly_bytes **message)
{
    const char *words;
    belay_code code = bly_call_open_message(call, message, &words);
    if (code != BELAY_OK)
        call->side->spoiled(call, code, words);
    return code;
}

/* END_OF_STREAM is for a call that ended well: a client learns of a failure at once. */
static belay_code
receive_of_client(belay_call *call, bly_bytes **message)
{
    bly_client_call *client = bly_client_call_of(call);
    if (client->spoiled_code != BELAY_OK)
        return client->spoiled_code;
    belay_code code = bly_call_receive(call, message);
    return code == BELAY_END_OF_STREAM && client->result_code != BELAY_OK ? client->result_code : code;
}

static belay_code
receive(belay_call *call, bly_bytes **message)
{
    belay_code code = call->is_server ? bly_call_receive(call, message) : receive_of_client(call, message);
    return code == BELAY_OK ? open_message(call, message) : code;
}

belay_code
belay_call_recv(belay_call *call, const void **data, size_t *size)
{
    if (call == NULL || data == NULL || size == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_bytes *message;
    belay_code code = receive(call, &message);
    if (code != BELAY_OK)
        return code;
    bly_call_have_read(call, call->current);
    call->current = message;
    *data = message->data;
    *size = message->size;
    return BELAY_OK;
}

static void
note_unread(belay_call *call, belay_code code, const ProtobufCMessageDescriptor *descriptor)
{
    if (call->is_server)
        bly_server_call_note_unread(bly_server_call_of(call), code, descriptor);
}

belay_code
belay_call_recv_message(belay_call *call, const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **message)
{
    if (call == NULL || descriptor == NULL || message == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_bytes *bytes;
    belay_code code = receive(call, &bytes);
    if (code == BELAY_OK || code == BELAY_END_OF_STREAM)
        note_unread(call, BELAY_OK, NULL); /* a handler that goes on has passed over it */
    if (code != BELAY_OK)
        return code;
    bly_arena *arena = NULL;
    if (bly_call_is_handlers(call)) {
        /* In the place of the one before, so that a stream does not grow its handler's memory. */
        arena = &call->message;
        bly_arena_fini(arena);
    }
    code = bly_call_unpack(call, arena, descriptor, bytes, message);
    bly_call_have_read(call, bytes);
    if (code != BELAY_OK)
        note_unread(call, code, descriptor);
    return code;
}

bool
bly_call_is_handlers(belay_call *call)
{
    return call->is_server || bly_client_call_of(call)->scope != NULL;
}
