/* SPDX-License-Identifier: MIT */
/*
 * Watching a descriptor. I/O thread only.
 */
#ifndef BLY_IO_WATCH_H
#define BLY_IO_WATCH_H

#include <stdbool.h>

#include "io/loop.h"

typedef struct bly_watch bly_watch;

#define BLY_WATCH_READ 1u
#define BLY_WATCH_WRITE 2u

/* Called when the descriptor is ready; an error or hang-up shows as ready for whatever is watched. */
typedef void (*bly_watch_function)(void *argument, unsigned int events);

/* Makes a watch of a non-blocking descriptor that watches for nothing yet. The descriptor stays the
 * caller's. NULL without memory, or when it cannot be watched. */
bly_watch *bly_watch_new(bly_loop *loop, int descriptor, bly_watch_function function, void *argument);

/* Changes what is watched for; no system call when nothing changes. */
void bly_watch_set(bly_watch *watch, unsigned int events);

/* Ends it: the function is not called again, not even for events of this turn, and the descriptor may
 * be closed as soon as this returns. The memory goes when libuv lets go of it. NULL: nothing. */
void bly_watch_free(bly_watch *watch);

#endif
