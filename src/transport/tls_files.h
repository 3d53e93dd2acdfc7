/* SPDX-License-Identifier: MIT */
/*
 * What the files of a belay_tls hold, or memory: read, checked, and from then on const. Reading files blocks.
 */
#ifndef BLY_TRANSPORT_TLS_FILES_H
#define BLY_TRANSPORT_TLS_FILES_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define BLY_TLS_WORDS 400

/* Who this side is. */
typedef struct bly_tls_own {
    X509 *certificate; /* NULL: nobody */
    EVP_PKEY *key;
    STACK_OF(X509) *chain;
} bly_tls_own;

/* Whom it believes. */
typedef struct bly_tls_trust {
    X509_STORE *store; /* NULL: not set */
    STACK_OF(X509_NAME) *names; /* what clients are told; NULL for the system's store */
} bly_tls_trust;

/* Where PEM is read from. */
typedef struct bly_tls_source {
    const char *name;  /* of the file; or, for people, of what is in memory */
    const void *bytes; /* NULL: it is a file */
    size_t size;
} bly_tls_source;

/* Read; false, and the words say what is wrong with which source. What is there is not looked at. authorities: NULL:
 * the system's store. */
bool bly_tls_own_read(bly_tls_own *own, bly_tls_source certificate, bly_tls_source key, char words[BLY_TLS_WORDS]);
bool bly_tls_trust_read(bly_tls_trust *trust, const bly_tls_source *authorities, char words[BLY_TLS_WORDS]);

void bly_tls_own_fini(bly_tls_own *own);
void bly_tls_trust_fini(bly_tls_trust *trust);

/* A file as it lies there, to see whether it changed; one that is not there is different from all that
 * are. */
typedef struct bly_tls_stamp {
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
} bly_tls_stamp;

bly_tls_stamp bly_tls_stamp_of(const char *path); /* NULL: no file */
bool bly_tls_stamps_equal(const bly_tls_stamp *a, const bly_tls_stamp *b);

#endif
