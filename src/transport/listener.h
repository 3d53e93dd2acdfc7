/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets. Opening binds and listens, so that connections queue in the kernel from then
 * on; accepting begins with bly_listener_start(). When descriptors run out (EMFILE) it backs off and
 * stays alive.
 */
#ifndef BLY_TRANSPORT_LISTENER_H
#define BLY_TRANSPORT_LISTENER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/log.h"
#include "io/loop.h"
#include "transport/address.h"

typedef struct bly_listener bly_listener;

/* Takes over a connected, non-blocking, close-on-exec descriptor (TCP_NODELAY set). I/O thread. */
typedef void (*bly_accept_function)(void *argument, int descriptor, const char *peer);

/* Binds and listens. Host names are resolved here (blocking): before the server starts. On failure NULL,
 * and `error` says what failed. A unix socket that nobody listens on is replaced, and removed at the
 * end. Any thread. */
bly_listener *bly_listener_open(const bly_address *address, bly_log *log, char *error, size_t error_size);

/* The same; a unix socket's file has the permissions `mode` before anybody can connect. 0: what the umask leaves. */
bly_listener *bly_listener_open_mode(const bly_address *address, mode_t mode, bly_log *log, char *error,
                                     size_t error_size);

/* Whether a descriptor is what bly_listener_adopt() takes: a stream socket that listens, of a family known
 * here. False: `error` says what it is not. Any thread. */
bool bly_listener_may_adopt(int descriptor, char *error, size_t error_size);

/* Takes over such a descriptor, bound by somebody else: it is made non-blocking and close-on-exec, and closed
 * at the end; a unix socket's file stays. NULL without memory: then it stays the caller's. Any thread. */
bly_listener *bly_listener_adopt(int descriptor, bly_log *log);

/* Its descriptor; -1 once stopped. Before the start, or on the loop's thread. */
int bly_listener_descriptor(const bly_listener *listener);

/* "127.0.0.1:50051" with the real port, or "unix:path". Any thread. Lives as long as the listener. */
const char *bly_listener_address(const bly_listener *listener);

/* Begins to accept on the loop; false without memory. The loop's thread. */
bool bly_listener_start(bly_listener *listener, bly_loop *loop, bly_accept_function function, void *argument);

/* Stops accepting and closes the socket; later connections are refused by the kernel. The loop's
 * thread if started; may be called by the accept function. Stopping twice is harmless. */
void bly_listener_stop(bly_listener *listener);

/* Frees it; stopped, or never started. Not inside its accept function. Any thread. NULL: nothing. */
void bly_listener_free(bly_listener *listener);

#endif
