/* SPDX-License-Identifier: MIT */
/*
 * belay_tls as servers and channels use it: each use is a bly_tls_user, and a channel has a bly_tls_target
 *     besides, what it wants of its servers and its session with them.
 *
 * A belay_tls that is used has a thread, a loop of its own, for handshakes and for looking at its files.
 * It goes with the last reference, on the thread that drops it.
 */
#ifndef BLY_TRANSPORT_TLS_H
#define BLY_TRANSPORT_TLS_H

#include <stdbool.h>

#include <belay/tls.h>

#include "base/list.h"
#include "base/log.h"

/* A server's listener, or a channel. */
typedef struct bly_tls_user {
    belay_tls *tls; /* a reference */
    bly_log *log;   /* where it hears of files that cannot be used; outlives the use */
    bly_link link;
    bly_link owner_link; /* whoever uses it: for lists of its own */
} bly_tls_user;

/* Begin to use it. NULL user and BELAY_FAILED_PRECONDITION: the log says what it lacks;
 * BELAY_RESOURCE_EXHAUSTED without memory or threads. Any thread. */
belay_code bly_tls_use_as_server(belay_tls *tls, bly_log *log, bly_tls_user **user);
belay_code bly_tls_use_as_client(belay_tls *tls, bly_log *log, bly_tls_user **user);

/* Ends it; its handshakes are over. When it returns, nothing of them is left that could touch the loops
 * they were for: these may be freed. Any thread that no loop waits for. NULL: nothing. */
void bly_tls_leave(bly_tls_user *user);

belay_tls *bly_tls_ref(belay_tls *tls);

typedef struct bly_tls_target bly_tls_target;

/* What a channel expects: the host of belay_tls_set_host(), or else of its authority ("host:port",
 * "[::1]:port", "host"). NULL without memory, or when that names no host. Any thread. */
bly_tls_target *bly_tls_target_new(belay_tls *tls, const char *authority);
bly_tls_target *bly_tls_target_ref(bly_tls_target *target);
void bly_tls_target_unref(bly_tls_target *target); /* NULL: nothing */

/* Whether belay_tls_set_host() has set one, which is the default of :authority then. Copied; the caller
 * frees. Any thread. */
char *bly_tls_host(belay_tls *tls);

#endif
