/* SPDX-License-Identifier: MIT */
#include "transport/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/time.h>

#include "transport/secure.h"
#include "transport/tls_context.h"
#include "transport/tls_inside.h"

/* ---- Life ---------------------------------------------------------------------------------------- */

belay_tls *
belay_tls_new(void)
{
    belay_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    bly_tls_begin_library();
    bly_refcount_init(&tls->refs);
    bly_mutex_init(&tls->reading);
    bly_mutex_init(&tls->lock);
    bly_list_init(&tls->users);
    bly_timer_init(&tls->check, bly_tls_check);
    tls->timeout_ns = BELAY_SECONDS(10);
    tls->check_ns = BELAY_SECONDS(1);
    return tls;
}

belay_tls *
bly_tls_ref(belay_tls *tls)
{
    bly_refcount_take(&tls->refs);
    return tls;
}

void
belay_tls_free(belay_tls *tls)
{
    if (tls == NULL || !bly_refcount_release(&tls->refs))
        return;
    if (tls->loop != NULL) {
        bly_loop_call(tls->loop, bly_tls_end_checking, tls);
        bly_loop_free(tls->loop);
    }
    SSL_CTX_free(tls->server);
    SSL_CTX_free(tls->client);
    bly_tls_own_fini(&tls->own);
    bly_tls_trust_fini(&tls->trust);
    free(tls->certificate_file);
    free(tls->key_file);
    free(tls->ca_file);
    free(tls->host);
    bly_mutex_fini(&tls->lock);
    bly_mutex_fini(&tls->reading);
    free(tls);
}

/* ---- Settings ------------------------------------------------------------------------------------ */

void
bly_tls_forget_contexts_locked(belay_tls *tls)
{
    BLY_ASSERT_HELD(&tls->lock);
    SSL_CTX_free(tls->server);
    SSL_CTX_free(tls->client);
    tls->server = NULL;
    tls->client = NULL;
    tls->generation++;
}

static void
replace(char **text, char *other)
{
    free(*text);
    *text = other;
}

/* Takes over the words. */
static belay_code
fail(belay_tls *tls, const char *words)
{
    bly_mutex_lock(&tls->lock);
    snprintf(tls->words, sizeof tls->words, "%s", words);
    bly_mutex_unlock(&tls->lock);
    return BELAY_FAILED_PRECONDITION;
}

/* The stamps are of before the files were read, so that no change is missed. Takes over the names, which are NULL for
 * what is in memory. */
static belay_code
set_certificate(belay_tls *tls, bly_tls_source certificate, bly_tls_source key, char *certificate_file, char *key_file)
{
    BLY_ASSERT_HELD(&tls->reading);
    char words[BLY_TLS_WORDS];
    bly_tls_own own;
    bly_tls_stamp stamps[2] = {bly_tls_stamp_of(certificate_file), bly_tls_stamp_of(key_file)};
    if (!bly_tls_own_read(&own, certificate, key, words)) {
        free(certificate_file);
        free(key_file);
        return fail(tls, words);
    }
    memcpy(tls->read, stamps, sizeof stamps);
    memcpy(tls->looked, stamps, sizeof stamps);
    bly_mutex_lock(&tls->lock);
    replace(&tls->certificate_file, certificate_file);
    replace(&tls->key_file, key_file);
    bly_tls_own_fini(&tls->own);
    tls->own = own;
    bly_tls_forget_contexts_locked(tls);
    bly_mutex_unlock(&tls->lock);
    return BELAY_OK;
}

belay_code
belay_tls_set_certificate(belay_tls *tls, const char *certificate_file, const char *key_file)
{
    if (tls == NULL || certificate_file == NULL || key_file == NULL)
        return BELAY_INVALID_ARGUMENT;
    char *certificate_copy = strdup(certificate_file), *key_copy = strdup(key_file);
    if (certificate_copy == NULL || key_copy == NULL) {
        free(certificate_copy);
        free(key_copy);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    bly_mutex_lock(&tls->reading);
    belay_code code = set_certificate(tls, (bly_tls_source){.name = certificate_copy},
                                      (bly_tls_source){.name = key_copy}, certificate_copy, key_copy);
    bly_mutex_unlock(&tls->reading);
    return code;
}

belay_code
belay_tls_set_certificate_pem(belay_tls *tls, const void *certificate, size_t certificate_size, const void *key,
                              size_t key_size)
{
    if (tls == NULL || certificate == NULL || key == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_mutex_lock(&tls->reading);
    belay_code code = set_certificate(tls, (bly_tls_source){"the given certificate", certificate, certificate_size},
                                      (bly_tls_source){"the given key", key, key_size}, NULL, NULL);
    bly_mutex_unlock(&tls->reading);
    return code;
}

/* source: NULL: the system's store. Takes over the name, which is NULL but for a file. is_asked: by the program, and
 * not because it has said nothing. */
static belay_code
set_trust(belay_tls *tls, const bly_tls_source *source, char *ca_file, bool is_asked)
{
    BLY_ASSERT_HELD(&tls->reading);
    char words[BLY_TLS_WORDS];
    bly_tls_trust trust;
    bly_tls_stamp stamp = bly_tls_stamp_of(ca_file);
    if (!bly_tls_trust_read(&trust, source, words)) {
        free(ca_file);
        return fail(tls, words);
    }
    tls->read[2] = tls->looked[2] = stamp;
    bly_mutex_lock(&tls->lock);
    replace(&tls->ca_file, ca_file);
    tls->has_trust = is_asked;
    tls->keeps_trust = source != NULL && source->bytes != NULL;
    bly_tls_trust_fini(&tls->trust);
    tls->trust = trust;
    bly_tls_forget_contexts_locked(tls);
    bly_mutex_unlock(&tls->lock);
    return BELAY_OK;
}

belay_code
belay_tls_set_trust(belay_tls *tls, const char *ca_file)
{
    if (tls == NULL)
        return BELAY_INVALID_ARGUMENT;
    char *copy = ca_file != NULL ? strdup(ca_file) : NULL;
    if (ca_file != NULL && copy == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    bly_mutex_lock(&tls->reading);
    belay_code code = set_trust(tls, copy != NULL ? &(bly_tls_source){.name = copy} : NULL, copy, true);
    bly_mutex_unlock(&tls->reading);
    return code;
}

belay_code
belay_tls_set_trust_pem(belay_tls *tls, const void *authorities, size_t size)
{
    if (tls == NULL || authorities == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_mutex_lock(&tls->reading);
    belay_code code = set_trust(tls, &(bly_tls_source){"the given authorities", authorities, size}, NULL, true);
    bly_mutex_unlock(&tls->reading);
    return code;
}

void
belay_tls_set_clients(belay_tls *tls, belay_tls_clients clients)
{
    bly_mutex_lock(&tls->lock);
    tls->clients = clients;
    bly_tls_forget_contexts_locked(tls);
    bly_mutex_unlock(&tls->lock);
}

/* A name or an address, without what URIs put around it. */
static bool
is_host(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size < 256 && text[0] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") == size;
}

belay_code
belay_tls_set_host(belay_tls *tls, const char *host)
{
    if (tls == NULL || (host != NULL && !is_host(host)))
        return BELAY_INVALID_ARGUMENT;
    char *copy = host != NULL ? strdup(host) : NULL;
    if (host != NULL && copy == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    bly_mutex_lock(&tls->lock);
    replace(&tls->host, copy);
    bly_mutex_unlock(&tls->lock);
    return BELAY_OK;
}

char *
bly_tls_host(belay_tls *tls)
{
    bly_mutex_lock(&tls->lock);
    char *copy = tls->host != NULL ? strdup(tls->host) : NULL;
    bly_mutex_unlock(&tls->lock);
    return copy;
}

void
belay_tls_set_handshake_timeout(belay_tls *tls, uint64_t timeout_ns)
{
    bly_mutex_lock(&tls->lock);
    tls->timeout_ns = timeout_ns;
    bly_mutex_unlock(&tls->lock);
}

void
belay_tls_set_check_interval(belay_tls *tls, uint64_t interval_ns)
{
    bly_mutex_lock(&tls->lock);
    tls->check_ns = interval_ns;
    bly_loop *loop = tls->loop;
    bly_mutex_unlock(&tls->lock);
    if (loop != NULL)
        bly_loop_call(loop, bly_tls_begin_checking, tls);
}

void
belay_tls_error(const belay_tls *tls, char *text, size_t size)
{
    belay_tls *own = (belay_tls *)(uintptr_t)tls;
    bly_mutex_lock(&own->lock);
    snprintf(text, size, "%s", own->words);
    bly_mutex_unlock(&own->lock);
}

/* ---- Use ----------------------------------------------------------------------------------------- */

/* What a server lacks, or NULL. */
static const char *
lacks_locked(const belay_tls *tls)
{
    BLY_ASSERT_HELD(&tls->lock);
    if (tls->own.certificate == NULL)
        return "a server needs a certificate (belay_tls_set_certificate)";
    if (tls->clients != BELAY_TLS_CLIENTS_NOT_ASKED && !tls->has_trust)
        return "clients are asked for certificates, but nobody is trusted (belay_tls_set_trust)";
    return NULL;
}

static belay_code
check_server(belay_tls *tls, bly_log *log)
{
    bly_mutex_lock(&tls->lock);
    const char *missing = lacks_locked(tls);
    bly_mutex_unlock(&tls->lock);
    if (missing == NULL)
        return BELAY_OK;
    bly_log_write(log, BELAY_LOG_ERROR, "TLS: %s", missing);
    return fail(tls, missing);
}

/* A client that was told nothing believes whom its system does. A server of the same object does not. */
static belay_code
check_client(belay_tls *tls, bly_log *log)
{
    bly_mutex_lock(&tls->reading);
    belay_code code = tls->trust.store == NULL ? set_trust(tls, NULL, NULL, false) : BELAY_OK;
    bly_mutex_unlock(&tls->reading);
    if (code == BELAY_FAILED_PRECONDITION)
        bly_log_write(log, BELAY_LOG_ERROR, "TLS: the system's store of authorities cannot be used");
    return code;
}

/* Starts the thread with the first user. */
static bool
start_loop(belay_tls *tls)
{
    bly_mutex_lock(&tls->reading);
    bool is_new = tls->loop == NULL;
    bly_loop *loop = is_new ? bly_loop_new("belay-tls", &bly_clock_monotonic) : tls->loop;
    bly_mutex_lock(&tls->lock);
    tls->loop = loop;
    bly_mutex_unlock(&tls->lock);
    bly_mutex_unlock(&tls->reading);
    if (is_new && loop != NULL)
        bly_loop_call(loop, bly_tls_begin_checking, tls);
    return loop != NULL;
}

static belay_code
use(belay_tls *tls, bly_log *log, bly_tls_user **user)
{
    bly_tls_user *made = calloc(1, sizeof *made);
    if (made == NULL || !start_loop(tls)) {
        free(made);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    made->tls = bly_tls_ref(tls);
    made->log = log;
    bly_link_init(&made->link);
    bly_link_init(&made->owner_link);
    bly_mutex_lock(&tls->lock);
    bly_list_append(&tls->users, &made->link);
    bly_mutex_unlock(&tls->lock);
    *user = made;
    return BELAY_OK;
}

belay_code
bly_tls_use_as_server(belay_tls *tls, bly_log *log, bly_tls_user **user)
{
    belay_code code = check_server(tls, log);
    return code == BELAY_OK ? use(tls, log, user) : code;
}

belay_code
bly_tls_use_as_client(belay_tls *tls, bly_log *log, bly_tls_user **user)
{
    belay_code code = check_client(tls, log);
    return code == BELAY_OK ? use(tls, log, user) : code;
}

/* The own loop's thread may be on its way out of posting what was the last word to another loop. */
static void
pass(void *argument)
{
    (void)argument;
}

void
bly_tls_leave(bly_tls_user *user)
{
    if (user == NULL)
        return;
    belay_tls *tls = user->tls;
    bly_loop_call(tls->loop, pass, NULL);
    bly_mutex_lock(&tls->lock);
    bly_list_remove(&user->link);
    bly_mutex_unlock(&tls->lock);
    free(user);
    belay_tls_free(tls);
}

bly_loop *
bly_tls_loop(belay_tls *tls)
{
    bly_mutex_lock(&tls->lock);
    bly_loop *loop = tls->loop;
    bly_mutex_unlock(&tls->lock);
    return loop;
}

uint64_t
bly_tls_timeout(belay_tls *tls)
{
    bly_mutex_lock(&tls->lock);
    uint64_t timeout = tls->timeout_ns;
    bly_mutex_unlock(&tls->lock);
    return timeout;
}

SSL *
bly_tls_connection(belay_tls *tls, bool is_server, unsigned int *generation)
{
    bly_mutex_lock(&tls->lock);
    SSL_CTX **context = is_server ? &tls->server : &tls->client;
    const bly_tls_trust nobody = {0}, *clients_trust = tls->has_trust ? &tls->trust : &nobody;
    if (*context == NULL)
        *context = is_server ? bly_tls_context_server(&tls->own, clients_trust, tls->clients, &bly_secure_hooks)
                             : bly_tls_context_client(&tls->own, &tls->trust, &bly_secure_hooks);
    SSL *ssl = *context != NULL ? SSL_new(*context) : NULL;
    *generation = tls->generation;
    bly_mutex_unlock(&tls->lock);
    return ssl;
}
