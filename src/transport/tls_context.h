/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL's contexts by belay's rules: versions, ciphers, ALPN, whom to ask and whom to believe.
 */
#ifndef BLY_TRANSPORT_TLS_CONTEXT_H
#define BLY_TRANSPORT_TLS_CONTEXT_H

#include <belay/tls.h>

#include <openssl/ssl.h>

#include "transport/tls_files.h"

/* Before anything else is asked of OpenSSL. Any thread, any number of times. */
void bly_tls_begin_library(void);

/* What the connections of a context do with it. Called with the SSL's app data, on the thread that drives
 * it. */
typedef struct bly_tls_hooks {
    /* A certificate of the other side is no good: error of X509_STORE_CTX, and which. */
    void (*refused)(void *connection, int error, X509 *certificate);
    /* A client was given a session; true: the callee has taken over the reference. */
    bool (*session)(void *connection, SSL_SESSION *session);
    /* A record of a handshake has come. False: it goes no further, and neither does what follows. */
    bool (*message)(void *connection);
} bly_tls_hooks;

/* Make contexts; NULL without memory. Hooks outlive them. Any thread. */
SSL_CTX *bly_tls_context_server(const bly_tls_own *own, const bly_tls_trust *trust, belay_tls_clients clients,
                                const bly_tls_hooks *hooks);
SSL_CTX *bly_tls_context_client(const bly_tls_own *own, const bly_tls_trust *trust,
                                const bly_tls_hooks *hooks);

/* Whether both sides have agreed on HTTP/2. */
bool bly_tls_speaks_h2(const SSL *ssl);

#endif
