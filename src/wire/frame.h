/* SPDX-License-Identifier: MIT */
/*
 * gRPC's message frames: one byte of flags, four bytes of length, the message. DATA frames of HTTP/2 cut
 * them anywhere. Pure: no threads, no I/O.
 *
 * A length is only a promise: up to 2 MiB of address space are set aside for it at once, more as bytes really come.
 */
#ifndef BLY_WIRE_FRAME_H
#define BLY_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define BLY_FRAME_PREFIX 5

/* Writes the five bytes of a frame's prefix. */
void bly_frame_prefix(uint8_t prefix[BLY_FRAME_PREFIX], bool compressed, uint32_t size);

typedef enum bly_frame_error {
    BLY_FRAME_OK,
    BLY_FRAME_TOO_LARGE,     /* the announced length is over the limit */
    BLY_FRAME_COMPRESSED,    /* the compressed flag is set, and nobody said how */
    BLY_FRAME_BAD_FLAG,      /* the flag byte is neither 0 nor 1 */
    BLY_FRAME_NO_MEMORY
} bly_frame_error;

/* Puts messages together from pieces. Owned by one thread. */
typedef struct bly_frame_reader {
    uint32_t limit; /* largest message */
    bool has_encoding; /* messages may be compressed: they come out as they are, and say so */
    uint8_t prefix[BLY_FRAME_PREFIX];
    unsigned int prefix_size; /* bytes of the prefix that have come */
    bly_bytes *message;       /* being filled, or NULL */
    size_t filled;
    uint32_t announced;       /* length of the current message, or of the one that an error is about */
    bly_frame_error error;    /* the first, for good */
} bly_frame_reader;

void bly_frame_reader_init(bly_frame_reader *reader, uint32_t limit);
void bly_frame_reader_fini(bly_frame_reader *reader);

/* Takes in size bytes; complete messages (without prefix) are pushed on `complete`. After an error the
 * reader takes nothing more and gives the same error again. */
bly_frame_error bly_frame_reader_feed(bly_frame_reader *reader, const uint8_t *data, size_t size,
                                      bly_bytes_queue *complete);

/* True between messages: an end of stream here loses nothing. */
bool bly_frame_reader_is_between(const bly_frame_reader *reader);

/* Bytes of the current message (prefix included) that have not come; 0 between messages. While its
 * prefix is incomplete: what is missing of the prefix. */
size_t bly_frame_reader_rest(const bly_frame_reader *reader);

/* Bytes of the current message that have come, and all of them; 0 between messages and in a prefix. */
static inline size_t
bly_frame_reader_filled(const bly_frame_reader *reader)
{
    return reader->message != NULL ? reader->filled : 0;
}

static inline size_t
bly_frame_reader_size(const bly_frame_reader *reader)
{
    return reader->message != NULL ? reader->announced : 0;
}

#endif
