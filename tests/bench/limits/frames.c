/* SPDX-License-Identifier: MIT */
#include "bench/limits/frames.h"

#include <string.h>

#define MESSAGE_HEAD 5
#define CANCEL 8

static uint8_t *
put_number(uint8_t *at, uint32_t number)
{
    *at++ = (uint8_t)(number >> 24);
    *at++ = (uint8_t)(number >> 16);
    *at++ = (uint8_t)(number >> 8);
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *
put_bytes(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

static uint8_t *
put_varint(uint8_t *at, uint64_t value)
{
    for (; value > 127; value >>= 7)
        *at++ = (uint8_t)(value | 128);
    *at++ = (uint8_t)value;
    return at;
}

uint32_t
frame_number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint8_t *
frame_head(uint8_t *at, uint32_t size, int type, int flags, uint32_t stream)
{
    at = put_number(at, size << 8 | (uint32_t)type);
    *at++ = (uint8_t)flags;
    return put_number(at, stream);
}

uint8_t *
frame_preface(uint8_t *at)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint8_t settings[] = {
        0, 2, 0, 0,    0, 0, /* ENABLE_PUSH 0 */
        0, 4, 0, 0x40, 0, 0, /* INITIAL_WINDOW_SIZE 4 MiB */
    };
    static const uint8_t more[] = {4, 0, 0, 0}; /* 64 MiB for the connection */
    at = put_bytes(at, preface, sizeof preface - 1);
    at = frame_head(at, sizeof settings, FRAME_SETTINGS, 0, 0);
    at = put_bytes(at, settings, sizeof settings);
    at = frame_head(at, sizeof more, FRAME_WINDOW_UPDATE, 0, 0);
    return put_bytes(at, more, sizeof more);
}

/* ---- Calls -------------------------------------------------------------------------------------------- */

/* HPACK's plain string. No text of these programs is longer than one byte of length says. */
static uint8_t *
put_text(uint8_t *at, const char *text)
{
    size_t size = strlen(text);
    *at++ = (uint8_t)(size & 127);
    return put_bytes(at, text, size & 127);
}

/* Without the dynamic table, so that every call is the same bytes. Numbers are of HPACK's static table. */
uint8_t *
frame_call(uint8_t *at, uint32_t stream, const char *authority, const char *path)
{
    uint8_t *block = at + FRAME_HEAD_SIZE;
    uint8_t *end = block;
    *end++ = 0x80 | 3; /* :method POST */
    *end++ = 0x80 | 6; /* :scheme http */
    *end++ = 4;        /* :path */
    end = put_text(end, path);
    *end++ = 1; /* :authority */
    end = put_text(end, authority);
    *end++ = 15; /* content-type, whose number takes two bytes */
    *end++ = 31 - 15;
    end = put_text(end, "application/grpc");
    *end++ = 0;
    end = put_text(end, "te");
    end = put_text(end, "trailers");
    frame_head(at, (uint32_t)(end - block), FRAME_HEADERS, FLAG_END_HEADERS, stream);
    return end;
}

/* Puts the heads before a message that was written where it belongs. */
static uint8_t *
finish_data(uint8_t *at, uint32_t stream, uint8_t *message, uint8_t *end)
{
    at = frame_head(at, (uint32_t)(end - message) + MESSAGE_HEAD, FRAME_DATA, FLAG_END_STREAM, stream);
    *at++ = 0;
    put_number(at, (uint32_t)(end - message));
    return end;
}

uint8_t *
frame_hello(uint8_t *at, uint32_t stream)
{
    static const char request[] = "\x0a\x05world";
    uint8_t *message = at + FRAME_HEAD_SIZE + MESSAGE_HEAD;
    return finish_data(at, stream, message, put_bytes(message, request, sizeof request - 1));
}

uint8_t *
frame_bench(uint8_t *at, uint32_t stream, const bench_request *request)
{
    uint8_t *message = at + FRAME_HEAD_SIZE + MESSAGE_HEAD;
    uint8_t *end = message;
    if (request->id != 0) {
        *end++ = 0x08;
        end = put_varint(end, request->id);
    }
    for (size_t i = 0; i < request->hop_count; i++) {
        *end++ = 0x12;
        end = put_text(end, request->hops[i]);
    }
    if (request->steps != 0) {
        *end++ = 0x18;
        end = put_varint(end, request->steps);
    }
    return finish_data(at, stream, message, end);
}

uint8_t *
frame_reset(uint8_t *at, uint32_t stream)
{
    at = frame_head(at, 4, FRAME_RST_STREAM, 0, stream);
    return put_number(at, CANCEL);
}
