/* SPDX-License-Identifier: MIT */
/*
 * What a connection holds of messages that came by it, and all connections of a server together: bytes that wait
 * for handlers, and of messages that are not complete.
 *
 * Small messages are always let in: a stream's usual window is there whatever is held. Larger ones are granted the
 * window for their rest as long as that and what waits stay within the connection's limit, and one always is when
 * there is nothing else: whatever was granted can be completed without anything more, so nobody waits for each other
 * in a circle. The connection's own window is withheld only while something waits for a handler: then there is
 * somebody who can make room.
 *
 * What waits is counted in grains, so that calls with small messages never touch what threads share.
 */
#ifndef BLY_RPC_HOLDING_H
#define BLY_RPC_HOLDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct belay_call belay_call;

/* Of a server. */
typedef struct bly_holding_total {
    uint64_t limit; /* const */
    /* atomic, relaxed: they order nothing */
    uint64_t waiting; /* for handlers */
    uint64_t partial; /* of messages that are not complete */
} bly_holding_total;

/* Of a connection. */
typedef struct bly_holding {
    /* const after creation */
    bly_holding_total *total;
    uint64_t limit;
    /* atomic, relaxed: orders nothing */
    uint64_t waiting;
    /* I/O thread only */
    uint64_t partial;
    uint64_t granted; /* what messages will have when they are complete that were granted more than the usual */
} bly_holding;

/* A call's part. */
typedef struct bly_held {
    bly_holding *holding; /* const until it leaves; NULL: nobody counts */
    size_t waiting;       /* guarded by the call's lock: what is in the connection's sum */
    /* I/O thread only: what is in the connection's sums */
    size_t partial;
    size_t granted; /* 0: no grant */
    bool wants;     /* a grant was not to be had */
} bly_held;

void bly_holding_init(bly_holding *holding, bly_holding_total *total, uint64_t limit);

/* So much waits now of a call. Its lock is held. */
void bly_held_waiting_locked(bly_held *held, size_t waiting);

/* So much has come of a message of that size; 0, 0: none is under way. I/O thread. */
void bly_held_partial(bly_held *held, size_t partial, size_t size);

/* Whether the current message, which needs more than the usual window, may have it. I/O thread. */
bool bly_held_grant(bly_held *held, size_t size);

/* The call holds nothing any more. I/O thread; its lock is held. */
void bly_held_leave_locked(bly_held *held);

/* Whether the connection's window is to be withheld. I/O thread. */
bool bly_holding_is_full(const bly_holding *holding);

/* The same, of all together. Any thread. */
bool bly_holding_total_is_full(const bly_holding_total *total);

#endif
