/* SPDX-License-Identifier: MIT */
/*
 * What a server's calls know of its drain. The server owns it, and it outlives the calls.
 */
#ifndef BLY_RPC_DRAINING_H
#define BLY_RPC_DRAINING_H

#include <belay/context.h>

typedef struct bly_draining {
    /* const after creation */
    /* a root that ends when a drain begins: what can wait for the one can for the other */
    belay_context *context;
    /* atomic, relaxed: a worker that misses it has begun before */
    int grace_over; /* no handler is to begin any more */
} bly_draining;

#endif
