/* SPDX-License-Identifier: MIT */
/*
 * A client's connection, as the server sees it: its calls, and which of them may run.
 *
 * Admission counts handlers, not streams: a call holds a slot from its dispatch until its handler has
 * returned, also when its stream was reset long before. Calls beyond the limit are held, in order, until a
 * slot is free; the connection is read all the while.
 *
 * Life: it goes when HTTP/2 has closed it and its last call is over. I/O thread only, but for dequeue.
 */
#ifndef BLY_SERVER_CONNECTION_H
#define BLY_SERVER_CONNECTION_H

#include "server/server.h"
#include "transport/handshake.h"

typedef struct bly_server_connection {
    /* const after creation */
    bly_server_loop *place;
    bly_loop *loop;
    char peer[64];
    unsigned int door; /* by which it came */
    /* I/O thread only */
    bly_link link; /* the loop's connections */
    bly_handshake *handshake; /* TLS's, under way: until then there is no h2 */
    belay_peer_identity *identity; /* who the client proved to be, or NULL; const once there is an h2 */
    bly_h2_connection *h2; /* NULL once closed */
    bly_list calls;        /* all that are not both gone and over */
    bly_list held;         /* dispatched, no slot yet */
    unsigned int slots;    /* in use */
    bly_registration *recent; /* of the method that was called last, or NULL */
    size_t recent_size;       /* of its path */
    bool refuses;          /* calls that come now: it is too late for them */
    unsigned int call_count; /* of streams that are open, and of handlers that have not returned */
    bly_holding holding;   /* its own headings */
    bly_link withheld_link;
} bly_server_connection;

/* Takes over a descriptor. On failure it is closed, and the log says why. */
void bly_server_connection_new(bly_server_loop *place, int descriptor, const char *peer,
                               const bly_server_listener *listener);

/* Ends all its calls with a cause, for good: those that still come are refused. */
void bly_server_connection_cancel(bly_server_connection *connection, belay_cause cause, const char *reason);

/* Says GOAWAY, and closes when its calls have ended. */
void bly_server_connection_drain(bly_server_connection *connection);

/* Closes it now. */
void bly_server_connection_close(bly_server_connection *connection, const char *detail);

/* Logs the handlers that have not returned. */
void bly_server_connection_report(bly_server_connection *connection);

#endif
