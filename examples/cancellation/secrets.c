/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <ctype.h>
#include <string.h>

#define BYTE_MAX 254 /* as in the Python example, so that both find the same */

bool
secrets_init(secrets *self, const char *name)
{
    memset(self, 0, sizeof *self);
    self->name_size = strlen(name);
    if (self->name_size > HASH_TEXT_SIZE)
        return false;
    for (size_t i = 0; i < self->name_size; i++)
        self->name[i] = (char)tolower((unsigned char)name[i]);
    self->hash = EVP_MD_CTX_new();
    return self->hash != NULL && EVP_DigestInit_ex(self->hash, EVP_sha1(), NULL) == 1;
}

void
secrets_fini(secrets *self)
{
    EVP_MD_CTX_free(self->hash);
}

/* Of the name to the part of the text that begins at `at`. */
static int
distance_at(const secrets *self, size_t at)
{
    int distance = 0;
    for (size_t i = 0; i < self->name_size; i++)
        distance += tolower((unsigned char)self->hash_text[at + i]) != self->name[i];
    return distance;
}

int
secrets_distance(secrets *self)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size;
    if (EVP_DigestInit_ex(self->hash, NULL, NULL) != 1 ||
        EVP_DigestUpdate(self->hash, self->secret, self->size) != 1 ||
        EVP_DigestFinal_ex(self->hash, digest, &digest_size) != 1)
        return -1;
    EVP_EncodeBlock((unsigned char *)self->hash_text, digest, (int)digest_size);

    int nearest = distance_at(self, 0);
    for (size_t at = 1; at + self->name_size <= HASH_TEXT_SIZE; at++) {
        int distance = distance_at(self, at);
        if (distance < nearest)
            nearest = distance;
    }
    return nearest;
}

void
secrets_print(const secrets *self, char *text)
{
    EVP_EncodeBlock((unsigned char *)text, self->secret, (int)self->size);
}

/* Counts up, the last byte first; when all are at their highest, there is one more and all are 0. */
bool
secrets_next(secrets *self)
{
    for (size_t i = self->size; i > 0; i--) {
        if (self->secret[i - 1]++ < BYTE_MAX)
            return true;
        self->secret[i - 1] = 0;
    }
    if (self->size == SECRET_MAX)
        return false;
    self->size++;
    return true;
}
