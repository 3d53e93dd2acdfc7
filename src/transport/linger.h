/* SPDX-License-Identifier: MIT */
/*
 * Lingering: a socket that is closed while its peer still sends does not end well. The kernel answers what comes with
 * a reset of the connection, and the peer, whose next write fails for it, may never read the last that it was told:
 * that a stream was cancelled, or why the connection ends. So the end is said (SHUT_WR), and what comes is read and
 * thrown away until the peer says it, too: for a second and some bytes at most, so that whoever was sent away cannot
 * keep a socket for long.
 *
 * The socket is its loop's by then (io/straggler.h): whoever had it is done with it.
 */
#ifndef BLY_TRANSPORT_LINGER_H
#define BLY_TRANSPORT_LINGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

/* How many sockets linger of those that somebody looks after. Any thread; counts references, because they may
 * outlast him. */
typedef struct bly_linger_count bly_linger_count;

bly_linger_count *bly_linger_count_new(void); /* NULL without memory */
bly_linger_count *bly_linger_count_ref(bly_linger_count *count);
void bly_linger_count_unref(bly_linger_count *count); /* NULL: nothing */
size_t bly_linger_count_read(bly_linger_count *count);

/* Count one that will linger soon, and no more when it does, which counts it itself: whoever learns that its connection is
 * gone finds it counted. NULL: nothing. */
void bly_linger_count_add(bly_linger_count *count);
void bly_linger_count_take_away(bly_linger_count *count);

/* Waits until none lingers; false at the deadline. */
bool bly_linger_count_wait(bly_linger_count *count, uint64_t deadline);

/* Takes over a connected, non-blocking descriptor that nothing watches, and closes it at the peer's end, after
 * `most` bytes, or in time; at once without memory. count: NULL: nobody counts. I/O thread. */
void bly_linger(bly_loop *loop, int descriptor, size_t most, bly_linger_count *count);

#endif
