/* SPDX-License-Identifier: MIT */
/*
 * The I/O thread's part of a server's call: the request in, the status out, and what a cancel sends.
 */
#include "rpc/server_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/prefetch.h"
#include "rpc/attended.h"
#include "rpc/headers.h"
#include "rpc/refusal.h"
#include "wire/percent.h"
#include "wire/status.h"

static const bly_h2_header header_accept_encoding =
    BLY_H2_STATIC_HEADER("grpc-accept-encoding", BLY_COMPRESSION_ACCEPTED);
static const bly_h2_header answer_headers[] = {
    {":status", "200", 7, 3, true, false},
    {"content-type", "application/grpc", 12, 16, true, false},
};
static const bly_h2_header ok_trailers[] = {{"grpc-status", "0", 11, 1, true, false}};

/* So much of a refused request's body is waited for. */
#define REFUSED_BODY (16u * 1024)

#define ANSWER_HEADERS (sizeof answer_headers / sizeof answer_headers[0])

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
count(uint64_t *total, uint64_t by)
{
    __atomic_fetch_add(total, by, __ATOMIC_RELAXED);
}

static bool
is_counted(const bly_server_call *server)
{
    return server->registration == NULL || !server->registration->reserved;
}

static void
destroy(belay_call *call)
{
    bly_server_call *server = bly_server_call_of(call);
    bly_call_fini(call);
    bly_arena_fini(&server->arena);
    belay_metadata_free(server->metadata);
    belay_metadata_free(server->headers);
    belay_metadata_free(server->trailers);
    free(server->final_message);
    bly_blocks_free(server, sizeof *server);
}

bool
bly_server_call_is_running(bly_server_call *server)
{
    bly_mutex_lock(&server->call.lock);
    bool running = server->run_state == BLY_RUN_RUNNING;
    bly_mutex_unlock(&server->call.lock);
    return running;
}

void
bly_server_call_fetch(const bly_server_call *server)
{
    const belay_context *context = server->call.context;
    bly_prefetch_to_write(server, offsetof(belay_call, began_ms));
    bly_prefetch_to_write(&server->ops, sizeof *server - offsetof(bly_server_call, ops));
    if (context != NULL)
        bly_prefetch_to_write(context, sizeof *context);
}

void
bly_server_call_over_locked(bly_server_call *server)
{
    BLY_ASSERT_HELD(&server->call.lock);
    BLY_ASSERT(server->run_state == BLY_RUN_WAITING || server->run_state == BLY_RUN_RUNNING);
    server->run_state = BLY_RUN_OVER;
    server->over_due = true;
}

void
bly_server_call_count_dropped(bly_server_call *server)
{
    if (!is_counted(server))
        return;
    count(&server->totals->dropped_in_queue, 1);
    bly_method_stats_count(&server->registration->stats.dropped_in_queue);
}

void
bly_server_call_count_ignoring(bly_server_call *server)
{
    if (!is_counted(server))
        return;
    count(&server->totals->handlers_ignoring_cancel, 1);
    bly_method_stats_count(&server->registration->stats.handlers_ignoring_cancel);
}

/* A cancelled call leaves the pool's queue now, not when a worker comes to it. One that has finished will have
 * something to send, in a moment. */
static bool
ended_locked(belay_call *call)
{
    bly_server_call *server = bly_server_call_of(call);
    if (server->run_state == BLY_RUN_WAITING && server->ops->dequeue(server->host, call)) {
        bly_server_call_over_locked(server);
        bly_server_call_count_dropped(server);
    } else if (server->run_state == BLY_RUN_RUNNING && bly_call_cancelled_locked(call) && !bly_attended_is(server)) {
        bly_watch_cancelled_locked(server);
    }
    return call->end_cause != BELAY_CAUSE_FINISHED;
}

/* ---- Sending the status --------------------------------------------------------------------------- */

static void
add_answer_headers(bly_headers *headers)
{
    for (size_t i = 0; i < ANSWER_HEADERS; i++)
        bly_headers_add(headers, answer_headers[i]);
}

/* Instead of what the client says that it does not take. */
static const char too_large[] = "the answer's metadata is larger than the client takes";

/* So much of a message is left when the whole is more than the client takes. */
#define SHORT_MESSAGE 1024u

static void send_smaller_status(bly_server_call *server, belay_code code, const char *message, size_t message_size,
                                const belay_metadata *trailers);

/* Sends a status with what was sent before taken into account: trailers after headers, else one block
 * with both (Trailers-Only). */
static void
send_status(bly_server_call *server, belay_code code, const char *message, size_t message_size,
            const belay_metadata *trailers)
{
    belay_call *call = &server->call;
    bly_headers headers;
    bool sent;
    bly_headers_init(&headers);
    if (!server->headers_sent)
        add_answer_headers(&headers);
    bly_headers_add_status(&headers, code, message, message_size);
    if (code == BELAY_UNIMPLEMENTED && !server->headers_sent)
        bly_headers_add(&headers, header_accept_encoding);
    bly_headers_add_metadata(&headers, trailers);
    bool fits = bly_h2_connection_takes(call->stream.connection, headers.list, headers.count);
    if (!fits && message != too_large) {
        bly_headers_fini(&headers);
        send_smaller_status(server, code, message, message_size, trailers);
        return;
    }
    if (headers.failed)
        sent = false;
    else if (server->headers_sent)
        sent = bly_h2_stream_end(&call->stream, headers.list, headers.count, true);
    else
        sent = bly_h2_stream_respond_only(&call->stream, headers.list, headers.count);
    server->headers_sent = true;
    server->status_sent = true;
    if (!sent)
        bly_h2_stream_reset(&call->stream, BLY_H2_INTERNAL_ERROR);
    bly_headers_fini(&headers);
}

/* The code is more than the words, which can be cut; metadata is all or nothing. */
static void
send_smaller_status(bly_server_call *server, belay_code code, const char *message, size_t message_size,
                    const belay_metadata *trailers)
{
    if (message_size > SHORT_MESSAGE) {
        send_status(server, code, message, bly_percent_cut(message, message_size, SHORT_MESSAGE), trailers);
        return;
    }
    bly_call_reached(&server->call, BELAY_LIMIT_HEADER_LIST);
    send_status(server, BELAY_RESOURCE_EXHAUSTED, too_large, sizeof too_large - 1, NULL);
}

static void
send_plain_status(bly_server_call *server, belay_code code, const char *message)
{
    size_t size = 0;
    char *encoded = bly_percent_encode(message, strlen(message), &size);
    send_status(server, code, encoded, size, NULL);
    free(encoded);
}

static bool
respond_in_vain(bly_server_call *server)
{
    bly_call_reached(&server->call, BELAY_LIMIT_HEADER_LIST);
    server->headers_sent = false;
    send_plain_status(server, BELAY_RESOURCE_EXHAUSTED, too_large);
    bly_context_end(server->call.context, BELAY_CAUSE_LIMIT, too_large);
    return true;
}

static bool
has_compression(const bly_call_compression *compression)
{
    return compression->out != BELAY_COMPRESSION_NONE || compression->in != BELAY_COMPRESSION_NONE;
}

/* What is understood here is told to clients that compress: others, which are most, do not ask. */
static void
add_compression(bly_headers *headers, const bly_call_compression *compression)
{
    if (compression->out != BELAY_COMPRESSION_NONE)
        bly_headers_add_encoding(headers, compression->out);
    bly_headers_add(headers, header_accept_encoding);
}

/* With what there is to say of compression, and what the handler added. */
static bool
respond_with_more(bly_server_call *server)
{
    const bly_call_compression *compression = &server->call.compression;
    bly_h2_stream *stream = &server->call.stream;
    bly_headers headers;
    bly_headers_init(&headers);
    add_answer_headers(&headers);
    if (has_compression(compression))
        add_compression(&headers, compression);
    bly_headers_add_metadata(&headers, server->headers);
    bool fits = bly_h2_connection_takes(stream->connection, headers.list, headers.count);
    bool sent = fits && !headers.failed && bly_h2_stream_respond(stream, headers.list, headers.count);
    bly_headers_fini(&headers);
    return fits ? sent : respond_in_vain(server);
}

static void
send_headers(bly_server_call *server)
{
    if (server->headers_sent)
        return;
    server->headers_sent = true;
    bool more = server->headers != NULL || has_compression(&server->call.compression);
    bool sent = more ? respond_with_more(server)
                     : bly_h2_stream_respond(&server->call.stream, answer_headers, ANSWER_HEADERS);
    if (!sent)
        bly_h2_stream_reset(&server->call.stream, BLY_H2_INTERNAL_ERROR);
}

/* The status that the handler decided. An error without anything before it is Trailers-Only. */
static void
send_final(bly_server_call *server)
{
    belay_call *call = &server->call;
    bool plain_error = server->final_code != BELAY_OK && !server->headers_sent && server->headers == NULL;
    if (plain_error) {
        send_status(server, server->final_code, server->final_message, server->final_message_size,
                    server->trailers);
        return;
    }
    send_headers(server);
    if (server->status_sent)
        return;
    if (server->final_code == BELAY_OK && server->trailers == NULL) {
        server->status_sent = true;
        bly_h2_stream_end(&call->stream, ok_trailers, 1, false);
        return;
    }
    send_status(server, server->final_code, server->final_message, server->final_message_size, server->trailers);
}

/* For a client that speaks HTTP and not gRPC: a wrong method or content type. */
static void
send_http_refusal(bly_server_call *server)
{
    bly_h2_stream *stream = &server->call.stream;
    server->headers_sent = true;
    server->status_sent = true;
    if (!bly_refusal_send(stream, server->refused_http, server->is_head, server->refused_code,
                          server->refused_message))
        bly_h2_stream_reset(stream, BLY_H2_INTERNAL_ERROR);
}

/* A request that is not gRPC's is answered when it has come to its end, as HTTP does it; what is gRPC's at once. */
static void
send_refusal(bly_server_call *server)
{
    server->refusal_waits = server->refused_http != 200;
    if (!server->refusal_waits)
        send_plain_status(server, server->refused_code, server->refused_message);
}

/* More of a refused request has come, or its end. One that goes on and on is answered before. */
static void
go_on_refused(bly_server_call *server, size_t size)
{
    if (!server->refusal_waits)
        return;
    server->refused_size += size;
    if (!server->call.stream.received_end && server->refused_size < REFUSED_BODY)
        return;
    server->refusal_waits = false;
    send_http_refusal(server);
}

/* ---- Outcome -------------------------------------------------------------------------------------- */

static void
know_outcome(bly_server_call *server)
{
    server->outcome_known = true;
    bly_call_disarm_deadline(&server->call);
}

static void
note_delivered(bly_server_call *server)
{
    if (!server->outcome_known)
        know_outcome(server);
}

/* late: what made it so when the handler had returned before, and its answer was not taken. */
static void
note_cancelled(bly_server_call *server, belay_cause late)
{
    if (server->outcome_known)
        return;
    know_outcome(server);
    if (!is_counted(server))
        return;
    belay_cause cause = belay_context_cause(server->call.context);
    count(&server->totals->calls_cancelled, 1);
    bly_method_stats_count_cancel(&server->registration->stats, cause == BELAY_CAUSE_FINISHED ? late : cause);
}

/* What each cause tells the client. NULL: nothing, it knows or is gone. */
static belay_code
status_of_cause(belay_cause cause, const char **message)
{
    switch (cause) {
    case BELAY_CAUSE_DEADLINE:
        *message = "deadline exceeded";
        return BELAY_DEADLINE_EXCEEDED;
    case BELAY_CAUSE_SHUTDOWN:
        *message = "server is shutting down";
        return BELAY_UNAVAILABLE;
    case BELAY_CAUSE_APPLICATION:
        *message = "cancelled by the server";
        return BELAY_CANCELLED;
    case BELAY_CAUSE_OPERATOR:
        *message = "cancelled by an operator";
        return BELAY_CANCELLED;
    case BELAY_CAUSE_LIMIT:
        *message = "limit reached";
        return BELAY_RESOURCE_EXHAUSTED;
    default:
        return BELAY_OK;
    }
}

/* What was wrong with the request, when a limit was reached by that; BELAY_OK: nothing. */
static belay_code
code_of_request(bly_server_call *server)
{
    if (server->refused_code != BELAY_OK)
        return server->refused_code;
    bly_mutex_lock(&server->call.lock);
    belay_code code = server->spoiled_code;
    bly_mutex_unlock(&server->call.lock);
    return code;
}

/* Whether the client is to be told of a cancel, and has not been. */
static bool
has_news(const bly_server_call *server)
{
    const char *message;
    return server->call.stream.id != 0 && !server->status_sent &&
           status_of_cause(belay_context_cause(server->call.context), &message) != BELAY_OK;
}

static void
send_cause(bly_server_call *server)
{
    const belay_context *context = server->call.context;
    const char *message = NULL;
    belay_code code = status_of_cause(belay_context_cause(context), &message);
    const char *reason = belay_context_reason(context);
    if (belay_context_cause(context) == BELAY_CAUSE_LIMIT && code_of_request(server) != BELAY_OK)
        code = code_of_request(server); /* which says more than that a limit was reached */
    send_plain_status(server, code, reason[0] != '\0' ? reason : message);
}

/* Tells the client of a cancel: the status at once, without waiting for the handler; RST_STREAM(CANCEL) when
 * a message is half sent or bytes are stuck, because the status could not get past them. Messages that were
 * queued in this very turn are given their flush first. */
static void
send_cancel(bly_server_call *server)
{
    belay_call *call = &server->call;
    if (!has_news(server))
        return;
    if (!bly_h2_stream_has_unsent(&call->stream)) {
        send_cause(server);
        return;
    }
    bly_call_ref(call);
    bly_loop_defer(call->loop, &server->after_flush); /* the flush, if it is due, was deferred before */
}

static void
send_cancel_after_flush(bly_loop_deferred *deferred)
{
    bly_server_call *server = BLY_CONTAINER_OF(deferred, bly_server_call, after_flush);
    belay_call *call = &server->call;
    if (has_news(server)) {
        if (bly_h2_stream_has_unsent(&call->stream))
            bly_h2_stream_reset(&call->stream, BLY_H2_CANCEL);
        else
            send_cause(server);
    }
    bly_call_unref(call);
}

/* A call that no worker will see any more: the I/O thread itself says that it is over. */
static void
mark_over(bly_server_call *server)
{
    bly_mutex_lock(&server->call.lock);
    bly_server_call_over_locked(server);
    server->over_due = false;
    bly_mutex_unlock(&server->call.lock);
}

/* Whoever ended the context looked into the pool's queue. The call may have come there only after that: it was still
 * with the host then, and is not any more. */
static bool
dequeue(bly_server_call *server)
{
    belay_call *call = &server->call;
    bly_mutex_lock(&call->lock);
    bool was_queued = server->run_state == BLY_RUN_WAITING && server->ops->dequeue(server->host, call);
    bly_mutex_unlock(&call->lock);
    return was_queued;
}

/* Tells whether the call was taken back, and is over. */
static bool
handle_cancel(bly_server_call *server)
{
    bool withdrawn = false;
    if (server->cancel_handled)
        return false;
    server->cancel_handled = true;
    note_cancelled(server, BELAY_CAUSE_FINISHED);
    if (server->dispatched && (server->ops->withdraw(server->host, &server->call) || dequeue(server))) {
        mark_over(server);
        withdrawn = true;
        bly_server_call_count_dropped(server);
    }
    send_cancel(server);
    return withdrawn;
}

/* ---- The posted task ------------------------------------------------------------------------------ */

/* What the mailbox asked for, read in one go. */
typedef struct wishes {
    bly_bytes_queue frames;
    bool cancelled;
    bool headers;
    bool final;
    bool window;
    bool over;
} wishes;

static void
read_mailbox(bly_server_call *server, wishes *wish)
{
    belay_call *call = &server->call;
    bly_bytes_queue_init(&wish->frames);
    bly_mutex_lock(&call->lock);
    if (!bly_attended_is(server)) /* for those the turn did: if it is set again, the task is posted once more */
        call->posted = false;
    bly_call_fetch_out_locked(call, &wish->frames);
    wish->cancelled = bly_call_cancelled_locked(call);
    wish->headers = server->headers_due;
    wish->final = server->final_ready;
    wish->window = call->window_due;
    wish->over = server->over_due;
    call->window_due = false;
    server->over_due = false;
    bly_mutex_unlock(&call->lock);
}

static void
transmit(bly_server_call *server, wishes *wish)
{
    belay_call *call = &server->call;
    if (wish->headers || wish->frames.first != NULL)
        send_headers(server);
    if (wish->frames.first != NULL)
        bly_h2_stream_write(&call->stream, &wish->frames);
    if (wish->final && !server->status_sent)
        send_final(server);
}

/* The handler has returned, or never runs: gives back what the dispatch took. */
static void
tell_over(bly_server_call *server)
{
    server->ops->over(server->host, &server->call);
    bly_call_unref(&server->call);
}

static void
io(belay_call *call)
{
    bly_server_call *server = bly_server_call_of(call);
    wishes wish;
    bly_server_call_fetch(server);
    if (bly_attended_is(server))
        bly_attended_task(server);
    read_mailbox(server, &wish);
    if (wish.cancelled)
        wish.over |= handle_cancel(server);
    else if (call->stream.id != 0)
        transmit(server, &wish);
    bly_bytes_queue_clear(&wish.frames);
    if (wish.window)
        bly_call_update_window(call);
    if (wish.over)
        tell_over(server);
}

/* The client's deadline, or the server's cap. A status that cannot leave does not help the client any
 * more: then the stream is reset. One that was cancelled just before has its task tell the client. */
static void
expired(belay_call *call)
{
    bly_server_call *server = bly_server_call_of(call);
    if (bly_context_end(call->context, BELAY_CAUSE_DEADLINE, NULL) || server->outcome_known ||
        belay_context_cause(call->context) != BELAY_CAUSE_FINISHED)
        return;
    note_cancelled(server, BELAY_CAUSE_DEADLINE);
    if (call->stream.id != 0)
        bly_h2_stream_reset(&call->stream, BLY_H2_CANCEL);
}

/* The handler, which is told by its receive, may go on for a while: the client is told now. */
static void
spoiled(belay_call *call, belay_code code, const char *words)
{
    bly_mutex_lock(&call->lock);
    bly_server_call_of(call)->spoiled_code = code;
    bly_mutex_unlock(&call->lock);
    bly_context_end(call->context, BELAY_CAUSE_LIMIT, words);
}

static const bly_call_side server_side = {
    .io = io,
    .ended_locked = ended_locked,
    .spoiled = spoiled,
    .expired = expired,
    .destroy = destroy,
};

belay_call *
bly_server_call_new(belay_runtime *runtime, bly_loop *loop, const bly_server_host_ops *ops, void *host,
                    bly_server_totals *totals, const bly_server_limits *limits, bly_holding *holding,
                    const char *peer)
{
    bly_server_call *server = bly_blocks_new(sizeof *server);
    if (server == NULL)
        return NULL;
    server->ops = ops;
    server->host = host;
    server->totals = totals;
    server->timeout_ns = BELAY_FOREVER;
    server->draining = limits->draining;
    server->peer = peer;
    server->compression = limits->compression;
    server->watch.patience_ns = limits->watchdog_ns;
    bly_call_init(&server->call, &server_side, true, runtime, loop, limits->record, limits->receive_size,
                  limits->send_mark, limits->stream_window);
    server->call.held.holding = holding;
    server->call.began_ms = bly_loop_turn_ms(loop);
    bly_arena_init(&server->arena);
    bly_scope_init(&server->scope, &server->arena);
    bly_link_init(&server->held_link);
    bly_link_init(&server->connection_link);
    bly_link_init(&server->closed_link);
    bly_job_init(&server->job, bly_server_call_run);
    server->after_flush.run = send_cancel_after_flush;
    return &server->call;
}

/* ---- The stream ----------------------------------------------------------------------------------- */

/* ended: the request is complete. Under the lock: a census shows the call to other threads from its headers on. */
static void
dispatch(bly_server_call *server, bool ended)
{
    bool attended = bly_attended_is(server);
    bly_mutex_lock(&server->call.lock);
    server->run_state = attended ? BLY_RUN_RUNNING : BLY_RUN_WAITING;
    server->call.in_ended = ended;
    bly_mutex_unlock(&server->call.lock);
    server->dispatched = true;
    bly_call_ref(&server->call); /* given back when it is over */
    if (attended)
        bly_attended_ask(&server->call);
    else
        server->ops->dispatch(server->host, &server->call);
}

static bool
make_context(bly_server_call *server)
{
    belay_call *call = &server->call;
    bly_context_environment *environment = &call->runtime->environment;
    uint64_t cap = server->registration->time.cap_ns;
    uint64_t timeout = server->timeout_ns < cap ? server->timeout_ns : cap;
    uint64_t deadline = BELAY_FOREVER;
    if (timeout != BELAY_FOREVER)
        deadline = bly_clock_after(bly_clock_now(environment->clock), timeout);
    call->context = bly_context_make(environment, NULL, deadline, false, &call->context_owner, &call->flag);
    return call->context != NULL;
}

void
bly_server_call_headers_done(bly_h2_stream *stream, bly_h2_block block, bool oversized)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_server_call *server = bly_server_call_of(call);
    if (block != BLY_H2_REQUEST || server->status_sent)
        return;
    if (bly_request_check(server, oversized) && !make_context(server))
        bly_request_refuse(server, 200, BELAY_RESOURCE_EXHAUSTED, "no memory for the call");
    if (server->refused_code != BELAY_OK) {
        count(&server->totals->calls_refused, 1);
        send_refusal(server);
        return;
    }
    bly_call_arm_deadline(call);
    if (bly_attended_is(server))
        bly_attended_admit(server);
    if ((call->method->flags & BELAY_CLIENT_STREAMING) != 0)
        dispatch(server, false);
}

/* Ends a call for what its request is like: the handler, if it runs, is cancelled with cause limit. */
static void
fail_request(bly_server_call *server, belay_code code, const char *message)
{
    bly_request_refuse(server, 200, code, "%s", message);
    bly_context_end(server->call.context, BELAY_CAUSE_LIMIT, message);
}

static void
fail_frame(bly_server_call *server, bly_frame_error error)
{
    char message[BLY_FRAME_WORDS];
    belay_code code = bly_call_frame_status(&server->call, error, message);
    fail_request(server, code, message);
}

/* Nobody reads on once the call has ended, by whatever cause. */
static bool
wants_input(const bly_server_call *server)
{
    return server->call.context != NULL && belay_context_cause(server->call.context) == BELAY_CAUSE_NONE;
}

/* What it is given it looks at in a turn of its own. */
static void
ask_attendant(bly_server_call *server)
{
    if (bly_attended_is(server) && server->dispatched)
        bly_attended_ask(&server->call);
}

void
bly_server_call_drained(bly_h2_stream *stream)
{
    bly_server_call *server = bly_server_call_of(bly_call_of_stream(stream));
    bly_call_drained(stream);
    if (!stream->out_ended)
        ask_attendant(server);
}

void
bly_server_call_data(bly_h2_stream *stream, const uint8_t *data, size_t size)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_server_call *server = bly_server_call_of(call);
    unsigned int messages;
    go_on_refused(server, size);
    if (!wants_input(server))
        return;
    bly_frame_error error = bly_call_take_data(call, data, size, &messages);
    server->messages += messages;
    if (error != BLY_FRAME_OK)
        fail_frame(server, error);
    else if (server->messages > 1 && (call->method->flags & BELAY_CLIENT_STREAMING) == 0)
        fail_request(server, BELAY_UNIMPLEMENTED, "more than one request message");
    else if (messages > 0)
        ask_attendant(server);
}

void
bly_server_call_end(bly_h2_stream *stream)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_server_call *server = bly_server_call_of(call);
    go_on_refused(server, 0);
    if (!wants_input(server))
        return;
    if (!bly_frame_reader_is_between(&call->frames)) {
        fail_request(server, BELAY_INTERNAL, "the request ended inside a message");
        return;
    }
    if ((call->method->flags & BELAY_CLIENT_STREAMING) != 0) {
        bly_call_end_input(call);
        ask_attendant(server);
        return;
    }
    if (server->messages == 0) {
        fail_request(server, BELAY_UNIMPLEMENTED, "no request message");
        return;
    }
    dispatch(server, true);
}

void
bly_server_call_delivered(bly_h2_stream *stream)
{
    bly_server_call *server = bly_server_call_of(bly_call_of_stream(stream));
    note_delivered(server);
}

/* What is not the connection's end is the client's reset, or ours: because it broke a rule, or went too far. */
static belay_cause
cause_of_reset(const bly_h2_stream *stream, uint32_t error)
{
    if (error == BLY_H2_CONNECTION_LOST)
        return BELAY_CAUSE_CONNECTION_LOST;
    bool limit = error == BLY_H2_ENHANCE_YOUR_CALM || error == BLY_H2_CANCEL;
    return limit && !stream->reset_by_peer ? BELAY_CAUSE_LIMIT : BELAY_CAUSE_PEER_CANCELLED;
}

void
bly_server_call_cancelled(bly_h2_stream *stream)
{
    belay_call *call = bly_call_of_stream(stream);
    if (call->context != NULL)
        bly_context_end(call->context, BELAY_CAUSE_PEER_CANCELLED, NULL);
}

void
bly_server_call_closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_server_call *server = bly_server_call_of(call);
    (void)by_peer;
    (void)unprocessed;
    if (call->context != NULL) {
        belay_cause cause = cause_of_reset(stream, error);
        bly_context_end(call->context, cause, NULL);
        note_cancelled(server, cause);
    }
    bly_call_disarm_deadline(call);
    server->ops->gone(server->host, call);
    bly_call_unref(call); /* the stream's */
}

void
bly_server_call_refuse(belay_call *call, belay_code code, const char *message)
{
    bly_server_call *server = bly_server_call_of(call);
    count(&server->totals->calls_refused, 1);
    mark_over(server);
    if (call->stream.id != 0 && !server->status_sent)
        send_plain_status(server, code, message);
    note_delivered(server);
    bly_context_end(call->context, BELAY_CAUSE_LIMIT, message);
    tell_over(server);
}
