/* SPDX-License-Identifier: MIT */
/*
 * Name resolution on libuv's thread pool. It cannot be interrupted: a cancelled resolution is
 * forgotten, and its late answer dropped.
 */
#ifndef BLY_IO_RESOLVE_H
#define BLY_IO_RESOLVE_H

#include <netdb.h>

#include "io/loop.h"

typedef struct bly_resolve bly_resolve;

/* Called on the I/O thread, later. addresses: NULL on failure; freed by belay after the call. error:
 * NULL, or a constant that says why. */
typedef void (*bly_resolve_function)(void *argument, const struct addrinfo *addresses, const char *error);

/* Begins to resolve; strings are copied. NULL without memory. I/O thread. */
bly_resolve *bly_resolve_start(bly_loop *loop, const char *host, const char *port,
                               bly_resolve_function function, void *argument);

/* Forgets it: the function will not be called. Not after it was called. I/O thread. */
void bly_resolve_cancel(bly_resolve *resolve);

#endif
