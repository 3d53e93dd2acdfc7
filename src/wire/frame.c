/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include <string.h>

/* Messages up to this are put together without being moved. An announcement that is not kept costs no memory: what is
 * allocated is not touched before its bytes come, so it is address space, or pages that had been touched before and
 * would be there anyway. A bound all the same, so that address space does not go by what peers may dream of. */
#define FIRST_ALLOCATION (2u << 20)

void
bly_frame_prefix(uint8_t prefix[BLY_FRAME_PREFIX], bool compressed, uint32_t size)
{
    prefix[0] = compressed ? 1 : 0;
    prefix[1] = (uint8_t)(size >> 24);
    prefix[2] = (uint8_t)(size >> 16);
    prefix[3] = (uint8_t)(size >> 8);
    prefix[4] = (uint8_t)size;
}

void
bly_frame_reader_init(bly_frame_reader *reader, uint32_t limit)
{
    *reader = (bly_frame_reader){ .limit = limit };
}

void
bly_frame_reader_fini(bly_frame_reader *reader)
{
    bly_bytes_free(reader->message);
    reader->message = NULL;
}

static uint32_t
announced_size(const uint8_t prefix[BLY_FRAME_PREFIX])
{
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | prefix[4];
}

/* Begins the message that a complete prefix announces. */
static bly_frame_error
begin_message(bly_frame_reader *reader)
{
    reader->announced = announced_size(reader->prefix);
    if (reader->prefix[0] > 1)
        return BLY_FRAME_BAD_FLAG;
    if (reader->prefix[0] == 1 && !reader->has_encoding)
        return BLY_FRAME_COMPRESSED;
    if (reader->announced > reader->limit)
        return BLY_FRAME_TOO_LARGE;
    size_t size = reader->announced < FIRST_ALLOCATION ? reader->announced : FIRST_ALLOCATION;
    reader->message = bly_bytes_new(size);
    reader->filled = 0;
    if (reader->message == NULL)
        return BLY_FRAME_NO_MEMORY;
    reader->message->compressed = reader->prefix[0] == 1;
    return BLY_FRAME_OK;
}

/* Makes room for `size` bytes more, at most to the announced length: doubling, so that all the copying
 * stays in proportion to what has come. */
static bool
make_room(bly_frame_reader *reader, size_t size)
{
    size_t needed = reader->filled + size;
    size_t doubled = 2 * reader->message->size;
    if (needed <= reader->message->size)
        return true;
    if (needed < doubled)
        needed = doubled;
    if (needed > reader->announced)
        needed = reader->announced;
    bly_bytes *larger = bly_bytes_resize(reader->message, needed);
    if (!larger)
        return false;
    reader->message = larger;
    return true;
}

static void
end_message(bly_frame_reader *reader, bly_bytes_queue *complete)
{
    bly_bytes_queue_push(complete, reader->message);
    reader->message = NULL;
    reader->prefix_size = 0;
}

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Take from the data what the prefix, or the message, still wants; they say how much that was. */
static size_t
feed_prefix(bly_frame_reader *reader, const uint8_t *data, size_t size)
{
    size_t taken = smaller(size, BLY_FRAME_PREFIX - reader->prefix_size);
    memcpy(reader->prefix + reader->prefix_size, data, taken);
    reader->prefix_size += (unsigned int)taken;
    if (reader->prefix_size == BLY_FRAME_PREFIX)
        reader->error = begin_message(reader);
    return taken;
}

static size_t
feed_message(bly_frame_reader *reader, const uint8_t *data, size_t size)
{
    size_t taken = smaller(size, reader->announced - reader->filled);
    if (!make_room(reader, taken)) {
        reader->error = BLY_FRAME_NO_MEMORY;
        return 0;
    }
    memcpy(reader->message->data + reader->filled, data, taken);
    reader->filled += taken;
    return taken;
}

bly_frame_error
bly_frame_reader_feed(bly_frame_reader *reader, const uint8_t *data, size_t size, bly_bytes_queue *complete)
{
    while (size > 0 && reader->error == BLY_FRAME_OK) {
        size_t taken = reader->message ? feed_message(reader, data, size) : feed_prefix(reader, data, size);
        data += taken;
        size -= taken;
        if (reader->message && reader->filled == reader->announced && reader->error == BLY_FRAME_OK)
            end_message(reader, complete);
    }
    return reader->error;
}

bool
bly_frame_reader_is_between(const bly_frame_reader *reader)
{
    return reader->prefix_size == 0;
}

size_t
bly_frame_reader_rest(const bly_frame_reader *reader)
{
    if (reader->message)
        return reader->announced - reader->filled;
    return reader->prefix_size > 0 ? BLY_FRAME_PREFIX - reader->prefix_size : 0;
}
