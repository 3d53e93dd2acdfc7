/* SPDX-License-Identifier: MIT */
#include "h2/raw.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/assert.h"

bool
raw_write(int descriptor, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    while (size > 0) {
        ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static void
put_number(uint8_t *to, uint32_t number)
{
    to[0] = (uint8_t)(number >> 24);
    to[1] = (uint8_t)(number >> 16);
    to[2] = (uint8_t)(number >> 8);
    to[3] = (uint8_t)number;
}

static uint32_t
get_number(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

size_t
raw_put(uint8_t *to, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    to[0] = (uint8_t)(size >> 16);
    to[1] = (uint8_t)(size >> 8);
    to[2] = (uint8_t)size;
    to[3] = type;
    to[4] = flags;
    put_number(to + 5, stream);
    memcpy(to + 9, payload, size);
    return 9 + size;
}

bool
raw_send(int descriptor, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    static uint8_t frame[9 + 16384];
    BLY_ASSERT(size <= sizeof frame - 9);
    return raw_write(descriptor, frame, raw_put(frame, type, flags, stream, payload, size));
}

void
raw_preface(int descriptor, bool is_client)
{
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (is_client)
        raw_write(descriptor, magic, sizeof magic - 1);
    raw_send(descriptor, RAW_SETTINGS, 0, 0, "", 0);
}

static bool
read_all(int descriptor, uint8_t *to, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(descriptor, to, size, 0);
        if (got <= 0)
            return false;
        to += got;
        size -= (size_t)got;
    }
    return true;
}

void
raw_read_magic(int descriptor)
{
    uint8_t magic[24];
    bool is_there = read_all(descriptor, magic, sizeof magic);
    BLY_ASSERT(is_there && memcmp(magic, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", sizeof magic) == 0);
}

bool
raw_read(int descriptor, raw_frame *frame)
{
    uint8_t header[9];
    if (!read_all(descriptor, header, sizeof header))
        return false;
    frame->size = (size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2];
    frame->type = header[3];
    frame->flags = header[4];
    frame->stream = get_number(header + 5);
    BLY_ASSERT(frame->size <= sizeof frame->payload);
    return read_all(descriptor, frame->payload, frame->size);
}

bool
raw_read_until(int descriptor, uint8_t type, uint32_t stream, raw_frame *frame)
{
    while (raw_read(descriptor, frame)) {
        if (frame->type == RAW_SETTINGS && !(frame->flags & RAW_ACK))
            raw_send(descriptor, RAW_SETTINGS, RAW_ACK, 0, "", 0);
        if (frame->type == type && frame->stream == stream)
            return true;
    }
    return false;
}

bool
raw_send_number(int descriptor, uint8_t type, uint32_t stream, uint32_t number)
{
    uint8_t payload[4];
    put_number(payload, number);
    return raw_send(descriptor, type, 0, stream, payload, sizeof payload);
}

uint32_t
raw_number(const raw_frame *frame, size_t offset)
{
    BLY_ASSERT(offset + 4 <= frame->size);
    return get_number(frame->payload + offset);
}

/* A length as HPACK writes it, in seven bits and then more (RFC 7541, 5.1). */
static uint8_t *
put_length(uint8_t *to, size_t length)
{
    if (length < 127) {
        *to++ = (uint8_t)length;
        return to;
    }
    *to++ = 127;
    for (length -= 127; length >= 128; length >>= 7)
        *to++ = (uint8_t)(length | 128);
    *to++ = (uint8_t)length;
    return to;
}

size_t
raw_field(uint8_t *to, const char *name, const char *value)
{
    uint8_t *end = to;
    size_t name_size = strlen(name);
    size_t value_size = strlen(value);
    *end++ = 0;
    end = put_length(end, name_size);
    memcpy(end, name, name_size);
    end = put_length(end + name_size, value_size);
    memcpy(end, value, value_size);
    return (size_t)(end + value_size - to);
}

size_t
raw_request(uint8_t to[128])
{
    size_t size = 0;
    size += raw_field(to + size, ":method", "POST");
    size += raw_field(to + size, ":scheme", "http");
    size += raw_field(to + size, ":path", "/s/m");
    size += raw_field(to + size, ":authority", "test");
    return size;
}

size_t
raw_response(uint8_t to[128], const char *status)
{
    return raw_field(to, ":status", status);
}
