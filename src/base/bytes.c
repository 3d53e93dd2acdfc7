/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include "base/blocks.h"

bly_bytes *
bly_bytes_new(size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(bly_bytes))
        return NULL;
    bly_bytes *bytes = bly_blocks_take(sizeof *bytes + size);
    if (!bytes)
        return NULL;
    bytes->next = NULL;
    bytes->size = size;
    return bytes;
}

void
bly_bytes_free(bly_bytes *bytes)
{
    if (bytes != NULL)
        bly_blocks_free(bytes, sizeof *bytes + bytes->size);
}

bly_bytes *
bly_bytes_resize(bly_bytes *bytes, size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(bly_bytes))
        return NULL;
    bly_bytes *resized = bly_blocks_resize(bytes, sizeof *bytes + size);
    if (!resized)
        return NULL;
    resized->size = size;
    return resized;
}

void
bly_bytes_queue_init(bly_bytes_queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
    queue->total = 0;
}

void
bly_bytes_queue_push(bly_bytes_queue *queue, bly_bytes *bytes)
{
    bytes->next = NULL;
    *queue->last = bytes;
    queue->last = &bytes->next;
    queue->total += bytes->size;
}

bly_bytes *
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

void
bly_bytes_queue_splice(bly_bytes_queue *to, bly_bytes_queue *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->total += from->total;
    bly_bytes_queue_init(from);
}

void
bly_bytes_queue_clear(bly_bytes_queue *queue)
{
    for (bly_bytes *bytes = queue->first; bytes;) {
        bly_bytes *next = bytes->next;
        bly_bytes_free(bytes);
        bytes = next;
    }
    bly_bytes_queue_init(queue);
}
