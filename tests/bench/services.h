/* SPDX-License-Identifier: MIT */
/* The bench server's handlers: helloworld.Greeter and helloworld.Bench of peer.proto. */
#ifndef BENCH_SERVICES_H
#define BENCH_SERVICES_H

#include <stdint.h>

#include <belay/server.h>

#include "bench/channels.h"

/* A power of two. Whoever asks does so at once, so that an old entry may give way to a new one. */
#define SEEN_SLOTS 65536

/* What the handlers share. */
typedef struct bench_state {
    channel_cache channels;
    /* atomic, relaxed: totals that order nothing */
    uint64_t started;
    uint64_t finished;
    uint64_t cancelled;
    uint64_t blocked; /* handlers in Block now; the field v of Stats */
    uint64_t sink; /* where results go that nobody wants, so that they are computed */
    pthread_mutex_t seen_lock;
    struct {
        uint64_t id;
        int64_t ns;
    } seen[SEEN_SLOTS]; /* guarded by seen_lock */
} bench_state;

/* Zeroed memory comes in. The runtime is the server's. */
void bench_init(bench_state *bench, belay_runtime *runtime);

/* After the server's drain: no handler runs. */
void bench_fini(bench_state *bench);

/* Adds both services. Seen and Stats answer also when the pool is full. */
BELAY_WARN_UNUSED belay_code bench_add(bench_state *bench, belay_server *server);

#endif
