/* SPDX-License-Identifier: MIT */
#include "h2/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void
bly_h2_pieces_init(bly_h2_pieces *pieces)
{
    memset(pieces, 0, sizeof *pieces);
    bly_bytes_queue_init(&pieces->held);
}

void
bly_h2_pieces_fini(bly_h2_pieces *pieces)
{
    bly_bytes_queue_clear(&pieces->held);
    free(pieces->rest);
    pieces->rest = NULL;
}

/* ---- putting together ---- */

void
bly_h2_pieces_begin(bly_h2_pieces *pieces, uint8_t *buffer, struct iovec list[BLY_H2_MAX_PIECES])
{
    BLY_ASSERT(pieces->rest == NULL && pieces->held.first == NULL);
    pieces->list = list;
    pieces->count = 0;
    pieces->buffer = buffer;
    pieces->filled = 0;
    pieces->listed = 0;
    pieces->size = 0;
}

size_t
bly_h2_pieces_room(const bly_h2_pieces *pieces)
{
    return BLY_LOOP_BUFFER_SIZE - pieces->filled;
}

void
bly_h2_pieces_copy(bly_h2_pieces *pieces, const void *data, size_t size)
{
    memcpy(pieces->buffer + pieces->filled, data, size);
    pieces->filled += size;
    pieces->size += size;
}

static void
list_piece(bly_h2_pieces *pieces, const void *data, size_t size)
{
    BLY_ASSERT(pieces->count < BLY_H2_MAX_PIECES);
    pieces->list[pieces->count++] = (struct iovec){(void *)(uintptr_t)data, size};
}

/* What was copied since the last piece is the next one. */
static void
list_copied(bly_h2_pieces *pieces)
{
    if (pieces->listed < pieces->filled)
        list_piece(pieces, pieces->buffer + pieces->listed, pieces->filled - pieces->listed);
    pieces->listed = pieces->filled;
}

void
bly_h2_pieces_refer(bly_h2_pieces *pieces, const void *data, size_t size)
{
    list_copied(pieces);
    list_piece(pieces, data, size);
    pieces->size += size;
}

void
bly_h2_pieces_hold(bly_h2_pieces *pieces, bly_bytes *message)
{
    bly_bytes_queue_push(&pieces->held, message);
}

void
bly_h2_pieces_end(bly_h2_pieces *pieces)
{
    list_copied(pieces);
}

/* ---- the rest ---- */

static bool
is_copied(const bly_h2_pieces *pieces, const struct iovec *piece)
{
    uintptr_t at = (uintptr_t)piece->iov_base;
    uintptr_t buffer = (uintptr_t)pieces->buffer;
    return at >= buffer && at < buffer + pieces->filled;
}

/* Gives the list, and what lies in the buffer, memory of their own. */
static bool
keep_rest(bly_h2_pieces *pieces)
{
    size_t list_size = pieces->count * sizeof *pieces->list;
    size_t copied = 0;
    for (size_t i = 0; i < pieces->count; i++)
        copied += is_copied(pieces, &pieces->list[i]) ? pieces->list[i].iov_len : 0;
    pieces->rest = malloc(list_size + copied);
    if (pieces->rest == NULL)
        return false;
    memcpy(pieces->rest, pieces->list, list_size);
    pieces->list = pieces->rest;
    uint8_t *to = (uint8_t *)(pieces->rest + pieces->count);
    for (size_t i = 0; i < pieces->count; i++) {
        struct iovec *piece = &pieces->list[i];
        if (!is_copied(pieces, piece))
            continue;
        piece->iov_base = memcpy(to, piece->iov_base, piece->iov_len);
        to += piece->iov_len;
    }
    return true;
}

bool
bly_h2_pieces_written(bly_h2_pieces *pieces, size_t size)
{
    while (pieces->count > 0 && size >= pieces->list->iov_len) {
        size -= pieces->list->iov_len;
        pieces->list++;
        pieces->count--;
    }
    if (pieces->count == 0) {
        bly_h2_pieces_fini(pieces);
        return true;
    }
    pieces->list->iov_base = (uint8_t *)pieces->list->iov_base + size;
    pieces->list->iov_len -= size;
    return pieces->rest != NULL || keep_rest(pieces);
}
