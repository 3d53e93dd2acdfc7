/* SPDX-License-Identifier: MIT */
/*
 * Memory for one run of the generator, given back all at once. A generator that has no memory has
 * nothing else to do: the functions here say so on stderr and exit.
 */
#ifndef PROTOC_GEN_BELAY_POOL_H
#define PROTOC_GEN_BELAY_POOL_H

#include <stddef.h>

typedef struct gen_pool_block gen_pool_block;

typedef struct gen_pool {
    gen_pool_block *blocks;
} gen_pool;

/* A pool that is all zero is empty and ready. */
void pool_free_all(gen_pool *pool);

/* Zeroed memory for `count` things of `size` bytes, aligned for any type; never NULL. */
void *pool_alloc(gen_pool *pool, size_t count, size_t size);

char *pool_format(gen_pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
