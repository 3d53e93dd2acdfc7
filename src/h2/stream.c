/* SPDX-License-Identifier: MIT */
/*
 * Streams: what the floor above asks for on them, and how they come and go.
 *
 * A stream has two ends. nghttp2 forgets it (in_session becomes false) when both sides have ended or when a
 * reset has come or gone; the floor above hears `closed` then, or later, when the kernel has taken the last
 * bytes of a stream that ended regularly.
 */
#include <stdlib.h>
#include <string.h>

#include "h2/session.h"

/* Windows beyond this could overflow nghttp2's sums. */
#define LARGEST_WINDOW (1 << 30)

/* The window of a stream before our SETTINGS are in force (RFC 9113, 6.9.2). */
#define UNSET_WINDOW 65535

/* Nothing can be done any more on a stream that is gone, was reset by either side, or loses its connection. */
static bool
is_usable(const bly_h2_stream *stream)
{
    return stream->in_session && !bly_h2_stream_is_reset(stream) && !stream->connection->closed;
}

static size_t
unsent_size(const bly_h2_stream *stream)
{
    return stream->out.total - stream->out_offset;
}

/* ---- coming and going ---- */

void
bly_h2_stream_begin(bly_h2_connection *connection, bly_h2_stream *stream, int32_t id)
{
    memset(stream, 0, sizeof *stream);
    stream->id = id;
    stream->connection = connection;
    stream->in_session = true;
    stream->receive_window = connection->options.stream_window;
    bly_bytes_queue_init(&stream->out);
    bly_bytes_queue_init(&stream->sent);
    bly_bytes_queue_init(&stream->kept);
    bly_link_init(&stream->delivery_link);
    bly_link_init(&stream->drained_link);
    bly_list_append(&connection->streams, &stream->link);
    connection->stream_count++;
    connection->open_count++;
    connection->was_used = true;
    if (connection->keepalive_asleep)
        bly_h2_keepalive_wake(connection);
}

static void
stop_finishing(bly_h2_stream *stream)
{
    if (!stream->finishing)
        return;
    stream->finishing = false;
    stream->connection->finishing_count--;
}

static void
drop_output(bly_h2_stream *stream)
{
    stop_finishing(stream);
    bly_h2_stream_let_go(stream);
    if (stream->out.first != NULL)
        bly_h2_output_drop_first(stream);
    bly_bytes_queue_clear(&stream->out);
    stream->out_ended = true;
    free(stream->trailers);
    stream->trailers = NULL;
    bly_list_remove(&stream->drained_link);
}

void
bly_h2_stream_left_session(bly_h2_stream *stream, uint32_t error)
{
    bly_h2_connection *connection = stream->connection;
    stream->in_session = false;
    connection->open_count--;
    if (!connection->is_server && connection->open_count + 1 >= connection->peer_limit)
        connection->available_due = true;
    if (stream->headers_failed || error > NGHTTP2_HTTP_1_1_REQUIRED)
        error = BLY_H2_INTERNAL_ERROR; /* a peer may send any number: none that we give a meaning of our own */
    bool is_regular = error == BLY_H2_NO_ERROR && !stream->reset_by_peer;
    if (is_regular && bly_link_is_linked(&stream->delivery_link))
        return;
    bly_h2_stream_finish(stream, error);
}

/* Of a client's stream: the peer has not begun with the request, or never will see it. */
static bool
is_unprocessed(const bly_h2_stream *stream, uint32_t error)
{
    if (stream->connection->is_server || stream->headers_failed)
        return false;
    return error == BLY_H2_REFUSED_STREAM || !stream->headers_sent;
}

void
bly_h2_stream_finish(bly_h2_stream *stream, uint32_t error)
{
    bly_h2_connection *connection = stream->connection;
    bool unprocessed = is_unprocessed(stream, error);
    if (unprocessed && stream->keep_limit > 0)
        bly_list_remove(&stream->drained_link); /* the output is taken back */
    else
        drop_output(stream);
    bly_bytes_queue_clear(&stream->sent);
    bly_list_remove(&stream->link);
    bly_list_remove(&stream->delivery_link);
    if (connection->output.ending == stream)
        connection->output.ending = NULL;
    if (connection->block.stream == stream)
        connection->block.stream = NULL;
    if (--connection->stream_count == 0)
        connection->unused_since_ms = bly_loop_turn_ms(connection->loop);
    stream->in_session = false;
    stream->id = 0;
    connection->ops->closed(stream, error, stream->reset_by_peer, unprocessed);
}

bool
bly_h2_connection_is_spent(const bly_h2_connection *connection)
{
    return nghttp2_session_get_next_stream_id(connection->session) > INT32_MAX;
}

bool
bly_h2_connection_can_open(const bly_h2_connection *connection)
{
    return !connection->closed && !connection->close_asked && !connection->draining &&
           !connection->goaway_received && connection->open_count < connection->peer_limit &&
           nghttp2_session_check_request_allowed(connection->session) != 0;
}

bool
bly_h2_stream_open(bly_h2_connection *connection, bly_h2_stream *stream, const bly_h2_header *headers,
                   size_t count, bool end)
{
    if (!bly_h2_connection_can_open(connection))
        return false;
    bly_h2_fields fields;
    bly_h2_fields_init(&fields, headers, count);
    if (fields.all == NULL)
        return false;
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = bly_h2_provide_body};
    int32_t id = nghttp2_submit_request(connection->session, NULL, fields.all, fields.count,
                                        end ? NULL : &body, stream);
    bly_h2_fields_fini(&fields);
    if (id < 0)
        return false;
    bly_h2_stream_begin(connection, stream, id);
    bly_h2_budget_earn_windows(connection);
    stream->out_started = !end;
    stream->out_ended = end;
    bly_h2_wake(connection);
    return true;
}

/* ---- headers and trailers ---- */

/* body: NULL when nothing follows. */
static bool
respond(bly_h2_stream *stream, const bly_h2_header *headers, size_t count, const nghttp2_data_provider *body)
{
    bly_h2_fields fields;
    bly_h2_fields_init(&fields, headers, count);
    int failed = -1;
    if (fields.all != NULL)
        failed = nghttp2_submit_response(stream->connection->session, stream->id, fields.all, fields.count,
                                         body);
    bly_h2_fields_fini(&fields);
    if (failed != 0) {
        bly_h2_stream_reset(stream, BLY_H2_INTERNAL_ERROR);
        return false;
    }
    bly_h2_wake(stream->connection);
    return true;
}

bool
bly_h2_stream_respond(bly_h2_stream *stream, const bly_h2_header *headers, size_t count)
{
    if (!is_usable(stream))
        return true;
    BLY_ASSERT(stream->connection->is_server && !stream->out_started);
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = bly_h2_provide_body};
    stream->out_started = true;
    return respond(stream, headers, count, &body);
}

bool
bly_h2_stream_respond_only(bly_h2_stream *stream, const bly_h2_header *headers, size_t count)
{
    if (!is_usable(stream))
        return true;
    BLY_ASSERT(stream->connection->is_server && !stream->out_started);
    stream->out_started = true;
    stream->out_ended = true;
    return respond(stream, headers, count, NULL);
}

static bool
submit_trailers(bly_h2_stream *stream, const bly_h2_header *trailers, size_t count)
{
    bly_h2_fields fields;
    bly_h2_fields_init(&fields, trailers, count);
    if (fields.all == NULL)
        return false;
    int failed = nghttp2_submit_trailer(stream->connection->session, stream->id, fields.all, fields.count);
    bly_h2_fields_fini(&fields);
    return failed == 0;
}

bool
bly_h2_stream_submit_trailers(bly_h2_stream *stream)
{
    const bly_h2_header *trailers = stream->trailers != NULL ? stream->trailers : stream->static_trailers;
    stop_finishing(stream);
    return submit_trailers(stream, trailers, stream->trailer_count);
}

/* ---- bodies ---- */

static void
resume(bly_h2_stream *stream)
{
    if (stream->out_deferred) {
        stream->out_deferred = false;
        nghttp2_session_resume_data(stream->connection->session, stream->id);
    }
    bly_h2_wake(stream->connection);
}

void
bly_h2_stream_write(bly_h2_stream *stream, bly_bytes_queue *bytes)
{
    if (!is_usable(stream) || stream->out_ended) {
        bly_bytes_queue_clear(bytes);
        return;
    }
    bly_bytes_queue_splice(&stream->out, bytes);
    resume(stream);
}

/* Keeps trailers until the body has left. */
static bool
keep_trailers(bly_h2_stream *stream, const bly_h2_header *trailers, size_t count, bool copy)
{
    stream->trailer_count = count;
    stream->finishing = true;
    stream->connection->finishing_count++;
    if (!copy) {
        stream->static_trailers = trailers;
        return true;
    }
    stream->trailers = bly_h2_headers_copy(trailers, count);
    return stream->trailers != NULL;
}

/* Trailers are not flow controlled: when the body has left they go at once, past nghttp2's reading of the
 * body, which would wait for a window even to find it empty. */
static bool
end_response(bly_h2_stream *stream, const bly_h2_header *trailers, size_t count, bool copy)
{
    bool done = unsent_size(stream) == 0 ? submit_trailers(stream, trailers, count)
                                         : keep_trailers(stream, trailers, count, copy);
    if (!done) {
        bly_h2_stream_reset(stream, BLY_H2_INTERNAL_ERROR);
        return false;
    }
    bly_h2_wake(stream->connection);
    return true;
}

bool
bly_h2_stream_end(bly_h2_stream *stream, const bly_h2_header *trailers, size_t count, bool copy)
{
    if (!is_usable(stream) || stream->out_ended)
        return true;
    BLY_ASSERT(stream->out_started);
    stream->out_ended = true;
    if (stream->connection->is_server)
        return end_response(stream, trailers, count, copy);
    resume(stream);
    return true;
}

void
bly_h2_stream_reset(bly_h2_stream *stream, uint32_t error)
{
    if (!is_usable(stream))
        return;
    bly_h2_connection *connection = stream->connection;
    stream->reset_sent = true;
    drop_output(stream);
    if (nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, stream->id, error) != 0)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
    bly_h2_wake(connection);
}

bool
bly_h2_stream_has_unsent(const bly_h2_stream *stream)
{
    return is_usable(stream) && unsent_size(stream) > 0;
}

/* ---- the window ---- */

/* Half of what is wanted, so that a long message costs few WINDOW_UPDATEs; and since whoever calls tells
 * again with each piece, a peer that is short of some bytes gets them before it runs dry. */
static bool
is_worth_an_update(const bly_h2_stream *stream, int64_t window)
{
    int64_t usual = stream->connection->options.stream_window;
    int64_t least = (window < usual ? window : usual) / 2;
    int64_t more = window - stream->receive_window;
    return more > 0 && more >= least;
}

/* What the peer may really send. nghttp2 gives padding back by itself, so our own sum may be too small:
 * a peer that pads would gather window on us. False when nghttp2 does not know the stream (yet). */
static bool
learn_window(bly_h2_stream *stream)
{
    bly_h2_connection *connection = stream->connection;
    nghttp2_session *session = connection->session;
    int64_t size = nghttp2_session_get_stream_effective_local_window_size(session, stream->id);
    int64_t received = nghttp2_session_get_stream_effective_recv_data_length(session, stream->id);
    if (size < 0 || received < 0)
        return false;
    if (!connection->settings_acknowledged)
        size += (int64_t)connection->options.stream_window - UNSET_WINDOW;
    stream->receive_window = size - received;
    return true;
}

void
bly_h2_stream_set_window(bly_h2_stream *stream, uint32_t window)
{
    if (!is_usable(stream) || stream->received_end)
        return;
    if (window > LARGEST_WINDOW)
        window = LARGEST_WINDOW;
    if (!is_worth_an_update(stream, window) || !learn_window(stream) || !is_worth_an_update(stream, window))
        return;
    int64_t more = (int64_t)window - stream->receive_window;
    if (nghttp2_submit_window_update(stream->connection->session, NGHTTP2_FLAG_NONE, stream->id,
                                     (int32_t)more) != 0)
        return;
    stream->receive_window = window;
    bly_h2_wake(stream->connection);
}
