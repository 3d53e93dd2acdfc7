/* SPDX-License-Identifier: MIT */
/*
 * Compressing and inflating one message, by zlib; and what the encodings are called in headers. Pure: any
 * thread, but none that others wait for, since both take their time. Between pieces of a message they ask
 * whether they should go on.
 */
#ifndef BLY_WIRE_COMPRESSION_H
#define BLY_WIRE_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/compression.h>

#include "base/bytes.h"

/* ---- Names ---- */

/* The value of grpc-accept-encoding: all that is understood here. "identity" goes without saying; HTTP/2
 * looks at every byte of every call's headers. */
#define BLY_COMPRESSION_ACCEPTED "gzip,deflate"

bool bly_compression_is_valid(belay_compression compression);

/* The name in grpc-encoding: a static string. */
const char *bly_compression_name(belay_compression compression, size_t *size);

/* Reads a name; false for one that is not known. */
bool bly_compression_parse(const char *name, size_t size, belay_compression *compression);

static inline unsigned int
bly_compression_bit(belay_compression compression)
{
    return 1u << compression;
}

/* Reads the value of grpc-accept-encoding: the bits of those that are known here. */
unsigned int bly_compression_parse_accepted(const char *value, size_t size);

/* ---- Messages ---- */

/* Whether to stop: asked every few tens of kilobytes. asked NULL: never. */
typedef struct bly_compression_stop {
    bool (*asked)(const void *argument);
    const void *argument;
} bly_compression_stop;

/* Compresses a message. Gives `headroom` bytes for the caller to fill, and what it has become after them.
 * NULL when that would not be smaller, without memory, or when stopped: it then goes as it is. */
bly_bytes *bly_compress(belay_compression compression, const uint8_t *data, size_t size, size_t headroom,
                        bly_compression_stop stop);

typedef enum bly_inflate_result {
    BLY_INFLATED,
    BLY_INFLATE_TOO_LARGE, /* more than the limit: given up one byte after it */
    BLY_INFLATE_MALFORMED, /* no such data, cut off, or followed by something else */
    BLY_INFLATE_NO_MEMORY,
    BLY_INFLATE_STOPPED
} bly_inflate_result;

/* Inflates a message. gzip may consist of several members one after the other (RFC 1952, 2.2). *inflated, the
 * caller's, is set when the result is BLY_INFLATED. */
bly_inflate_result bly_inflate(belay_compression compression, const uint8_t *data, size_t size,
                               uint32_t limit, bly_compression_stop stop, bly_bytes **inflated);

#endif
