/* SPDX-License-Identifier: MIT */
/*
 * What is kept from nghttp2. A call that its program cancels just before its headers are written is reset all the
 * same by grpc's C core, and so by the stacks on it (grpc issue 19655): RST_STREAM for a number that never comes to
 * be. To RFC 9113 (6.4) that is the end of the connection, and of all its other calls, because one was cancelled.
 * Such a frame changes nothing, so it is dropped, but only where it can be that: after the client's first stream, for
 * a number of the client's beyond its last. All else is nghttp2's to judge; so is a frame that a read cuts in two.
 */
#include <string.h>

#include "h2/session.h"

#define HEADER_SIZE 9
#define RESET_SIZE 4
#define MAGIC_SIZE 24 /* what a client sends first */

void
bly_h2_gate_init(bly_h2_gate *gate)
{
    *gate = (bly_h2_gate){.left = MAGIC_SIZE};
}

static size_t
length_of(const uint8_t header[HEADER_SIZE])
{
    return (size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2];
}

static uint32_t
stream_of(const uint8_t header[HEADER_SIZE])
{
    return ((uint32_t)header[5] << 24 | (uint32_t)header[6] << 16 | (uint32_t)header[7] << 8 | header[8]) & INT32_MAX;
}

static bool
is_of_no_stream(const bly_h2_gate *gate, const uint8_t header[HEADER_SIZE])
{
    uint32_t id = stream_of(header);
    return header[3] == NGHTTP2_RST_STREAM && length_of(header) == RESET_SIZE && id % 2 == 1 && id > gate->last &&
           gate->last != 0 && !gate->in_block;
}

static void
enter_frame(bly_h2_gate *gate, const uint8_t header[HEADER_SIZE])
{
    uint32_t id = stream_of(header);
    gate->left = length_of(header);
    if (header[3] == NGHTTP2_HEADERS && id > gate->last)
        gate->last = id;
    if (header[3] == NGHTTP2_HEADERS || header[3] == NGHTTP2_CONTINUATION)
        gate->in_block = (header[4] & NGHTTP2_FLAG_END_HEADERS) == 0;
}

/* The rest of a header that began in an earlier read; returns how many bytes that was. */
static size_t
complete_header(bly_h2_gate *gate, const uint8_t *data, size_t size)
{
    size_t part = HEADER_SIZE - gate->filled;
    if (part > size)
        part = size;
    memcpy(gate->header + gate->filled, data, part);
    gate->filled += part;
    if (gate->filled == HEADER_SIZE) {
        gate->filled = 0;
        enter_frame(gate, gate->header);
    }
    return part;
}

size_t
bly_h2_gate_pass(bly_h2_gate *gate, const uint8_t *data, size_t size, size_t *dropped)
{
    size_t at = 0;
    *dropped = 0;
    while (at < size) {
        size_t rest = size - at;
        if (gate->left > 0) {
            size_t part = gate->left < rest ? gate->left : rest;
            gate->left -= part;
            at += part;
        } else if (gate->filled > 0 || rest < HEADER_SIZE) {
            at += complete_header(gate, data + at, rest);
        } else if (rest >= HEADER_SIZE + RESET_SIZE && is_of_no_stream(gate, data + at)) {
            *dropped = HEADER_SIZE + RESET_SIZE;
            return at;
        } else {
            enter_frame(gate, data + at);
            at += HEADER_SIZE;
        }
    }
    return size;
}
