/* SPDX-License-Identifier: MIT */
#include "conformance/credentials.h"

#include <stdio.h>

static bool
set_own(belay_tls *tls, const tls_creds *own)
{
    return belay_tls_set_certificate_pem(tls, own->cert.data, own->cert.len, own->key.data, own->key.len) == BELAY_OK;
}

static bool
set_trusted(belay_tls *tls, const ProtobufCBinaryData *trusted)
{
    return belay_tls_set_trust_pem(tls, trusted->data, trusted->len) == BELAY_OK;
}

belay_tls *
credentials_new(const tls_creds *own, const ProtobufCBinaryData *trusted)
{
    belay_tls *tls = belay_tls_new();
    if (tls == NULL)
        return NULL;
    if ((own == NULL || set_own(tls, own)) && (trusted->len == 0 || set_trusted(tls, trusted)))
        return tls;
    char error[256];
    belay_tls_error(tls, error, sizeof error);
    fprintf(stderr, "TLS: %s\n", error);
    belay_tls_free(tls);
    return NULL;
}
