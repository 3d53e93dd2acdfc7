/* SPDX-License-Identifier: MIT */
/*
 * Two ends of a socket on one loop: a server's and a client's belay_tls, or one of them and a peer of
 * OpenSSL's own, which does what belay would not.
 */
#ifndef TESTS_TRANSPORT_TLS_SCENE_H
#define TESTS_TRANSPORT_TLS_SCENE_H

#include <openssl/ssl.h>

#include "support/suite.h"
#include "transport/certificates.h"
#include "transport/handshake.h"

typedef struct tls_side {
    belay_tls *tls;
    bly_tls_user *user;
    /* the loop */
    bly_loop *loop;
    int descriptor;         /* of the next handshake */
    bly_tls_target *target; /* a client's */
    bly_handshake *handshake;
    bly_stream *stream;
    char error[640]; /* why there is none */
    bool is_over;
    gate over;
    int rounds;
    /* reading on */
    char *data;
    size_t size;
    size_t wanted;
    ssize_t ended; /* 0 or BLY_STREAM_BROKEN; 1: not */
    bool reads_on; /* as the stream said after a read */
    bool awaits_came;
    gate came;
    int reads;
    /* writing all of something */
    const char *out;
    size_t out_left;
    bool awaits_left;
    gate left;
    int writes;
} tls_side;

typedef struct tls_scene {
    certificates files;
    bly_loop *loop;
    bly_log log; /* lines are kept */
    tls_side server;
    tls_side client;
} tls_scene;

/* Makes both ends with the usual certificates: the server is "server", the client believes "ca" and wants
 * localhost. */
void tls_scene_open(tls_scene *scene);
void tls_scene_close(tls_scene *scene);

/* Gives the client another target: an authority. */
void tls_scene_aim(tls_scene *scene, const char *authority);

/* Begins handshakes over a new pair of sockets; waits for their ends. The streams of the last round are
 * freed. */
void tls_scene_shake(tls_scene *scene);

/* The same with one side only: returns the other end of the socket, which blocks. */
int tls_scene_shake_alone(tls_scene *scene, tls_side *side);
void tls_side_await(tls_side *side);

/* Begins a round with a descriptor, not waiting. */
void tls_side_begin(tls_side *side, int descriptor);
void tls_side_cancel(tls_side *side);
void tls_side_drop(tls_side *side); /* its stream */

/* Reads until `size` bytes more have come, or the end: how many have come so far. */
size_t tls_side_read(tls_side *side, size_t size);

/* The same in two steps. */
void tls_side_begin_read(tls_side *side, size_t size);
size_t tls_side_await_read(tls_side *side);

/* Writes all, as a connection would: what is not counted is given again. Waits until it has left. */
void tls_side_write(tls_side *side, const char *data, size_t size);

/* The same in two steps. */
void tls_side_begin_write(tls_side *side, const char *data, size_t size);
void tls_side_await_written(tls_side *side);

/* A peer of OpenSSL's own on a blocking descriptor; protocols: ALPN's, or NULL. */
SSL *raw_tls_client(int descriptor, const char *protocols);
/* The same for a server that is "server", at the other end of the client's next handshake, which begins. */
SSL *raw_tls_server(tls_scene *scene, SSL_CTX_alpn_select_cb_func choose);
void raw_tls_free(SSL *ssl);

/* Whether a line of the log has these words. */
bool tls_scene_logged(tls_scene *scene, const char *words);

#endif
