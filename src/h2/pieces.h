/* SPDX-License-Identifier: MIT */
/*
 * What one write takes: pieces in their order. Small ones are copied into a buffer that is lent for as long,
 * large ones stay where they lie, in messages that are held until the kernel has all of it. What the kernel
 * does not take is the rest: then the buffer's bytes and the list get memory of their own, once, and the
 * messages are held on. Knows no streams; I/O thread only.
 */
#ifndef BLY_H2_PIECES_H
#define BLY_H2_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/bytes.h"
#include "io/loop.h"

/* Copying less costs less than one more piece. */
#define BLY_H2_LARGE_PIECE 4096

/* So many bytes, and one frame more at most, are put together for one write. */
#define BLY_H2_WRITE_SIZE BLY_LOOP_BUFFER_SIZE
#define BLY_H2_MAX_FRAME 16384

/* Large pieces with some copied bytes between each two, and one frame that had no room. */
#define BLY_H2_MAX_PIECES (2 * (BLY_H2_WRITE_SIZE + BLY_H2_MAX_FRAME) / BLY_H2_LARGE_PIECE + 4)

typedef struct bly_h2_pieces {
    /* lent, from begin to the write; or the rest's */
    struct iovec *list;
    size_t count;
    /* from begin to the write */
    uint8_t *buffer;
    size_t filled;
    size_t listed; /* bytes of the buffer that are in the list */
    size_t size;   /* of all pieces */
    /* until all has left */
    bly_bytes_queue held;
    struct iovec *rest; /* one allocation with its bytes; NULL when there is none */
} bly_h2_pieces;

void bly_h2_pieces_init(bly_h2_pieces *pieces);
void bly_h2_pieces_fini(bly_h2_pieces *pieces);

/* Begins a new write, when there is no rest. Buffer (of the loop's size) and list are lent until
 * bly_h2_pieces_written(). */
void bly_h2_pieces_begin(bly_h2_pieces *pieces, uint8_t *buffer, struct iovec list[BLY_H2_MAX_PIECES]);

/* Bytes that can be copied still. */
size_t bly_h2_pieces_room(const bly_h2_pieces *pieces);

void bly_h2_pieces_copy(bly_h2_pieces *pieces, const void *data, size_t size);

/* Adds a large piece by reference. What it lies in must stay, or be held. */
void bly_h2_pieces_refer(bly_h2_pieces *pieces, const void *data, size_t size);

/* Takes over a message that there are pieces of. */
void bly_h2_pieces_hold(bly_h2_pieces *pieces, bly_bytes *message);

/* Nothing more is added: the list is whole. */
void bly_h2_pieces_end(bly_h2_pieces *pieces);

/* The first `size` bytes of the list have left. The list has what is left of it: nothing, and no message is held any
 * more, or a rest. False without memory for that. */
bool bly_h2_pieces_written(bly_h2_pieces *pieces, size_t size);

static inline bool
bly_h2_pieces_has_rest(const bly_h2_pieces *pieces)
{
    return pieces->rest != NULL;
}

#endif
