/* SPDX-License-Identifier: MIT */
/*
 * What went wrong with TLS, for people: what it was and what can be done. Any thread.
 */
#ifndef BLY_TRANSPORT_TLS_WORDS_H
#define BLY_TRANSPORT_TLS_WORDS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* Why a certificate is no good; error: of X509_STORE_CTX. host: the name it should have been for, or NULL. */
void bly_tls_words_certificate(int error, X509 *certificate, const char *host, char *words, size_t size);

/* What OpenSSL's queue says; takes it out. */
void bly_tls_words_error(bool is_server, char *words, size_t size);

#endif
