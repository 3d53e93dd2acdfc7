/* SPDX-License-Identifier: MIT */
/*
 * Random input with a fixed seed: the same in every run. Made of the letters that a parser looks at, so that
 * it gets further than its first check. Inputs are exact allocations, so that reading past one is noticed.
 */
#ifndef TESTS_WIRE_RANDOM_H
#define TESTS_WIRE_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t
random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* A string of at most `longest` bytes: mostly out of `letters`, now and then any byte. To be freed. */
static inline char *
random_text(uint64_t *state, const char *letters, size_t longest, size_t *size)
{
    *size = random_next(state) % (longest + 1);
    char *text = malloc(*size ? *size : 1);
    if (!text)
        abort();
    for (size_t i = 0; i < *size; i++) {
        uint32_t random = random_next(state);
        text[i] = random % 16 == 0 ? (char)(random >> 8) : letters[(random >> 8) % strlen(letters)];
    }
    return text;
}

#endif
