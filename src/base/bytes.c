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
    bytes->compressed = false;
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
