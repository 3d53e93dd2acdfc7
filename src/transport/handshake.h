/* SPDX-License-Identifier: MIT */
/*
 * Handshakes. They run on the belay_tls's own loop, so that a burst of them, or one that takes long, holds
 * up no other connection; the stream comes back to the loop that it is to live on.
 */
#ifndef BLY_TRANSPORT_HANDSHAKE_H
#define BLY_TRANSPORT_HANDSHAKE_H

#include "io/loop.h"
#include "transport/stream.h"
#include "transport/tls.h"

typedef struct bly_handshake bly_handshake;

/* stream: the callee's; NULL on failure, and error says why in words for people, valid during the call.
 * Called once, never inside bly_handshake_start(); the handshake is none of the caller's any more then.
 * The loop's thread. */
typedef void (*bly_handshake_function)(void *argument, bly_stream *stream, const char *error);

/* Begins, for a connected, non-blocking descriptor, which it owns from now on, also on failure. target:
 * what a client wants of its server; NULL for a server. The user's use lasts until the function is called.
 * NULL without memory. The loop's thread. */
bly_handshake *bly_handshake_start(const bly_tls_user *user, bly_tls_target *target, bly_loop *loop,
                                   int descriptor, const char *peer, bly_handshake_function function,
                                   void *argument);

/* Hurries it to its end: the function is called soon. The loop's thread; once more is harmless. */
void bly_handshake_cancel(bly_handshake *handshake);

#endif
