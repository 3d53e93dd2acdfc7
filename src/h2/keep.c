/* SPDX-License-Identifier: MIT */
/*
 * What a client's stream has sent is kept until the answer begins, up to a limit: the server may say that it has
 * not looked at it, and then it goes once more, over another stream.
 */
#include <string.h>

#include "h2/session.h"

void
bly_h2_stream_keep(bly_h2_stream *stream, size_t limit)
{
    stream->keep_limit = limit;
}

/* Pieces of a message may wait for the kernel: then it stays until they have left. */
static void
dispose(bly_h2_connection *connection, bly_bytes *message, uint64_t needed_to)
{
    if (needed_to > connection->output.left)
        bly_h2_pieces_hold(&connection->output.pieces, message);
    else
        bly_bytes_free(message);
}

void
bly_h2_stream_let_go(bly_h2_stream *stream)
{
    bly_bytes *message;
    if (stream->keep_limit == 0)
        return;
    stream->keep_limit = 0;
    while ((message = bly_bytes_queue_pop(&stream->kept)) != NULL)
        dispose(stream->connection, message, stream->kept_needed_to);
}

void
bly_h2_stream_put_aside(bly_h2_stream *stream, bly_bytes *message, uint64_t needed_to)
{
    if (stream->keep_limit > 0 && stream->kept.total + message->size > stream->keep_limit)
        bly_h2_stream_let_go(stream);
    if (stream->keep_limit == 0) {
        dispose(stream->connection, message, needed_to);
        return;
    }
    if (needed_to > stream->kept_needed_to)
        stream->kept_needed_to = needed_to;
    bly_bytes_queue_push(&stream->kept, message);
}

/* Moves messages; those that pieces are waiting of are copied. False without memory. */
static bool
move(bly_h2_connection *connection, bly_bytes_queue *from, uint64_t needed_to, bly_bytes_queue *to)
{
    bool must_copy = !connection->closed && needed_to > connection->output.left;
    bool has_all = true;
    bly_bytes *message;
    if (!must_copy) {
        bly_bytes_queue_splice(to, from);
        return true;
    }
    while ((message = bly_bytes_queue_pop(from)) != NULL) {
        bly_bytes *copy = bly_bytes_new(message->size);
        if (copy != NULL) {
            memcpy(copy->data, message->data, message->size);
            bly_bytes_queue_push(to, copy);
        }
        has_all = has_all && copy != NULL;
        bly_h2_pieces_hold(&connection->output.pieces, message);
    }
    return has_all;
}

bool
bly_h2_stream_take_back(bly_h2_stream *stream, bly_bytes_queue *messages)
{
    if (stream->keep_limit == 0)
        return false;
    stream->keep_limit = 0;
    stream->out_offset = 0;
    bool kept = move(stream->connection, &stream->kept, stream->kept_needed_to, messages);
    bool unsent = move(stream->connection, &stream->out, stream->out_needed_to, messages);
    return kept && unsent;
}
