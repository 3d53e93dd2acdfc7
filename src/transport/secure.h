/* SPDX-License-Identifier: MIT */
/*
 * TLS on a socket: an SSL with a BIO of belay's own, which never raises SIGPIPE, and puts the records of
 * one write together for one system call. One thread at a time: that of the loop that the connection lives
 * on.
 */
#ifndef BLY_TRANSPORT_SECURE_H
#define BLY_TRANSPORT_SECURE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <belay/tls.h>

#include "io/loop.h"
#include "transport/tls_context.h"
#include "transport/tls_inside.h"

typedef struct bly_secure bly_secure;

/* Makes one for a connected, non-blocking descriptor, which stays the caller's and outlives it. target:
 * what a client wants of its server, of which it keeps a reference; NULL for a server's side. NULL without
 * memory. */
bly_secure *bly_secure_new(belay_tls *tls, bly_tls_target *target, int descriptor);

/* Frees it, with a close_notify where the socket takes it. NULL: nothing. */
void bly_secure_free(bly_secure *secure);

/* What these three return besides: BLY_STREAM_AGAIN, BLY_STREAM_BROKEN. */

/* Goes on with the handshake: 0 when it is done. */
int bly_secure_handshake(bly_secure *secure);

bool bly_secure_is_resumed(const bly_secure *secure);

/* Reads up to size bytes: their number, or 0 after the other side's close_notify. */
ssize_t bly_secure_read(bly_secure *secure, void *data, size_t size);

/* Writes what the kernel takes: the number of bytes whose records it has. What it did not count must be
 * given again, the same, before anything else. When the socket takes no more for good, what has come may still be
 * read. */
ssize_t bly_secure_write(bly_secure *secure, bly_loop *loop, const struct iovec *vectors, int count);

/* Whether there is more to read that no poll of the socket tells of. */
bool bly_secure_has_more(const bly_secure *secure);

/* Whether records wait for the socket to take more, and tries again to send them: false when it is broken. */
bool bly_secure_is_waiting(const bly_secure *secure);
bool bly_secure_send_waiting(bly_secure *secure);

/* Messages of TLS itself that may come after the handshake: changes of keys, tickets, attempts at another handshake.
 * `most` in a burst, and one more for each second. The next breaks it, before it is looked at. */
void bly_secure_limit_messages(bly_secure *secure, uint32_t most);
bool bly_secure_has_flooded(const bly_secure *secure);

/* What broke it, in words. */
const char *bly_secure_error(const bly_secure *secure);

/* Who the other side proved to be, once: the caller frees it. NULL: nobody. */
belay_peer_identity *bly_secure_take_identity(bly_secure *secure);

extern const bly_tls_hooks bly_secure_hooks;

#endif
