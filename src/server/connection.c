/* SPDX-License-Identifier: MIT */
#include "server/connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jitter.h"
#include "h2/connection.h"
#include "server/limits.h"
#include "transport/peer_identity.h"

#define AGE_JITTER 10 /* percent (gRFC A9) */

/* ---- Life ----------------------------------------------------------------------------------------- */

/* Where a census goes on is not to go with what is taken out there. */
static void
move_shown_connection(bly_server_connection *connection)
{
    bly_server_loop *place = connection->place;
    if (place->shown_connection != &connection->link)
        return;
    place->shown_connection = connection->link.next;
    place->shown_call = NULL;
}

static void
free_if_done(bly_server_connection *connection)
{
    if (connection->handshake != NULL || connection->h2 != NULL || !bly_list_is_empty(&connection->calls))
        return;
    belay_server *server = connection->place->server;
    unsigned int door = connection->door;
    move_shown_connection(connection);
    bly_list_remove(&connection->withheld_link);
    bly_list_remove(&connection->link);
    bly_peer_identity_free(connection->identity);
    free(connection);
    bly_server_connection_removed(server, door);
}

static bly_server_connection *
of_host(void *host)
{
    return host;
}

static void
stop_counting(bly_server_connection *connection, bly_server_call *server)
{
    if (server->is_counted)
        connection->call_count--;
    server->is_counted = false;
}

/* A call that is gone from its stream and from its worker is none of the connection's any more. */
static void
forget_if_done(bly_server_connection *connection, bly_server_call *server)
{
    if (!server->is_gone || (server->dispatched && !server->is_over))
        return;
    if (connection->place->shown_call == &server->connection_link)
        connection->place->shown_call = server->connection_link.next;
    bly_list_remove(&server->connection_link);
    stop_counting(connection, server);
    bly_call_leave_holding(&server->call);
    bly_call_unref(&server->call);
    free_if_done(connection);
}

/* ---- Admission ------------------------------------------------------------------------------------ */

static void
admit(bly_server_connection *connection, bly_server_call *server)
{
    bly_server_loop *place = connection->place;
    if (server->registration->reserved) {
        bly_pool_push_reserved(place->server->pool, &server->job);
        return;
    }
    server->has_slot = true;
    server->batched = true;
    connection->slots++;
    bly_list_append(&place->batch, &server->job.link);
    bly_loop_defer(place->loop, &place->push);
}

static uint64_t
most_handlers(const bly_server_connection *connection)
{
    return connection->place->server->options.limits.values[BELAY_LIMIT_HANDLERS];
}

static void
admit_held(bly_server_connection *connection)
{
    bly_link *link;
    while (connection->slots < most_handlers(connection) &&
           (link = bly_list_take_first(&connection->held)) != NULL)
        admit(connection, BLY_LIST_ENTRY(link, bly_server_call, held_link));
}

static void
dispatch(void *host, belay_call *call)
{
    bly_server_connection *connection = of_host(host);
    bly_server_call *server = bly_server_call_of(call);
    if (!server->registration->reserved && connection->slots >= most_handlers(connection))
        bly_list_append(&connection->held, &server->held_link);
    else
        admit(connection, server);
}

static bool
withdraw(void *host, belay_call *call)
{
    (void)host;
    bly_server_call *server = bly_server_call_of(call);
    if (bly_link_is_linked(&server->held_link)) {
        bly_list_remove(&server->held_link);
        return true;
    }
    if (server->batched) {
        server->batched = false;
        bly_list_remove(&server->job.link);
        return true;
    }
    return false;
}

static bool
dequeue(void *host, belay_call *call)
{
    /* A dispatched call keeps the connection, so it is there on any thread. */
    return bly_pool_remove(of_host(host)->place->server->pool, &bly_server_call_of(call)->job);
}

static void
over(void *host, belay_call *call)
{
    bly_server_connection *connection = of_host(host);
    bly_server_call *server = bly_server_call_of(call);
    server->is_over = true;
    if (server->has_slot) {
        connection->slots--;
        admit_held(connection);
    }
    forget_if_done(connection, server);
}

static void
gone(void *host, belay_call *call)
{
    bly_server_call *server = bly_server_call_of(call);
    server->is_gone = true;
    /* Who opens and resets many in one read does no harm: they are over before another is read. */
    if (server->dispatched && !server->is_over && !bly_server_call_is_running(server))
        stop_counting(of_host(host), server);
    forget_if_done(of_host(host), server);
}

static const belay_peer_identity *
identity(void *host)
{
    return of_host(host)->identity;
}

/* Most clients call one method again and again. */
static bly_registration *
find(void *host, const char *path, size_t size, bool *service_known)
{
    bly_server_connection *connection = of_host(host);
    bly_registration *found = connection->recent;
    *service_known = true;
    if (found != NULL && size == connection->recent_size && memcmp(path, found->method->path, size) == 0)
        return found;
    found = bly_registry_find(&connection->place->server->registry, path, size, service_known);
    if (found == NULL)
        return NULL;
    if ((found->doors & connection->door) == 0) {
        *service_known = false; /* nobody is to learn here what there is elsewhere */
        return NULL;
    }
    connection->recent = found;
    connection->recent_size = size;
    return found;
}

static const bly_server_host_ops host_ops = {
    .find = find,
    .dispatch = dispatch,
    .gone = gone,
    .withdraw = withdraw,
    .over = over,
    .dequeue = dequeue,
    .identity = identity,
};

void
bly_server_push_batch(bly_loop_deferred *deferred)
{
    bly_server_loop *place = BLY_CONTAINER_OF(deferred, bly_server_loop, push);
    bly_list batch;
    bly_list_init(&batch);
    bly_list_splice(&batch, &place->batch);
    for (bly_link *link = batch.next; link != &batch; link = link->next)
        BLY_LIST_ENTRY(link, bly_server_call, job.link)->batched = false;
    bly_pool_push(place->server->pool, &batch);
    bly_link *link;
    while ((link = bly_list_take_first(&batch)) != NULL) {
        belay_call *call = &BLY_LIST_ENTRY(link, bly_server_call, job.link)->call;
        bly_call_reached(call, BELAY_LIMIT_QUEUE);
        bly_server_call_refuse(call, BELAY_RESOURCE_EXHAUSTED, "the server's queue is full");
    }
}

/* ---- Streams that are gone -------------------------------------------------------------------------- */

/*
 * A handler that waits is woken to hear that its stream is gone: a system call, and as likely as not the woken
 * thread takes the processor. When connections with thousands of such calls are lost, nobody else would have a
 * turn until the last of them is woken. So these stand in line, and the loop tells a few of them in each round.
 * Resets do not stand behind them, unless there are many at once.
 */

/* A call that nobody runs hears it at once: there is nobody to wake, and it is never to run. So does a handler
 * that computes: its flag costs nothing. One that waits for the tasks of a group sleeps in none of its own
 * waits, but they do in theirs. */
static bool
would_wake(bly_server_call *server)
{
    belay_call *call = &server->call;
    bly_mutex_lock(&call->lock);
    bool running = server->run_state == BLY_RUN_RUNNING;
    bool sleeps = call->reader != NULL || call->writer != NULL;
    bly_mutex_unlock(&call->lock);
    bool has_tasks = bly_job_wait(&server->job) == BLY_POOL_IN_GROUP;
    return running && (sleeps || has_tasks || bly_context_has_waits(call->context));
}

static void
stream_closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed)
{
    bly_server_call *server = bly_server_call_of(bly_call_of_stream(stream));
    bly_server_loop *place = of_host(server->host)->place;
    if (error == BLY_H2_NO_ERROR || !would_wake(server)) {
        bly_server_call_closed(stream, error, by_peer, unprocessed);
        return;
    }
    bly_loop_defer(place->loop, &place->tell);
    if (error != BLY_H2_CONNECTION_LOST && place->may_tell > 0) {
        place->may_tell--;
        bly_server_call_closed(stream, error, by_peer, unprocessed);
        return;
    }
    server->closed_error = error;
    bly_list_append(&place->closed, &server->closed_link);
}

void
bly_server_tell_closed(bly_loop_deferred *deferred)
{
    bly_server_loop *place = BLY_CONTAINER_OF(deferred, bly_server_loop, tell);
    bly_link *link;
    int told = 0;
    while (told++ < BLY_SERVER_TELL_AT_ONCE && (link = bly_list_take_first(&place->closed)) != NULL) {
        bly_server_call *server = BLY_LIST_ENTRY(link, bly_server_call, closed_link);
        bly_server_call_closed(&server->call.stream, server->closed_error, false, false);
    }
    place->may_tell = BLY_SERVER_TELL_AT_ONCE;
    if (!bly_list_is_empty(&place->closed))
        bly_loop_defer(place->loop, &place->tell);
}

/* ---- HTTP/2 --------------------------------------------------------------------------------------- */

static bly_h2_stream *
stream_begin(void *owner, bly_h2_connection *h2)
{
    (void)h2;
    bly_server_connection *connection = owner;
    belay_server *server = connection->place->server;
    if (connection->refuses)
        return NULL;
    if (connection->call_count >= server->options.limits.values[BELAY_LIMIT_ADMITTED_CALLS]) {
        bly_limit_reached(&server->limit_record, BELAY_LIMIT_ADMITTED_CALLS, connection->peer);
        return NULL;
    }
    belay_call *call = bly_server_call_new(server->runtime, connection->loop, &host_ops, connection,
                                           &server->totals, &server->limits, &connection->holding, connection->peer);
    if (call == NULL)
        return NULL;
    bly_server_call_of(call)->is_counted = true;
    connection->call_count++;
    bly_call_ref(call); /* the connection's */
    bly_list_append(&connection->calls, &bly_server_call_of(call)->connection_link);
    return &call->stream;
}

/* It is of no use to its client. */
static void
idle(void *owner, bly_h2_connection *h2)
{
    (void)owner;
    bly_h2_connection_drain(h2);
}

/* First the calls end, so that the client reads why; then it has had its time. */
static void
grace_over(void *owner, bly_h2_connection *h2)
{
    bly_server_connection *connection = owner;
    if (connection->refuses)
        bly_h2_connection_close(h2, "its maximum age and grace are over");
    else
        bly_server_connection_cancel(connection, BELAY_CAUSE_SHUTDOWN, "the connection has reached its maximum age");
}

static void
stream_data(bly_h2_stream *stream, const uint8_t *data, size_t size)
{
    belay_call *call = bly_call_of_stream(stream);
    bly_server_connection *connection = of_host(bly_server_call_of(call)->host);
    bly_server_call_data(stream, data, size);
    if (call->held.wants || bly_holding_is_full(&connection->holding))
        bly_server_withhold(connection);
}

static void
limit_reached(void *owner, bly_h2_connection *h2, belay_limit limit)
{
    bly_server_connection *connection = owner;
    (void)h2;
    bly_limit_reached(&connection->place->server->limit_record, limit, connection->peer);
}

/* Of one kind, that may come together: they may have different reasons. */
#define COMPLAINTS 10

/* Whoever looks around for servers can have many of these lines. */
static void
complain(bly_server_connection *connection, bly_quiet *quiet, const char *what, const char *why)
{
    char more[64] = "";
    uint64_t unsaid;
    if (!bly_quiet_may_say(quiet, COMPLAINTS, belay_now(), &unsaid))
        return;
    if (unsaid > 0)
        snprintf(more, sizeof more, "; %" PRIu64 " more since the last such line", unsaid);
    bly_log_write(&connection->place->server->runtime->log, BELAY_LOG_WARNING, "connection from %s%s: %s%s",
                  connection->peer, what, why, more);
}

static void
connection_closed(void *owner, bly_h2_connection *h2, bly_h2_reason reason, const char *detail)
{
    bly_server_connection *connection = owner;
    (void)h2;
    if (reason == BLY_H2_CLOSED_BY_PROTOCOL)
        complain(connection, &connection->place->server->closed_lines, " closed", detail);
    connection->h2 = NULL;
    bly_server_connection_closed(connection->place->server, connection->door);
    free_if_done(connection);
}

static const bly_h2_ops h2_ops = {
    .stream_begin = stream_begin,
    .header = bly_server_call_header,
    .headers_done = bly_server_call_headers_done,
    .data = stream_data,
    .end = bly_server_call_end,
    .cancelled = bly_server_call_cancelled,
    .closed = stream_closed,
    .drained = bly_server_call_drained,
    .delivered = bly_server_call_delivered,
    .idle = idle,
    .grace_over = grace_over,
    .limit_reached = limit_reached,
    .connection_closed = connection_closed,
};

static void
set_keeping(bly_server_loop *place, bly_h2_options *options)
{
    const bly_server_keeping *keeping = &place->server->options.keeping;
    options->keepalive_ns = keeping->keepalive;
    options->keepalive_timeout_ns = keeping->keepalive_timeout;
    options->ping_interval_ns = keeping->ping_interval;
    options->idle_ping_interval_ns = keeping->idle_ping_interval;
    options->idle_ns = bly_jitter(&place->random, keeping->idle, AGE_JITTER);
    options->age_ns = bly_jitter(&place->random, keeping->age, AGE_JITTER);
    options->grace_ns = keeping->grace;
}

/* Its socket is closed, and no stream has come, or will. */
static void
drop(bly_server_connection *connection, const char *why)
{
    complain(connection, &connection->place->server->dropped_lines, "", why);
    bly_server_connection_closed(connection->place->server, connection->door);
    free_if_done(connection);
}

static void
speak_http2(bly_server_connection *connection, bly_stream *stream)
{
    belay_server *server = connection->place->server;
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    bly_h2_options_limit(&options, &server->options.limits);
    set_keeping(connection->place, &options);
    if (connection->door == BLY_SERVER_FRONT_DOOR)
        options.lingering = server->lingering;
    connection->identity = bly_stream_take_identity(stream);
    connection->h2 = bly_h2_connection_new(connection->loop, stream, true, &options, &h2_ops, connection,
                                           &server->runtime->log);
    if (connection->h2 == NULL)
        drop(connection, "no memory");
}

/* Also for one that was given up when the server began to drain. */
static void
shaken(void *argument, bly_stream *stream, const char *error)
{
    bly_server_connection *connection = argument;
    connection->handshake = NULL;
    if (stream != NULL && !connection->refuses) {
        speak_http2(connection, stream);
        return;
    }
    bly_stream_free(stream);
    if (error != NULL && !connection->refuses)
        __atomic_fetch_add(&connection->place->server->totals.handshakes_failed, 1, __ATOMIC_RELAXED);
    drop(connection, error != NULL ? error : "closed, the server drains");
}

static void
begin(bly_server_connection *connection, int descriptor, const bly_tls_user *tls)
{
    if (tls == NULL) {
        bly_stream *stream = bly_stream_new(connection->loop, descriptor, connection->peer);
        if (stream != NULL)
            speak_http2(connection, stream);
        else
            drop(connection, "no memory");
        return;
    }
    connection->handshake =
        bly_handshake_start(tls, NULL, connection->loop, descriptor, connection->peer, shaken, connection);
    if (connection->handshake == NULL)
        drop(connection, "no memory");
}

void
bly_server_connection_new(bly_server_loop *place, int descriptor, const char *peer,
                          const bly_server_listener *listener)
{
    belay_server *server = place->server;
    bly_server_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        bly_log_write(&server->runtime->log, BELAY_LOG_ERROR, "connection from %s dropped: no memory", peer);
        close(descriptor);
        return;
    }
    connection->place = place;
    connection->loop = place->loop;
    connection->door = listener->door;
    snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    bly_list_init(&connection->calls);
    bly_list_init(&connection->held);
    bly_link_init(&connection->link);
    bly_link_init(&connection->withheld_link);
    bly_holding_init(&connection->holding, &server->held,
                     server->options.limits.values[BELAY_LIMIT_CONNECTION_BYTES]);
    bly_list_append(&place->connections, &connection->link);
    bly_server_connection_added(server, listener->door);
    begin(connection, descriptor, listener->tls);
}

/* Whoever has not said yet who he is has no calls to wait for. */
static void
give_up_handshake(bly_server_connection *connection)
{
    connection->refuses = true;
    bly_handshake_cancel(connection->handshake);
}

void
bly_server_connection_drain(bly_server_connection *connection)
{
    if (connection->handshake != NULL)
        give_up_handshake(connection);
    if (connection->h2 != NULL)
        bly_h2_connection_drain(connection->h2);
}

void
bly_server_connection_close(bly_server_connection *connection, const char *detail)
{
    if (connection->handshake != NULL)
        give_up_handshake(connection);
    if (connection->h2 != NULL)
        bly_h2_connection_close(connection->h2, detail);
}

void
bly_server_connection_cancel(bly_server_connection *connection, belay_cause cause, const char *reason)
{
    connection->refuses = true;
    for (bly_link *link = connection->calls.next, *next; link != &connection->calls; link = next) {
        bly_server_call *server = BLY_LIST_ENTRY(link, bly_server_call, connection_link);
        next = link->next; /* ending a context only posts: the list stays as it is */
        if (server->call.context != NULL)
            bly_context_end(server->call.context, cause, reason);
    }
}

void
bly_server_connection_report(bly_server_connection *connection)
{
    bly_log *log = &connection->place->server->runtime->log;
    for (bly_link *link = connection->calls.next; link != &connection->calls; link = link->next) {
        bly_server_call *server = BLY_LIST_ENTRY(link, bly_server_call, connection_link);
        if (server->call.context == NULL || server->is_over || !server->dispatched)
            continue;
        uint64_t ended = belay_context_end_time(server->call.context);
        uint64_t now = belay_now();
        bly_log_write(log, BELAY_LOG_ERROR, "handler has not returned: %s from %s, cancelled %" PRIu64 " ms ago",
                      server->call.method->path, server->peer, ended != 0 ? (now - ended) / 1000000 : 0);
    }
}

/* ---- Census ----------------------------------------------------------------------------------------- */

/* Connections that a census looks at in one turn, be they without calls. */
#define SHOWN_AT_ONCE 256

/* False when the census has enough: then the place says where to go on. */
static bool
show_connection(bly_server_connection *connection, bly_census *census)
{
    bly_server_loop *place = connection->place;
    if (place->shown_call == NULL)
        place->shown_call = connection->calls.next;
    while (place->shown_call != &connection->calls) {
        if (bly_census_has_enough(census))
            return false;
        bly_census_see(census, &BLY_LIST_ENTRY(place->shown_call, bly_server_call, connection_link)->call, false);
        place->shown_call = place->shown_call->next;
    }
    place->shown_call = NULL;
    return true;
}

static bly_server_loop *
place_on(belay_server *server, const bly_loop *loop)
{
    for (unsigned int i = 0; i < server->runtime->loop_count; i++) {
        if (server->loops[i].loop == loop)
            return &server->loops[i];
    }
    return NULL;
}

bool
bly_server_show(bly_resident *resident, bly_loop *loop, bly_census *census, bool again)
{
    bly_server_loop *place = place_on(BLY_CONTAINER_OF(resident, belay_server, resident), loop);
    BLY_ASSERT(place != NULL && bly_loop_is_current(loop));
    if (!again) {
        place->shown_connection = place->connections.next;
        place->shown_call = NULL;
    }
    for (int looked = 0; place->shown_connection != &place->connections; looked++) {
        if (looked == SHOWN_AT_ONCE)
            return true;
        if (!show_connection(BLY_LIST_ENTRY(place->shown_connection, bly_server_connection, link), census))
            return true;
        place->shown_connection = place->shown_connection->next;
    }
    place->shown_connection = NULL;
    return false;
}
