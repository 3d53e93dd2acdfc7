/* SPDX-License-Identifier: MIT */
/*
 * The server from the inside.
 *
 * For each I/O thread of its runtime a server has a bly_server_loop: the connections that live there, and the
 * calls of this turn that go to the pool in one batch at its end. Connections are the loop's alone; what
 * others know of them is their number.
 */
#ifndef BLY_SERVER_SERVER_H
#define BLY_SERVER_SERVER_H

#include <pthread.h>

#include <belay/server.h>

#include "base/mutex.h"
#include "io/timer.h"
#include "pool/pool.h"
#include "rpc/census.h"
#include "rpc/runtime.h"
#include "server/registry.h"
#include "transport/listener.h"
#include "transport/tls.h"

/* How connections are kept (belay/connection.h); in nanoseconds. */
typedef struct bly_server_keeping {
    uint64_t keepalive;
    uint64_t keepalive_timeout;
    uint64_t ping_interval;
    uint64_t idle_ping_interval;
    uint64_t idle;
    uint64_t age;
    uint64_t grace;
} bly_server_keeping;

struct belay_server_options {
    unsigned int workers_minimum;
    unsigned int workers_maximum;
    size_t stack_size;
    belay_batch_scheduling batch_scheduling;
    uint32_t send_mark;
    belay_compression compression;
    uint64_t drain_grace_ns;
    uint64_t drain_limit_ns;
    bool drop_late;
    uint64_t watchdog_ns; /* 0: none */
    int watchdog_signal;  /* 0: no stacks */
    bly_server_keeping keeping;
    bly_limits limits;
};

/* But for the limits, which have defaults of their own. */
extern const belay_server_options bly_server_default_options;

/* The defaults. */
void bly_server_options_init(belay_server_options *options);

typedef struct bly_server_loop {
    /* const after creation */
    belay_server *server;
    bly_loop *loop;
    /* I/O thread only */
    bly_list connections; /* bly_server_connection */
    bly_list batch;       /* jobs for the pool */
    bly_loop_deferred push;
    bly_list closed; /* calls that are yet to hear that their stream is gone */
    unsigned int may_tell; /* how many more hear of their reset at once, in this round; a hurry begins another */
    bly_loop_deferred tell;
    bly_link *shown_connection; /* which a census looks at next; of `connections` */
    bly_link *shown_call;       /* of its calls, or NULL: from the first on */
    bly_list withheld;        /* connections whose windows are held back */
    bly_timer windows;        /* armed while there are any */
    unsigned int closed_doors; /* connections that come now by these are closed at once */
    uint64_t random;           /* for jitter */
} bly_server_loop;

typedef struct bly_server_listener {
    bly_listener *listener; /* the loop's thread, once started */
    unsigned int next_loop; /* I/O thread: where the next connection goes */
    unsigned int door;      /* const: what can be called by it */
    bly_tls_user *tls;      /* const: NULL: plaintext */
    belay_server *server;
} bly_server_listener;

typedef enum bly_server_state { BLY_SERVER_NEW, BLY_SERVER_STARTED, BLY_SERVER_DRAINING } bly_server_state;

struct belay_server {
    /* const after the start */
    belay_runtime *runtime;
    belay_server_options options;
    bly_server_limits limits;
    bly_registry registry;
    bly_pool *pool;
    bly_server_loop *loops;
    bly_server_listener *listeners;
    bool has_stack_signal;
    size_t listener_count;
    bly_list tls_users; /* the listeners', each of one or more */
    uint64_t cap_ns; /* of all methods that have none of their own; BELAY_FOREVER: none */

    bly_resident resident;
    bly_list extensions; /* bly_extension */
    unsigned int admin_doors; /* where the admin service answers; 0: it was not added */

    /* any thread */
    bly_server_totals totals;
    bly_draining draining; /* its own headings */
    bly_limit_record limit_record; /* its own headings */
    bly_quiet dropped_lines;       /* likewise: of connections that came to nothing */
    bly_quiet closed_lines;        /* likewise: of those that broke HTTP/2 */
    bly_holding_total held;        /* its own headings */
    bly_linger_count *lingering;   /* sockets of connections that are gone; not an operator's */
    bly_timer growth_timer;
    int growth_timer_armed; /* atomic: whoever sets it arms */

    bly_mutex lock;
    /* guarded by lock */
    bly_condition changed;
    bly_server_state state;
    size_t connection_count; /* those whose last call is not over included; not an operator's */
    size_t admin_count;      /* an operator's */
    size_t open_count;       /* those of connection_count whose socket is open */
    uint64_t drain_deadline; /* when the grace time ends */
    bool drains_in_thread;   /* drain_thread is to be joined */
    pthread_t drain_thread;
};

/* Before the start. Any thread. */
bool bly_server_is_new(belay_server *server);

/* Makes known what was set about the time of methods. At the start, before the first connection. */
void bly_server_settle_times(belay_server *server);

/* belay_server_listen() for a door. */
belay_code bly_server_open(belay_server *server, const char *address, unsigned int door, belay_tls *tls);

/* Makes room for so many more listeners; false without memory. Then bly_server_add_listener() takes them
 * over. Before the start. */
bool bly_server_reserve_listeners(belay_server *server, size_t count);
void bly_server_add_listener(belay_server *server, bly_listener *listener, unsigned int door);

/* The index-th address of a door. */
const char *bly_server_address(const belay_server *server, unsigned int door, size_t index);

/* Says by which doors a method answers. Before the start; as belay_server_reserve_method(). */
belay_code bly_server_set_doors(belay_server *server, const char *path, unsigned int doors);

/* Drains as SIGTERM would, without waiting for it: belay_server_run() takes it for one, without that a thread of the
 * server's own drains. Once more hurries it. Codes: BELAY_OK; BELAY_FAILED_PRECONDITION before the start;
 * BELAY_RESOURCE_EXHAUSTED without threads. Any thread. */
belay_code bly_server_drain_soon(belay_server *server);

/* Waits until the thread of bly_server_drain_soon(), if there is one, has ended. Not its own. */
void bly_server_join_drain(belay_server *server);

/* The `show` of a server. I/O thread. */
bool bly_server_show(bly_resident *resident, bly_loop *loop, bly_census *census, bool again);

/* Pushes the calls of this turn to the pool. I/O thread. */
void bly_server_push_batch(bly_loop_deferred *deferred);

/* How many running calls hear in one round that their stream is gone. */
#define BLY_SERVER_TELL_AT_ONCE 16

/* Tells those that are next. I/O thread. */
void bly_server_tell_closed(bly_loop_deferred *deferred);

/* A connection that came by a door: it is there, its socket is closed, its last call is over. I/O thread. */
void bly_server_connection_added(belay_server *server, unsigned int door);
void bly_server_connection_closed(belay_server *server, unsigned int door);
void bly_server_connection_removed(belay_server *server, unsigned int door);

#endif
