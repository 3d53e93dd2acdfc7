/* SPDX-License-Identifier: MIT */
/*
 * belay.testing.Relay: a server of a chain or a tree. relay.proto says what it does; relay.c is the
 * service, relay_call.c and relay_stream.c are a server on the way (with relay_children.c), relay_leaf.c is
 * the last one.
 */
#ifndef TESTS_INTEROP_RELAY_H
#define TESTS_INTEROP_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/belay.h>

#include "interop/channels.h"
#include "interop/records.h"
#include "relay.belay.h"

typedef struct relay_server {
    /* const once the server has started */
    belay_server *server;
    const char *address; /* this server's, for paths */

    /* with locks of their own */
    records *records;
    channels *channels;
} relay_server;

/* One handler at work. */
typedef struct relay_handler {
    /* handler's thread only */
    const relay_server *relay;
    belay_call *call;
    uint64_t record;
} relay_handler;

typedef Belay__Testing__RelayRequest relay_request;
typedef Belay__Testing__RelayReply relay_reply;

/* Sets up a relay and adds its service to a server that has not started; `address` is filled in later.
 * settings: of the channels to other servers. */
BELAY_WARN_UNUSED belay_code relay_init(relay_server *relay, belay_server *server, const channel_settings *settings);

/* After the server's last handler has returned. */
void relay_fini(relay_server *relay);

/* ---- Parts of a handler -------------------------------------------------------------------------- */

/* The handler's code has seen that its context was cancelled: notes that, and gives the code to return. */
BELAY_WARN_UNUSED belay_code relay_cancelled(const relay_handler *handler);

/* The calls of a hop to the next server. */
typedef struct relay_children {
    /* handler's thread only */
    belay_call **calls; /* in the handler's memory; NULL once gone; room for one more after the last */
    size_t count;
    bool detached;
} relay_children;

/* Opens fan_out calls, to the first server of the route. `streams`: of Stream, and nothing is sent yet.
 * `next` receives the request to send on. On failure none is left open. */
BELAY_WARN_UNUSED belay_code relay_open(const relay_handler *handler, const relay_request *request,
                                        bool streams, relay_request *next, relay_children *children);

/* Lets go of the children that are left: detached ones go on, others are cancelled. For a cancelled
 * handler. */
void relay_leave(relay_children *children);

/* Takes in how a child failed: by its own cancellation, which does no harm to its siblings (BELAY_OK), or
 * otherwise, which cancels them and is the hop's status. Frees the status. */
BELAY_WARN_UNUSED belay_code relay_child_failed(const relay_handler *handler, relay_children *children,
                                                belay_code code, belay_status *status);

/* Writes the path of a reply that comes back through this server: n_path + 1 entries, which stay the
 * owners'. */
void relay_path(const relay_server *relay, const relay_reply *from, char **path);

/* ---- The two methods ------------------------------------------------------------------------------ */

/* on a server on the way */
BELAY_WARN_UNUSED belay_code relay_call_hop(const relay_handler *handler, const relay_request *request,
                                            relay_reply *reply);
BELAY_WARN_UNUSED belay_code relay_stream_hop(const relay_handler *handler, const relay_request *first);

/* on the last server */
BELAY_WARN_UNUSED belay_code relay_call_leaf(const relay_handler *handler, const relay_request *request,
                                             relay_reply *reply);
BELAY_WARN_UNUSED belay_code relay_stream_leaf(const relay_handler *handler, const relay_request *first);

#endif
