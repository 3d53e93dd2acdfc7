/* SPDX-License-Identifier: MIT */
/*
 * The inside of a TLS connection, for secure.c (its life, handshake, reading) and secure_write.c.
 */
#ifndef BLY_TRANSPORT_SECURE_INSIDE_H
#define BLY_TRANSPORT_SECURE_INSIDE_H

#include "transport/secure.h"
#include "transport/socket_bio.h"
#include "transport/stream.h"

struct bly_secure {
    /* const after creation */
    SSL *ssl;
    bool is_server;
    bly_tls_target *target;  /* of a client; a reference */
    unsigned int generation; /* of the rules */
    /* the loop's thread only */
    bly_socket_bio socket;
    bool is_through; /* the handshake is done */
    bool is_broken;
    bool cannot_write; /* the socket took nothing more; what has come before may be read all the same */
    bool has_more; /* OpenSSL holds bytes that it has not given out */
    uint32_t messages;      /* that may still come */
    uint32_t most_messages; /* of a burst */
    uint64_t forgiven_at;   /* ns */
    bool has_flooded;
    size_t held;   /* bytes that were written whose records wait in the socket's */
    belay_peer_identity *identity;
    bool was_refused; /* the other side's certificate; `words` say why */
    char words[256];  /* what broke it */
};

/* Breaks it, for a reason; for the socket's error; only its writing, for the same. All return BLY_STREAM_BROKEN. */
int bly_secure_break(bly_secure *secure, const char *words);
int bly_secure_break_by_socket(bly_secure *secure);
int bly_secure_break_writing(bly_secure *secure);

/* What a call of OpenSSL that did not succeed came to: BLY_STREAM_AGAIN, BLY_STREAM_BROKEN, or 0 after the other
 * side's close_notify. */
int bly_secure_result(bly_secure *secure, int returned);

#endif
