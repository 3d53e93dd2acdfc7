/* SPDX-License-Identifier: MIT */
#include "transport/peer_identity.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

typedef struct alternative_name {
    belay_peer_name kind;
    const char *text;
} alternative_name;

struct belay_peer_identity {
    /* const after creation; all strings in the arena, as this is itself */
    bly_arena arena;
    const char *subject;
    const char *certificate;
    alternative_name *names;
    size_t count;
};

/* ---- Reading ------------------------------------------------------------------------------------- */

/* The text that a BIO in memory holds; frees it. NULL without memory, or when it was not filled. */
static char *
take_text(belay_peer_identity *identity, BIO *memory, bool is_filled)
{
    char *text = NULL, *data;
    if (is_filled) {
        long size = BIO_get_mem_data(memory, &data);
        text = bly_arena_copy(&identity->arena, data, size > 0 ? (size_t)size : 0);
    }
    BIO_free(memory);
    return text;
}

static bool
read_subject(belay_peer_identity *identity, const X509 *certificate)
{
    unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *memory = BIO_new(BIO_s_mem());
    const X509_NAME *subject = X509_get_subject_name(certificate);
    bool is_filled = memory != NULL && X509_NAME_print_ex(memory, subject, 0, form) >= 0;
    identity->subject = take_text(identity, memory, is_filled);
    return identity->subject != NULL;
}

static bool
read_certificate(belay_peer_identity *identity, X509 *certificate)
{
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_filled = memory != NULL && PEM_write_bio_X509(memory, certificate) == 1;
    identity->certificate = take_text(identity, memory, is_filled);
    return identity->certificate != NULL;
}

/* Text with a NUL inside would read as another name than it is: such names are left out. */
static const char *
copy_text(belay_peer_identity *identity, const ASN1_STRING *string)
{
    const unsigned char *data = ASN1_STRING_get0_data(string);
    size_t size = (size_t)ASN1_STRING_length(string);
    return memchr(data, '\0', size) == NULL ? bly_arena_copy(&identity->arena, data, size) : NULL;
}

static const char *
copy_address(belay_peer_identity *identity, const ASN1_STRING *string)
{
    char text[INET6_ADDRSTRLEN];
    int size = ASN1_STRING_length(string);
    int family = size == 4 ? AF_INET : size == 16 ? AF_INET6 : AF_UNSPEC;
    if (family == AF_UNSPEC || inet_ntop(family, ASN1_STRING_get0_data(string), text, sizeof text) == NULL)
        return NULL;
    return bly_arena_copy(&identity->arena, text, strlen(text));
}

static alternative_name
read_name(belay_peer_identity *identity, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    switch (type) {
    case GEN_DNS:
        return (alternative_name){BELAY_PEER_NAME_DNS, copy_text(identity, value)};
    case GEN_URI:
        return (alternative_name){BELAY_PEER_NAME_URI, copy_text(identity, value)};
    case GEN_EMAIL:
        return (alternative_name){BELAY_PEER_NAME_EMAIL, copy_text(identity, value)};
    case GEN_IPADD:
        return (alternative_name){BELAY_PEER_NAME_IP, copy_address(identity, value)};
    default:
        return (alternative_name){BELAY_PEER_NAME_DNS, NULL};
    }
}

static bool
read_names(belay_peer_identity *identity, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (names == NULL)
        return true;
    int count = sk_GENERAL_NAME_num(names);
    identity->names = bly_arena_alloc(&identity->arena, (size_t)count * sizeof *identity->names);
    for (int i = 0; identity->names != NULL && i < count; i++) {
        alternative_name name = read_name(identity, sk_GENERAL_NAME_value(names, i));
        if (name.text != NULL)
            identity->names[identity->count++] = name;
    }
    GENERAL_NAMES_free(names);
    return identity->names != NULL;
}

belay_peer_identity *
bly_peer_identity_new(X509 *certificate)
{
    bly_arena arena;
    bly_arena_init(&arena);
    belay_peer_identity *identity = bly_arena_alloc(&arena, sizeof *identity);
    if (identity == NULL)
        return NULL;
    *identity = (belay_peer_identity){.arena = arena};
    if (read_subject(identity, certificate) && read_certificate(identity, certificate) &&
        read_names(identity, certificate))
        return identity;
    ERR_clear_error();
    bly_peer_identity_free(identity);
    return NULL;
}

void
bly_peer_identity_free(belay_peer_identity *identity)
{
    if (identity == NULL)
        return;
    bly_arena arena = identity->arena; /* it lies in its own arena */
    bly_arena_fini(&arena);
}

/* ---- What programs ask --------------------------------------------------------------------------- */

const char *
belay_peer_identity_subject(const belay_peer_identity *identity)
{
    return identity->subject;
}

const char *
belay_peer_identity_name(const belay_peer_identity *identity, belay_peer_name kind, size_t index)
{
    for (size_t i = 0; i < identity->count; i++) {
        if (identity->names[i].kind == kind && index-- == 0)
            return identity->names[i].text;
    }
    return NULL;
}

const char *
belay_peer_identity_certificate(const belay_peer_identity *identity)
{
    return identity->certificate;
}
