/* SPDX-License-Identifier: MIT */
/*
 * Messages on their way: one allocation that holds the bytes and a link. Whoever holds the pointer
 * owns it; it is handed over with the pointer.
 */
#ifndef BLY_BASE_BYTES_H
#define BLY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"

typedef struct bly_bytes {
    struct bly_bytes *next; /* for the list it is in, or NULL */
    size_t size; /* as it was asked for */
    bool compressed; /* of a message that came in: is to be inflated */
    _Alignas(8) uint8_t data[];
} bly_bytes;

/* Allocates for size bytes, uninitialised; NULL without memory. Threads: any. */
bly_bytes *bly_bytes_new(size_t size);
void bly_bytes_free(bly_bytes *bytes);

/* Gives it another size, the bytes up to the smaller one kept; the old pointer is gone. NULL without
 * memory: then nothing has changed. */
bly_bytes *bly_bytes_resize(bly_bytes *bytes, size_t size);

/* Whether threads keep blocks of that size (base/blocks.h): such a one is worth giving back to the thread that made it.
 * Freed by another, each costs both a lock of malloc's. */
static inline bool
bly_bytes_is_small(const bly_bytes *bytes)
{
    return sizeof *bytes + bytes->size <= BLY_BLOCKS_LARGEST;
}

/* A queue of them. Not locked: its owner says by what it is guarded. */
typedef struct bly_bytes_queue {
    bly_bytes *first;
    bly_bytes **last; /* where the next one goes */
    size_t total;     /* bytes in all */
} bly_bytes_queue;

static inline void
bly_bytes_queue_init(bly_bytes_queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
    queue->total = 0;
}

static inline void
bly_bytes_queue_push(bly_bytes_queue *queue, bly_bytes *bytes)
{
    bytes->next = NULL;
    *queue->last = bytes;
    queue->last = &bytes->next;
    queue->total += bytes->size;
}

/* NULL when empty. */
static inline bly_bytes *
bly_bytes_queue_pop(bly_bytes_queue *queue)
{
    bly_bytes *bytes = queue->first;
    if (!bytes)
        return NULL;
    queue->first = bytes->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->total -= bytes->size;
    bytes->next = NULL;
    return bytes;
}

/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void
bly_bytes_queue_splice(bly_bytes_queue *to, bly_bytes_queue *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->total += from->total;
    bly_bytes_queue_init(from);
}

/* Frees all that is in it. */
static inline void
bly_bytes_queue_clear(bly_bytes_queue *queue)
{
    bly_bytes *bytes;
    while ((bytes = bly_bytes_queue_pop(queue)))
        bly_bytes_free(bytes);
}

#endif
