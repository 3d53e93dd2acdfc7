/* SPDX-License-Identifier: MIT */
/* What is in a chunk of stream.proto: its number, in the first bytes. */
#ifndef BENCH_CHUNK_H
#define BENCH_CHUNK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "stream.pb-c.h"

#define CHUNK_LEAST 8
#define CHUNK_MOST 4000000 /* below what receivers take unless told: 4 MiB */

static inline void
chunk_set_number(uint8_t *data, uint64_t number)
{
    for (int i = 0; i < CHUNK_LEAST; i++)
        data[i] = (uint8_t)(number >> 8 * i);
}

static inline bool
chunk_has_number(const Helloworld__Chunk *chunk, uint64_t number)
{
    uint8_t bytes[CHUNK_LEAST];
    chunk_set_number(bytes, number);
    return chunk->data.len >= sizeof bytes && memcmp(chunk->data.data, bytes, sizeof bytes) == 0;
}

#endif
