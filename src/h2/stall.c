/* SPDX-License-Identifier: MIT */
/*
 * Peers that do not take what they are sent: a socket that takes nothing more, or a stream whose handler has
 * returned and whose rest waits for a window. Whoever waits is looked at four times in the time that it has, and
 * given up when nothing of it has moved since the first of them.
 *
 * Nothing of this costs anything while nothing waits after a flush.
 */
#include "h2/session.h"

#define LOOKS 4

/* Whether a flush has left something behind that only the peer can move. */
static bool
something_waits(const bly_h2_connection *connection)
{
    return bly_h2_pieces_has_rest(&connection->output.pieces) || connection->finishing_count > 0;
}

void
bly_h2_stall_expect(bly_h2_connection *connection)
{
    if (connection->stall_at != BLY_H2_NEVER || connection->closed || !something_waits(connection))
        return;
    uint64_t now = bly_h2_now(connection);
    uint64_t pause = connection->options.stall_ns / LOOKS;
    connection->stall_at = bly_clock_after(now, pause > 0 ? pause : 1);
    if (!bly_h2_timer_update(connection))
        connection->stall_at = BLY_H2_NEVER;
}

/* Counts the looks without a change between; true when there were enough. */
static bool
has_stalled(bly_h2_stall *stall, uint64_t moved)
{
    if (stall->looks == 0 || stall->moved != moved) {
        *stall = (bly_h2_stall){.moved = moved, .looks = 1};
        return false;
    }
    return ++stall->looks > LOOKS;
}

/* A stream that still had something to say; its outcome is known by the reset. */
static void
give_up(bly_h2_stream *stream)
{
    bly_h2_note_limit(stream->connection, BELAY_LIMIT_STALL_TIME);
    bly_h2_stream_reset(stream, BLY_H2_CANCEL);
}

/* Resetting only submits, and what closes the connection waits for the end: the list stays as it is. */
static void
look_at_streams(bly_h2_connection *connection)
{
    bly_h2_enter(connection);
    for (bly_link *link = connection->streams.next; link != &connection->streams; link = link->next) {
        bly_h2_stream *stream = BLY_LIST_ENTRY(link, bly_h2_stream, link);
        if (!stream->finishing)
            continue;
        if (has_stalled(&stream->stall, stream->out.total - stream->out_offset))
            give_up(stream);
    }
    bly_h2_leave(connection);
}

void
bly_h2_stall_look(bly_h2_connection *connection)
{
    connection->stall_at = BLY_H2_NEVER;
    if (bly_h2_pieces_has_rest(&connection->output.pieces)) {
        if (has_stalled(&connection->stall, connection->output.left)) {
            bly_h2_note_limit(connection, BELAY_LIMIT_STALL_TIME);
            bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "the peer reads nothing");
            return;
        }
    } else {
        connection->stall.looks = 0;
    }
    look_at_streams(connection);
    bly_h2_stall_expect(connection);
}
