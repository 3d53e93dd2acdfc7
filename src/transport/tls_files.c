/* SPDX-License-Identifier: MIT */
#include "transport/tls_files.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "transport/socket.h"

/* ---- Opening, and what to say -------------------------------------------------------------------- */

static BIO *
open_file(const char *path, char words[BLY_TLS_WORDS])
{
    char buffer[96];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(words, BLY_TLS_WORDS, "%s: %s", path, bly_socket_error(errno, buffer, sizeof buffer));
        return NULL;
    }
    BIO *bio = BIO_new_fp(file, BIO_CLOSE);
    if (bio == NULL) {
        snprintf(words, BLY_TLS_WORDS, "%s: no memory", path);
        fclose(file);
    }
    return bio;
}

static BIO *
open_source(bly_tls_source source, char words[BLY_TLS_WORDS])
{
    if (source.bytes == NULL)
        return open_file(source.name, words);
    if (source.size > INT_MAX) {
        snprintf(words, BLY_TLS_WORDS, "%s: too large", source.name);
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(source.bytes, (int)source.size);
    if (bio == NULL)
        snprintf(words, BLY_TLS_WORDS, "%s: no memory", source.name);
    return bio;
}

/* What OpenSSL said last, which is the nearest to the cause. */
static void
say_why(const char *name, const char *what, char words[BLY_TLS_WORDS])
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
        reason = "there is none in it (PEM is wanted)";
    snprintf(words, BLY_TLS_WORDS, "%s: %s: %s", name, what, reason != NULL ? reason : "no memory");
    ERR_clear_error();
}

/* ---- Who this side is ---------------------------------------------------------------------------- */

/* After the last certificate PEM_read_bio_X509() finds none, and that is no error. */
static bool
is_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (at_end)
        ERR_clear_error();
    return at_end;
}

static bool
read_chain(bly_tls_own *own, BIO *bio)
{
    X509 *next;
    own->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    own->chain = sk_X509_new_null();
    if (own->certificate == NULL || own->chain == NULL)
        return false;
    while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(own->chain, next) <= 0) {
            X509_free(next);
            return false;
        }
    }
    return is_at_end();
}

/* A library does not ask for passwords. */
static int
no_password(char *buffer, int size, int writing, void *argument)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)argument = true;
    return -1;
}

static bool
read_key(bly_tls_own *own, bly_tls_source source, char words[BLY_TLS_WORDS])
{
    bool asked = false;
    BIO *bio = open_source(source, words);
    if (bio == NULL)
        return false;
    own->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
    BIO_free(bio);
    if (own->key == NULL) {
        say_why(source.name, "cannot read a key", words);
        if (asked)
            snprintf(words, BLY_TLS_WORDS, "%s: the key has a password; it must have none", source.name);
    }
    return own->key != NULL;
}

/* OpenSSL has rules of its own, about the size of keys for one: better asked now than in every handshake. */
static bool
is_fit_for_tls(const bly_tls_own *own, const char *name, char words[BLY_TLS_WORDS])
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    bool is_fit =
        context != NULL && SSL_CTX_use_cert_and_key(context, own->certificate, own->key, own->chain, 1) == 1;
    if (!is_fit)
        say_why(name, "TLS cannot use it", words);
    SSL_CTX_free(context);
    return is_fit;
}

static bool
read_own(bly_tls_own *own, bly_tls_source certificate, bly_tls_source key, char words[BLY_TLS_WORDS])
{
    BIO *bio = open_source(certificate, words);
    if (bio == NULL)
        return false;
    bool is_read = read_chain(own, bio);
    BIO_free(bio);
    if (!is_read) {
        say_why(certificate.name, "cannot read a certificate", words);
        return false;
    }
    if (!read_key(own, key, words))
        return false;
    if (X509_check_private_key(own->certificate, own->key) != 1) {
        snprintf(words, BLY_TLS_WORDS, "%s is not the key of the (first) certificate in %s", key.name,
                 certificate.name);
        ERR_clear_error();
        return false;
    }
    return is_fit_for_tls(own, certificate.name, words);
}

bool
bly_tls_own_read(bly_tls_own *own, bly_tls_source certificate, bly_tls_source key, char words[BLY_TLS_WORDS])
{
    bly_tls_own made = {0};
    ERR_clear_error();
    if (!read_own(&made, certificate, key, words)) {
        bly_tls_own_fini(&made);
        return false;
    }
    *own = made;
    return true;
}

void
bly_tls_own_fini(bly_tls_own *own)
{
    X509_free(own->certificate);
    EVP_PKEY_free(own->key);
    sk_X509_pop_free(own->chain, X509_free);
    *own = (bly_tls_own){0};
}

/* ---- Whom it believes ---------------------------------------------------------------------------- */

/* Certificates of authorities in between count as well as roots: who names them means them. */
static bool
make_store(bly_tls_trust *trust)
{
    trust->store = X509_STORE_new();
    return trust->store != NULL && X509_STORE_set_flags(trust->store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static bool
add_authority(bly_tls_trust *trust, const X509 *certificate)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    if (name == NULL || sk_X509_NAME_push(trust->names, name) <= 0) {
        X509_NAME_free(name);
        return false;
    }
    return X509_STORE_add_cert(trust->store, (X509 *)certificate) == 1;
}

static bool
read_authorities(bly_tls_trust *trust, BIO *bio)
{
    X509 *next;
    trust->names = sk_X509_NAME_new_null();
    if (!make_store(trust) || trust->names == NULL)
        return false;
    while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        bool added = add_authority(trust, next);
        X509_free(next);
        if (!added)
            return false;
    }
    return sk_X509_NAME_num(trust->names) > 0 && is_at_end();
}

static bool
read_trust(bly_tls_trust *trust, const bly_tls_source *source, char words[BLY_TLS_WORDS])
{
    if (source == NULL) {
        if (make_store(trust) && X509_STORE_set_default_paths(trust->store) == 1)
            return true;
        say_why("the system's store of authorities", "cannot use it", words);
        return false;
    }
    BIO *bio = open_source(*source, words);
    if (bio == NULL)
        return false;
    bool is_read = read_authorities(trust, bio);
    BIO_free(bio);
    if (!is_read)
        say_why(source->name, "cannot read certificates of authorities", words);
    return is_read;
}

bool
bly_tls_trust_read(bly_tls_trust *trust, const bly_tls_source *authorities, char words[BLY_TLS_WORDS])
{
    bly_tls_trust made = {0};
    ERR_clear_error();
    if (!read_trust(&made, authorities, words)) {
        bly_tls_trust_fini(&made);
        return false;
    }
    *trust = made;
    return true;
}

void
bly_tls_trust_fini(bly_tls_trust *trust)
{
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    *trust = (bly_tls_trust){0};
}

/* ---- Changes ------------------------------------------------------------------------------------- */

bly_tls_stamp
bly_tls_stamp_of(const char *path)
{
    struct stat status;
    if (path == NULL || stat(path, &status) != 0)
        return (bly_tls_stamp){0};
    return (bly_tls_stamp){
        .is_there = true,
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = status.st_size,
        .changed = status.st_mtim,
    };
}

bool
bly_tls_stamps_equal(const bly_tls_stamp *a, const bly_tls_stamp *b)
{
    if (a->is_there != b->is_there)
        return false;
    bool same_time = a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
    bool same_file = a->device == b->device && a->inode == b->inode && a->size == b->size;
    return !a->is_there || (same_file && same_time);
}
