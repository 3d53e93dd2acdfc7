/* SPDX-License-Identifier: MIT */
#include "transport/connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/resolve.h"
#include "io/timer.h"
#include "io/watch.h"
#include "transport/socket.h"

#define MAX_CANDIDATES 16

struct bly_connector {
    /* const after creation */
    bly_loop *loop;
    uint64_t attempt_timeout_ns;
    bly_connect_function function;
    void *argument;
    char target[BLY_ADDRESS_TEXT_SIZE];
    /* I/O thread only */
    bly_loop_deferred begin; /* pending: the address needs no resolver */
    bool cancelled;          /* while begin was pending, which then frees it */
    bly_resolve *resolve;    /* NULL: not resolving */
    bly_socket_address candidates[MAX_CANDIDATES];
    int count;
    int next;         /* the candidate to try next */
    int descriptor;   /* of the attempt under way, or -1 */
    bly_watch *watch; /* likewise, or NULL */
    bly_timer patience; /* armed during an attempt. It needs no reference of its own: it is armed,
                         * disarmed and fired on one thread, and disarmed before the end */
    bool was_there; /* somebody answered, and was no good: `error` says why */
    char error[BLY_ADDRESS_TEXT_SIZE + 320];
};

/* ---- the end ---- */

static void
note_error_text(bly_connector *connector, const char *why)
{
    if (!connector->was_there)
        snprintf(connector->error, sizeof connector->error, "connect to %s: %s", connector->target, why);
}

static void
note_error(bly_connector *connector, int error)
{
    char buffer[96];
    note_error_text(connector, bly_socket_error(error, buffer, sizeof buffer));
}

/* Ends the attempt under way; its descriptor is the caller's from now on, or -1. */
static int
take_descriptor(bly_connector *connector)
{
    int descriptor = connector->descriptor;
    bly_timer_disarm(connector->loop, &connector->patience);
    bly_watch_free(connector->watch);
    connector->watch = NULL;
    connector->descriptor = -1;
    return descriptor;
}

static void
end_attempt(bly_connector *connector)
{
    int descriptor = take_descriptor(connector);
    if (descriptor >= 0)
        close(descriptor);
}

/* It may be gone afterwards. */
static void
tell(bly_connector *connector, bly_stream *stream)
{
    connector->function(connector->argument, stream, stream == NULL ? connector->error : NULL);
}

/* ---- attempts ---- */

/* A TCP connection to a free port of this machine may, by chance, be given that very port and meet
 * itself. */
static bool
met_itself(int descriptor, const bly_socket_address *peer)
{
    bly_socket_address own = {.length = sizeof own.storage};
    if (peer->storage.ss_family == AF_UNIX)
        return false;
    if (getsockname(descriptor, (struct sockaddr *)&own.storage, &own.length) != 0)
        return false;
    return own.length == peer->length && memcmp(&own.storage, &peer->storage, own.length) == 0;
}

/* Makes the stream of a connected socket; false when it is no good. */
static bool
succeed(bly_connector *connector)
{
    const bly_socket_address *peer = &connector->candidates[connector->next - 1];
    char text[BLY_ADDRESS_TEXT_SIZE];
    bly_address_format((const struct sockaddr *)&peer->storage, peer->length, text, sizeof text);
    int descriptor = take_descriptor(connector);
    if (met_itself(descriptor, peer)) {
        close(descriptor);
        note_error(connector, ECONNREFUSED);
        return false;
    }
    bly_stream *stream = bly_stream_new(connector->loop, descriptor, text);
    if (stream == NULL) {
        note_error(connector, ENOMEM);
        return false;
    }
    tell(connector, stream);
    return true;
}

static void try_next(bly_connector *connector);

static void
attempt_ended(void *argument, unsigned int events)
{
    bly_connector *connector = argument;
    int error = 0;
    socklen_t length = sizeof error;
    (void)events;
    if (getsockopt(connector->descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    if (error == 0 && succeed(connector))
        return;
    if (error != 0)
        note_error(connector, error);
    end_attempt(connector);
    try_next(connector);
}

static void
attempt_took_too_long(bly_timer *timer)
{
    bly_connector *connector = BLY_CONTAINER_OF(timer, bly_connector, patience);
    note_error(connector, ETIMEDOUT);
    end_attempt(connector);
    try_next(connector);
}

/* Watches an attempt under way; false and errno without memory. */
static bool
await_attempt(bly_connector *connector)
{
    uint64_t now = bly_clock_now(bly_loop_clock(connector->loop));
    connector->watch = bly_watch_new(connector->loop, connector->descriptor, attempt_ended, connector);
    if (connector->watch == NULL || !bly_timer_arm(connector->loop, &connector->patience,
                                                   bly_clock_after(now, connector->attempt_timeout_ns))) {
        errno = ENOMEM;
        return false;
    }
    bly_watch_set(connector->watch, BLY_WATCH_WRITE);
    return true;
}

/* Begins an attempt; true when it is under way, or when it has ended well and the connector may be gone. */
static bool
attempt(bly_connector *connector, const bly_socket_address *candidate)
{
    const struct sockaddr *name = (const struct sockaddr *)&candidate->storage;
    connector->descriptor = bly_socket_open(name->sa_family);
    if (connector->descriptor < 0) {
        note_error(connector, errno);
        return false;
    }
    if (connect(connector->descriptor, name, candidate->length) == 0)
        return succeed(connector);
    /* Interrupted, it goes on by itself. */
    if ((errno == EINPROGRESS || errno == EINTR) && await_attempt(connector))
        return true;
    note_error(connector, errno);
    return false;
}

static void
try_next(bly_connector *connector)
{
    while (connector->next < connector->count) {
        if (attempt(connector, &connector->candidates[connector->next++]))
            return;
        end_attempt(connector);
    }
    tell(connector, NULL);
}

/* ---- beginning ---- */

static void
begin(bly_loop_deferred *deferred)
{
    bly_connector *connector = BLY_CONTAINER_OF(deferred, bly_connector, begin);
    if (connector->cancelled)
        free(connector);
    else
        try_next(connector);
}

static void
resolved(void *argument, const struct addrinfo *addresses, const char *error)
{
    bly_connector *connector = argument;
    connector->resolve = NULL;
    note_error_text(connector, error != NULL ? error : "no address");
    for (; addresses != NULL && connector->count < MAX_CANDIDATES; addresses = addresses->ai_next) {
        bly_socket_address *candidate = &connector->candidates[connector->count];
        if (addresses->ai_addrlen > sizeof candidate->storage)
            continue;
        candidate->length = addresses->ai_addrlen;
        memcpy(&candidate->storage, addresses->ai_addr, addresses->ai_addrlen);
        connector->count++;
    }
    try_next(connector);
}

/* Either way the first attempt is made later, so that the function is never called inside start. */
static bool
find_candidates(bly_connector *connector, const bly_address *address)
{
    if (bly_address_literal(address, &connector->candidates[0])) {
        connector->count = 1;
        bly_loop_defer(connector->loop, &connector->begin);
        return true;
    }
    connector->resolve =
        bly_resolve_start(connector->loop, address->host, address->port, resolved, connector);
    return connector->resolve != NULL;
}

bly_connector *
bly_connector_start(bly_loop *loop, const bly_address *address, uint64_t attempt_timeout_ns,
                    bly_connect_function function, void *argument)
{
    BLY_ASSERT(bly_loop_is_current(loop));
    bly_connector *connector = calloc(1, sizeof *connector);
    if (connector == NULL)
        return NULL;
    connector->loop = loop;
    connector->attempt_timeout_ns = attempt_timeout_ns;
    connector->function = function;
    connector->argument = argument;
    connector->begin.run = begin;
    connector->descriptor = -1;
    bly_timer_init(&connector->patience, attempt_took_too_long);
    bly_address_write(address, connector->target, sizeof connector->target);
    if (!find_candidates(connector, address)) {
        free(connector);
        return NULL;
    }
    return connector;
}

void
bly_connector_go_on(bly_connector *connector, const char *error)
{
    BLY_ASSERT(bly_loop_is_current(connector->loop));
    snprintf(connector->error, sizeof connector->error, "%s", error);
    connector->was_there = true;
    try_next(connector);
}

void
bly_connector_free(bly_connector *connector)
{
    if (connector == NULL)
        return;
    BLY_ASSERT(bly_loop_is_current(connector->loop));
    if (connector->begin.pending) {
        connector->cancelled = true;
        return;
    }
    if (connector->resolve != NULL)
        bly_resolve_cancel(connector->resolve);
    end_attempt(connector);
    free(connector);
}
