/* SPDX-License-Identifier: MIT */
/*
 * The I/O thread's part of a client's call: the request out, the answer and the status in, and what a
 * cancel sends.
 */
#include "rpc/client_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "rpc/headers.h"
#include "wire/details.h"
#include "wire/metadata.h"
#include "wire/percent.h"
#include "wire/status.h"
#include "wire/timeout.h"

#include <belay/version.h>

/* Who looked once may look as long as the call lives: names stay. */
typedef struct bly_peer_name {
    struct bly_peer_name *next;
    char text[];
} bly_peer_name;

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
free_peer_names(bly_peer_name *names)
{
    while (names != NULL) {
        bly_peer_name *next = names->next;
        free(names);
        names = next;
    }
}

static void
destroy(belay_call *call)
{
    bly_client_call *client = bly_client_call_of(call);
    const bly_client_host *host = client->host;
    bly_call_fini(call);
    belay_metadata_free(client->metadata);
    belay_metadata_free(client->result_trailers);
    belay_metadata_free(client->headers);
    belay_metadata_free(client->block);
    free(client->result_message);
    free(client->grpc_message);
    free_peer_names(client->peer_names);
    bly_blocks_free(client, sizeof *client);
    host->ops->release(host->argument);
}

static bool
ended_locked(belay_call *call)
{
    __atomic_fetch_sub(&call->runtime->calls_open, 1, __ATOMIC_RELAXED);
    return true;
}

/* The status is known. After the deadline it is the deadline's, whatever the server says of it: nobody can
 * tell a late answer from a cancelled one. */
static void
complete(bly_client_call *client, belay_code code, const char *message, belay_metadata *trailers, bool is_local)
{
    belay_call *call = &client->call;
    bool late = code != BELAY_OK && belay_context_time_left(call->context) == 0;
    bly_mutex_lock(&call->lock);
    if (!client->has_result && call->end_cause == BELAY_CAUSE_NONE) {
        client->has_result = true;
        client->result_is_local = is_local;
        client->result_code = code;
        client->result_message = message != NULL ? strdup(message) : NULL;
        client->result_trailers = trailers;
        trailers = NULL;
    }
    bly_mutex_unlock(&call->lock);
    belay_metadata_free(trailers);
    bly_context_end(call->context, late ? BELAY_CAUSE_DEADLINE : BELAY_CAUSE_FINISHED, NULL);
}

void
bly_client_call_fail(belay_call *call, belay_code code, const char *message)
{
    bly_client_call *client = bly_client_call_of(call);
    client->waiting = false;
    complete(client, code, message, NULL, true);
}

/* ---- The request out ------------------------------------------------------------------------------ */

static void
add_timeout(bly_headers *headers, const belay_call *call, char text[BLY_TIMEOUT_TEXT_SIZE])
{
    uint64_t left = belay_context_time_left(call->context);
    if (left == BELAY_FOREVER)
        return;
    size_t size = bly_timeout_format(left, text);
    bly_headers_add(headers, (bly_h2_header){"grpc-timeout", text, 12, size, false, true});
}

static void
build_headers(bly_client_call *client, bly_headers *headers, char timeout[BLY_TIMEOUT_TEXT_SIZE])
{
    static const char agent[] = "grpc-c-belay/" BELAY_VERSION_STRING;
    const belay_call *call = &client->call;
    const char *path = call->method->path;
    const char *authority = client->host->authority;
    bly_headers_add(headers, BLY_H2_STATIC_HEADER(":method", "POST"));
    if (client->host->is_secure)
        bly_headers_add(headers, BLY_H2_STATIC_HEADER(":scheme", "https"));
    else
        bly_headers_add(headers, BLY_H2_STATIC_HEADER(":scheme", "http"));
    bly_headers_add(headers, (bly_h2_header){":path", path, 5, strlen(path), true, false});
    bly_headers_add(headers, (bly_h2_header){":authority", authority, 10, strlen(authority), true, false});
    bly_headers_add(headers, BLY_H2_STATIC_HEADER("te", "trailers"));
    bly_headers_add(headers, BLY_H2_STATIC_HEADER("content-type", "application/grpc"));
    if (call->compression.out != BELAY_COMPRESSION_NONE)
        bly_headers_add_encoding(headers, call->compression.out);
    if (client->host->accept_compression)
        bly_headers_add(headers, BLY_H2_STATIC_HEADER("grpc-accept-encoding", BLY_COMPRESSION_ACCEPTED));
    bly_headers_add(headers, BLY_H2_STATIC_HEADER("user-agent", agent));
    add_timeout(headers, call, timeout);
    if (call->context->metadata != NULL)
        bly_headers_add_metadata(headers, call->context->metadata->list);
    bly_headers_add_metadata(headers, client->metadata);
}

/* Sends what the mailbox has, once there is a stream. */
static void
transmit(bly_client_call *client)
{
    belay_call *call = &client->call;
    bly_bytes_queue frames;
    bly_bytes_queue_init(&frames);
    bly_mutex_lock(&call->lock);
    bly_call_fetch_out_locked(call, &frames);
    bool ended = call->out_ended;
    bly_mutex_unlock(&call->lock);
    if (frames.first != NULL)
        bly_h2_stream_write(&call->stream, &frames);
    if (ended && !client->out_end_sent) {
        client->out_end_sent = true;
        bly_h2_stream_end(&call->stream, NULL, 0, false);
    }
}

/* What a call may have sent before its answer begins, if it is to be tried again when no server looked at it. */
#define KEEP_LIMIT (1u << 20)

/* One that the call has already, or a copy; NULL without memory. */
static const char *
own_name(bly_client_call *client, const char *name)
{
    size_t size = strlen(name) + 1;
    if (client->peer_name[0] == '\0' && size <= sizeof client->peer_name)
        return memcpy(client->peer_name, name, size);
    if (strcmp(client->peer_name, name) == 0)
        return client->peer_name;
    for (const bly_peer_name *own = client->peer_names; own != NULL; own = own->next) {
        if (strcmp(own->text, name) == 0)
            return own->text;
    }
    bly_peer_name *copy = malloc(sizeof *copy + size);
    if (copy == NULL)
        return NULL;
    memcpy(copy->text, name, size);
    copy->next = client->peer_names;
    client->peer_names = copy;
    return copy->text;
}

static void
name_peer(bly_client_call *client, const bly_h2_connection *connection)
{
    const char *name = bly_h2_connection_peer(connection);
    if (strcmp(client->peer, name) == 0)
        return;
    name = own_name(client, name);
    if (name != NULL)
        __atomic_store_n(&client->peer, name, __ATOMIC_RELEASE);
}

bool
bly_client_call_open(belay_call *call, bly_h2_connection *connection)
{
    bly_client_call *client = bly_client_call_of(call);
    char timeout[BLY_TIMEOUT_TEXT_SIZE];
    bly_headers headers;
    bly_headers_init(&headers);
    build_headers(client, &headers, timeout);
    bool fits = headers.failed || bly_h2_connection_takes(connection, headers.list, headers.count);
    bool opened = fits && !headers.failed &&
                  bly_h2_stream_open(connection, &call->stream, headers.list, headers.count, false);
    bly_headers_fini(&headers);
    if (!fits) {
        bly_limit_reached(call->limits, BELAY_LIMIT_HEADER_LIST, bly_h2_connection_peer(connection));
        bly_client_call_fail(call, BELAY_RESOURCE_EXHAUSTED, "the metadata is larger than the server takes");
    }
    if (!opened)
        return false;
    client->waiting = false;
    bly_call_ref(call); /* the stream's */
    name_peer(client, connection);
    bly_h2_stream_keep(&call->stream, KEEP_LIMIT);
    transmit(client);
    return true;
}

/* ---- The posted task ------------------------------------------------------------------------------ */

static void
start(bly_client_call *client)
{
    client->started = true;
    client->waiting = true;
    client->call.began_ms = bly_loop_turn_ms(client->call.loop);
    bly_call_arm_deadline(&client->call);
    client->host->ops->start(client->host->argument, &client->call);
}

/* The context has ended: the stream, if it is still open, is of no use to anyone. */
static void
handle_end(bly_client_call *client, belay_cause cause, bool spoiled)
{
    belay_call *call = &client->call;
    client->end_handled = true;
    bly_call_disarm_deadline(call);
    if (call->stream.id != 0 && (cause != BELAY_CAUSE_FINISHED || client->rejected || spoiled)) {
        bly_h2_stream_reset(&call->stream, BLY_H2_CANCEL);
        if (cause == BELAY_CAUSE_PARENT)
            bly_loop_give_way(call->loop);
    }
    if (client->waiting) {
        client->waiting = false;
        client->host->ops->withdraw(client->host->argument, call);
    }
}

static void
io(belay_call *call)
{
    bly_client_call *client = bly_client_call_of(call);
    bly_mutex_lock(&call->lock);
    call->posted = false;
    belay_cause cause = call->end_cause;
    bool window = call->window_due;
    bool abandoned = client->abandoned;
    bool spoiled = client->spoiled;
    call->window_due = false;
    if (cause != BELAY_CAUSE_NONE)
        client->abandoned = false;
    bly_mutex_unlock(&call->lock);

    if (cause == BELAY_CAUSE_NONE) {
        if (!client->started)
            start(client);
        else if (call->stream.id != 0)
            transmit(client);
        if (window)
            bly_call_update_window(call);
        return;
    }
    if (!client->end_handled)
        handle_end(client, cause, spoiled);
    if (abandoned)
        bly_call_unref(call);
}

static void
expired(belay_call *call)
{
    bly_context_end(call->context, BELAY_CAUSE_DEADLINE, NULL);
}

/* It may have ended well before: then what the receiver notes is all there is to tell of it. */
static void
spoiled(belay_call *call, belay_code code, const char *words)
{
    bly_client_call *client = bly_client_call_of(call);
    client->spoiled_code = code;
    client->spoiled_words = words;
    bly_mutex_lock(&call->lock);
    client->spoiled = true;
    bly_mutex_unlock(&call->lock);
    complete(client, code, words, NULL, true);
}

const bly_call_side bly_client_side = {
    .io = io,
    .ended_locked = ended_locked,
    .spoiled = spoiled,
    .expired = expired,
    .destroy = destroy,
};

/* ---- The answer in -------------------------------------------------------------------------------- */

static bool
is(const char *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

/* Headers that mean something to the call itself; false for metadata. */
static bool
take_own_header(bly_client_call *client, const char *name, size_t name_size, const char *value, size_t value_size)
{
    if (is(name, name_size, ":status"))
        client->http_status = atoi(value);
    else if (is(name, name_size, "content-type"))
        client->has_grpc_content = bly_content_type_is_grpc(value, value_size);
    else if (is(name, name_size, "grpc-status")) {
        client->has_grpc_status = true;
        client->grpc_status = bly_status_parse(value, value_size);
    } else if (is(name, name_size, "grpc-message")) {
        free(client->grpc_message);
        client->grpc_message = bly_percent_decode(value, value_size);
    } else
        return bly_metadata_is_reserved(name, name_size) && !is(name, name_size, BLY_DETAILS_KEY);
    return true;
}

/* Unknown encodings matter only when a message is compressed. In trailers the header means nothing. */
static void
take_encoding(belay_call *call, const char *value, size_t size)
{
    bool known = bly_call_compression_take(&call->compression, value, size);
    call->frames.has_encoding = known && call->compression.in != BELAY_COMPRESSION_NONE;
}

/* Gives up on an answer that is no gRPC, or not one we can read. The posted task resets the stream: by then it
 * is known whether the frame that is being read ends it, and with it both sides. */
static void
reject(bly_client_call *client, belay_code code, const char *message)
{
    client->rejected = true;
    complete(client, code, message, NULL, true);
}

/* An HTTP answer without grpc-status: its status tells something, its body does not. */
static void
reject_http(bly_client_call *client)
{
    char message[80];
    if (client->http_status != 200)
        snprintf(message, sizeof message, "unexpected HTTP status %d", client->http_status);
    else
        snprintf(message, sizeof message, "unexpected content-type: the answer is not gRPC");
    reject(client, bly_status_from_http(client->http_status), message);
}

#define LARGEST_DROPPED_BODY 65536

/* The body of an answer that may yet have trailers: a page longer than that has none, and is not waited for. */
static void
drop_body(bly_client_call *client, size_t size)
{
    client->dropped += size;
    if (client->dropped > LARGEST_DROPPED_BODY)
        reject_http(client);
}

static void
publish_headers(bly_client_call *client)
{
    belay_call *call = &client->call;
    bly_mutex_lock(&call->lock);
    client->headers = client->block;
    client->block = NULL;
    client->headers_ready = true;
    bly_parker *reader = bly_call_reader_locked(call);
    bly_mutex_unlock(&call->lock);
    bly_call_wake(reader);
}

/* The first block is complete, and it is not all of the answer. */
static void
take_answer(bly_client_call *client)
{
    if (!client->has_grpc_content) {
        reject_http(client);
    } else if (client->http_status != 200) {
        /* gRPC's by its type, so trailers may tell more than HTTP does. The body tells nothing. */
        belay_metadata_free(client->block);
        client->block = NULL;
        client->awaits_trailers = true;
    } else {
        publish_headers(client);
    }
}

/* More has come behind a first block with a status: one that stood in the wrong place counts for nothing. */
static void
go_on(bly_client_call *client)
{
    client->may_be_all = false;
    client->has_grpc_status = false;
    free(client->grpc_message);
    client->grpc_message = NULL;
    take_answer(client);
}

bool
bly_client_call_header(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size,
                       const char *value, size_t value_size)
{
    bly_client_call *client = bly_client_call_of(bly_call_of_stream(stream));
    if (client->may_be_all && block == BLY_H2_TRAILERS)
        go_on(client);
    if (client->rejected)
        return false;
    if (block == BLY_H2_RESPONSE && is(name, name_size, "grpc-encoding")) {
        take_encoding(&client->call, value, value_size);
        return true;
    }
    if (block == BLY_H2_INFORMATIONAL || take_own_header(client, name, name_size, value, value_size))
        return true;
    if (client->block == NULL)
        client->block = belay_metadata_new();
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    if (client->block != NULL)
        code = bly_metadata_add_wire(client->block, name, name_size, value, value_size);
    if (code == BELAY_OK)
        return true;
    if (code == BELAY_INTERNAL)
        reject(client, code, "malformed base64 in metadata");
    else if (code == BELAY_OUT_OF_RANGE)
        reject(client, BELAY_RESOURCE_EXHAUSTED, "too many values in one header of metadata");
    else
        reject(client, BELAY_RESOURCE_EXHAUSTED, "no memory for metadata");
    return false;
}

void
bly_client_call_headers_done(bly_h2_stream *stream, bly_h2_block block, bool oversized)
{
    bly_client_call *client = bly_client_call_of(bly_call_of_stream(stream));
    if (client->rejected || block == BLY_H2_INFORMATIONAL)
        return;
    bly_h2_stream_let_go(stream); /* somebody looked at the call */
    if (oversized) {
        reject(client, BELAY_RESOURCE_EXHAUSTED, "header list too large");
        return;
    }
    if (block == BLY_H2_TRAILERS) {
        client->has_trailers = true;
        return;
    }
    if (client->has_grpc_status)
        client->may_be_all = true; /* Trailers-Only: its metadata is read at the end */
    else
        take_answer(client);
}

void
bly_client_call_data(bly_h2_stream *stream, const uint8_t *data, size_t size)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_client_call *client = bly_client_call_of(call);
    char message[BLY_FRAME_WORDS];
    unsigned int messages;
    if (client->may_be_all)
        go_on(client);
    if (client->rejected)
        return;
    if (client->awaits_trailers) {
        drop_body(client, size);
        return;
    }
    bly_frame_error error = bly_call_take_data(call, data, size, &messages);
    client->messages += messages;
    if (error != BLY_FRAME_OK) {
        belay_code code = bly_call_frame_status(call, error, message);
        reject(client, code, message);
    } else if (client->messages > 1 && (call->method->flags & BELAY_SERVER_STREAMING) == 0) {
        /* Nobody takes a second reply: its sender would wait for a window. */
        reject(client, BELAY_UNIMPLEMENTED, "more than one reply");
    }
}

void
bly_client_call_end(bly_h2_stream *stream)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_client_call *client = bly_client_call_of(call);
    if (client->rejected)
        return;
    if (client->awaits_trailers && !client->has_grpc_status) {
        reject_http(client);
        return;
    }
    belay_metadata *trailers = client->block;
    client->block = NULL;
    if (!client->has_grpc_status) {
        complete(client, BELAY_UNKNOWN, "the server ended the call without a status", trailers, true);
    } else if (client->grpc_status == BELAY_OK && !bly_frame_reader_is_between(&call->frames)) {
        complete(client, BELAY_INTERNAL, "the answer ended inside a message", trailers, true);
    } else if (bly_details_contradict(trailers, client->grpc_status)) {
        complete(client, BELAY_INTERNAL, "the status and its details have different codes", trailers, true);
    } else {
        complete(client, client->grpc_status, client->grpc_message, trailers, false);
    }
    /* A server that answers before it has read everything does not want the rest, which may be stuck. */
    if (!stream->sent_end)
        bly_h2_stream_reset(stream, BLY_H2_NO_ERROR);
}

/*
 * A call that no server has looked at goes once more (gRFC A6, "transparent retries"): as often as need be when it
 * did not even leave, for the channel pauses between connections; once when a server had its headers. Its deadline
 * stays what it is.
 */
static bool
may_try_again(const bly_client_call *client, const bly_h2_stream *stream)
{
    bool is_unanswered = client->http_status == 0 && !client->rejected;
    return is_unanswered && (!stream->headers_sent || !client->tried_again);
}

static void
try_again(bly_client_call *client, bly_bytes_queue *messages)
{
    belay_call *call = &client->call;
    client->tried_again = client->tried_again || call->stream.headers_sent;
    client->out_end_sent = false;
    client->waiting = true;
    bly_mutex_lock(&call->lock);
    bly_bytes_queue_splice(messages, &call->out);
    bly_bytes_queue_splice(&call->out, messages);
    call->out_at_io = 0;
    bly_mutex_unlock(&call->lock);
    client->host->ops->start(client->host->argument, call);
}

/* gRPC has no status for it, and wants it logged: one side is wrong about what is open. */
static void
note_reset(const bly_client_call *client, uint32_t error)
{
    const belay_call *call = &client->call;
    if (error == BLY_H2_STREAM_CLOSED)
        bly_log_write(&call->runtime->log, BELAY_LOG_WARNING, "%s reset an open call of %s with STREAM_CLOSED",
                      bly_h2_connection_peer(call->stream.connection), call->method->path);
}

static void
fail_closed(bly_client_call *client, uint32_t error, bool by_peer, bool unprocessed)
{
    char message[240];
    if (unprocessed) {
        complete(client, BELAY_UNAVAILABLE, "the server refused the call before it ran", NULL, true);
    } else if (by_peer) {
        note_reset(client, error);
        snprintf(message, sizeof message, "the server reset the stream with HTTP/2 error %u", (unsigned int)error);
        complete(client, bly_status_from_h2(error), message, NULL, true);
    } else if (error == BLY_H2_CONNECTION_LOST) {
        snprintf(message, sizeof message, "the connection was lost: %s",
                 bly_h2_connection_detail(client->call.stream.connection));
        complete(client, BELAY_UNAVAILABLE, message, NULL, true);
    } else {
        snprintf(message, sizeof message, "the stream broke with HTTP/2 error %u", (unsigned int)error);
        complete(client, bly_status_from_h2(error), message, NULL, true);
    }
}

void
bly_client_call_closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_client_call *client = bly_client_call_of(call);
    bool is_open = belay_context_cause(call->context) == BELAY_CAUSE_NONE;
    bly_bytes_queue messages;
    bly_bytes_queue_init(&messages);
    client->host->ops->gone(client->host->argument, call);
    if (unprocessed && bly_h2_stream_take_back(stream, &messages) && is_open && may_try_again(client, stream))
        try_again(client, &messages);
    else if (is_open)
        fail_closed(client, error, by_peer, unprocessed);
    bly_bytes_queue_clear(&messages);
    bly_call_unref(call); /* the stream's */
}

void
bly_client_call_delivered(bly_h2_stream *stream)
{
    (void)stream; /* the answer tells */
}
