/* SPDX-License-Identifier: MIT */
#include "transport/secure.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/time.h>

#include "transport/peer_identity.h"
#include "transport/secure_inside.h"
#include "transport/socket.h"
#include "transport/tls_words.h"

/* Until somebody says how many. */
#define MOST_MESSAGES 32

/* ---- What OpenSSL calls -------------------------------------------------------------------------- */

/* The first refusal is the cause. */
static void
refused(void *connection, int error, X509 *certificate)
{
    bly_secure *secure = connection;
    if (secure->was_refused)
        return;
    secure->was_refused = true;
    const char *host = secure->target != NULL ? secure->target->host : NULL;
    bly_tls_words_certificate(error, certificate, host, secure->words, sizeof secure->words);
}

static bool
take_session(void *connection, SSL_SESSION *session)
{
    bly_secure *secure = connection;
    bly_tls_target_keep(secure->target, session, secure->generation);
    return true;
}

/* What time has forgiven. */
static void
forgive(bly_secure *secure)
{
    uint64_t now = belay_now();
    uint64_t more = (now - secure->forgiven_at) / BELAY_SECONDS(1);
    uint32_t spent = secure->most_messages - secure->messages;
    secure->forgiven_at = spent > 0 ? secure->forgiven_at + more * BELAY_SECONDS(1) : now;
    secure->messages += more < spent ? (uint32_t)more : spent;
}

/* The handshake's own are not counted: there is an end to them. */
static bool
admit_message(void *connection)
{
    bly_secure *secure = connection;
    if (!secure->is_through)
        return true;
    forgive(secure);
    if (secure->messages > 0) {
        secure->messages--;
        return true;
    }
    secure->has_flooded = true;
    return false;
}

const bly_tls_hooks bly_secure_hooks = {.refused = refused, .session = take_session, .message = admit_message};

/* ---- Life ---------------------------------------------------------------------------------------- */

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
    secure->forgiven_at = belay_now();
    bly_secure_limit_messages(secure, MOST_MESSAGES);
    secure->ssl = bly_tls_connection(tls, secure->is_server, &secure->generation);
    if (secure->ssl != NULL && prepare(secure))
        return secure;
    ERR_clear_error();
    secure->is_broken = true;
    bly_secure_free(secure);
    return NULL;
}

/* OpenSSL takes a connection that ends without this for an attack, and its session for one not to be
 * resumed. That it ended badly the other side sees for itself. */
static void
say_end(bly_secure *secure)
{
    ERR_clear_error();
    if (secure->is_through && !secure->is_broken && !secure->cannot_write)
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

/* ---- Failing ------------------------------------------------------------------------------------- */

int
bly_secure_break(bly_secure *secure, const char *words)
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
    bly_socket_bio_begin_turn(&secure->socket);
    int returned = SSL_peek_ex(secure->ssl, &byte, 1, &got);
    secure->has_more = returned == 1;
    if (returned == 1 || SSL_get_error(secure->ssl, returned) != SSL_ERROR_SSL)
        return false;
    bly_tls_words_error(secure->is_server, secure->words, sizeof secure->words);
    secure->is_broken = true;
    return true;
}

int
bly_secure_break_by_socket(bly_secure *secure)
{
    char buffer[96];
    int error = secure->socket.error;
    if (error != 0 && was_told_why(secure))
        return BLY_STREAM_BROKEN;
    if (error == 0)
        return bly_secure_break(secure, "the connection was cut off");
    return bly_secure_break(secure, bly_socket_error(error, buffer, sizeof buffer));
}

/* A peer that has said its last and gone answers a write with a reset: what it said is there still. */
int
bly_secure_break_writing(bly_secure *secure)
{
    char buffer[96];
    secure->cannot_write = true;
    if (!was_told_why(secure))
        snprintf(secure->words, sizeof secure->words, "%s",
                 bly_socket_error(secure->socket.error, buffer, sizeof buffer));
    return BLY_STREAM_BROKEN;
}

int
bly_secure_result(bly_secure *secure, int returned)
{
    if (secure->has_flooded)
        return bly_secure_break(secure, "too many messages of TLS itself (changes of keys, tickets, handshakes)");
    switch (SSL_get_error(secure->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return BLY_STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return bly_secure_break_by_socket(secure);
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

/* ---- The handshake ------------------------------------------------------------------------------- */

/* A session that is resumed vouches for a certificate that may have expired meanwhile. */
static int
learn_identity(bly_secure *secure)
{
    X509 *certificate = SSL_get0_peer_certificate(secure->ssl);
    if (!secure->is_server || certificate == NULL)
        return 0;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return bly_secure_break(secure, "the client's certificate has expired");
    secure->identity = bly_peer_identity_new(certificate);
    return secure->identity != NULL ? 0 : bly_secure_break(secure, "no memory for the client's identity");
}

int
bly_secure_handshake(bly_secure *secure)
{
    if (!bly_secure_send_waiting(secure))
        return BLY_STREAM_BROKEN;
    ERR_clear_error();
    bly_socket_bio_begin_turn(&secure->socket);
    int returned = SSL_do_handshake(secure->ssl);
    if (returned != 1) {
        int result = bly_secure_result(secure, returned);
        return result == 0 ? bly_secure_break(secure, "the other side ended it") : result;
    }
    if (bly_secure_is_waiting(secure))
        return BLY_STREAM_AGAIN;
    if (!bly_tls_speaks_h2(secure->ssl))
        return bly_secure_break(secure, "the other side does not speak HTTP/2 (it did not answer ALPN \"h2\")");
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

/* ---- Reading ------------------------------------------------------------------------------------- */

/* Records that a read goes through before others have their turn, however small they are. */
#define MOST_RECORDS 256

/* Bytes that OpenSSL could go on with now. */
static bool
has_more(const bly_secure *secure)
{
    return !secure->socket.is_dry && SSL_has_pending(secure->ssl) == 1;
}

/* OpenSSL gives out one record at a time. */
ssize_t
bly_secure_read(bly_secure *secure, void *data, size_t size)
{
    size_t filled = 0, got;
    int result = BLY_STREAM_AGAIN;
    if (secure->is_broken)
        return BLY_STREAM_BROKEN;
    ERR_clear_error();
    bly_socket_bio_begin_turn(&secure->socket);
    for (int records = 0; filled < size && records < MOST_RECORDS; records++) {
        int returned = SSL_read_ex(secure->ssl, (char *)data + filled, size - filled, &got);
        if (returned == 1)
            filled += got;
        else if ((result = bly_secure_result(secure, returned)) != BLY_STREAM_AGAIN ||
                 bly_socket_bio_is_done(&secure->socket))
            break;
        if (!has_more(secure))
            break;
    }
    if (result == BLY_STREAM_AGAIN && filled == 0 && secure->cannot_write && secure->socket.is_dry) {
        secure->is_broken = true;
        result = BLY_STREAM_BROKEN;
    }
    /* After bytes the end is told next time. */
    secure->has_more = result != BLY_STREAM_AGAIN ? filled > 0 : has_more(secure);
    return filled > 0 ? (ssize_t)filled : result;
}

void
bly_secure_limit_messages(bly_secure *secure, uint32_t most)
{
    secure->messages = secure->most_messages = most;
}

bool
bly_secure_has_flooded(const bly_secure *secure)
{
    return secure->has_flooded;
}

bool
bly_secure_has_more(const bly_secure *secure)
{
    return secure->has_more;
}
