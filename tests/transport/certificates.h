/* SPDX-License-Identifier: MIT */
/*
 * A folder of certificates and keys, made by the test that needs them.
 */
#ifndef TESTS_TRANSPORT_CERTIFICATES_H
#define TESTS_TRANSPORT_CERTIFICATES_H

#include <stdbool.h>

typedef struct certificates {
    char folder[32];
} certificates;

/* One to make: NAME.pem and NAME.key in the folder, with the subject "CN=NAME,O=belay tests". */
typedef struct certificate_wish {
    const char *name;
    const char *issuer; /* an authority made before; NULL: itself */
    const char *names;  /* alternative ones: "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const char *usages; /* extended ones: "clientAuth"; NULL: any */
    const char *limits; /* of an authority's names: "permitted;DNS:example.org"; NULL: none */
    bool is_authority;
    bool is_rsa;  /* else on a curve */
    unsigned int bits; /* of an RSA key; 0: 2048 */
    long from_s;  /* from now: when it begins to be valid; and ends */
    long until_s; /* 0: in a day */
} certificate_wish;

void certificates_open(certificates *all);
void certificates_close(certificates *all); /* removes the folder */

/* Makes one, over what was there; the program ends when it cannot. */
void certificates_make(const certificates *all, certificate_wish wish);

/* The usual ones: the authorities "ca" and "other-ca"; by the first "server" for localhost, 127.0.0.1 and
 * ::1, and "client" with a name of each kind; by the second "stranger". */
void certificates_make_usual(const certificates *all);

/* "FOLDER/NAME.pem", good until asked for the ninth. One thread. */
const char *certificate_file(const certificates *all, const char *name);
const char *key_file(const certificates *all, const char *name);

/* Writes a file of the folder; replaces one there in one go. */
void certificates_write(const certificates *all, const char *file, const char *text);

/* Replaces a certificate and its key by another's. */
void certificates_replace(const certificates *all, const char *name, const char *by);

#endif
