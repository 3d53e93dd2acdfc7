/* SPDX-License-Identifier: MIT */
/*
 * A connection's life: it is made, reads, and is closed once. Closing never happens with nghttp2 on the
 * stack: whoever finds that it must end says so with bly_h2_fail(), and bly_h2_leave() does it.
 */
#include "h2/connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2/session.h"

void
bly_h2_options_defaults(bly_h2_options *options)
{
    *options = (bly_h2_options){
        .frames_waiting = 10000,
        .keepalive_ns = BLY_H2_NEVER,
        .keepalive_timeout_ns = 20000000000u,
        .idle_ns = BLY_H2_NEVER,
        .age_ns = BLY_H2_NEVER,
        .grace_ns = BLY_H2_NEVER,
    };
    bly_limits limits;
    bly_limits_init(&limits);
    bly_h2_options_limit(options, &limits);
}

/* ---- words ---- */

bly_h2_words *
bly_h2_have_words(bly_h2_connection *connection)
{
    if (connection->words == NULL)
        connection->words = calloc(1, sizeof *connection->words);
    return connection->words;
}

const char *
bly_h2_connection_detail(const bly_h2_connection *connection)
{
    return connection->words != NULL ? connection->words->detail : "";
}

const char *
bly_h2_peer_words(const bly_h2_connection *connection)
{
    return connection->words != NULL ? connection->words->peer : "";
}

/* ---- the end ---- */

/* What an honest peer may have under way, with room for frames that have no window. */
static size_t
most_under_way(const bly_h2_connection *connection)
{
    return (size_t)connection->options.connection_window + (1u << 20);
}

/* Of a closed connection. */
static bool
may_linger(const bly_h2_connection *connection)
{
    return !connection->peer_ended && connection->reason != BLY_H2_CLOSED_BROKEN;
}

static void
close_socket(bly_h2_connection *connection)
{
    if (!connection->closed || !may_linger(connection)) {
        bly_stream_free(connection->transport);
        return;
    }
    bly_stream_finish(connection->transport, most_under_way(connection), connection->options.lingering);
    bly_linger_count_take_away(connection->options.lingering); /* close_now()'s */
}

void
bly_h2_release(bly_h2_connection *connection)
{
    if (--connection->references > 0)
        return;
    close_socket(connection);
    bly_linger_count_unref(connection->options.lingering);
    nghttp2_session_del(connection->session);
    bly_h2_output_fini(connection);
    free(connection->words);
    free(connection);
}

/* The memory goes at the end of the turn, so that callers further up the stack may still look at it. */
static void
close_now(bly_h2_connection *connection)
{
    connection->closed = true;
    if (may_linger(connection))
        bly_linger_count_add(connection->options.lingering); /* before the owner hears of it, and stops counting it */
    bly_stream_watch(connection->transport, 0);
    bly_h2_timer_update(connection);
    while (!bly_list_is_empty(&connection->streams)) {
        bly_link *first = connection->streams.next;
        bly_h2_stream_finish(BLY_LIST_ENTRY(first, bly_h2_stream, link), BLY_H2_CONNECTION_LOST);
    }
    connection->ops->connection_closed(connection->owner, connection, connection->reason,
                                       bly_h2_connection_detail(connection));
    bly_loop_defer(connection->loop, &connection->end_of_turn);
}

void
bly_h2_fail(bly_h2_connection *connection, bly_h2_reason reason, const char *format, ...)
{
    if (connection->close_asked || connection->closed)
        return;
    connection->close_asked = true;
    connection->reason = reason;
    bly_h2_words *words = bly_h2_have_words(connection);
    if (words != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(words->detail, sizeof words->detail, format, arguments);
        va_end(arguments);
    }
    if (connection->depth == 0)
        close_now(connection);
}

void
bly_h2_connection_close(bly_h2_connection *connection, const char *detail)
{
    BLY_ASSERT(bly_loop_is_current(connection->loop));
    bly_h2_fail(connection, BLY_H2_CLOSED_BY_US, "%s", detail);
}

/* The peer closed the socket, or has no use for the connection any more. */
static void
fail_as_peer_wants(bly_h2_connection *connection)
{
    if (connection->peer_error != BLY_H2_NO_ERROR)
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PROTOCOL, "the peer closed it: %s: %s",
                    nghttp2_http2_strerror(connection->peer_error), bly_h2_peer_words(connection));
    else
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PEER, "closed by the peer");
}

/* ---- entering nghttp2, and what waits for leaving it ---- */

void
bly_h2_enter(bly_h2_connection *connection)
{
    BLY_ASSERT(!connection->closed);
    connection->depth++;
}

/* After a GOAWAY of either side and the last stream there is nothing more to come. */
static void
close_if_done(bly_h2_connection *connection)
{
    if (nghttp2_session_want_read(connection->session) || nghttp2_session_want_write(connection->session) ||
        bly_h2_pieces_has_rest(&connection->output.pieces))
        return;
    if (connection->draining)
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_US, "drained");
    else
        fail_as_peer_wants(connection);
}

static void
tell_owner(bly_h2_connection *connection)
{
    if (connection->ready_due) {
        connection->ready_due = false;
        connection->available_due = false;
        if (connection->ops->connection_ready != NULL)
            connection->ops->connection_ready(connection->owner, connection);
    }
    if (connection->available_due && bly_h2_connection_can_open(connection)) {
        connection->available_due = false;
        if (connection->ops->streams_available != NULL)
            connection->ops->streams_available(connection->owner, connection);
    }
}

void
bly_h2_leave(bly_h2_connection *connection)
{
    BLY_ASSERT(connection->depth > 0);
    if (--connection->depth > 0)
        return;
    if (connection->close_asked) {
        close_now(connection);
        return;
    }
    if (connection->ready_due || connection->available_due)
        tell_owner(connection);
    if (!connection->closed)
        close_if_done(connection);
}

/* ---- reading ---- */

/* Of an open stream: headers, body, a window, and a reset. */
#define FRAMES_OF_A_STREAM 4

/* Frames that answer what the peer sent wait in nghttp2 while the socket takes nothing. A peer that goes on asking and
 * does not read the answers must not have us keep them all. What our own streams want to send is no answer: a client
 * may begin thousands of calls while its server has a rest. */
static bool
keeps_too_much(const bly_h2_connection *connection)
{
    size_t most = connection->options.frames_waiting + FRAMES_OF_A_STREAM * connection->open_count;
    return bly_h2_pieces_has_rest(&connection->output.pieces) &&
           nghttp2_session_get_outbound_queue_size(connection->session) > most;
}

/* For all that was read, whatever becomes of it above, so that whoever is slow does not hold up the others. */
static void
give_window_back(bly_h2_connection *connection)
{
    size_t size = connection->body_received;
    if (connection->withholds || size == 0)
        return;
    connection->body_received = 0;
    if (nghttp2_session_consume_connection(connection->session, size) != 0)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
}

void
bly_h2_connection_withhold(bly_h2_connection *connection, bool withhold)
{
    if (connection->withholds == withhold || connection->closed)
        return;
    connection->withholds = withhold;
    if (!withhold && connection->depth == 0) { /* else at the end of what is being received */
        give_window_back(connection);
        bly_h2_wake(connection);
    }
}

/* Once nghttp2 has seen the client's own reset. */
static void
reset_closed(bly_h2_connection *connection, int32_t id)
{
    if (!connection->budget.spent && !connection->close_asked &&
        nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED) != 0)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
}

/* A server's: what nghttp2 may see, and of that what it says to it: negative for an error. */
static ssize_t
look_and_receive(bly_h2_connection *connection, const uint8_t *data, size_t size)
{
    while (size > 0) {
        bly_h2_verdict verdict;
        size_t seen = bly_h2_frames_look(&connection->frames, data, size, &verdict);
        if (verdict.words != NULL && !connection->budget.spent && !connection->close_asked)
            bly_h2_send_away(connection, verdict.error, verdict.words);
        ssize_t taken = seen > 0 ? nghttp2_session_mem_recv(connection->session, data, seen) : 0;
        if (taken < 0)
            return taken;
        if (verdict.closed != 0)
            reset_closed(connection, verdict.closed);
        connection->opened_by_read += verdict.dropped > 0;
        data += seen + verdict.dropped;
        size -= seen + verdict.dropped;
    }
    if (connection->late != 0 && bly_h2_frames_is_between(&connection->frames))
        bly_h2_session_refuse_late(connection); /* else when its frame is whole */
    return 0;
}

static void
feed(bly_h2_connection *connection, const uint8_t *data, size_t size)
{
    bly_h2_enter(connection);
    ssize_t taken = connection->is_server ? look_and_receive(connection, data, size)
                                          : nghttp2_session_mem_recv(connection->session, data, size);
    give_window_back(connection);
    if (taken == NGHTTP2_ERR_NOMEM)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
    else if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC && !connection->budget.spent)
        bly_h2_send_away(connection, NGHTTP2_PROTOCOL_ERROR, "no preface of HTTP/2");
    else if (taken < 0 && !bly_h2_budget_explains(connection, (int)taken))
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PROTOCOL, "the peer broke HTTP/2: %s",
                    nghttp2_strerror((int)taken));
    if (keeps_too_much(connection))
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PROTOCOL, "the peer does not read the answers it asks for");
    if (nghttp2_session_want_write(connection->session))
        bly_h2_wake(connection);
    bly_h2_leave(connection);
}

/* A read that opens more streams than may be open at a time is a flood of streams that are reset at once. Each costs as
 * much as many KiB of a body do, so the next reads take as few bytes as open about so many, and the rest waits in the
 * kernel while the other connections of the loop have their turn. */
#define LEAST_READ 1024

static void
set_read_limit(bly_h2_connection *connection, size_t size)
{
    size_t opened = connection->opened_by_read;
    size_t limit = connection->read_limit;
    size_t most = connection->options.streams_per_read;
    bool is_limited = limit < BLY_LOOP_BUFFER_SIZE;
    connection->opened_by_read = 0;
    if (opened > (is_limited ? most : connection->options.max_concurrent_streams)) {
        limit = size * most / opened;
        if (!is_limited)
            bly_h2_note_limit(connection, BELAY_LIMIT_STREAMS_PER_READ);
    } else if (is_limited && opened < most / 2)
        limit *= 2;
    if (limit < LEAST_READ)
        limit = LEAST_READ;
    connection->read_limit = limit < BLY_LOOP_BUFFER_SIZE ? limit : BLY_LOOP_BUFFER_SIZE;
}

static void
take(bly_h2_connection *connection, const uint8_t *data, size_t size)
{
    feed(connection, data, size);
    set_read_limit(connection, size);
}

/* Gives back a reference. The socket's callback is on the stack: what the last one frees waits for the turn's end. */
static void
release_later(bly_h2_connection *connection)
{
    if (--connection->references > 0)
        return;
    connection->references = 1;
    bly_loop_defer(connection->loop, &connection->end_of_turn); /* of a closed one it releases */
}

/* A cancel goes ahead of what HTTP/2 makes of it: servers further down may have work to stop for it. False: these bytes
 * are no cancel of a stream that is there, or cannot go ahead of others. */
static bool
take_cancel(bly_h2_connection *connection, const uint8_t *data, size_t size)
{
    int32_t id = connection->is_server ? bly_h2_frames_cancels(&connection->frames, data, size) : 0;
    if (id == 0 || connection->ops->cancelled == NULL || !bly_loop_may_hurry(connection->loop))
        return false;
    /* What follows must not be read before these bytes are taken, and what waits for a full socket not sent. */
    if (bly_stream_reads_on(connection->transport) || bly_h2_pieces_has_rest(&connection->output.pieces))
        return false;
    bly_h2_stream *stream = nghttp2_session_get_stream_user_data(connection->session, id);
    if (stream == NULL)
        return false;
    uint8_t copy[BLY_H2_RESET_SIZE]; /* what hurries may use the loop's buffer */
    memcpy(copy, data, size);
    connection->references++;
    stream->reset_by_peer = true; /* nothing more is put on it */
    connection->ops->cancelled(stream);
    bly_loop_hurry(connection->loop);
    if (!connection->closed)
        take(connection, copy, size);
    release_later(connection);
    return true;
}

/* One read a turn: a connection that sends a lot does not keep the others waiting. */
void
bly_h2_receive(bly_h2_connection *connection)
{
    uint8_t *buffer = bly_loop_buffer(connection->loop);
    ssize_t size = bly_stream_read(connection->transport, buffer, connection->read_limit);
    if (size > 0) {
        connection->heard = true;
        connection->heard_ms = bly_loop_turn_ms(connection->loop);
        if (!take_cancel(connection, buffer, (size_t)size))
            take(connection, buffer, (size_t)size);
    } else if (size == 0) {
        connection->peer_ended = true;
        fail_as_peer_wants(connection);
    } else if (size == BLY_STREAM_BROKEN) {
        if (bly_stream_has_flooded(connection->transport))
            bly_h2_note_limit(connection, BELAY_LIMIT_TLS_MESSAGES);
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "%s", bly_stream_error(connection->transport));
    }
}

static void
ready(void *argument, unsigned int events)
{
    bly_h2_connection *connection = argument;
    if (connection->closed)
        return;
    if (events & BLY_WATCH_READ)
        bly_h2_receive(connection);
    if ((events & BLY_WATCH_WRITE) && !connection->closed)
        bly_h2_wake(connection);
}

/* ---- the end of a turn ---- */

void
bly_h2_wake(bly_h2_connection *connection)
{
    if (!connection->closed)
        bly_loop_defer(connection->loop, &connection->end_of_turn);
}

static void
end_turn(bly_loop_deferred *deferred)
{
    bly_h2_connection *connection = BLY_CONTAINER_OF(deferred, bly_h2_connection, end_of_turn);
    if (connection->closed)
        bly_h2_release(connection);
    else
        bly_h2_flush(connection);
}

/* ---- the beginning ---- */

static bly_h2_connection *
make(bly_loop *loop, bly_stream *stream, bool is_server, const bly_h2_options *options, const bly_h2_ops *ops,
     void *owner, bly_log *log)
{
    bly_h2_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->loop = loop;
    connection->transport = stream;
    connection->options = *options;
    if (options->lingering != NULL)
        bly_linger_count_ref(options->lingering);
    connection->ops = ops;
    connection->owner = owner;
    connection->log = log;
    connection->is_server = is_server;
    connection->first_placed = !is_server;
    connection->references = 1;
    connection->read_limit = BLY_LOOP_BUFFER_SIZE;
    connection->peer_limit = 100; /* until it says so itself, as nghttp2 is told */
    connection->end_of_turn.run = end_turn;
    bly_list_init(&connection->streams);
    bly_h2_output_init(connection);
    bly_h2_timer_init(connection);
    bly_h2_budget_init(connection);
    bly_h2_frames_init(&connection->frames);
    return connection;
}

bly_h2_connection *
bly_h2_connection_new(bly_loop *loop, bly_stream *stream, bool is_server, const bly_h2_options *options,
                      const bly_h2_ops *ops, void *owner, bly_log *log)
{
    BLY_ASSERT(bly_loop_is_current(loop));
    bly_h2_connection *connection = make(loop, stream, is_server, options, ops, owner, log);
    if (connection == NULL || !bly_h2_session_init(connection)) {
        if (connection != NULL)
            bly_linger_count_unref(connection->options.lingering);
        free(connection);
        bly_stream_free(stream);
        return NULL;
    }
    uint64_t now = bly_clock_now(bly_loop_clock(loop));
    connection->preface_at = bly_clock_after(now, options->preface_timeout_ns);
    if (!bly_h2_timer_update(connection)) {
        bly_h2_release(connection);
        return NULL;
    }
    bly_stream_limit_messages(stream, options->tls_messages);
    bly_stream_set_handler(stream, ready, connection);
    bly_stream_watch(stream, BLY_WATCH_READ);
    bly_h2_wake(connection);
    return connection;
}

/* ---- looking at it ---- */

const char *
bly_h2_connection_peer(const bly_h2_connection *connection)
{
    return bly_stream_peer(connection->transport);
}

size_t
bly_h2_connection_stream_count(const bly_h2_connection *connection)
{
    return connection->stream_count;
}
