/* SPDX-License-Identifier: MIT */
#include "bench/limits/connection_session.h"

#include <stdlib.h>
#include <string.h>

#include "bench/limits/workers.h"

#define MAX_STREAMS 1000

static bool workers;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

/* Names and values are literals here, which nghttp2 need not copy. */
#define FIELD(field, content) \
    { \
        (uint8_t *)(uintptr_t)field, (uint8_t *)(uintptr_t)content, sizeof field - 1, sizeof content - 1, \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE \
    }

/* ---- Calls -------------------------------------------------------------------------------------------- */

static limit_call *
add_call(limit_connection *connection, int32_t stream_id)
{
    limit_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        abort();
    call->connection = connection;
    call->stream_id = stream_id;
    call->next_sibling = connection->calls;
    if (connection->calls != NULL)
        connection->calls->previous_sibling = call;
    connection->calls = call;
    connection->call_count++;
    return call;
}

void
session_free_call(limit_call *call)
{
    if (call->previous_sibling != NULL)
        call->previous_sibling->next_sibling = call->next_sibling;
    else
        call->connection->calls = call->next_sibling;
    if (call->next_sibling != NULL)
        call->next_sibling->previous_sibling = call->previous_sibling;
    call->connection->call_count--;
    free(call);
}

/* Nobody waits for the answer any more. */
static void
leave_call(limit_call *call, bool cancelled)
{
    if (!call->busy) {
        session_free_call(call);
        return;
    }
    call->gone = true;
    if (cancelled)
        atomic_store_explicit(&call->cancelled, 1, memory_order_relaxed);
}

static void
dispatch(limit_call *call)
{
    if (call->method == METHOD_BLOCK)
        return;
    if (!workers || call->method == METHOD_SEEN || call->method == METHOD_STATS) {
        call_run(call);
        session_respond(call);
        return;
    }
    call->busy = true;
    workers_give(call);
}

/* ---- What nghttp2 calls -------------------------------------------------------------------------------- */

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    limit_call *call = add_call(data, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
    return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
          const uint8_t *value, size_t value_size, uint8_t flags, void *data)
{
    (void)flags;
    (void)data;
    if (name_size != 5 || memcmp(name, ":path", 5) != 0)
        return 0;
    limit_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL)
        call->method = call_method(value, value_size);
    return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *bytes, size_t size,
        void *data)
{
    (void)flags;
    (void)data;
    limit_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    if (call != NULL)
        call_receive(call, bytes, size);
    return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    (void)data;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!ends || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
        return 0;
    limit_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL)
        dispatch(call);
    return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *data)
{
    (void)data;
    limit_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    if (call != NULL)
        leave_call(call, error != NGHTTP2_NO_ERROR);
    return 0;
}

/* ---- Answers ------------------------------------------------------------------------------------------ */

static ssize_t
read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t room, uint32_t *flags,
            nghttp2_data_source *source, void *data)
{
    static nghttp2_nv trailers[] = {FIELD("grpc-status", "0")};
    (void)data;
    limit_call *call = source->ptr;
    size_t left = call->answer_size - call->sent;
    size_t size = left < room ? left : room;
    memcpy(buffer, call->answer + call->sent, size);
    call->sent += size;
    if (call->sent == call->answer_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, stream_id, trailers, 1);
    }
    return (ssize_t)size;
}

void
session_respond(limit_call *call)
{
    static nghttp2_nv headers[] = {FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_answer};
    nghttp2_submit_response(call->connection->session, call->stream_id, headers, 2, &provider);
}

/* ---- Sessions ----------------------------------------------------------------------------------------- */

void
session_init(bool with_workers)
{
    workers = with_workers;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_option_set_no_closed_streams(options, 1);
}

void
session_start(limit_connection *connection)
{
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS}};
    if (nghttp2_session_server_new2(&connection->session, callbacks, connection, options) != 0
        || nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 1) != 0)
        abort();
}

void
session_end(limit_connection *connection)
{
    limit_call *next;
    for (limit_call *call = connection->calls; call != NULL; call = next) {
        next = call->next_sibling;
        leave_call(call, true);
    }
    nghttp2_session_del(connection->session);
    connection->session = NULL;
}
