/* SPDX-License-Identifier: MIT */
#include "transport/secure.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/peer_identity.h"
#include "transport/socket.h"
#include "transport/socket_bio.h"
#include "transport/stream.h"
#include "transport/tls_words.h"

#define RECORD 16384
/* Of the ciphertext: headers, tags, and what OpenSSL may send along. */
#define RECORD_ROOM (RECORD + 1024)

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
    bool has_more; /* OpenSSL holds bytes that it has not given out */
    size_t held;   /* bytes that were written whose records wait in the socket's */
    belay_peer_identity *identity;
    bool was_refused; /* the other side's certificate; `words` say why */
    char words[256];  /* what broke it */
};

/* ---- What OpenSSL calls ----------------------------------------------------------------------------------- */

/* The first refusal is the cause. */
static void
refused(void *connection, int error, X509 *certificate)
{
    bly_secure *secure = connection;
    if (secure->was_refused)
        return;
    secure->was_refused = true;
    bly_tls_words_certificate(error, certificate, secure->target != NULL ? secure->target->host : NULL, secure->words,
                              sizeof secure->words);
}

static bool
take_session(void *connection, SSL_SESSION *session)
{
    bly_secure *secure = connection;
    bly_tls_target_keep(secure->target, session, secure->generation);
    return true;
}

const bly_tls_hooks bly_secure_hooks = {.refused = refused, .session = take_session};

/* ---- Life ------------------------------------------------------------------------------------------------- */

static bool
prepare(bly_secure *secure)
{
    BIO *bio = bly_socket_bio_new(&secure->socket);
    if (bio == NULL)
        return false;
    SSL_set_bio(secure->ssl, bio, bio);
    SSL_set_app_data(secure->ssl, secure);
    if (secure->is_server) {
        SSL_set_accept_state(secure->ssl);
        return true;
    }
    SSL_set_connect_state(secure->ssl);
    return bly_tls_target_prepare(secure->target, secure->ssl, secure->generation);
}

bly_secure *
bly_secure_new(belay_tls *tls, bly_tls_target *target, int descriptor)
{
    bly_secure *secure = calloc(1, sizeof *secure);
    if (secure == NULL)
        return NULL;
    secure->is_server = target == NULL;
    secure->target = target != NULL ? bly_tls_target_ref(target) : NULL;
    secure->socket.descriptor = descriptor;
    secure->ssl = bly_tls_connection(tls, secure->is_server, &secure->generation);
    if (secure->ssl != NULL && prepare(secure))
        return secure;
    ERR_clear_error();
    secure->is_broken = true;
    bly_secure_free(secure);
    return NULL;
}

/* OpenSSL takes a connection that ends without this for an attack, and its session for one not to be resumed. That it
 * ended badly the other side sees for itself. */
static void
say_end(bly_secure *secure)
{
    ERR_clear_error();
    if (secure->is_through && !secure->is_broken)
        SSL_shutdown(secure->ssl);
    else
        SSL_set_shutdown(secure->ssl, SSL_SENT_SHUTDOWN);
    ERR_clear_error();
}

void
bly_secure_free(bly_secure *secure)
{
    if (secure == NULL)
        return;
    if (secure->ssl != NULL)
        say_end(secure);
    SSL_free(secure->ssl);
    bly_socket_bio_fini(&secure->socket);
    bly_tls_target_unref(secure->target);
    bly_peer_identity_free(secure->identity);
    free(secure);
}

/* ---- Failing ---------------------------------------------------------------------------------------------- */

static int
break_by(bly_secure *secure, const char *words)
{
    secure->is_broken = true;
    snprintf(secure->words, sizeof secure->words, "%s", words);
    return BLY_STREAM_BROKEN;
}

/* Whoever refuses us says so and closes: then a write fails, and why is there to be read. */
static bool
was_told_why(bly_secure *secure)
{
    char byte;
    size_t got;
    if (!secure->is_through || secure->is_broken)
        return false;
    ERR_clear_error();
    int returned = SSL_peek_ex(secure->ssl, &byte, 1, &got);
    if (returned == 1 || SSL_get_error(secure->ssl, returned) != SSL_ERROR_SSL)
        return false;
    bly_tls_words_error(secure->is_server, secure->words, sizeof secure->words);
    secure->is_broken = true;
    return true;
}

static int
break_by_socket(bly_secure *secure)
{
    char buffer[96];
    int error = secure->socket.error;
    if (error != 0 && was_told_why(secure))
        return BLY_STREAM_BROKEN;
    return break_by(secure, error != 0 ? bly_socket_error(error, buffer, sizeof buffer) : "the connection was cut off");
}

/* What a call of OpenSSL that did not succeed came to. */
static int
result_of(bly_secure *secure, int returned)
{
    switch (SSL_get_error(secure->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return BLY_STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return break_by_socket(secure);
    default:
        secure->is_broken = true;
        if (!secure->was_refused)
            bly_tls_words_error(secure->is_server, secure->words, sizeof secure->words);
        ERR_clear_error();
        return BLY_STREAM_BROKEN;
    }
}

const char *
bly_secure_error(const bly_secure *secure)
{
    return secure->words;
}

/* ---- The handshake ---------------------------------------------------------------------------------------- */

/* A session that is resumed vouches for a certificate that may have expired meanwhile. */
static int
learn_identity(bly_secure *secure)
{
    X509 *certificate = SSL_get0_peer_certificate(secure->ssl);
    if (!secure->is_server || certificate == NULL)
        return 0;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return break_by(secure, "the client's certificate has expired");
    secure->identity = bly_peer_identity_new(certificate);
    return secure->identity != NULL ? 0 : break_by(secure, "no memory for the client's identity");
}

int
bly_secure_handshake(bly_secure *secure)
{
    if (!bly_secure_send_waiting(secure))
        return BLY_STREAM_BROKEN;
    ERR_clear_error();
    int returned = SSL_do_handshake(secure->ssl);
    if (returned != 1) {
        int result = result_of(secure, returned);
        return result == 0 ? break_by(secure, "the other side ended it") : result;
    }
    if (bly_secure_is_waiting(secure))
        return BLY_STREAM_AGAIN;
    if (!bly_tls_speaks_h2(secure->ssl))
        return break_by(secure, "the other side does not speak HTTP/2 (it did not answer ALPN \"h2\")");
    int result = learn_identity(secure);
    secure->is_through = result == 0;
    secure->has_more = SSL_has_pending(secure->ssl) == 1;
    return result;
}

bool
bly_secure_is_resumed(const bly_secure *secure)
{
    return SSL_session_reused(secure->ssl) == 1;
}

belay_peer_identity *
bly_secure_take_identity(bly_secure *secure)
{
    belay_peer_identity *identity = secure->identity;
    secure->identity = NULL;
    return identity;
}

/* ---- Reading ---------------------------------------------------------------------------------------------- */

/* Records without bytes for us, changes of keys say, that a read goes through before others have their turn. */
#define MOST_EMPTY_RECORDS 16

/* Bytes that OpenSSL could go on with now. */
static bool
has_more(const bly_secure *secure)
{
    return !secure->socket.is_dry && SSL_has_pending(secure->ssl) == 1;
}

/* One read of the socket, and what records it brought: OpenSSL gives out one at a time. */
ssize_t
bly_secure_read(bly_secure *secure, void *data, size_t size)
{
    size_t filled = 0, got;
    int result = BLY_STREAM_AGAIN;
    if (secure->is_broken)
        return BLY_STREAM_BROKEN;
    ERR_clear_error();
    secure->socket.is_dry = false;
    for (int empty = 0; filled < size && empty < MOST_EMPTY_RECORDS;) {
        int returned = SSL_read_ex(secure->ssl, (char *)data + filled, size - filled, &got);
        if (returned == 1)
            filled += got;
        else if ((result = result_of(secure, returned)) == BLY_STREAM_AGAIN)
            empty++;
        else
            break;
        if (!has_more(secure))
            break;
    }
    /* After bytes the end is told next time. */
    secure->has_more = result != BLY_STREAM_AGAIN ? filled > 0 : has_more(secure);
    return filled > 0 ? (ssize_t)filled : result;
}

bool
bly_secure_has_more(const bly_secure *secure)
{
    return secure->has_more;
}

/* ---- Writing ---------------------------------------------------------------------------------------------- */

bool
bly_secure_is_waiting(const bly_secure *secure)
{
    return secure->socket.waiting != NULL;
}

bool
bly_secure_send_waiting(bly_secure *secure)
{
    if (!secure->is_broken && !bly_socket_bio_send_waiting(&secure->socket))
        break_by_socket(secure);
    return !secure->is_broken;
}

/* One record. */
static bool
encrypt(bly_secure *secure, const uint8_t *data, size_t size, size_t *taken)
{
    size_t written;
    int returned = SSL_write_ex(secure->ssl, data, size, &written);
    if (returned != 1) {
        if (result_of(secure, returned) != BLY_STREAM_BROKEN)
            break_by(secure, "TLS would not write"); /* the BIO takes everything, so it never waits */
        return false;
    }
    *taken += written;
    return true;
}

/* What is put together for one record. */
typedef struct staging {
    uint8_t *bytes;
    size_t size;
} staging;

static bool
encrypt_staged(bly_secure *secure, staging *staged, size_t *taken)
{
    size_t size = staged->size;
    staged->size = 0;
    return size == 0 || encrypt(secure, staged->bytes, size, taken);
}

/* Makes records of a piece: large parts from where they lie, small ones together with their neighbours. Stops when there
 * is no more room for records. */
static bool
add_piece(bly_secure *secure, const struct iovec *piece, bool is_alone, staging *staged, size_t *taken)
{
    const uint8_t *data = piece->iov_base;
    size_t left = piece->iov_len;
    while (left > 0 && bly_socket_bio_room(&secure->socket) >= 2 * RECORD_ROOM) {
        size_t part = left < RECORD ? left : RECORD;
        if (is_alone || part == RECORD) {
            if (!encrypt_staged(secure, staged, taken) || !encrypt(secure, data, part, taken))
                return false;
        } else {
            if (part > RECORD - staged->size)
                part = RECORD - staged->size;
            memcpy(staged->bytes + staged->size, data, part);
            staged->size += part;
            if (staged->size == RECORD && !encrypt_staged(secure, staged, taken))
                return false;
        }
        data += part;
        left -= part;
    }
    return true;
}

static bool
encrypt_all(bly_secure *secure, const struct iovec *vectors, int count, staging *staged, size_t *taken)
{
    ERR_clear_error();
    for (int i = 0; i < count && bly_socket_bio_room(&secure->socket) >= 2 * RECORD_ROOM; i++) {
        if (!add_piece(secure, &vectors[i], count == 1, staged, taken))
            return false;
    }
    return encrypt_staged(secure, staged, taken);
}

/* What was encrypted before and has left by now. */
static ssize_t
write_held(bly_secure *secure)
{
    size_t held = secure->held;
    secure->held = 0;
    return (ssize_t)held;
}

ssize_t
bly_secure_write(bly_secure *secure, bly_loop *loop, const struct iovec *vectors, int count)
{
    size_t taken = 0;
    if (!bly_secure_send_waiting(secure))
        return BLY_STREAM_BROKEN;
    if (bly_secure_is_waiting(secure))
        return BLY_STREAM_AGAIN;
    if (secure->held > 0)
        return write_held(secure);
    uint8_t *scratch = bly_loop_scratch(loop);
    staging staged = {scratch, 0};
    bly_socket_bio_collect(&secure->socket, scratch + RECORD, BLY_LOOP_BUFFER_SIZE - RECORD);
    bool is_good = encrypt_all(secure, vectors, count, &staged, &taken);
    if (!bly_socket_bio_send(&secure->socket) && is_good)
        return break_by_socket(secure);
    if (!is_good)
        return BLY_STREAM_BROKEN;
    if (!bly_secure_is_waiting(secure))
        return (ssize_t)taken;
    secure->held = taken;
    return BLY_STREAM_AGAIN;
}
