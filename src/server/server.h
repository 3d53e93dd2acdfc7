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

#include <belay/server.h>

#include "base/mutex.h"
#include "io/timer.h"
#include "pool/pool.h"
#include "rpc/runtime.h"
#include "server/registry.h"
#include "transport/listener.h"

struct belay_server_options {
    unsigned int workers_minimum;
    unsigned int workers_maximum;
    size_t stack_size;
    bool batch_scheduling;
    unsigned int queue;
    uint32_t max_receive_size;
    uint32_t send_mark;
    unsigned int connection_handlers;
    uint64_t drain_grace_ns;
    uint64_t drain_limit_ns;
    uint64_t watchdog_ns; /* 0: none */
    int watchdog_signal;  /* 0: no stacks */
};

extern const belay_server_options bly_server_default_options;

typedef struct bly_server_loop {
    /* const after creation */
    belay_server *server;
    bly_loop *loop;
    /* I/O thread only */
    bly_list connections; /* bly_server_connection */
    bly_list batch;       /* jobs for the pool */
    bly_loop_deferred push;
    bly_list closed; /* calls that are yet to hear that their stream is gone */
    unsigned int may_tell; /* how many more hear of their reset at once */
    bly_loop_deferred tell;
    bool stopping; /* connections that come now are closed at once */
} bly_server_loop;

typedef struct bly_server_listener {
    bly_listener *listener; /* the loop's thread, once started */
    unsigned int next_loop; /* I/O thread: where the next connection goes */
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

    /* any thread */
    bly_server_totals totals;
    bly_timer growth_timer;
    int growth_timer_armed; /* atomic: whoever sets it arms */

    bly_mutex lock;
    /* guarded by lock */
    bly_condition changed;
    bly_server_state state;
    size_t connection_count; /* those whose last call is not over included */
    uint64_t drain_deadline; /* when the grace time ends */
};

/* Pushes the calls of this turn to the pool. I/O thread. */
void bly_server_push_batch(bly_loop_deferred *deferred);

/* How many running calls hear in one round that their stream is gone. */
#define BLY_SERVER_TELL_AT_ONCE 16

/* Tells those that are next. I/O thread. */
void bly_server_tell_closed(bly_loop_deferred *deferred);

/* One connection more or less. I/O thread. */
void bly_server_connection_added(belay_server *server);
void bly_server_connection_removed(belay_server *server);

#endif
