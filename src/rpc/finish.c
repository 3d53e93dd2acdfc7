/* SPDX-License-Identifier: MIT */
/*
 * The caller's part of a client call: its headers, its end, and what the caller learns of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rpc/client_call.h"
#include "wire/status.h"

static bly_client_call *
client_of(belay_call *call)
{
    BLY_ASSERT(!call->is_server);
    return bly_client_call_of(call);
}

/* Where what the caller gets lives: with its handler or task, or (NULL) on the heap. */
static bly_arena *
arena_of(const bly_client_call *client)
{
    return client->scope != NULL ? client->scope->arena : NULL;
}

/* ---- Half the end: no more messages from here -------------------------------------------------------- */

belay_code
belay_call_close_send(belay_call *call)
{
    bool post = false;
    if (call == NULL || call->is_server)
        return BELAY_INVALID_ARGUMENT;
    belay_code code = BELAY_OK;
    bly_mutex_lock(&call->lock);
    if (call->sending) {
        code = BELAY_FAILED_PRECONDITION;
    } else if (!call->out_ended) {
        call->out_ended = true;
        post = call->end_cause == BELAY_CAUSE_NONE && bly_call_want_io_locked(call);
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return code;
}

/* ---- Headers ------------------------------------------------------------------------------------------ */

static bool
has_headers_locked(const belay_call *call)
{
    return BLY_CONTAINER_OF(call, bly_client_call, call)->headers_ready || bly_call_has_ended_locked(call);
}

belay_code
belay_call_wait_headers(belay_call *call)
{
    if (call == NULL || call->is_server)
        return BELAY_INVALID_ARGUMENT;
    bly_client_call *client = client_of(call);
    belay_code code = bly_call_await(call, has_headers_locked);
    if (code != BELAY_OK)
        return code;
    bly_mutex_lock(&call->lock);
    if (!client->headers_ready)
        code = bly_call_cancelled_locked(call) ? call->end_code : BELAY_END_OF_STREAM;
    bly_mutex_unlock(&call->lock);
    return code;
}

/* ---- The end ------------------------------------------------------------------------------------------ */

/* What a cancelled call's caller is told: the reason that was given, where it arose. */
static const char *
message_of_cause(const belay_context *context)
{
    const char *reason = belay_context_reason(context);
    if (reason[0] != '\0')
        return reason;
    switch (belay_context_cause(context)) {
    case BELAY_CAUSE_DEADLINE:
        return "deadline exceeded";
    case BELAY_CAUSE_PARENT:
        return belay_context_code(context) == BELAY_DEADLINE_EXCEEDED ? "the parent's deadline passed"
                                                                     : "the parent context ended";
    case BELAY_CAUSE_SHUTDOWN:
        return "the channel was closed";
    default:
        return "cancelled";
    }
}

/* The end of a call that has ended. Its fields are const from then on. */
static belay_code
take_status(bly_client_call *client, belay_status **status)
{
    belay_context *context = client->call.context;
    bly_arena *arena = arena_of(client);
    bool regular = belay_context_cause(context) == BELAY_CAUSE_FINISHED;
    belay_code code = regular ? client->result_code : belay_context_code(context);
    if (status == NULL)
        return code;
    if (regular) {
        *status = bly_status_new(code, client->result_message, client->result_trailers, client->result_is_local,
                                 arena);
        client->result_trailers = NULL;
    } else {
        *status = bly_status_new(code, message_of_cause(context), NULL, true, arena);
    }
    return code;
}

/* A status that this side decides when the answer turns out to be no answer. */
static belay_code
replace_status(bly_client_call *client, belay_status **status, belay_code code, const char *message)
{
    if (status != NULL) {
        belay_status_free(*status);
        *status = bly_status_new(code, message, NULL, true, arena_of(client));
    }
    return code;
}

/* How it ended; with a message that could not be inflated, not well. */
static belay_code
take_end(bly_client_call *client, belay_status **status)
{
    belay_code code = take_status(client, status);
    if (code == BELAY_OK && client->spoiled_code != BELAY_OK)
        return replace_status(client, status, client->spoiled_code, client->spoiled_words);
    return code;
}

static void
release(bly_client_call *client)
{
    bly_list_remove(&client->handler_link);
    bly_call_unref(&client->call);
}

/* Says that nothing follows, and waits for the end; messages that still come are dropped. Nothing has changed
 * while another thread uses the call. */
static belay_code
wait_for_end(belay_call *call, bool discard, bool unannounced)
{
    bool post = false;
    bly_mutex_lock(&call->lock);
    bool used = call->receiving || call->sending;
    if (!used && (discard || !call->out_ended)) {
        call->out_ended = true;
        if (discard) {
            bly_call_stop_receiving_locked(call);
            call->window_due = true;
        }
        post = call->end_cause == BELAY_CAUSE_NONE && bly_call_want_io_locked(call);
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return used ? BELAY_FAILED_PRECONDITION : bly_call_await_end(call, unannounced);
}

belay_code
belay_call_finish(belay_call *call, belay_status **status)
{
    if (call == NULL || call->is_server)
        return BELAY_INVALID_ARGUMENT;
    bly_client_call *client = client_of(call);
    belay_code code = wait_for_end(call, true, false);
    if (code != BELAY_OK)
        return code;
    code = take_end(client, status);
    release(client);
    return code;
}

/* The one reply of a call that ended with BELAY_OK. */
static belay_code
take_reply(bly_client_call *client, ProtobufCMessage **reply, belay_status **status)
{
    belay_call *call = &client->call;
    ProtobufCMessage *message = NULL;
    bly_mutex_lock(&call->lock);
    bly_bytes *bytes = bly_bytes_queue_pop(&call->in);
    bool more = call->in.first != NULL;
    bly_mutex_unlock(&call->lock);
    if (bytes == NULL || more) {
        bly_bytes_free(bytes);
        return replace_status(client, status, BELAY_UNIMPLEMENTED, more ? "more than one reply" : "no reply");
    }
    const char *words;
    belay_code code = bly_call_open_message(call, &bytes, &words);
    if (code != BELAY_OK)
        return replace_status(client, status, code, words);
    code = bly_call_unpack(call, arena_of(client), call->method->reply, bytes, &message);
    bly_bytes_free(bytes);
    if (code != BELAY_OK)
        return replace_status(client, status, code,
                              code == BELAY_INTERNAL ? "the reply is not of its type"
                                                     : "the reply is too large to unpack");
    if (reply != NULL)
        *reply = message;
    else if (client->scope == NULL)
        protobuf_c_message_free_unpacked(message, NULL);
    return BELAY_OK;
}

belay_code
bly_client_call_finish_unary(belay_call *call, bool unannounced, ProtobufCMessage **reply, belay_status **status)
{
    bly_client_call *client = client_of(call);
    belay_code code = wait_for_end(call, false, unannounced);
    if (code != BELAY_OK)
        return code;
    code = take_end(client, status);
    if (code == BELAY_OK)
        code = take_reply(client, reply, status);
    release(client);
    return code;
}

belay_code
belay_call_finish_unary(belay_call *call, ProtobufCMessage **reply, belay_status **status)
{
    if (call == NULL || call->is_server)
        return BELAY_INVALID_ARGUMENT;
    return bly_client_call_finish_unary(call, false, reply, status);
}

void
belay_call_free(belay_call *call)
{
    if (call == NULL)
        return;
    bly_client_call *client = client_of(call);
    bly_context_end(call->context, BELAY_CAUSE_APPLICATION, NULL);
    release(client);
}

void
belay_call_abandon(belay_call *call)
{
    if (call == NULL)
        return;
    bly_client_call *client = client_of(call);
    bly_list_remove(&client->handler_link);
    bly_mutex_lock(&call->lock);
    bool live = call->end_cause == BELAY_CAUSE_NONE;
    bool post = false;
    call->out_ended = true;
    bly_call_stop_receiving_locked(call);
    bly_call_ref(call); /* for the post: the I/O thread may be done with the call before it returns */
    if (live) {
        client->abandoned = true;
        call->window_due = true;
        post = bly_call_want_io_locked(call);
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    if (!live)
        bly_call_unref(call);
    bly_call_unref(call);
}
