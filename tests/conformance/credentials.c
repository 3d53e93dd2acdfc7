/* SPDX-License-Identifier: MIT */
/*
 * belay takes files: each PEM becomes one that is gone when it has been read.
 */
#include "conformance/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct pem_file {
    char path[128]; /* empty: none */
} pem_file;

static bool
write_file(pem_file *file, const ProtobufCBinaryData *pem)
{
    const char *folder = getenv("TMPDIR");
    snprintf(file->path, sizeof file->path, "%s/conformance-XXXXXX", folder != NULL ? folder : "/tmp");
    int descriptor = mkstemp(file->path);
    if (descriptor < 0) {
        perror(file->path);
        file->path[0] = '\0';
        return false;
    }
    bool written = write(descriptor, pem->data, pem->len) == (ssize_t)pem->len;
    return close(descriptor) == 0 && written;
}

static void
remove_file(const pem_file *file)
{
    if (file->path[0] != '\0')
        unlink(file->path);
}

static bool
set_own(belay_tls *tls, const tls_creds *own)
{
    pem_file certificate = {""}, key = {""};
    bool done = write_file(&certificate, &own->cert) && write_file(&key, &own->key) &&
                belay_tls_set_certificate(tls, certificate.path, key.path) == BELAY_OK;
    remove_file(&certificate);
    remove_file(&key);
    return done;
}

static bool
set_trusted(belay_tls *tls, const ProtobufCBinaryData *trusted)
{
    pem_file file = {""};
    bool done = write_file(&file, trusted) && belay_tls_set_trust(tls, file.path) == BELAY_OK;
    remove_file(&file);
    return done;
}

belay_tls *
credentials_new(const tls_creds *own, const ProtobufCBinaryData *trusted)
{
    belay_tls *tls = belay_tls_new();
    if (tls == NULL)
        return NULL;
    belay_tls_set_check_interval(tls, 0);
    if ((own == NULL || set_own(tls, own)) && (trusted->len == 0 || set_trusted(tls, trusted)))
        return tls;
    char error[256];
    belay_tls_error(tls, error, sizeof error);
    fprintf(stderr, "TLS: %s\n", error);
    belay_tls_free(tls);
    return NULL;
}
