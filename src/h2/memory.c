/* SPDX-License-Identifier: MIT */
/*
 * Memory for nghttp2. For each stream it makes and drops a dozen small things, all on the I/O thread: they come from the
 * blocks that the thread keeps. nghttp2 does not say how large what it gives back is, so that stands before it.
 */
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "h2/session.h"

typedef struct piece {
    size_t size; /* of data */
    alignas(max_align_t) unsigned char data[];
} piece;

static piece *
piece_of(void *memory)
{
    return (piece *)(void *)((unsigned char *)memory - offsetof(piece, data));
}

static void *
take(size_t size, void *user_data)
{
    (void)user_data;
    if (size > SIZE_MAX - sizeof(piece))
        return NULL;
    piece *taken = bly_blocks_take(sizeof(piece) + size);
    if (taken == NULL)
        return NULL;
    taken->size = size;
    return taken->data;
}

static void
give(void *memory, void *user_data)
{
    (void)user_data;
    if (memory == NULL)
        return;
    piece *given = piece_of(memory);
    bly_blocks_free(given, sizeof(piece) + given->size);
}

static void *
take_zeroed(size_t count, size_t size, void *user_data)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    void *memory = take(count * size, user_data);
    return memory != NULL ? memset(memory, 0, count * size) : NULL;
}

static void *
resize(void *memory, size_t size, void *user_data)
{
    void *resized = take(size, user_data);
    if (resized == NULL || memory == NULL)
        return resized;
    size_t before = piece_of(memory)->size;
    memcpy(resized, memory, before < size ? before : size);
    give(memory, user_data);
    return resized;
}

nghttp2_mem bly_h2_memory = {NULL, take, give, take_zeroed, resize};
