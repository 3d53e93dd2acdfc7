/* SPDX-License-Identifier: MIT */
/*
 * What makes the credentials of a call.
 */
#ifndef BLY_RPC_CREDENTIALS_H
#define BLY_RPC_CREDENTIALS_H

#include <belay/credentials.h>

typedef struct bly_credentials {
    /* one thread at a time, as all of a call's options */
    belay_credentials_function function; /* NULL: none */
    void *argument;
    bool plaintext; /* may go without TLS */
} bly_credentials;

/* Appends a call's credentials to its metadata, `*metadata`, which is made when it is NULL.
 * BELAY_OK; what the call ends with otherwise, and why in *words, a constant. Any thread, no lock held. */
belay_code bly_credentials_add(const bly_credentials *credentials, bool is_secure,
                               const belay_credentials_request *request, belay_metadata **metadata,
                               const char **words);

#endif
