/* SPDX-License-Identifier: MIT */
/*
 * What an SSL reads from and writes to: a socket, without signals. While a write is collected its records
 * are put together in a buffer that is lent; what the socket does not take waits here. One thread at a
 * time.
 */
#ifndef BLY_TRANSPORT_SOCKET_BIO_H
#define BLY_TRANSPORT_SOCKET_BIO_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bly_socket_bio {
    int descriptor;
    int error;    /* errno of what broke it; 0: nothing */
    bool at_end;  /* the other side sends nothing more */
    bool is_dry;  /* the last read found nothing */
    size_t taken; /* bytes since the turn began */
    /* while a write is collected */
    uint8_t *lent; /* NULL: none is */
    size_t lent_size;
    size_t collected;
    /* what waits */
    uint8_t *waiting; /* NULL: nothing */
    size_t waiting_size;
    size_t waiting_sent;
} bly_socket_bio;

/* Makes a BIO that works on it; freed with the SSL it is given to. NULL without memory. */
BIO *bly_socket_bio_new(bly_socket_bio *socket);
void bly_socket_bio_fini(bly_socket_bio *socket);

/* Begins a turn: so much is read in one that other connections do not wait long, and the rest stays in the socket. */
void bly_socket_bio_begin_turn(bly_socket_bio *socket);

/* Whether the socket gives nothing more in this turn. */
bool bly_socket_bio_is_done(const bly_socket_bio *socket);

/* Collects what is written, until it is sent. */
void bly_socket_bio_collect(bly_socket_bio *socket, uint8_t *buffer, size_t size);

/* Room for more in the buffer. */
size_t bly_socket_bio_room(const bly_socket_bio *socket);

/* Sends what was collected; what the socket does not take waits. False: it is broken. */
bool bly_socket_bio_send(bly_socket_bio *socket);

/* Sends what waits, as far as the socket takes it. False: it is broken. */
bool bly_socket_bio_send_waiting(bly_socket_bio *socket);

#endif
