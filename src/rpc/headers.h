/* SPDX-License-Identifier: MIT */
/*
 * Putting a block of headers together: static ones, computed ones, and metadata. What does not fit the
 * block's own room, and base64, goes to an arena; HTTP/2 copies what is not static, so a block lives on the
 * stack.
 */
#ifndef BLY_RPC_HEADERS_H
#define BLY_RPC_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include <belay/code.h>
#include <belay/metadata.h>

#include "base/arena.h"
#include "h2/connection.h"
#include "wire/compression.h"

#define BLY_HEADERS_ROOM 16

typedef struct bly_headers {
    bly_h2_header *list;
    size_t count;
    size_t capacity;
    bool failed; /* something did not fit for want of memory */
    bly_arena scratch;
    bly_h2_header room[BLY_HEADERS_ROOM];
} bly_headers;

void bly_headers_init(bly_headers *headers);
void bly_headers_fini(bly_headers *headers);

/* Appends one. Strings must live until the block was sent, static ones longer. */
void bly_headers_add(bly_headers *headers, bly_h2_header header);
void bly_headers_add_text(bly_headers *headers, const char *name, const char *value, size_t value_size);

/* Appends grpc-status, and grpc-message when there is one (percent-encoded; NULL: none). */
void bly_headers_add_status(bly_headers *headers, belay_code code, const char *message, size_t message_size);

/* Appends grpc-encoding. */
void bly_headers_add_encoding(bly_headers *headers, belay_compression compression);

/* Appends all pairs, "-bin" values in base64. NULL: nothing. */
void bly_headers_add_metadata(bly_headers *headers, const belay_metadata *metadata);

#endif
