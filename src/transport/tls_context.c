/* SPDX-License-Identifier: MIT */
#include "transport/tls_context.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

/* Of TLS 1.2 what has forward secrecy and authenticated encryption; RFC 9113, 9.2.2, forbids the rest. */
#define CIPHERS_OF_12 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define CIPHERS_OF_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* Curves only: finite fields cost the server most, and no peer needs them. OpenSSL 3.5 knows a list with marks, and one
 * that withstands quantum computers; one that is bound to FIPS lacks the first of the others. */
static const char groups_of_35[] = "?*X25519MLKEM768 / ?*X25519:?secp256r1 / ?X448:?secp384r1:?secp521r1";
static const char groups_of_30[] = "X25519:P-256:P-384:P-521:X448";
static const char groups_of_fips[] = "P-256:P-384:P-521";

/* One read of the socket takes in several records of a large message. */
#define READ_BUFFER (64u << 10)

static const unsigned char protocols[] = {2, 'h', '2'};

/* ---- ALPN ---------------------------------------------------------------------------------------- */

/* OpenSSL asks select_protocol() only where the client has the extension at all. */
static int
require_alpn(SSL *ssl, int *alert, void *argument)
{
    const unsigned char *extension;
    size_t size;
    (void)argument;
    unsigned int alpn = TLSEXT_TYPE_application_layer_protocol_negotiation;
    if (SSL_client_hello_get0_ext(ssl, alpn, &extension, &size) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int
select_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                const unsigned char *offered, unsigned int offered_size, void *argument)
{
    (void)ssl, (void)argument;
    for (unsigned int at = 0; at < offered_size; at += offered[at] + 1u) {
        if (offered_size - at >= sizeof protocols && memcmp(offered + at, protocols, sizeof protocols) == 0) {
            *chosen = offered + at + 1;
            *chosen_size = 2;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool
bly_tls_speaks_h2(const SSL *ssl)
{
    const unsigned char *chosen;
    unsigned int size;
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    return size == 2 && memcmp(chosen, "h2", 2) == 0;
}

/* ---- What contexts call -------------------------------------------------------------------------- */

static const bly_tls_hooks *
hooks_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int
look_at_certificate(int is_good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (is_good == 0)
        hooks_of(ssl)->refused(SSL_get_app_data(ssl), X509_STORE_CTX_get_error(store),
                               X509_STORE_CTX_get_current_cert(store));
    return is_good;
}

static int
take_session(SSL *ssl, SSL_SESSION *session)
{
    return hooks_of(ssl)->session(SSL_get_app_data(ssl), session) ? 1 : 0;
}

/* The kind of each record stands in its header, of TLS 1.3's encrypted ones inside. OpenSSL goes through as many of
 * handshakes as come, within one call (of alerts five); that the other side has ended is what it looks at before each. */
static void
look_at_record(int is_sent, int version, int kind, const void *bytes, size_t size, SSL *ssl, void *argument)
{
    const unsigned char *type = bytes;
    (void)version, (void)argument;
    if (is_sent != 0 || size == 0 || (kind != SSL3_RT_HEADER && kind != SSL3_RT_INNER_CONTENT_TYPE))
        return;
    if (*type == SSL3_RT_HANDSHAKE && !hooks_of(ssl)->message(SSL_get_app_data(ssl)))
        SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

/* ---- Making -------------------------------------------------------------------------------------- */

/* OpenSSL's own exit handler would take away what threads of belay still use. */
static void
begin_library(void)
{
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
}

void
bly_tls_begin_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_library);
}

static bool
set_groups(SSL_CTX *context)
{
    bool is_35 = OpenSSL_version_num() >= 0x30500000ul;
    bool is_set = (is_35 && SSL_CTX_set1_groups_list(context, groups_of_35) == 1) ||
                  SSL_CTX_set1_groups_list(context, groups_of_30) == 1 ||
                  SSL_CTX_set1_groups_list(context, groups_of_fips) == 1;
    ERR_clear_error();
    return is_set;
}

static bool
set_rules(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    /* Idle connections hold no buffers; writes may be tried again from another place. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Whoever sends nothing but changes of keys is not to keep a read from returning. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_msg_callback(context, look_at_record);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS_OF_12) == 1 &&
           SSL_CTX_set_ciphersuites(context, CIPHERS_OF_13) == 1 && set_groups(context);
}

static bool
set_files(SSL_CTX *context, const bly_tls_own *own, const bly_tls_trust *trust)
{
    if (trust->store != NULL)
        SSL_CTX_set1_cert_store(context, trust->store);
    return own->certificate == NULL ||
           SSL_CTX_use_cert_and_key(context, own->certificate, own->key, own->chain, 1) == 1;
}

static SSL_CTX *
make(const SSL_METHOD *method, const bly_tls_own *own, const bly_tls_trust *trust, const bly_tls_hooks *hooks)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL)
        return NULL;
    SSL_CTX_set_app_data(context, (void *)(uintptr_t)hooks);
    if (set_rules(context) && set_files(context, own, trust))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static bool
ask_clients(SSL_CTX *context, const bly_tls_trust *trust, belay_tls_clients clients)
{
    if (clients == BELAY_TLS_CLIENTS_NOT_ASKED)
        return true;
    int refuse = clients == BELAY_TLS_CLIENTS_MUST_HAVE ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | refuse, look_at_certificate);
    if (trust->names == NULL)
        return true;
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(trust->names);
    SSL_CTX_set0_CA_list(context, names);
    return names != NULL;
}

/* Sessions are kept by clients, in tickets whose keys are this context's: those from before other files
 * are no good here. */
SSL_CTX *
bly_tls_context_server(const bly_tls_own *own, const bly_tls_trust *trust, belay_tls_clients clients,
                       const bly_tls_hooks *hooks)
{
    static const unsigned char id[] = "belay";
    SSL_CTX *context = make(TLS_server_method(), own, trust, hooks);
    if (context == NULL)
        return NULL;
    SSL_CTX_set_client_hello_cb(context, require_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_session_id_context(context, id, sizeof id - 1) == 1 &&
        SSL_CTX_set_num_tickets(context, 1) == 1 && ask_clients(context, trust, clients))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

SSL_CTX *
bly_tls_context_client(const bly_tls_own *own, const bly_tls_trust *trust, const bly_tls_hooks *hooks)
{
    SSL_CTX *context = make(TLS_client_method(), own, trust, hooks);
    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, look_at_certificate);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, take_session);
    if (SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols) == 0)
        return context;
    SSL_CTX_free(context);
    return NULL;
}
