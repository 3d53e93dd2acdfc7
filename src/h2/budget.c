/* SPDX-License-Identifier: MIT */
/*
 * The abuse budgets: what costs a peer little and us a lot, or what no honest peer does so often. Whoever spends
 * one has its connection ended with ENHANCE_YOUR_CALM and words that say why.
 *
 * That a peer resets its own streams is not among them: people cancel. What bounds that is how many handlers a
 * connection may have, and how much of it is read in a turn.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "h2/session.h"

#define SECOND UINT64_C(1000000000)

void
bly_h2_options_limit(bly_h2_options *options, const bly_limits *limits)
{
    options->max_concurrent_streams = bly_limits_u32(limits, BELAY_LIMIT_STREAMS);
    options->max_header_list_bytes = bly_limits_u32(limits, BELAY_LIMIT_HEADER_LIST);
    options->max_header_fields = bly_limits_u32(limits, BELAY_LIMIT_HEADER_FIELDS);
    options->hard_header_list_bytes = bly_limits_u32(limits, BELAY_LIMIT_HEADER_LIST_HARD);
    if (options->hard_header_list_bytes < options->max_header_list_bytes)
        options->hard_header_list_bytes = options->max_header_list_bytes;
    options->stream_window = bly_limits_u32(limits, BELAY_LIMIT_STREAM_WINDOW);
    options->connection_window = bly_limits_u32(limits, BELAY_LIMIT_CONNECTION_WINDOW);
    options->ping_strikes = bly_limits_u32(limits, BELAY_LIMIT_PING_STRIKES);
    options->preface_timeout_ns = limits->values[BELAY_LIMIT_PREFACE_TIME];
    options->stall_ns = limits->values[BELAY_LIMIT_STALL_TIME];
    options->max_acks = bly_limits_u32(limits, BELAY_LIMIT_ACKS);
    options->max_settings = bly_limits_u32(limits, BELAY_LIMIT_SETTINGS);
    options->max_continuations = bly_limits_u32(limits, BELAY_LIMIT_CONTINUATIONS);
    options->empty_frames = bly_limits_u32(limits, BELAY_LIMIT_EMPTY_FRAMES);
    options->provoked_errors = bly_limits_u32(limits, BELAY_LIMIT_PROVOKED_ERRORS);
    options->provoked_rate = bly_limits_u32(limits, BELAY_LIMIT_PROVOKED_RATE);
    options->window_updates = bly_limits_u32(limits, BELAY_LIMIT_WINDOW_UPDATES);
    options->window_update_rate = bly_limits_u32(limits, BELAY_LIMIT_WINDOW_UPDATE_RATE);
    options->tls_messages = bly_limits_u32(limits, BELAY_LIMIT_TLS_MESSAGES);
    options->streams_per_read = bly_limits_u32(limits, BELAY_LIMIT_STREAMS_PER_READ);
}

void
bly_h2_budget_init(bly_h2_connection *connection)
{
    connection->budget = (bly_h2_budget){
        .window_updates = connection->options.window_updates,
        .errors = connection->options.provoked_errors,
    };
}

void
bly_h2_note_limit(bly_h2_connection *connection, belay_limit limit)
{
    if (connection->ops->limit_reached != NULL)
        connection->ops->limit_reached(connection->owner, connection, limit);
}

/* ---- The end for it --------------------------------------------------------------------------------- */

void
bly_h2_calm(bly_h2_connection *connection, belay_limit limit, const char *words)
{
    if (connection->budget.spent || connection->close_asked)
        return;
    bly_h2_send_away(connection, BLY_H2_ENHANCE_YOUR_CALM, words);
    bly_h2_note_limit(connection, limit);
}

bool
bly_h2_budget_explains(bly_h2_connection *connection, int error)
{
    if (error == NGHTTP2_ERR_FLOODED) {
        bly_h2_calm(connection, BELAY_LIMIT_ACKS, "too many PING and SETTINGS frames");
        return true;
    }
#ifdef HAVE_NGHTTP2_OPTION_SET_MAX_CONTINUATIONS
    if (error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
        bly_h2_calm(connection, BELAY_LIMIT_CONTINUATIONS, "too many CONTINUATION frames");
        return true;
    }
#endif
    return false;
}

/* ---- What is spent ---------------------------------------------------------------------------------- */

void
bly_h2_budget_window_update(bly_h2_connection *connection)
{
    if (connection->budget.window_updates == 0)
        bly_h2_calm(connection, BELAY_LIMIT_WINDOW_UPDATES, "too many WINDOW_UPDATE frames");
    else
        connection->budget.window_updates--;
}

static void
earn(bly_h2_connection *connection, uint64_t most)
{
    uint64_t left = connection->budget.window_updates;
    uint64_t more = left + connection->options.window_update_rate;
    if (left < most)
        connection->budget.window_updates = more < most ? more : most;
}

/* Stacks on grpc's C core give each stream that they open a WINDOW_UPDATE of its own at once, also those that end
 * without any DATA: calls that fail, and calls that are cancelled. How many frames DATA takes is the peer's choice, by
 * its windows: it does not save up with them. */
void
bly_h2_budget_earn_windows(bly_h2_connection *connection)
{
    earn(connection, connection->options.window_updates);
}

/* The C core gives window with each message that it answers, for the stream and the connection. Many small messages
 * share a DATA frame, and may all be on their way before the first is answered: as many as 100 bursts pay for, 50,000
 * with the usual limits. */
#define BURSTS_SAVED 100

void
bly_h2_budget_sent_message(bly_h2_connection *connection)
{
    earn(connection, (uint64_t)BURSTS_SAVED * connection->options.window_updates);
}

/* What time has forgiven. */
static void
forgive(bly_h2_connection *connection)
{
    bly_h2_budget *budget = &connection->budget;
    uint32_t most = connection->options.provoked_errors;
    uint32_t rate = connection->options.provoked_rate;
    uint64_t now = bly_h2_now(connection);
    if (rate == 0 || budget->errors == most) {
        budget->forgiven_at = now;
        return;
    }
    uint64_t each = SECOND / rate > 0 ? SECOND / rate : 1;
    uint64_t more = (now - budget->forgiven_at) / each;
    budget->forgiven_at += more * each;
    budget->errors = most - budget->errors < more ? most : budget->errors + (uint32_t)more;
}

void
bly_h2_budget_provoked(bly_h2_connection *connection)
{
    forgive(connection);
    if (connection->budget.errors == 0)
        bly_h2_calm(connection, BELAY_LIMIT_PROVOKED_ERRORS, "too many stream errors");
    else
        connection->budget.errors--;
}

void
bly_h2_budget_empty_frame(bly_h2_stream *stream)
{
    bly_h2_connection *connection = stream->connection;
    if (bly_h2_stream_is_reset(stream) || ++stream->empty_frames < connection->options.empty_frames)
        return;
    stream->provoked = true;
    bly_h2_note_limit(connection, BELAY_LIMIT_EMPTY_FRAMES);
    bly_h2_stream_reset(stream, BLY_H2_ENHANCE_YOUR_CALM);
}
