/* SPDX-License-Identifier: MIT */
/*
 * Unpacking protobuf messages that a peer sent. protobuf-c bounds neither depth nor size: 34 KB of nested
 * messages overflow an 8 MiB stack, 1 MiB of empty submessages takes 96 MB. So the bytes are scanned along
 * the schema first, without recursion, and the memory is counted while they are unpacked.
 */
#ifndef BLY_WIRE_UNPACK_H
#define BLY_WIRE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/code.h>

#define BLY_UNPACK_MAX_DEPTH 100
#define BLY_UNPACK_MAX_SIZE (64u << 20)

typedef enum bly_unpack_limit {
    BLY_UNPACK_WITHIN,
    BLY_UNPACK_TOO_DEEP,
    BLY_UNPACK_TOO_LARGE
} bly_unpack_limit;

typedef struct bly_unpack_bounds {
    size_t size;
    unsigned int depth; /* 1 to BLY_UNPACK_DEEPEST */
    bly_unpack_limit reached; /* tells why it failed */
} bly_unpack_bounds;

#define BLY_UNPACK_DEEPEST 1000

/* bly_unpack() within other bounds than the usual. */
belay_code bly_unpack_within(bly_unpack_bounds *bounds, const ProtobufCMessageDescriptor *descriptor,
                             ProtobufCAllocator *allocator, const uint8_t *data, size_t size,
                             ProtobufCMessage **message);

/* Unpacks with an allocator (NULL: malloc). BELAY_OK; BELAY_INTERNAL for bytes that are no such message;
 * BELAY_RESOURCE_EXHAUSTED for one that is nested too deeply, unpacks too large, or without memory. */
belay_code bly_unpack(const ProtobufCMessageDescriptor *descriptor, ProtobufCAllocator *allocator,
                      const uint8_t *data, size_t size, ProtobufCMessage **message);

#endif
