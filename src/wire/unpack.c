/* SPDX-License-Identifier: MIT */
#include "wire/unpack.h"

#include <stdbool.h>
#include <stdlib.h>

/* ---- The scan: how deeply are messages nested? ------------------------------------------------------- */

/* One message that is being walked through. */
typedef struct level {
    const ProtobufCMessageDescriptor *descriptor;
    const uint8_t *end;
} level;

static bool
read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t result = 0;
    for (unsigned int shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = result;
            return true;
        }
    }
    return false;
}

static bool
skip(const uint8_t **at, const uint8_t *end, uint64_t size)
{
    if (size > (uint64_t)(end - *at))
        return false;
    *at += size;
    return true;
}

/* The type of the submessage that a field holds, or NULL. */
static const ProtobufCMessageDescriptor *
submessage(const ProtobufCMessageDescriptor *descriptor, uint64_t tag)
{
    if (tag >> 3 > UINT32_MAX)
        return NULL;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(descriptor, (unsigned int)(tag >> 3));
    return field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* Walks over one field; goes one level down at a submessage. */
static belay_code
scan_field(level *levels, unsigned int most, unsigned int *depth, const uint8_t **at)
{
    const level *current = &levels[*depth];
    uint64_t tag, size;
    if (!read_varint(at, current->end, &tag))
        return BELAY_INTERNAL;
    switch (tag & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(at, current->end, &size) ? BELAY_OK : BELAY_INTERNAL;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(at, current->end, 8) ? BELAY_OK : BELAY_INTERNAL;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(at, current->end, 4) ? BELAY_OK : BELAY_INTERNAL;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        break;
    default:
        return BELAY_INTERNAL; /* groups: protobuf-c has none */
    }
    if (!read_varint(at, current->end, &size) || size > (uint64_t)(current->end - *at))
        return BELAY_INTERNAL;
    const ProtobufCMessageDescriptor *descriptor = submessage(current->descriptor, tag);
    if (descriptor == NULL) {
        *at += size;
        return BELAY_OK;
    }
    if (*depth + 1 == most)
        return BELAY_RESOURCE_EXHAUSTED;
    levels[++*depth] = (level){descriptor, *at + size};
    return BELAY_OK;
}

static belay_code
scan_with(level *levels, unsigned int most, const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
          size_t size)
{
    unsigned int depth = 0;
    const uint8_t *at = data;
    levels[0] = (level){descriptor, data + size};
    for (;;) {
        if (at < levels[depth].end) {
            belay_code code = scan_field(levels, most, &depth, &at);
            if (code != BELAY_OK)
                return code;
        } else if (depth == 0) {
            return BELAY_OK;
        } else {
            depth--;
        }
    }
}

/* Not inlined: its stack would be that of every message, and a page of each thread that waits in its handler. */
static __attribute__((noinline)) belay_code
scan_deep(unsigned int most, const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size)
{
    level levels[BLY_UNPACK_DEEPEST];
    return scan_with(levels, most, descriptor, data, size);
}

/* The usual depth takes little of the stack. */
static belay_code
scan(unsigned int most, const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size)
{
    level levels[BLY_UNPACK_MAX_DEPTH];
    if (most > BLY_UNPACK_MAX_DEPTH)
        return scan_deep(most < BLY_UNPACK_DEEPEST ? most : BLY_UNPACK_DEEPEST, descriptor, data, size);
    return scan_with(levels, most, descriptor, data, size);
}

/* ---- The budget: how much memory does it take? --------------------------------------------------------- */

typedef struct budget {
    ProtobufCAllocator allocator; /* what protobuf-c is given */
    ProtobufCAllocator *below;    /* where the memory comes from; NULL: malloc */
    size_t left;
    bool exhausted; /* nothing was to be had */
    bool over;      /* because of the budget */
} budget;

static void *
allocate(void *data, size_t size)
{
    budget *spent = data;
    if (size > spent->left) {
        spent->exhausted = spent->over = true;
        return NULL;
    }
    ProtobufCAllocator *below = spent->below;
    void *memory = below != NULL ? below->alloc(below->allocator_data, size) : malloc(size);
    if (memory == NULL)
        spent->exhausted = true;
    else
        spent->left -= size;
    return memory;
}

static void
release(void *data, void *memory)
{
    budget *spent = data;
    if (spent->below != NULL)
        spent->below->free(spent->below->allocator_data, memory);
    else
        free(memory);
}

belay_code
bly_unpack_within(bly_unpack_bounds *bounds, const ProtobufCMessageDescriptor *descriptor,
                  ProtobufCAllocator *allocator, const uint8_t *data, size_t size, ProtobufCMessage **message)
{
    bounds->reached = BLY_UNPACK_WITHIN;
    belay_code code = scan(bounds->depth, descriptor, data, size);
    if (code == BELAY_RESOURCE_EXHAUSTED)
        bounds->reached = BLY_UNPACK_TOO_DEEP;
    if (code != BELAY_OK)
        return code;
    budget spent = {.below = allocator, .left = bounds->size};
    spent.allocator = (ProtobufCAllocator){allocate, release, &spent};
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, &spent.allocator, size, data);
    if (spent.over)
        bounds->reached = BLY_UNPACK_TOO_LARGE;
    if (unpacked == NULL)
        return spent.exhausted ? BELAY_RESOURCE_EXHAUSTED : BELAY_INTERNAL;
    *message = unpacked;
    return BELAY_OK;
}

belay_code
bly_unpack(const ProtobufCMessageDescriptor *descriptor, ProtobufCAllocator *allocator, const uint8_t *data,
           size_t size, ProtobufCMessage **message)
{
    bly_unpack_bounds bounds = {.size = BLY_UNPACK_MAX_SIZE, .depth = BLY_UNPACK_MAX_DEPTH};
    return bly_unpack_within(&bounds, descriptor, allocator, data, size, message);
}
