/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct gen_pool_block {
    gen_pool_block *next;
    max_align_t bytes[];
};

static _Noreturn void
give_up(void)
{
    fputs("protoc-gen-belay: out of memory\n", stderr);
    exit(1);
}

void
pool_free_all(gen_pool *pool)
{
    while (pool->blocks != NULL) {
        gen_pool_block *block = pool->blocks;

        pool->blocks = block->next;
        free(block);
    }
}

void *
pool_alloc(gen_pool *pool, size_t count, size_t size)
{
    gen_pool_block *block;

    if (size != 0 && count > (SIZE_MAX - sizeof(gen_pool_block)) / size)
        give_up();
    block = calloc(1, sizeof(gen_pool_block) + count * size);
    if (block == NULL)
        give_up();
    block->next = pool->blocks;
    pool->blocks = block;
    return block->bytes;
}

char *
pool_format(gen_pool *pool, const char *format, ...)
{
    va_list arguments;
    int length;
    char *string;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        give_up();

    string = pool_alloc(pool, (size_t)length + 1, 1);
    va_start(arguments, format);
    vsnprintf(string, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return string;
}
