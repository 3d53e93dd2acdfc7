/* SPDX-License-Identifier: MIT */
/*
 * The worker's part of a server's call: running the handler, and what a handler may ask of its call.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/wait.h>

#include "rpc/server_call.h"
#include "rpc/timely.h"
#include "wire/percent.h"
#include "wire/status.h"

/* ---- Running ---------------------------------------------------------------------------------------- */

static void
count(bly_server_call *server, uint64_t *total, uint64_t by)
{
    if (!server->registration->reserved)
        __atomic_fetch_add(total, by, __ATOMIC_RELAXED);
}

static bool
takes_stream(const belay_call *call)
{
    return (call->method->flags & BELAY_CLIENT_STREAMING) != 0;
}

/* The request of a method that takes one message: without it the call is not dispatched. */
static bly_bytes *
take_request_locked(belay_call *call)
{
    bly_bytes *request = bly_bytes_queue_pop(&call->in);
    BLY_ASSERT(request != NULL);
    call->in_count--;
    bly_call_note_waiting_locked(call);
    return request;
}

/* The worker's claim on the call: false when it was cancelled first, and never runs. */
static bool
begin(bly_server_call *server, bly_bytes **request)
{
    belay_call *call = &server->call;
    const bly_thread_identity *self = bly_thread_identity_own();
    bool post = false;
    bly_mutex_lock(&call->lock);
    bool runs = call->end_cause == BELAY_CAUSE_NONE;
    if (runs) {
        server->run_state = BLY_RUN_RUNNING;
        bly_watch_begin_locked(server, self);
        if (!takes_stream(call))
            *request = take_request_locked(call);
    } else {
        bly_server_call_count_dropped(server);
        bly_server_call_over_locked(server);
        post = bly_call_want_io_locked(call);
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return runs;
}

/* What its client is told when that ends the call. */
static belay_code
fail_unread(bly_server_call *server, belay_code code, const ProtobufCMessageDescriptor *descriptor)
{
    if (code == BELAY_INTERNAL)
        return belay_fail(&server->call, code, "the request is no %s", descriptor->name);
    return belay_fail(&server->call, code, "the request is too large to unpack");
}

/* The handler may go on; the words are made when it does not, by its own thread, as the arena wants it. */
void
bly_server_call_note_unread(bly_server_call *server, belay_code code, const ProtobufCMessageDescriptor *descriptor)
{
    server->unread_code = code;
    server->unread = descriptor;
}

static belay_code
unpack_request(bly_server_call *server, bly_bytes *bytes, ProtobufCMessage **request)
{
    belay_call *call = &server->call;
    const char *words;
    belay_code code = bly_call_open_message(call, &bytes, &words);
    if (code != BELAY_OK)
        return belay_fail(call, code, "%s", words);
    code = bly_call_unpack(call, &server->arena, call->method->request, bytes, request);
    bly_bytes_free(bytes);
    return code != BELAY_OK ? fail_unread(server, code, call->method->request) : BELAY_OK;
}

/* Calls the program's function with what its kind of method takes; frees `bytes`, the request or NULL. */
static belay_code
invoke(bly_server_call *server, bly_bytes *bytes, ProtobufCMessage **reply)
{
    belay_call *call = &server->call;
    const belay_method *method = call->method;
    ProtobufCMessage *request = NULL;
    if (bytes != NULL) {
        belay_code code = unpack_request(server, bytes, &request);
        if (code != BELAY_OK)
            return code;
    }
    if ((method->flags & BELAY_SERVER_STREAMING) == 0) {
        *reply = bly_arena_alloc(&server->arena, method->reply->sizeof_message);
        if (*reply == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        protobuf_c_message_init(method->reply, *reply);
    }
    return bly_status_valid(method->thunk(call, server->registration->handlers, request, *reply));
}

/* A reply that is to be compressed is so before the end is decided: a cancel still stops it. NULL: it is not
 * packed yet. */
static bly_bytes *
pack_compressed(belay_call *call, belay_code code, const ProtobufCMessage *reply)
{
    if (code != BELAY_OK || reply == NULL || !bly_call_compression_is_on(&call->compression))
        return NULL;
    return bly_call_frame_compress(call, bly_call_frame_pack(reply));
}

/* A reply that may not be sent is none. */
static belay_code
check_size(belay_call *call, bly_bytes **frame)
{
    if (bly_call_may_send(call, (*frame)->size - BLY_FRAME_PREFIX))
        return BELAY_OK;
    bly_bytes_free(*frame);
    *frame = NULL;
    return belay_fail(call, BELAY_RESOURCE_EXHAUSTED, "the reply is larger than the server may send");
}

/* Packs what the client will get while everything that it points to still lives. */
static belay_code
pack_final(bly_server_call *server, belay_code code, const ProtobufCMessage *reply, bly_bytes **frame)
{
    if (code == BELAY_OK && reply != NULL) {
        if (*frame == NULL)
            *frame = bly_call_frame_pack(reply);
        code = *frame != NULL ? check_size(&server->call, frame) : BELAY_RESOURCE_EXHAUSTED;
    }
    if (code != BELAY_OK && code != server->fail_code && code == server->unread_code)
        fail_unread(server, code, server->unread);
    const char *message = server->fail_code == code ? server->fail_message : NULL;
    if (code != BELAY_OK)
        bly_server_call_pack_details(server, code, message);
    if (code != BELAY_OK && message != NULL)
        server->final_message = bly_percent_encode(message, strlen(message), &server->final_message_size);
    return code;
}

/* How long the handler took, and what of that was after its cancel. The clock was read when the context ended: once
 * more only when that was not the handler's return. */
static void
measure(bly_server_call *server, uint64_t begun_at, bool cancelled)
{
    bly_method_stats *stats = &server->registration->stats;
    const belay_context *context = server->call.context;
    uint64_t now = context->end_time, cpu;
    if (server->registration->reserved)
        return;
    if (cancelled) {
        now = bly_clock_now(context->environment->clock);
        bly_time_stats_add(&stats->after_cancel, now - context->end_time);
        if (bly_watch_cpu_since_cancel(server, &cpu))
            bly_time_stats_add(&stats->after_cancel_cpu, cpu);
    }
    bly_time_stats_add(&stats->handling, now - begun_at);
    bly_pool_took(now - begun_at);
    if (server->registration->time.drops_late)
        bly_estimate_add(&server->registration->time.estimate, now - begun_at, cancelled);
}

/* The threads that work for it stop before all that: they may write what the reply points to. Only the winner of the
 * end has a status to send. */
void
bly_server_call_finish(bly_server_call *server, uint64_t begun_at, belay_code code, const ProtobufCMessage *reply)
{
    belay_call *call = &server->call;
    bly_scope_stop(&server->scope);
    bly_bytes *frame = pack_compressed(call, code, reply);
    bool won = bly_context_end(call->context, BELAY_CAUSE_FINISHED, NULL);
    measure(server, begun_at, !won);
    if (won)
        code = pack_final(server, code, reply, &frame);
    bly_context_drop_callbacks(call->context);
    bly_scope_release_calls(&server->scope);
    bly_arena_run_cleanups(&server->arena);
    bly_scope_release_calls(&server->scope); /* those that a cleanup has left */
    bly_scope_stop(&server->scope);
    bly_scope_release_parts(&server->scope);
    bly_arena_fini(&server->arena);
    bly_arena_fini(&call->message);
    bly_bytes_free(call->current);
    call->current = NULL;
    bly_context_set_handler(call->context, NULL);
    count(server, &server->totals->handlers_running, (uint64_t)-1);

    bly_mutex_lock(&call->lock);
    if (frame != NULL && won)
        bly_bytes_queue_push(&call->out, frame);
    else
        bly_bytes_free(frame);
    call->out_ended = true;
    bly_call_stop_receiving_locked(call); /* a client that is slow to take its answer does not pin what nobody reads */
    server->final_code = code;
    server->final_ready = won;
    bool was_watched = bly_watch_end_locked(server);
    bly_server_call_over_locked(server);
    bool post = bly_call_want_io_locked(call);
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    if (was_watched)
        bly_call_unref(call);
}

void
bly_server_call_run(bly_job *job)
{
    bly_server_call *server = BLY_CONTAINER_OF(job, bly_server_call, job);
    bly_bytes *request = NULL;
    bly_server_call_fetch(server);
    bly_timely_check(server);
    if (!begin(server, &request))
        return;
    uint64_t begun_at = bly_clock_now(server->call.runtime->environment.clock);
    count(server, &server->totals->handlers_started, 1);
    count(server, &server->registration->stats.handlers_started, 1);
    count(server, &server->totals->handlers_running, 1);
    bly_context_set_handler(server->call.context, &server->scope);
    bly_pool_show(job); /* the last wait is before the call is given away */
    ProtobufCMessage *reply = NULL;
    belay_code code = invoke(server, request, &reply);
    belay_blocking_end(&server->call); /* of a handler that forgot */
    bly_server_call_finish(server, begun_at, code, reply);
}

/* ---- What a handler asks for -------------------------------------------------------------------------- */

static bly_server_call *
server_of(const belay_call *call)
{
    BLY_ASSERT(call->is_server);
    return bly_server_call_of((belay_call *)call);
}

void *
belay_call_data(const belay_call *call)
{
    return server_of(call)->registration->data;
}

belay_code
belay_fail(belay_call *call, belay_code code, const char *format, ...)
{
    bly_server_call *server = server_of(call);
    va_list arguments;
    va_start(arguments, format);
    server->fail_message = bly_arena_vprintf(&server->arena, format, arguments);
    va_end(arguments);
    server->fail_code = code;
    return code;
}

void *
belay_alloc(belay_call *call, size_t size)
{
    return bly_arena_alloc(&server_of(call)->arena, size);
}

char *
belay_printf(belay_call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = bly_arena_vprintf(&server_of(call)->arena, format, arguments);
    va_end(arguments);
    return text;
}

belay_code
belay_defer(belay_call *call, void (*function)(void *argument), void *argument)
{
    if (call == NULL || !call->is_server || function == NULL)
        return BELAY_INVALID_ARGUMENT;
    return bly_arena_defer(&server_of(call)->arena, function, argument) ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

ProtobufCAllocator *
belay_call_allocator(belay_call *call)
{
    bly_server_call *server = server_of(call);
    server->allocator = bly_call_allocator(&server->arena);
    return &server->allocator;
}

void
belay_blocking_begin(belay_call *call)
{
    bly_server_call *server = server_of(call);
    if (!server->blocking)
        bly_pool_blocked_begin();
    server->blocking = true;
}

void
belay_blocking_end(belay_call *call)
{
    bly_server_call *server = server_of(call);
    if (server->blocking)
        bly_pool_blocked_end();
    server->blocking = false;
}

/* ---- The server's drain ------------------------------------------------------------------------------- */

bool
belay_call_draining(const belay_call *call)
{
    return belay_context_cancelled(server_of(call)->draining->context);
}

belay_code
belay_on_drain(belay_call *call, belay_cancel_function function, void *argument,
               belay_cancel_callback **callback)
{
    if (call == NULL || !call->is_server || callback == NULL)
        return BELAY_INVALID_ARGUMENT;
    return belay_on_cancel(server_of(call)->draining->context, function, argument, callback);
}

/* ---- Headers and trailers of the answer --------------------------------------------------------------- */

static belay_code
add_pair(belay_metadata **list, const char *key, const void *value, size_t value_size)
{
    if (*list == NULL && (*list = belay_metadata_new()) == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    return belay_metadata_add(*list, key, value, value_size);
}

belay_code
belay_call_add_header(belay_call *call, const char *key, const void *value, size_t value_size)
{
    if (call == NULL || !call->is_server)
        return BELAY_INVALID_ARGUMENT;
    bly_server_call *server = server_of(call);
    bly_mutex_lock(&call->lock);
    bool left = server->headers_due || call->out_started;
    bly_mutex_unlock(&call->lock);
    return left ? BELAY_FAILED_PRECONDITION : add_pair(&server->headers, key, value, value_size);
}

belay_code
belay_call_add_trailer(belay_call *call, const char *key, const void *value, size_t value_size)
{
    if (call == NULL || !call->is_server)
        return BELAY_INVALID_ARGUMENT;
    return add_pair(&server_of(call)->trailers, key, value, value_size);
}

belay_code
belay_call_send_headers(belay_call *call)
{
    if (call == NULL || !call->is_server)
        return BELAY_INVALID_ARGUMENT;
    bly_server_call *server = server_of(call);
    belay_code code = BELAY_OK;
    bool post = false;
    bly_mutex_lock(&call->lock);
    if (call->end_cause != BELAY_CAUSE_NONE)
        code = call->end_code;
    else if (server->headers_due || call->out_started)
        code = BELAY_FAILED_PRECONDITION;
    if (code == BELAY_OK) {
        server->headers_due = true;
        post = bly_call_want_io_locked(call);
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return code;
}
