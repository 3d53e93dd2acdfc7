/* SPDX-License-Identifier: MIT */
/*
 * The I/O thread's part of a channel: connecting, backing off, and giving calls their streams.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jitter.h"
#include "client/channel.h"
#include "h2/connection.h"

/* Of gRPC's connection back-off. */
#define BACKOFF_GROWTH 1.6
#define BACKOFF_JITTER 20 /* percent */

#define LINGER BELAY_SECONDS(1)

static void connect_now(belay_channel *channel);
static void lose_current(belay_channel *channel, const char *error);

/* ---- Calls ------------------------------------------------------------------------------------------ */

static bly_client_call *
of_link(bly_link *link)
{
    return BLY_LIST_ENTRY(link, bly_client_call, host_link);
}

/* Takes a call out of its list; where a census goes on is not to go with it. */
static void
take_out(belay_channel *channel, bly_client_call *client)
{
    if (channel->shown == &client->host_link)
        channel->shown = client->host_link.next;
    bly_list_remove(&client->host_link);
}

/* Gives streams to waiting calls as long as the connection takes them. */
static void
serve(belay_channel *channel)
{
    while (channel->state == BLY_CHANNEL_READY && !bly_list_is_empty(&channel->waiting) &&
           bly_h2_connection_can_open(channel->current->h2)) {
        bly_client_call *client = of_link(channel->waiting.next);
        take_out(channel, client);
        bly_list_append(&channel->active, &client->host_link);
        channel->current->was_used = true;
        channel->failures = 0;
        if (!bly_client_call_open(&client->call, channel->current->h2)) {
            take_out(channel, client);
            bly_client_call_fail(&client->call, BELAY_RESOURCE_EXHAUSTED, "no memory for the call's stream");
        }
    }
    if (channel->state == BLY_CHANNEL_READY && bly_h2_connection_is_spent(channel->current->h2)) {
        bly_h2_connection_drain(channel->current->h2);
        lose_current(channel, "the connection's streams are used up");
    }
}

static void
fail_waiting(belay_channel *channel, const char *error)
{
    for (bly_link *link = channel->waiting.next, *next; link != &channel->waiting; link = next) {
        bly_client_call *client = of_link(link);
        next = link->next;
        if (client->wait_for_ready)
            continue;
        take_out(channel, client);
        bly_client_call_fail(&client->call, BELAY_UNAVAILABLE, error);
    }
}

static void
start(void *host, belay_call *call)
{
    belay_channel *channel = host;
    bly_client_call *client = bly_client_call_of(call);
    if (channel->closing) {
        client->waiting = false;
        bly_context_end(call->context, BELAY_CAUSE_SHUTDOWN, "the channel was closed");
        return;
    }
    if (channel->state == BLY_CHANNEL_BACKOFF && !client->wait_for_ready) {
        bly_client_call_fail(call, BELAY_UNAVAILABLE, channel->last_error);
        return;
    }
    bly_list_append(&channel->waiting, &client->host_link);
    if (channel->state == BLY_CHANNEL_IDLE)
        connect_now(channel);
    else
        serve(channel);
}

static void
withdraw(void *host, belay_call *call)
{
    take_out(host, bly_client_call_of(call));
}

static void
gone(void *host, belay_call *call)
{
    take_out(host, bly_client_call_of(call));
}

static void
retain(void *host)
{
    bly_channel_ref(host);
}

static void
release(void *host)
{
    bly_channel_unref(host);
}

const bly_client_host_ops bly_channel_host_ops = {
    .start = start,
    .withdraw = withdraw,
    .gone = gone,
    .retain = retain,
    .release = release,
};

/* ---- Census ----------------------------------------------------------------------------------------- */

/* False when the census has enough. */
static bool
show_list(belay_channel *channel, bly_list *calls, bly_census *census, bool waits)
{
    while (channel->shown != calls) {
        if (bly_census_has_enough(census))
            return false;
        bly_census_see(census, &of_link(channel->shown)->call, waits);
        channel->shown = channel->shown->next;
    }
    return true;
}

static bool
show(bly_resident *resident, bly_loop *loop, bly_census *census, bool again)
{
    belay_channel *channel = BLY_CONTAINER_OF(resident, belay_channel, resident);
    if (loop != channel->loop)
        return false;
    if (!again) {
        channel->shown = channel->waiting.next;
        channel->shows_active = false;
    }
    if (!channel->shows_active) {
        if (!show_list(channel, &channel->waiting, census, true))
            return true;
        channel->shown = channel->active.next;
        channel->shows_active = true;
    }
    if (!show_list(channel, &channel->active, census, false))
        return true;
    channel->shown = NULL;
    return false;
}

/* ---- The end ---------------------------------------------------------------------------------------- */

static void
finish_if_closed(belay_channel *channel)
{
    if (!channel->closing || channel->handshake != NULL || !bly_list_is_empty(&channel->connections))
        return;
    if (bly_timer_disarm(channel->loop, &channel->linger_timer))
        bly_channel_unref(channel);
    bly_mutex_lock(&channel->lock);
    channel->closed = true;
    bly_condition_broadcast(&channel->changed);
    bly_mutex_unlock(&channel->lock);
}

/* ---- Connecting --------------------------------------------------------------------------------------- */

static uint64_t
backoff_time(belay_channel *channel)
{
    double most = (double)channel->keeping.backoff_most;
    double wait = (double)channel->keeping.backoff_first;
    for (unsigned int i = 1; i < channel->failures && wait < most; i++)
        wait *= BACKOFF_GROWTH;
    uint64_t time = wait < most ? (uint64_t)wait : channel->keeping.backoff_most;
    return bly_jitter(&channel->random, time, BACKOFF_JITTER);
}

/* The pause counts from the beginning of the attempt: one that took long may be over at once. */
static void
back_off(belay_channel *channel, const char *error)
{
    snprintf(channel->last_error, sizeof channel->last_error, "%s", error);
    channel->failures++;
    channel->state = BLY_CHANNEL_BACKOFF;
    uint64_t at = bly_clock_after(channel->attempt_at, backoff_time(channel));
    bly_channel_ref(channel);
    if (!bly_timer_arm(channel->loop, &channel->backoff_timer, at)) {
        bly_channel_unref(channel);
        channel->state = BLY_CHANNEL_IDLE;
    }
    fail_waiting(channel, channel->last_error);
}

static void
backoff_over(bly_timer *timer)
{
    belay_channel *channel = BLY_CONTAINER_OF(timer, belay_channel, backoff_timer);
    if (channel->state == BLY_CHANNEL_BACKOFF) {
        channel->state = BLY_CHANNEL_IDLE;
        if (!bly_list_is_empty(&channel->waiting))
            connect_now(channel);
    }
    bly_channel_unref(channel);
}

/* The channel has no connection for new calls any more. */
static void
drop_current(belay_channel *channel)
{
    channel->current = NULL;
    channel->state = BLY_CHANNEL_IDLE;
}

/* The current connection takes no more calls. Calls that wait have another made at once if it served any; if not,
 * that is a failure like that of connecting: else a server that turns everybody away would be called without pause.
 * One that was never ready is such a failure also when nobody waits any more. */
static void
lose_current(belay_channel *channel, const char *error)
{
    bool was_used = channel->current->was_used;
    bool was_ready = channel->state == BLY_CHANNEL_READY;
    bool has_waiting = !bly_list_is_empty(&channel->waiting);
    drop_current(channel);
    if (channel->closing)
        return;
    if (!was_used && (has_waiting || !was_ready))
        back_off(channel, error);
    else if (has_waiting)
        connect_now(channel);
}

static void
connection_ready(void *owner, bly_h2_connection *h2)
{
    bly_channel_connection *connection = owner;
    belay_channel *channel = connection->channel;
    (void)h2;
    if (channel->current != connection)
        return;
    channel->state = BLY_CHANNEL_READY;
    serve(channel);
}

static void
streams_available(void *owner, bly_h2_connection *h2)
{
    bly_channel_connection *connection = owner;
    (void)h2;
    if (connection->channel->current == connection)
        serve(connection->channel);
}

/* The server finds our PINGs too many: the next connection sends half as many (gRFC A8). */
static void
ask_less_often(belay_channel *channel)
{
    uint64_t interval = channel->keeping.keepalive;
    if (interval > BELAY_FOREVER / 2)
        return;
    channel->keeping.keepalive = 2 * interval;
    bly_log_write(&channel->runtime->log, BELAY_LOG_WARNING,
                  "%s gets too many PINGs: the keepalive interval is now %" PRIu64 " ms", channel->target,
                  2 * interval / 1000000);
}

static void
goaway(void *owner, bly_h2_connection *h2, uint32_t error, const char *debug)
{
    bly_channel_connection *connection = owner;
    belay_channel *channel = connection->channel;
    (void)h2;
    if (error == BLY_H2_ENHANCE_YOUR_CALM && strcmp(debug, "too_many_pings") == 0 && !connection->minds) {
        connection->minds = true;
        ask_less_often(channel);
    }
    if (error != BLY_H2_NO_ERROR && !connection->blamed) {
        connection->blamed = true;
        bly_log_write(&channel->runtime->log, BELAY_LOG_WARNING, "%s ends the connection: HTTP/2 error %u, \"%s\"",
                      channel->target, (unsigned int)error, debug);
    }
    if (channel->current != connection)
        return;
    lose_current(channel, "the server ends its connections before they are used");
}

/* Nobody has called for a long time. A connection that takes no streams is no reason to drop calls that wait. */
static void
idle(void *owner, bly_h2_connection *h2)
{
    bly_channel_connection *connection = owner;
    belay_channel *channel = connection->channel;
    if (channel->current != connection || !bly_list_is_empty(&channel->waiting))
        return;
    drop_current(channel);
    bly_h2_connection_drain(h2);
}

static void
limit_reached(void *owner, bly_h2_connection *h2, belay_limit limit)
{
    bly_channel_connection *connection = owner;
    bly_limit_reached(&connection->channel->limit_record, limit, bly_h2_connection_peer(h2));
}

static void
connection_closed(void *owner, bly_h2_connection *h2, bly_h2_reason reason, const char *detail)
{
    bly_channel_connection *connection = owner;
    belay_channel *channel = connection->channel;
    (void)h2;
    if (reason == BLY_H2_CLOSED_BY_PROTOCOL)
        bly_log_write(&channel->runtime->log, BELAY_LOG_WARNING, "connection to %s closed: %s", channel->target,
                      detail);
    bly_list_remove(&connection->link);
    if (channel->current == connection) {
        char error[320];
        snprintf(error, sizeof error, "%s closed the connection before it was used: %s", channel->target, detail);
        lose_current(channel, error);
    }
    free(connection);
    finish_if_closed(channel);
    bly_channel_unref(channel);
}

static const bly_h2_ops h2_ops = {
    .header = bly_client_call_header,
    .headers_done = bly_client_call_headers_done,
    .data = bly_client_call_data,
    .end = bly_client_call_end,
    .closed = bly_client_call_closed,
    .drained = bly_call_drained,
    .delivered = bly_client_call_delivered,
    .connection_ready = connection_ready,
    .streams_available = streams_available,
    .goaway = goaway,
    .idle = idle,
    .limit_reached = limit_reached,
    .connection_closed = connection_closed,
};

static bool
add_connection(belay_channel *channel, bly_stream *stream)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    bly_h2_options_limit(&options, &channel->limits);
    options.keepalive_ns = channel->keeping.keepalive;
    options.keepalive_timeout_ns = channel->keeping.keepalive_timeout;
    options.keepalive_without_streams = channel->keeping.keepalive_without_calls;
    options.idle_ns = channel->keeping.idle;
    bly_channel_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        bly_stream_free(stream);
        return false;
    }
    connection->channel = channel;
    bly_link_init(&connection->link);
    connection->h2 = bly_h2_connection_new(channel->loop, stream, false, &options, &h2_ops, connection,
                                           &channel->runtime->log);
    if (connection->h2 == NULL) {
        free(connection);
        return false;
    }
    bly_channel_ref(channel);
    bly_list_append(&channel->connections, &connection->link);
    channel->current = connection;
    return true;
}

static void
drop_connector(belay_channel *channel)
{
    if (channel->connector == NULL)
        return;
    bly_connector_free(channel->connector);
    channel->connector = NULL;
    bly_channel_unref(channel);
}

/* Connecting is over. The channel is kept by the caller's reference. */
static void
use_stream(belay_channel *channel, bly_stream *stream, const char *error)
{
    if (stream == NULL)
        back_off(channel, error);
    else if (!add_connection(channel, stream))
        back_off(channel, "no memory for a connection");
    drop_connector(channel);
}

static void
shaken(void *argument, bly_stream *stream, const char *error)
{
    belay_channel *channel = argument;
    channel->handshake = NULL;
    if (channel->closing) {
        bly_stream_free(stream);
        finish_if_closed(channel);
    } else if (stream != NULL) {
        use_stream(channel, stream, NULL);
    } else {
        bly_connector_go_on(channel->connector, error);
    }
    bly_channel_unref(channel);
}

static void
shake_hands(belay_channel *channel, bly_stream *stream)
{
    char peer[BLY_ADDRESS_TEXT_SIZE];
    snprintf(peer, sizeof peer, "%s", bly_stream_peer(stream));
    channel->handshake = bly_handshake_start(channel->tls, channel->tls_target, channel->loop,
                                             bly_stream_release(stream), peer, shaken, channel);
    if (channel->handshake != NULL)
        bly_channel_ref(channel);
    else
        use_stream(channel, NULL, "no memory for a connection");
}

static void
connected(void *argument, bly_stream *stream, const char *error)
{
    belay_channel *channel = argument;
    bly_channel_ref(channel);
    if (stream != NULL && channel->tls != NULL)
        shake_hands(channel, stream);
    else
        use_stream(channel, stream, error);
    bly_channel_unref(channel);
}

static void
connect_now(belay_channel *channel)
{
    channel->attempt_at = bly_clock_now(bly_loop_clock(channel->loop));
    channel->connector = bly_connector_start(channel->loop, &channel->address, channel->keeping.connect_timeout,
                                             connected, channel);
    if (channel->connector == NULL) {
        back_off(channel, "no memory to connect");
        return;
    }
    bly_channel_ref(channel);
    channel->state = BLY_CHANNEL_CONNECTING;
}

/* ---- Making and closing ------------------------------------------------------------------------------- */

static void
linger_over(bly_timer *timer)
{
    belay_channel *channel = BLY_CONTAINER_OF(timer, belay_channel, linger_timer);
    bly_link *link;
    /* Each close takes its connection out of the list before it returns. */
    while ((link = channel->connections.next) != &channel->connections)
        bly_h2_connection_close(BLY_LIST_ENTRY(link, bly_channel_connection, link)->h2, "channel closed");
    bly_channel_unref(channel);
}

void
bly_channel_init_io(belay_channel *channel)
{
    bly_list_init(&channel->waiting);
    bly_list_init(&channel->active);
    bly_list_init(&channel->connections);
    channel->resident.show = show;
    bly_link_init(&channel->resident.link);
    bly_timer_init(&channel->backoff_timer, backoff_over);
    bly_timer_init(&channel->linger_timer, linger_over);
    channel->random = (uint64_t)(uintptr_t)channel ^ bly_clock_now(bly_loop_clock(channel->loop));
}

/* Ending a context only posts: the list stays as it is. */
static void
cancel_all(const bly_list *calls)
{
    for (bly_link *link = calls->next; link != calls; link = link->next)
        bly_context_end(of_link(link)->call.context, BELAY_CAUSE_SHUTDOWN, "the channel was closed");
}

static void
drain_connections(belay_channel *channel)
{
    for (bly_link *link = channel->connections.next, *next; link != &channel->connections; link = next) {
        next = link->next;
        bly_h2_connection_drain(BLY_LIST_ENTRY(link, bly_channel_connection, link)->h2);
    }
}

void
bly_channel_close(belay_channel *channel)
{
    channel->closing = true;
    drop_connector(channel);
    if (channel->handshake != NULL)
        bly_handshake_cancel(channel->handshake);
    if (bly_timer_disarm(channel->loop, &channel->backoff_timer))
        bly_channel_unref(channel);
    cancel_all(&channel->waiting);
    cancel_all(&channel->active);
    bly_channel_ref(channel);
    uint64_t at = bly_clock_after(bly_clock_now(bly_loop_clock(channel->loop)), LINGER);
    if (!bly_timer_arm(channel->loop, &channel->linger_timer, at))
        linger_over(&channel->linger_timer);
    drain_connections(channel);
    finish_if_closed(channel);
}
