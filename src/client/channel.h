/* SPDX-License-Identifier: MIT */
/*
 * The channel from the inside.
 *
 *   idle ──first call──▶ connecting ──SETTINGS──▶ ready ──GOAWAY, lost──▶ idle
 *    ▲                       │
 *    └──time is up── backoff ◀──failed
 *
 * Calls that find no connection wait here, not in nghttp2, so that they can be cancelled and their deadline
 * is right when they leave. A connection that was told to go away serves its calls to the end while the
 * channel already has another.
 *
 * channel.c is the program's part, connecting.c the I/O thread's, keeping.c the options of connections.
 */
#ifndef BLY_CLIENT_CHANNEL_H
#define BLY_CLIENT_CHANNEL_H

#include <belay/channel.h>

#include "base/list.h"
#include "base/mutex.h"
#include "io/timer.h"
#include "rpc/census.h"
#include "rpc/client_call.h"
#include "transport/address.h"
#include "transport/connector.h"
#include "transport/handshake.h"
#include "transport/tls.h"

/* How connections are made and kept (belay/connection.h); in nanoseconds. */
typedef struct bly_channel_keeping {
    uint64_t keepalive;
    uint64_t keepalive_timeout;
    bool keepalive_without_calls;
    uint64_t idle;
    uint64_t backoff_first;
    uint64_t backoff_most;
    uint64_t connect_timeout;
} bly_channel_keeping;

extern const bly_channel_keeping bly_channel_default_keeping;

struct belay_channel_options {
    uint32_t send_mark;
    belay_compression compression;
    bool accept_compression;
    char *authority; /* or NULL */
    belay_tls *tls;  /* or NULL; a reference */
    bly_channel_keeping keeping;
    bly_limits limits;
};

typedef enum bly_channel_state {
    BLY_CHANNEL_IDLE,
    BLY_CHANNEL_CONNECTING, /* until the server's SETTINGS */
    BLY_CHANNEL_READY,
    BLY_CHANNEL_BACKOFF
} bly_channel_state;

struct belay_channel {
    bly_refcount refs; /* the program's, each call's, each connection's, the armed timers' */

    /* const after creation */
    bly_client_host host;
    belay_runtime *runtime;
    bly_loop *loop;
    char *target;
    char *authority;
    bly_address address;
    bly_limits limits;
    bly_channel_keeping keeping; /* but for the keepalive's interval: I/O thread only, it grows when a server minds */
    bly_resident resident;
    bly_tls_user *tls;          /* NULL: plaintext */
    bly_tls_target *tls_target; /* with it */

    bly_limit_record limit_record; /* its own headings */

    /* I/O thread only */
    bly_channel_state state;
    bly_list waiting;     /* calls without a stream */
    bly_list active;      /* calls with one */
    bly_link *shown;      /* the call that a census looks at next; of `waiting`, then of `active` */
    bool shows_active;
    bly_list connections; /* bly_channel_connection */
    struct bly_channel_connection *current;
    bly_connector *connector; /* until there is a connection, or none to be had */
    bly_handshake *handshake; /* TLS's with what the connector has found */
    bly_timer backoff_timer;
    bly_timer linger_timer; /* after the end: connections that do not go by themselves */
    unsigned int failures;  /* in a row */
    uint64_t attempt_at;    /* when connecting began last */
    uint64_t random;        /* for jitter */
    char last_error[480];
    bool closing;

    bly_mutex lock;
    bly_condition changed;
    bool closed; /* guarded by lock: the I/O thread is done with it */
};

typedef struct bly_channel_connection {
    /* I/O thread only */
    belay_channel *channel; /* a reference */
    bly_h2_connection *h2;
    bly_link link;
    bool was_used; /* a call was given a stream */
    bool minds;    /* it was sent away for its PINGs; that counts once */
    bool blamed;   /* the server's reason to end it is in the log */
} bly_channel_connection;

extern const bly_client_host_ops bly_channel_host_ops;

void bly_channel_init_io(belay_channel *channel);

/* Ends the channel's work on the I/O thread: calls are cancelled, connections go, then `closed` is set. */
void bly_channel_close(belay_channel *channel);

void bly_channel_ref(belay_channel *channel);
void bly_channel_unref(belay_channel *channel);

#endif
