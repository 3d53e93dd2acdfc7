/* SPDX-License-Identifier: MIT */
/*
 * What nghttp2 tells. A stream's user data is its bly_h2_stream, from stream_begin or the request until
 * nghttp2 closes it; it is taken away before anybody above is told, so no callback meets a stale one.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "h2/session.h"

#include <string.h>

static bly_h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

void
bly_h2_send_away(bly_h2_connection *connection, uint32_t error, const char *words)
{
    int32_t last = connection->is_server ? nghttp2_session_get_last_proc_stream_id(connection->session) : 0;
    connection->budget.spent = true;
    nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, last, error, (const uint8_t *)words, strlen(words));
    /* A second GOAWAY, without words: nothing else makes nghttp2 ignore the rest. It leaves when the first does not. */
    nghttp2_session_terminate_session(connection->session, error);
    bly_h2_wake(connection); /* whatever of that there was memory for: the flush closes it */
}

/* ---- headers ---- */

static void
refuse(bly_h2_connection *connection, int32_t id)
{
    nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

/* One more than the peer may have costs it that one, and none of its others (RFC 9113, 5.1.2). Before it has heard of
 * the number it does nothing wrong. */
static bool
is_one_too_many(bly_h2_connection *connection)
{
    if (connection->open_count + connection->refused_count < connection->options.max_concurrent_streams)
        return false;
    bly_h2_note_limit(connection, BELAY_LIMIT_STREAMS);
    if (connection->settings_acknowledged)
        bly_h2_budget_provoked(connection);
    return true;
}

/* A refused stream leaves no user data: whatever comes for it is ignored. NULL then. */
static bly_h2_stream *
begin_stream(bly_h2_connection *connection, int32_t id)
{
    bly_h2_stream *stream = NULL;
    connection->newest = id;
    connection->opened_by_read++;
    bly_h2_budget_earn_windows(connection);
    if (!connection->drain_final && !connection->close_asked && !is_one_too_many(connection))
        stream = connection->ops->stream_begin(connection->owner, connection);
    if (stream == NULL) {
        connection->refused_count++;
        refuse(connection, id);
        return NULL;
    }
    bly_h2_stream_begin(connection, stream, id);
    nghttp2_session_set_stream_user_data(connection->session, id, stream);
    return stream;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    bly_h2_connection *connection = user_data;
    int32_t id = frame->hd.stream_id;
    bool is_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    bly_h2_stream *stream = is_request ? begin_stream(connection, id) : stream_of(session, id);
    bly_h2_block_begin(connection, stream, is_request);
    return 0;
}

/* ---- bodies ---- */

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t size,
        void *user_data)
{
    bly_h2_connection *connection = user_data;
    (void)flags;
    bly_h2_stream *stream = stream_of(session, id);
    connection->body_received += size;
    if (stream != NULL && !bly_h2_stream_is_reset(stream)) {
        stream->receive_window -= (int64_t)size;
        stream->empty_frames = 0;
        connection->ops->data(stream, data, size);
    }
    return 0;
}

static void
end_stream(bly_h2_connection *connection, bly_h2_stream *stream)
{
    stream->received_end = true;
    if (!bly_h2_stream_is_reset(stream))
        connection->ops->end(stream);
}

/* ---- frames that have come ---- */

static void
received_data(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_empty = frame->hd.length == frame->data.padlen;
    if (!is_end && frame->data.padlen == 0 && !is_empty)
        return; /* on_data() has seen all of it */
    bly_h2_stream *stream = stream_of(connection->session, frame->hd.stream_id);
    if (stream == NULL)
        return;
    stream->receive_window -= (int64_t)frame->data.padlen;
    if (is_end)
        end_stream(connection, stream);
    else if (is_empty)
        bly_h2_budget_empty_frame(stream);
}

static void
received_headers(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    bly_h2_stream *stream = connection->block.stream;
    if (stream == NULL)
        return;
    if (!bly_h2_stream_is_reset(stream))
        bly_h2_block_end(connection, stream);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        end_stream(connection, stream);
}

static void
received_reset(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    bly_h2_stream *stream = stream_of(connection->session, frame->hd.stream_id);
    if (stream != NULL)
        stream->reset_by_peer = true;
}

static void
received_settings(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
        connection->settings_acknowledged = true;
        return;
    }
    uint32_t limit = nghttp2_session_get_remote_settings(connection->session,
                                                         NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (limit > connection->peer_limit)
        connection->available_due = true;
    connection->peer_limit = limit;
    if (connection->settings_received)
        return;
    connection->settings_received = true;
    connection->ready_due = true;
    connection->preface_at = BLY_H2_NEVER;
    bly_h2_keepalive_begin(connection);
    bly_h2_age_begin(connection);
    bly_h2_timer_update(connection);
}

/* What a peer says ends up in logs: as one line of plain text. */
static void
keep_words(bly_h2_connection *connection, const nghttp2_goaway *goaway)
{
    bly_h2_words *words = bly_h2_have_words(connection);
    size_t size = goaway->opaque_data_len;
    if (words == NULL)
        return;
    if (size >= sizeof words->peer)
        size = sizeof words->peer - 1;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = goaway->opaque_data[i];
        words->peer[i] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    words->peer[size] = '\0';
}

static void
received_goaway(bly_h2_connection *connection, const nghttp2_goaway *goaway)
{
    keep_words(connection, goaway);
    connection->peer_error = goaway->error_code;
    connection->goaway_received = true;
    if (connection->ops->goaway != NULL)
        connection->ops->goaway(connection->owner, connection, goaway->error_code, bly_h2_peer_words(connection));
}

/* A stream that comes after the final GOAWAY. nghttp2 decodes its headers, so that HPACK's state stays right, and ignores
 * it without a word, as RFC 9113 (6.8) allows; but a client that hears of a refusal tries elsewhere without having to
 * compare numbers. */
static void
note_late(bly_h2_connection *connection, int32_t id)
{
    if (!connection->drain_told || !connection->is_server || id <= connection->newest || id % 2 == 0)
        return;
    connection->newest = id;
    connection->late = id;
    connection->opened_by_read++;
}

/* As many as may be open may have been under way when the GOAWAY left, from a client that is far away or busy, and they
 * do not cost it the calls that go on. Who begins more does so against what it was told. */
void
bly_h2_session_refuse_late(bly_h2_connection *connection)
{
    int32_t id = connection->late;
    connection->late = 0;
    if (connection->budget.spent || connection->close_asked)
        return;
    refuse(connection, id);
    if (connection->late_count < connection->options.max_concurrent_streams)
        connection->late_count++;
    else
        bly_h2_budget_provoked(connection);
}

/* Those that nghttp2 ignores, for streams that are gone, are told here only. */
static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *header, void *user_data)
{
    bly_h2_connection *connection = user_data;
    (void)session;
    if (connection->late != 0)
        bly_h2_session_refuse_late(connection);
    if (header->type == NGHTTP2_WINDOW_UPDATE)
        bly_h2_budget_window_update(connection);
    else if (header->type == NGHTTP2_HEADERS)
        note_late(connection, header->stream_id);
    return 0;
}

static void
received_ping(bly_h2_connection *connection, const nghttp2_ping *ping)
{
    if (ping->hd.flags & NGHTTP2_FLAG_ACK) {
        bly_h2_drain_ping_answered(connection, ping->opaque_data);
        bly_h2_keepalive_answered(connection, ping->opaque_data);
    } else {
        bly_h2_pinged(connection);
    }
}

static int
on_frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    bly_h2_connection *connection = user_data;
    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        received_data(connection, frame);
        break;
    case NGHTTP2_HEADERS:
        received_headers(connection, frame);
        break;
    case NGHTTP2_RST_STREAM:
        received_reset(connection, frame);
        break;
    case NGHTTP2_SETTINGS:
        received_settings(connection, frame);
        break;
    case NGHTTP2_PING:
        received_ping(connection, &frame->ping);
        break;
    case NGHTTP2_GOAWAY:
        received_goaway(connection, &frame->goaway);
        break;
    default:
        break;
    }
    return 0;
}

/* A stream so far over the advertised number, of which the peer has not heard yet, that nghttp2 refuses it by itself;
 * and a GOAWAY whose last stream nghttp2 does not accept: grpc-go says 2^31-1 when it leaves, which is a number of its own
 * side. The connection ends for it, but that is what its peer wanted. */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user_data)
{
    bly_h2_connection *connection = user_data;
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        connection->peer_leaves = true;
    if (error == NGHTTP2_ERR_REFUSED_STREAM)
        bly_h2_note_limit(connection, BELAY_LIMIT_STREAMS);
    return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user_data)
{
    bly_h2_connection *connection = user_data;
    bly_h2_stream *stream = stream_of(session, id);
    if (stream == NULL) {
        connection->refused_count -= connection->refused_count > 0;
        return 0;
    }
    nghttp2_session_set_stream_user_data(session, id, NULL);
    bly_h2_stream_left_session(stream, error);
    return 0;
}

/* ---- frames that leave ---- */

/* Peers show the words of the last GOAWAY: one without any does not follow one that has said why. */
static int
on_frame_to_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    const bly_h2_connection *connection = user_data;
    (void)session;
    bool is_bare = frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.opaque_data_len == 0;
    return is_bare && connection->budget.spent && connection->close_asked ? NGHTTP2_ERR_CANCEL : 0;
}

static void
sent_data(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    connection->sent_since_ping = true;
    bly_h2_budget_earn_windows(connection);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        bly_h2_output_note_end(connection, stream_of(connection->session, frame->hd.stream_id), true);
}

static void
sent_headers(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    bool is_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    connection->sent_since_ping = true;
    if (!is_request && !is_end)
        return;
    bly_h2_stream *stream = stream_of(connection->session, frame->hd.stream_id);
    if (stream == NULL)
        return;
    if (is_request)
        stream->headers_sent = true;
    if (is_end)
        bly_h2_output_note_end(connection, stream, false);
}

/* A GOAWAY with an error is nghttp2's own, or ours for a header list: the peer has gone too far. What this
 * flush can still write is written. */
static void
sent_goaway(bly_h2_connection *connection, const nghttp2_goaway *goaway)
{
    if (goaway->error_code == NGHTTP2_NO_ERROR) {
        connection->drain_told = connection->drain_final && goaway->last_stream_id < INT32_MAX;
        bly_h2_drain_notice_sent(connection);
        return;
    }
    if (connection->peer_leaves) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BY_PEER, "the peer left");
        return;
    }
    if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM && !connection->budget.spent)
        bly_h2_note_limit(connection, BELAY_LIMIT_SETTINGS); /* the one thing that nghttp2 says so for by itself */
    int size = (int)goaway->opaque_data_len;
    bly_h2_fail(connection, BLY_H2_CLOSED_BY_PROTOCOL, "the peer broke HTTP/2: %s%s%.*s",
                nghttp2_http2_strerror(goaway->error_code), size > 0 ? ": " : "", size,
                size > 0 ? (const char *)goaway->opaque_data : "");
}

/* Those that are not ours are nghttp2's own, for what the peer did. */
static void
sent_reset(bly_h2_connection *connection, const nghttp2_frame *frame)
{
    const bly_h2_stream *stream = stream_of(connection->session, frame->hd.stream_id);
    switch (frame->rst_stream.error_code) {
    case NGHTTP2_NO_ERROR:
    case NGHTTP2_INTERNAL_ERROR:
    case NGHTTP2_REFUSED_STREAM:
    case NGHTTP2_CANCEL:
        return;
    default:
        if (stream == NULL || !stream->reset_sent || stream->provoked)
            bly_h2_budget_provoked(connection);
    }
}

static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    bly_h2_connection *connection = user_data;
    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS)
        sent_headers(connection, frame);
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        sent_goaway(connection, &frame->goaway);
    else if (frame->hd.type == NGHTTP2_RST_STREAM)
        sent_reset(connection, frame);
    else if (frame->hd.type == NGHTTP2_DATA)
        sent_data(connection, frame);
    return 0;
}

/* Headers that nghttp2 cannot send (a block over its 64 KiB, no memory): the stream would wait for ever. */
static int
on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user_data)
{
    (void)user_data;
    if (frame->hd.type != NGHTTP2_HEADERS || error == NGHTTP2_ERR_STREAM_CLOSING ||
        error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED)
        return 0;
    bly_h2_stream *stream = stream_of(session, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        stream->headers_failed = true; /* nghttp2 closes the stream */
    else
        bly_h2_stream_reset(stream, BLY_H2_INTERNAL_ERROR);
    return 0;
}

/* ---- setting up ---- */

static nghttp2_session_callbacks *
make_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, bly_h2_block_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, on_frame_to_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, bly_h2_place_body);
    return callbacks;
}

static nghttp2_option *
make_options(const bly_h2_options *options)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 100); /* until it says so itself */
    nghttp2_option_set_max_outbound_ack(option, options->max_acks);
    nghttp2_option_set_max_settings(option, options->max_settings);
    /* A grpc-message may begin or end with a space, and nghttp2 would drop it. */
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
#ifdef HAVE_NGHTTP2_OPTION_SET_STREAM_RESET_RATE_LIMIT
    /* Its limit ends connections of clients that honestly cancel a lot. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
#endif
#ifdef HAVE_NGHTTP2_OPTION_SET_MAX_CONTINUATIONS
    nghttp2_option_set_max_continuations(option, options->max_continuations);
#endif
    return option;
}

/* nghttp2 ends the connection, and all its calls, for one stream more than the number that it was given. So that it is
 * refused instead (begin_stream), nghttp2 is given a number that the peer's budget for such errors does not reach. */
static uint32_t
streams_for_nghttp2(const bly_h2_options *options)
{
    uint64_t streams = (uint64_t)options->max_concurrent_streams + options->provoked_errors + 1;
    return streams < UINT32_MAX ? (uint32_t)streams : UINT32_MAX;
}

#define ENTRY 6

void
bly_h2_session_say_streams(const bly_h2_connection *connection, uint8_t *frame, size_t size)
{
    uint32_t streams = connection->options.max_concurrent_streams;
    for (uint8_t *entry = frame + BLY_H2_FRAME_HEAD; entry + ENTRY <= frame + size; entry += ENTRY) {
        if (entry[0] != 0 || entry[1] != NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
            continue;
        for (int i = 0; i < 4; i++)
            entry[2 + i] = (uint8_t)(streams >> (24 - 8 * i));
    }
}

static bool
submit_first_frames(bly_h2_connection *connection)
{
    const bly_h2_options *options = &connection->options;
    nghttp2_settings_entry server_only[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_for_nghttp2(options)},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}, /* no tree that a peer could make us keep */
    };
    nghttp2_settings_entry client_only[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_settings_entry entries[4] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options->max_header_list_bytes},
    };
    size_t more = connection->is_server ? 2 : 1;
    memcpy(entries + 2, connection->is_server ? server_only : client_only, more * sizeof *entries);
    return nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, entries, 2 + more) == 0 &&
           nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)options->connection_window) == 0;
}

bool
bly_h2_session_init(bly_h2_connection *connection)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_options(&connection->options);
    int failed = -1;
    if (callbacks != NULL && option != NULL) {
        failed = connection->is_server
                     ? nghttp2_session_server_new3(&connection->session, callbacks, connection, option, &bly_h2_memory)
                     : nghttp2_session_client_new3(&connection->session, callbacks, connection, option, &bly_h2_memory);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (failed != 0)
        return false;
    if (submit_first_frames(connection))
        return true;
    nghttp2_session_del(connection->session);
    return false;
}
