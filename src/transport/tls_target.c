/* SPDX-License-Identifier: MIT */
/*
 * What a channel wants of its servers: a certificate for the right name. And its session with them, which
 * spares the next connection the certificates.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "transport/tls_inside.h"

/* The host of "host:port", "[::1]:port", "[fe80::1%eth0]", "host". */
static char *
host_of(const char *authority)
{
    size_t size;
    if (authority[0] == '[') {
        authority++;
        size = strcspn(authority, "]%");
    } else if (strchr(authority, ':') != strrchr(authority, ':')) {
        size = strlen(authority); /* an IPv6 address without brackets */
    } else {
        size = strcspn(authority, ":");
    }
    while (size > 1 && authority[size - 1] == '.')
        size--; /* certificates have no root's dot */
    return strndup(authority, size);
}

/* To OpenSSL no name means any name, and a dot before one all names below it. */
static bool
is_name(const char *host)
{
    return host[0] != '\0' && host[0] != '.';
}

static bool
is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

bly_tls_target *
bly_tls_target_new(belay_tls *tls, const char *authority)
{
    bly_tls_target *target = calloc(1, sizeof *target);
    if (target == NULL)
        return NULL;
    target->host = bly_tls_host(tls);
    if (target->host == NULL)
        target->host = host_of(authority);
    if (target->host == NULL || !is_name(target->host)) {
        free(target->host);
        free(target);
        return NULL;
    }
    target->is_address = is_address(target->host);
    bly_refcount_init(&target->refs);
    bly_mutex_init(&target->lock);
    return target;
}

bly_tls_target *
bly_tls_target_ref(bly_tls_target *target)
{
    bly_refcount_take(&target->refs);
    return target;
}

void
bly_tls_target_unref(bly_tls_target *target)
{
    if (target == NULL || !bly_refcount_release(&target->refs))
        return;
    SSL_SESSION_free(target->session);
    bly_mutex_fini(&target->lock);
    free(target->host);
    free(target);
}

/* ---- The name ------------------------------------------------------------------------------------ */

/* Only alternative names count: what a subject says of hosts is no rule for anybody (RFC 9525, 2). */
static bool
expect_name(const bly_tls_target *target, SSL *ssl)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (target->is_address) /* addresses are not sent as server names (RFC 6066, 3) */
        return X509_VERIFY_PARAM_set1_ip_asc(rules, target->host) == 1;
    return X509_VERIFY_PARAM_set1_host(rules, target->host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, target->host) == 1;
}

/* ---- The session --------------------------------------------------------------------------------- */

/* A session vouches for the certificate that it began with: not under other rules, and not when that has
 * expired. */
static bool
is_usable(SSL_SESSION *session)
{
    const X509 *peer = SSL_SESSION_get0_peer(session);
    return SSL_SESSION_is_resumable(session) == 1 && peer != NULL &&
           X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

bool
bly_tls_target_prepare(bly_tls_target *target, SSL *ssl, unsigned int generation)
{
    if (!expect_name(target, ssl))
        return false;
    bly_mutex_lock(&target->lock);
    if (target->session != NULL && target->generation == generation && is_usable(target->session))
        SSL_set_session(ssl, target->session);
    bly_mutex_unlock(&target->lock);
    return true;
}

void
bly_tls_target_keep(bly_tls_target *target, SSL_SESSION *session, unsigned int generation)
{
    bly_mutex_lock(&target->lock);
    SSL_SESSION *old = target->session;
    target->session = session;
    target->generation = generation;
    bly_mutex_unlock(&target->lock);
    SSL_SESSION_free(old);
}
