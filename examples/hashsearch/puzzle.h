/* SPDX-License-Identifier: MIT */
/* The work itself: a text with a number behind it, its SHA-256, and how many zero bits that begins with. */
#ifndef EXAMPLES_HASHSEARCH_PUZZLE_H
#define EXAMPLES_HASHSEARCH_PUZZLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define PUZZLE_TEXT_MAX 200 /* bytes of text */
#define PUZZLE_DIGEST 32

typedef struct puzzle {
    EVP_MD_CTX *hash;
    size_t text_size;                     /* without the number */
    size_t size;                          /* with it */
    char text[PUZZLE_TEXT_MAX + 21];      /* 20 digits hold any number */
    unsigned char digest[PUZZLE_DIGEST];  /* of what was tried last */
} puzzle;

/* Makes a puzzle that stands at a number. False without memory, or when the text is too long. */
bool puzzle_init(puzzle *self, const char *text, uint64_t number);
void puzzle_fini(puzzle *self);

/* Hashes the text with its number, and moves on to the next number. Returns how many zero bits the hash
 * begins with, or -1 when it cannot be computed. */
int puzzle_try(puzzle *self);

#endif
