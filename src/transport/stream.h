/* SPDX-License-Identifier: MIT */
/*
 * Byte streams: a connected socket, plain or with TLS behind the same operations. I/O thread only, after
 * creation.
 */
#ifndef BLY_TRANSPORT_STREAM_H
#define BLY_TRANSPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "io/loop.h"
#include "io/watch.h"
#include "transport/linger.h"

struct belay_peer_identity;
struct bly_secure;

typedef struct bly_stream bly_stream;

#define BLY_STREAM_AGAIN (-1)  /* not now: watch for it */
#define BLY_STREAM_BROKEN (-2) /* the connection is lost; bly_stream_error() says how */

/* Wraps a connected, non-blocking descriptor, which it owns from now on, also on failure. `peer` is
 * copied. NULL without memory. The loop's thread, or any that the loop never waits for. */
bly_stream *bly_stream_new(bly_loop *loop, int descriptor, const char *peer);

/* The same for one that TLS has shaken hands on (transport/handshake.h): takes over both. */
bly_stream *bly_stream_new_secure(bly_loop *loop, int descriptor, const char *peer,
                                  struct bly_secure *secure);

/* Closes it now and stops its watch; with TLS, says so to the other side. NULL: nothing. */
void bly_stream_free(bly_stream *stream);

/* The same when all was said: the socket lingers (transport/linger.h), for `most` bytes at most, so that the other side
 * reads that. */
void bly_stream_finish(bly_stream *stream, size_t most, bly_linger_count *count);

/* Frees a plain stream, but not its descriptor: that is the caller's now. */
int bly_stream_release(bly_stream *stream);

/* Who the other side proved to be (belay_call_peer_identity), once: the caller frees it. NULL: nobody. */
struct belay_peer_identity *bly_stream_take_identity(bly_stream *stream);

/* Says who is called when the stream is ready for what bly_stream_watch() asked. */
void bly_stream_set_handler(bly_stream *stream, bly_watch_function function, void *argument);
void bly_stream_watch(bly_stream *stream, unsigned int events);

/* Reads up to size bytes: their number, 0 at the end, AGAIN or BROKEN. */
ssize_t bly_stream_read(bly_stream *stream, void *data, size_t size);

/* Whether the handler will be called again in this turn, for bytes that have come already. */
bool bly_stream_reads_on(const bly_stream *stream);

/* Writes what the kernel takes: the number of bytes, AGAIN or BROKEN. Never raises SIGPIPE. What it has
 * not counted is given to it again, the same, before anything else: with TLS some of it is under way
 * already. After BROKEN what the other side said before that may still be read. */
ssize_t bly_stream_write(bly_stream *stream, const struct iovec *vectors, int count);

/* Sets how many messages of TLS itself may come after the handshake (BELAY_LIMIT_TLS_MESSAGES); and whether the
 * stream is broken because there were more. Nothing and false for plain ones. */
void bly_stream_limit_messages(bly_stream *stream, uint32_t most);
bool bly_stream_has_flooded(const bly_stream *stream);

/* Whether a session was resumed; false for plain ones. */
bool bly_stream_is_resumed(const bly_stream *stream);

const char *bly_stream_peer(const bly_stream *stream);

/* What broke it, in words; empty while it is whole. Lives as long as the stream. */
const char *bly_stream_error(const bly_stream *stream);

/* A connected pair on two loops (or one), for tests: both ends are real descriptors. 0 or -1. Any
 * thread that the loops never wait for. */
int bly_stream_pair(bly_loop *first_loop, bly_stream **first, bly_loop *second_loop, bly_stream **second);

#endif
