/* SPDX-License-Identifier: MIT */
/*
 * What a belay_tls consists of, for the files of this folder only: tls.c (settings, life), tls_reload.c
 * (files that change), tls_target.c (a channel's side).
 */
#ifndef BLY_TRANSPORT_TLS_INSIDE_H
#define BLY_TRANSPORT_TLS_INSIDE_H

#include <openssl/ssl.h>

#include "base/mutex.h"
#include "base/refcount.h"
#include "io/loop.h"
#include "io/timer.h"
#include "transport/tls.h"
#include "transport/tls_files.h"

/* Files by name: of the certificate, the key and the authorities. */
#define BLY_TLS_FILES 3

struct belay_tls {
    bly_refcount refs; /* the program's, each user's */

    bly_mutex reading; /* one reads files at a time; taken before `lock` */
    /* guarded by reading */
    bly_tls_stamp read[BLY_TLS_FILES];   /* as they were when they were read last, used or not */
    bly_tls_stamp looked[BLY_TLS_FILES]; /* as they were at the last look */

    bly_mutex lock;
    /* guarded by lock; names are changed with `reading` held as well */
    char *certificate_file; /* NULL: none, or `own` came from memory */
    char *key_file;
    char *ca_file;
    bool has_trust; /* belay_tls_set_trust() was called; with ca_file NULL: the system's store. Else a store in `trust`
                     * is the system's, for clients that were told nothing, and no server's */
    bool keeps_trust; /* it came from memory */
    bly_tls_own own;
    bly_tls_trust trust;
    belay_tls_clients clients;
    char *host; /* or NULL */
    uint64_t timeout_ns;
    uint64_t check_ns;
    SSL_CTX *server; /* made of the above when it is needed; NULL: not yet */
    SSL_CTX *client;
    unsigned int generation; /* of the contexts */
    char words[BLY_TLS_WORDS];
    bly_list users;
    bly_loop *loop; /* NULL: not used yet */

    /* the own loop only */
    bly_timer check; /* needs no reference: it is disarmed before the end */
};

struct bly_tls_target {
    bly_refcount refs;
    /* const after creation */
    bool is_address; /* an IP address */
    char *host;
    bly_mutex lock;
    /* guarded by lock */
    SSL_SESSION *session; /* or NULL */
    unsigned int generation; /* whose it is */
};

/* A connection's SSL by the rules that hold now; NULL without memory. generation: of the context. Any
 * thread. */
SSL *bly_tls_connection(belay_tls *tls, bool is_server, unsigned int *generation);

bly_loop *bly_tls_loop(belay_tls *tls);
uint64_t bly_tls_timeout(belay_tls *tls);

/* What was set has changed: the next handshake is by new contexts. Lock held. */
void bly_tls_forget_contexts_locked(belay_tls *tls);

/* ---- tls_reload.c ---- */

/* Begins to look at the files, or goes on with another interval; and ends. The own loop. */
void bly_tls_begin_checking(void *tls);
void bly_tls_end_checking(void *tls);
void bly_tls_check(bly_timer *timer);

/* ---- tls_target.c ---- */

/* Has an SSL check the target's name, and resume its session. False without memory. */
bool bly_tls_target_prepare(bly_tls_target *target, SSL *ssl, unsigned int generation);

/* Keeps a session for the next connection. */
void bly_tls_target_keep(bly_tls_target *target, SSL_SESSION *session, unsigned int generation);

#endif
