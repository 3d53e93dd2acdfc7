/* SPDX-License-Identifier: MIT */
/* All secrets in order, shorter ones first, and how near their hash text comes to a name. */
#ifndef EXAMPLES_CANCELLATION_SECRETS_H
#define EXAMPLES_CANCELLATION_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#define SECRET_MAX 12     /* bytes; nobody lives to see all secrets of this length */
#define HASH_TEXT_SIZE 28 /* of 20 bytes of SHA-1 in base64 */

typedef struct secrets {
    EVP_MD_CTX *hash;
    char name[HASH_TEXT_SIZE + 1]; /* in lower case */
    size_t name_size;
    unsigned char secret[SECRET_MAX];
    size_t size;
    char hash_text[HASH_TEXT_SIZE + 1]; /* of the secret */
} secrets;

/* Begins with the empty secret. False without memory, or for a name that is longer than a hash text. */
bool secrets_init(secrets *self, const char *name);
void secrets_fini(secrets *self);

/* Hashes the secret. Returns the distance of its hash text to the name, or -1 when it cannot be hashed. */
int secrets_distance(secrets *self);

/* Writes the secret in base64: at most 4 * SECRET_MAX / 3 characters and a NUL. */
void secrets_print(const secrets *self, char *text);

/* Goes to the next one. False when there is none. */
bool secrets_next(secrets *self);

#endif
