/* SPDX-License-Identifier: MIT */
#include "interop/tls_settings.h"

#include <stdio.h>

static belay_code
set_files(const tls_settings *from, belay_tls *tls)
{
    belay_code code = BELAY_OK;
    if (from->certificate_file != NULL || from->key_file != NULL)
        code = belay_tls_set_certificate(tls, from->certificate_file, from->key_file);
    if (code == BELAY_OK && from->ca_file != NULL)
        code = belay_tls_set_trust(tls, from->ca_file);
    return code;
}

static bool
fail(belay_tls *tls, belay_code code)
{
    char words[400] = "";
    if (tls != NULL)
        belay_tls_error(tls, words, sizeof words);
    fprintf(stderr, "TLS: %s: %s\n", belay_code_name(code), words);
    belay_tls_free(tls);
    return false;
}

bool
tls_make_server(const tls_settings *from, belay_tls **tls)
{
    *tls = NULL;
    if (!from->use)
        return true;
    belay_tls *made = belay_tls_new();
    belay_code code = made != NULL ? set_files(from, made) : BELAY_RESOURCE_EXHAUSTED;
    if (code != BELAY_OK)
        return fail(made, code);
    if (from->ca_file != NULL)
        belay_tls_set_clients(made, BELAY_TLS_CLIENTS_MUST_HAVE);
    *tls = made;
    return true;
}

bool
tls_make_client(const tls_settings *from, belay_tls **tls)
{
    *tls = NULL;
    if (!from->use)
        return true;
    belay_tls *made = belay_tls_new();
    belay_code code = made != NULL ? set_files(from, made) : BELAY_RESOURCE_EXHAUSTED;
    if (code == BELAY_OK && from->host != NULL)
        code = belay_tls_set_host(made, from->host);
    if (code != BELAY_OK)
        return fail(made, code);
    *tls = made;
    return true;
}
