/* SPDX-License-Identifier: MIT */
#include "transport/tls_words.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "transport/peer_identity.h"

/* ---- Certificates -------------------------------------------------------------------------------- */

/* The text that a BIO in memory was filled with. */
static void
take_text(BIO *memory, char *text, size_t size)
{
    int read = memory != NULL ? BIO_read(memory, text, (int)size - 1) : 0;
    text[read > 0 ? read : 0] = '\0';
    BIO_free(memory);
}

static void
write_subject(const X509 *certificate, char *text, size_t size)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory != NULL)
        X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0,
                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    take_text(memory, text, size);
}

static void
write_time(const ASN1_TIME *time, char *text, size_t size)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory != NULL)
        ASN1_TIME_print(memory, time);
    take_text(memory, text, size);
}

/* The names that it is for, as far as they fit. */
static void
write_names(X509 *certificate, char *text, size_t size)
{
    belay_peer_identity *names = bly_peer_identity_new(certificate);
    size_t used = 0;
    text[0] = '\0';
    for (int kind = BELAY_PEER_NAME_DNS; names != NULL && kind <= BELAY_PEER_NAME_IP; kind++) {
        const char *name;
        for (size_t i = 0; (name = belay_peer_identity_name(names, (belay_peer_name)kind, i)) != NULL; i++) {
            int added = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
            if (added < 0 || (size_t)added >= size - used)
                break;
            used += (size_t)added;
        }
    }
    bly_peer_identity_free(names);
}

static void
say_wrong_name(X509 *certificate, const char *host, char *words, size_t size)
{
    char names[160];
    write_names(certificate, names, sizeof names);
    if (names[0] != '\0')
        snprintf(words, size, "the certificate is for %s, not for %s", names, host);
    else
        snprintf(words, size, "the certificate is for no host at all (it has no subjectAltName), not for %s",
                 host);
}

void
bly_tls_words_certificate(int error, X509 *certificate, const char *host, char *words, size_t size)
{
    char subject[128] = "?", time[64] = "?";
    if (certificate != NULL)
        write_subject(certificate, subject, sizeof subject);
    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        if (certificate != NULL && host != NULL) {
            say_wrong_name(certificate, host, words, size);
            return;
        }
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        if (certificate != NULL)
            write_time(X509_get0_notAfter(certificate), time, sizeof time);
        snprintf(words, size, "the certificate of \"%s\" expired on %s", subject, time);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (certificate != NULL)
            write_time(X509_get0_notBefore(certificate), time, sizeof time);
        snprintf(words, size, "the certificate of \"%s\" is not valid before %s", subject, time);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        snprintf(words, size, "the certificate of \"%s\" is by no authority that is trusted here: %s",
                 subject, X509_verify_cert_error_string(error));
        return;
    default:
        break;
    }
    snprintf(words, size, "the certificate of \"%s\" is not accepted: %s", subject,
             X509_verify_cert_error_string(error));
}

/* ---- Everything else ----------------------------------------------------------------------------- */

/* Those that somebody can do something about; NULL: OpenSSL's words will do. */
static const char *
explain(int reason, bool is_server)
{
    switch (reason) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "the connection was cut off, without TLS's word of the end";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return "the other side does not speak TLS (is it plaintext?)";
    case SSL_R_UNSUPPORTED_PROTOCOL:
        return "the other side speaks only TLS before 1.2";
    case SSL_R_NO_SHARED_CIPHER:
        return "the other side has no cipher with ECDHE and authenticated encryption, or none for this key";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "the client has shown no certificate, which it must";
    case SSL_R_CALLBACK_FAILED: /* only require_alpn() fails so */
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return is_server ? "the client does not offer HTTP/2 (ALPN \"h2\")" : NULL;
    default:
        return NULL;
    }
}

/* "certificate required" of "tlsv13 alert certificate required". */
static const char *
name_of_alert(const char *openssl)
{
    static const char before[] = " alert ";
    const char *name = openssl != NULL ? strstr(openssl, before) : NULL;
    return name != NULL ? name + sizeof before - 1 : "with an alert that has no name";
}

void
bly_tls_words_error(bool is_server, char *words, size_t size)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    bool is_ssl = ERR_GET_LIB(error) == ERR_LIB_SSL;
    const char *known = is_ssl ? explain(reason, is_server) : NULL;
    const char *openssl = ERR_reason_error_string(error);
    if (is_ssl && reason == SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL)
        known = "the other side refused it: it does not speak HTTP/2 here (ALPN \"h2\")";
    if (known != NULL)
        snprintf(words, size, "%s", known);
    else if (is_ssl && reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        snprintf(words, size, "the other side refused it: %s", name_of_alert(openssl));
    else
        snprintf(words, size, "%s", openssl != NULL ? openssl : "error without a name");
    ERR_clear_error();
}
