/* SPDX-License-Identifier: MIT */
/*
 * Sending. Frames are put together and written at once: in most turns there is one write for all that happened in
 * it. nghttp2's own frames and small messages are copied into the loop's buffer, large messages are written from
 * where they lie in the streams' queues (pieces.h). Only what the kernel does not take gets memory of its own, so an
 * idle connection holds no buffer.
 *
 * Nobody else uses the loop's buffer between the first frame and the write: what is called meanwhile are
 * ops, and those read from no socket.
 */
#include <stdio.h>
#include <string.h>

#include "h2/session.h"

/* A smaller part of a larger body waits for the next write. */
#define LEAST_PART 1024

/* Then the other connections of the loop have their turn. */
#define WRITES_PER_TURN 4

void
bly_h2_output_init(bly_h2_connection *connection)
{
    bly_h2_pieces_init(&connection->output.pieces);
    bly_list_init(&connection->output.deliveries);
    bly_list_init(&connection->output.drained);
}

void
bly_h2_output_fini(bly_h2_connection *connection)
{
    bly_h2_pieces_fini(&connection->output.pieces);
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

/* How much of a frame's body can be placed with so much room for copies. */
static size_t
fitting(const bly_h2_stream *stream, size_t size, size_t room)
{
    size_t offset = stream->out_offset;
    size_t fits = 0;
    if (size <= room)
        return size;
    for (const bly_bytes *message = stream->out.first; fits < size; message = message->next, offset = 0) {
        size_t part = smaller(message->size - offset, size - fits);
        size_t copied = part < BLY_H2_LARGE_PIECE ? part : 0;
        if (copied > room)
            return fits + room;
        room -= copied;
        fits += part;
    }
    return fits;
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
    size_t room = bly_h2_pieces_room(&output->pieces);
    size_t wanted = smaller(smaller(unsent, size), BLY_H2_MAX_FRAME);
    size = room >= BLY_H2_FRAME_HEAD ? fitting(stream, wanted, room - BLY_H2_FRAME_HEAD) : 0;
    if (output->pieces.size >= BLY_H2_WRITE_SIZE || room < BLY_H2_FRAME_HEAD || size < smaller(wanted, LEAST_PART)) {
        output->full = true;
        return NGHTTP2_ERR_PAUSE;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == unsent && stream->out_ended && !end_body(stream, flags))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return (ssize_t)size;
}

static void
place(bly_h2_output *output, const void *data, size_t size)
{
    bly_h2_pieces_copy(&output->pieces, data, size);
    output->placed += size;
}

static void
refer(bly_h2_output *output, const void *data, size_t size)
{
    bly_h2_pieces_refer(&output->pieces, data, size);
    output->placed += size;
}

void
bly_h2_output_drop_first(bly_h2_stream *stream)
{
    bly_bytes *first = bly_bytes_queue_pop(&stream->out);
    _Static_assert(BLY_BLOCKS_LARGEST < BLY_H2_LARGE_PIECE, "small messages are copied, nothing refers to them");
    if (stream->keep_limit == 0 && !stream->out_ended && bly_bytes_is_small(first))
        bly_bytes_queue_push(&stream->sent, first);
    else
        bly_h2_stream_put_aside(stream, first, stream->out_needed_to);
    stream->out_offset = 0;
    stream->out_needed_to = 0;
}

/* Takes `size` bytes out of the stream's queue. */
static void
place_from_queue(bly_h2_output *output, bly_h2_stream *stream, size_t size)
{
    while (size > 0) {
        const bly_bytes *first = stream->out.first;
        const uint8_t *data = first->data + stream->out_offset;
        size_t part = smaller(size, first->size - stream->out_offset);
        if (part < BLY_H2_LARGE_PIECE) {
            place(output, data, part);
        } else {
            refer(output, data, part);
            stream->out_needed_to = output->placed;
        }
        stream->out_offset += part;
        size -= part;
        if (stream->out_offset < first->size)
            return;
        bly_h2_output_drop_first(stream);
        bly_h2_budget_sent_message(stream->connection);
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
    place(output, header, BLY_H2_FRAME_HEAD);
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

#define LARGEST_SETTINGS 64

static void
place_first(bly_h2_connection *connection, const uint8_t *frame, size_t size)
{
    uint8_t copy[LARGEST_SETTINGS];
    BLY_ASSERT(frame[3] == NGHTTP2_SETTINGS && size <= sizeof copy);
    memcpy(copy, frame, size);
    bly_h2_session_say_streams(connection, copy, size);
    place(&connection->output, copy, size);
    connection->first_placed = true;
}

/* A frame of nghttp2's. One that has no room gets memory of its own, and ends the filling. */
static void
place_frame(bly_h2_connection *connection, const uint8_t *frame, size_t size)
{
    bly_h2_output *output = &connection->output;
    if (size <= bly_h2_pieces_room(&output->pieces)) {
        place(output, frame, size);
        return;
    }
    output->full = true;
    bly_bytes *copy = bly_bytes_new(size);
    if (copy == NULL) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
        return;
    }
    memcpy(copy->data, frame, size);
    refer(output, copy->data, size);
    bly_h2_pieces_hold(&output->pieces, copy);
}

/* nghttp2 gives a reason for most of its GOAWAYs, but not for all. */
static const char *
reason_of(uint32_t error)
{
    switch (error) {
    case NGHTTP2_COMPRESSION_ERROR:
        return "headers that cannot be decoded, or one of more than 64 KiB";
    case NGHTTP2_FRAME_SIZE_ERROR:
        return "a frame that is larger or smaller than its type";
    default:
        return nghttp2_http2_strerror(error);
    }
}

#define GOAWAY_SIZE (BLY_H2_FRAME_HEAD + 8)
#define GOAWAY_ERROR (GOAWAY_SIZE - 1) /* all that HTTP/2 knows fit into the last byte */

static bool
is_goaway_without_reason(const uint8_t *frame, size_t size)
{
    return frame[3] == NGHTTP2_GOAWAY && size == GOAWAY_SIZE && frame[GOAWAY_ERROR] != NGHTTP2_NO_ERROR;
}

/* Whoever reads it is told more than a number. */
static void
place_goaway(bly_h2_connection *connection, const uint8_t *frame)
{
    uint8_t longer[GOAWAY_SIZE + 64];
    const char *reason = reason_of(frame[GOAWAY_ERROR]);
    size_t size = strlen(reason);
    BLY_ASSERT(GOAWAY_SIZE + size <= sizeof longer);
    memcpy(longer, frame, GOAWAY_SIZE);
    memcpy(longer + GOAWAY_SIZE, reason, size);
    longer[2] = (uint8_t)(GOAWAY_SIZE - BLY_H2_FRAME_HEAD + size);
    place_frame(connection, longer, GOAWAY_SIZE + size);
}

/* Asks nghttp2 for frames until there are no more, or enough for one write; false when there was nothing to send. */
static bool
put_together(bly_h2_connection *connection, struct iovec list[BLY_H2_MAX_PIECES])
{
    bly_h2_output *output = &connection->output;
    bly_h2_pieces_begin(&output->pieces, bly_loop_buffer(connection->loop), list);
    output->full = false;
    while (!output->full) {
        const uint8_t *frame;
        ssize_t size = nghttp2_session_mem_send(connection->session, &frame);
        if (size < 0)
            bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "%s", nghttp2_strerror((int)size));
        if (size <= 0)
            break;
        if (!connection->first_placed)
            place_first(connection, frame, (size_t)size);
        else if (is_goaway_without_reason(frame, (size_t)size))
            place_goaway(connection, frame);
        else
            place_frame(connection, frame, (size_t)size);
        settle_end(connection);
    }
    bly_h2_pieces_end(&output->pieces);
    return output->pieces.size > 0;
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

/* Writes what is put together, or was left over; false when not all of it has left. */
static bool
write_pieces(bly_h2_connection *connection)
{
    bly_h2_pieces *pieces = &connection->output.pieces;
    ssize_t size = bly_stream_write(connection->transport, pieces->list, (int)pieces->count);
    if (size == BLY_STREAM_BROKEN) {
        connection->write_failed = true; /* why the connection ends is told when all is read */
        return false;
    }
    if (size == BLY_STREAM_AGAIN)
        size = 0;
    took(connection, (size_t)size);
    if (!bly_h2_pieces_written(pieces, (size_t)size))
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
    return pieces->count == 0;
}

/* Returns whether there is more to send when the socket takes more. */
static bool
send_all(bly_h2_connection *connection)
{
    struct iovec list[BLY_H2_MAX_PIECES];
    if (bly_h2_pieces_has_rest(&connection->output.pieces) && !write_pieces(connection))
        return true;
    for (int i = 0; i < WRITES_PER_TURN; i++) {
        if (!put_together(connection, list))
            return false;
        if (!write_pieces(connection))
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

/* So much may lie in the kernel. */
#define LAST_READS 8

/* A peer that has said its last, that it cancels or why it goes, and has closed its socket answers a write with a reset.
 * What it said lies here still. */
static void
read_last_words(bly_h2_connection *connection)
{
    char error[sizeof connection->words->detail];
    snprintf(error, sizeof error, "%s", bly_stream_error(connection->transport));
    for (int i = 0; i < LAST_READS && !connection->closed; i++)
        bly_h2_receive(connection);
    if (!connection->closed)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "%s", error);
}

void
bly_h2_flush(bly_h2_connection *connection)
{
    bly_h2_enter(connection);
    bool has_more = send_all(connection);
    if (connection->budget.spent) /* whatever of the GOAWAY has left */
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PROTOCOL, "the peer went too far");
    bly_stream_watch(connection->transport, BLY_WATCH_READ | (has_more ? BLY_WATCH_WRITE : 0));
    tell_drained(connection);
    bly_h2_stall_expect(connection);
    bly_h2_leave(connection);
    if (connection->write_failed && !connection->closed)
        read_last_words(connection);
}
