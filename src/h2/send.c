/* SPDX-License-Identifier: MIT */
/*
 * Sending. Frames are put together in the loop's buffer, nghttp2's own by copy, bodies straight from the
 * streams' queues, and written at once: in most turns there is one write for all that happened in it. Only
 * what the kernel does not take gets memory of its own, so an idle connection holds no buffer.
 *
 * Nobody else uses the loop's buffer between the first frame and the write: what is called meanwhile are
 * ops, and those read from no socket.
 */
#include <stdlib.h>
#include <string.h>

#include "h2/session.h"

#define FRAME_HEADER 9

/* A smaller piece of a larger body waits for the next buffer. */
#define LEAST_PIECE 1024

/* Then the other connections of the loop have their turn. */
#define WRITES_PER_TURN 16

void
bly_h2_output_init(bly_h2_connection *connection)
{
    bly_list_init(&connection->output.deliveries);
    bly_list_init(&connection->output.drained);
}

void
bly_h2_output_fini(bly_h2_connection *connection)
{
    free(connection->output.unsent);
}

/* ---- bodies: nghttp2 asks how much there is, then has it placed ---- */

/* Trailers must be submitted in here, with the end of the body. */
static bool
end_body(bly_h2_stream *stream, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream->connection->is_server)
        return true;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return bly_h2_stream_submit_trailers(stream);
}

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

ssize_t
bly_h2_provide_body(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size, uint32_t *flags,
                    nghttp2_data_source *source, void *user_data)
{
    bly_h2_stream *stream = source->ptr;
    bly_h2_output *output = &stream->connection->output;
    (void)session, (void)id, (void)buffer, (void)user_data;
    size_t unsent = stream->out.total - stream->out_offset;
    if (unsent == 0 && !stream->out_ended) {
        stream->out_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    size_t room = BLY_LOOP_BUFFER_SIZE - output->filled;
    if (room < FRAME_HEADER + smaller(smaller(unsent, size), LEAST_PIECE)) {
        output->full = true;
        return NGHTTP2_ERR_PAUSE;
    }
    size = smaller(smaller(unsent, size), room - FRAME_HEADER);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == unsent && stream->out_ended && !end_body(stream, flags))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return (ssize_t)size;
}

static void
place(bly_h2_output *output, const void *data, size_t size)
{
    memcpy(output->buffer + output->filled, data, size);
    output->filled += size;
    output->placed += size;
}

/* Takes `size` bytes out of the stream's queue. */
static void
place_from_queue(bly_h2_output *output, bly_h2_stream *stream, size_t size)
{
    while (size > 0) {
        bly_bytes *first = stream->out.first;
        size_t piece = smaller(size, first->size - stream->out_offset);
        place(output, first->data + stream->out_offset, piece);
        stream->out_offset += piece;
        size -= piece;
        if (stream->out_offset < first->size)
            return;
        bly_bytes_free(bly_bytes_queue_pop(&stream->out));
        stream->out_offset = 0;
        if (!bly_link_is_linked(&stream->drained_link))
            bly_list_append(&output->drained, &stream->drained_link);
    }
}

int
bly_h2_place_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t size,
                  nghttp2_data_source *source, void *user_data)
{
    bly_h2_stream *stream = source->ptr;
    bly_h2_output *output = &stream->connection->output;
    (void)session, (void)frame, (void)user_data;
    place(output, header, FRAME_HEADER);
    place_from_queue(output, stream, size);
    return 0;
}

/* ---- putting frames together ---- */

void
bly_h2_output_note_end(bly_h2_connection *connection, bly_h2_stream *stream, bool is_placed)
{
    bly_h2_output *output = &connection->output;
    stream->sent_end = true;
    stream->end_offset = is_placed ? output->placed : UINT64_MAX;
    bly_list_append(&output->deliveries, &stream->delivery_link);
    if (!is_placed)
        output->ending = stream;
}

/* The frame that ends a stream lies in the buffer now. A server that has answered wants nothing more
 * from a client that still sends (RFC 9113, 8.1). */
static void
settle_end(bly_h2_connection *connection)
{
    bly_h2_stream *stream = connection->output.ending;
    if (stream == NULL)
        return;
    connection->output.ending = NULL;
    stream->end_offset = connection->output.placed;
    if (connection->is_server && stream->in_session && !stream->received_end)
        bly_h2_stream_reset(stream, BLY_H2_NO_ERROR);
}

/* A frame of nghttp2's. One that has no room is kept by reference, and ends the filling. */
static void
place_frame(bly_h2_output *output, const uint8_t *frame, size_t size)
{
    if (size <= BLY_LOOP_BUFFER_SIZE - output->filled) {
        place(output, frame, size);
        return;
    }
    output->extra = frame;
    output->extra_size = size;
    output->placed += size;
    output->full = true;
}

/* Fills the buffer; false when there was nothing to send. */
static bool
put_together(bly_h2_connection *connection)
{
    bly_h2_output *output = &connection->output;
    output->buffer = bly_loop_buffer(connection->loop);
    output->filled = 0;
    output->extra = NULL;
    output->extra_size = 0;
    output->full = false;
    while (!output->full) {
        const uint8_t *frame;
        ssize_t size = nghttp2_session_mem_send(connection->session, &frame);
        if (size < 0)
            bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "%s", nghttp2_strerror((int)size));
        if (size <= 0)
            break;
        place_frame(output, frame, (size_t)size);
        settle_end(connection);
    }
    return output->filled + output->extra_size > 0;
}

/* ---- writing ---- */

/* The kernel took this much: streams whose END_STREAM it has are delivered. */
static void
took(bly_h2_connection *connection, size_t size)
{
    bly_h2_output *output = &connection->output;
    output->left += size;
    while (!bly_list_is_empty(&output->deliveries)) {
        bly_h2_stream *stream = BLY_LIST_ENTRY(output->deliveries.next, bly_h2_stream, delivery_link);
        if (stream->end_offset > output->left)
            return;
        bly_list_remove(&stream->delivery_link);
        if (connection->ops->delivered != NULL)
            connection->ops->delivered(stream);
        if (!stream->in_session)
            bly_h2_stream_finish(stream, BLY_H2_NO_ERROR);
    }
}

/* Writes what it can; returns how much, or -1 when the connection broke. */
static ssize_t
write_some(bly_h2_connection *connection, const struct iovec *vectors, int count)
{
    ssize_t size = bly_stream_write(connection->transport, vectors, count);
    if (size == BLY_STREAM_AGAIN)
        return 0;
    if (size == BLY_STREAM_BROKEN) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "%s", bly_stream_error(connection->transport));
        return -1;
    }
    took(connection, (size_t)size);
    return size;
}

/* Keeps what the kernel did not take of the buffer and the frame beside it. */
static void
keep_rest(bly_h2_connection *connection, size_t written)
{
    bly_h2_output *output = &connection->output;
    size_t total = output->filled + output->extra_size;
    output->unsent = malloc(total - written);
    if (output->unsent == NULL) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
        return;
    }
    output->unsent_size = total - written;
    output->unsent_offset = 0;
    size_t from_buffer = written < output->filled ? output->filled - written : 0;
    size_t skipped = output->extra_size - (output->unsent_size - from_buffer);
    memcpy(output->unsent, output->buffer + output->filled - from_buffer, from_buffer);
    if (output->extra_size > 0)
        memcpy(output->unsent + from_buffer, output->extra + skipped, output->extra_size - skipped);
}

/* Writes the buffer; false when not all of it has left. */
static bool
write_buffer(bly_h2_connection *connection)
{
    bly_h2_output *output = &connection->output;
    struct iovec vectors[2] = {{output->buffer, output->filled},
                               {(uint8_t *)output->extra, output->extra_size}};
    ssize_t written = write_some(connection, vectors, output->extra_size > 0 ? 2 : 1);
    if (written < 0)
        return false;
    if ((size_t)written == output->filled + output->extra_size)
        return true;
    keep_rest(connection, (size_t)written);
    return false;
}

/* Writes what was left over; false when not all of it has left. */
static bool
write_unsent(bly_h2_connection *connection)
{
    bly_h2_output *output = &connection->output;
    if (output->unsent == NULL)
        return true;
    struct iovec vector = {output->unsent + output->unsent_offset,
                           output->unsent_size - output->unsent_offset};
    ssize_t written = write_some(connection, &vector, 1);
    if (written < 0)
        return false;
    output->unsent_offset += (size_t)written;
    if (output->unsent_offset < output->unsent_size)
        return false;
    free(output->unsent);
    output->unsent = NULL;
    return true;
}

/* Returns whether there is more to send when the socket takes more. */
static bool
send_all(bly_h2_connection *connection)
{
    for (int i = 0; i < WRITES_PER_TURN; i++) {
        if (!write_unsent(connection))
            return true;
        if (!put_together(connection))
            return false;
        if (!write_buffer(connection))
            return true;
        if (!connection->output.full)
            return false;
    }
    return true;
}

static void
tell_drained(bly_h2_connection *connection)
{
    bly_link *link;
    while ((link = bly_list_take_first(&connection->output.drained)) != NULL)
        connection->ops->drained(BLY_LIST_ENTRY(link, bly_h2_stream, drained_link));
}

void
bly_h2_flush(bly_h2_connection *connection)
{
    bly_h2_enter(connection);
    bool has_more = send_all(connection);
    bly_stream_watch(connection->transport, BLY_WATCH_READ | (has_more ? BLY_WATCH_WRITE : 0));
    tell_drained(connection);
    bly_h2_leave(connection);
}
