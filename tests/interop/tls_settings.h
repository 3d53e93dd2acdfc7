/* SPDX-License-Identifier: MIT */
/*
 * TLS as the command lines of the interop programs ask for it.
 */
#ifndef TESTS_INTEROP_TLS_SETTINGS_H
#define TESTS_INTEROP_TLS_SETTINGS_H

#include <stdbool.h>

#include <belay/belay.h>

/* What was given; NULL: not. */
typedef struct tls_settings {
    bool use;
    const char *certificate_file; /* who the program is */
    const char *key_file;
    const char *ca_file; /* whom it believes; a client without one believes whom its system does */
    const char *host;    /* a client's name for its server */
} tls_settings;

/* Make the object, NULL without TLS; a server that has a ca_file asks its clients for certificates. False:
 * standard error says why it cannot be made. */
bool tls_make_server(const tls_settings *from, belay_tls **tls);
bool tls_make_client(const tls_settings *from, belay_tls **tls);

#endif
