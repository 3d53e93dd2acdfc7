/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 by hand, on a blocking descriptor: peers that do what nghttp2 would not.
 */
#ifndef TESTS_H2_RAW_H
#define TESTS_H2_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RAW_DATA = 0,
    RAW_HEADERS = 1,
    RAW_RST_STREAM = 3,
    RAW_SETTINGS = 4,
    RAW_PING = 6,
    RAW_GOAWAY = 7,
    RAW_WINDOW_UPDATE = 8,
    RAW_CONTINUATION = 9
};

enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4, RAW_PADDED = 8 };

typedef struct raw_frame {
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
    size_t size;
    uint8_t payload[65536];
} raw_frame;

/* All of it; false when the other end is closed. */
bool raw_write(int descriptor, const void *data, size_t size);

/* A frame, in one piece: the reader sees all of a small one or nothing. The test's thread only. */
bool raw_send(int descriptor, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size);

/* Writes the frame to memory; returns its size. */
size_t raw_put(uint8_t *to, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size);

/* The client's magic and its SETTINGS, or a server's SETTINGS; empty ones. */
void raw_preface(int descriptor, bool is_client);

/* Takes in a client's magic. */
void raw_read_magic(int descriptor);

/* The next frame; false at the end of the connection. */
bool raw_read(int descriptor, raw_frame *frame);

/* Reads on until a frame of that type comes (for that stream); false at the end of the connection.
 * SETTINGS on the way are acknowledged. */
bool raw_read_until(int descriptor, uint8_t type, uint32_t stream, raw_frame *frame);

/* A frame with one 32-bit number, as RST_STREAM and WINDOW_UPDATE are. */
bool raw_send_number(int descriptor, uint8_t type, uint32_t stream, uint32_t number);
uint32_t raw_number(const raw_frame *frame, size_t offset);

/* One header field as HPACK's literal that is not indexed; returns the bytes written. */
size_t raw_field(uint8_t *to, const char *name, const char *value);

/* Header blocks: a request to /s/m; a response. */
size_t raw_request(uint8_t to[128]);
size_t raw_response(uint8_t to[128], const char *status);

#endif
