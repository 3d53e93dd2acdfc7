/* SPDX-License-Identifier: MIT */
/*
 * Percent-encoding of grpc-message: everything outside 0x20 to 0x7e, and '%'. Pure.
 */
#ifndef BLY_WIRE_PERCENT_H
#define BLY_WIRE_PERCENT_H

#include <stddef.h>

/* Encodes size bytes, with upper-case digits. Bytes that are not UTF-8 become U+FFFD first; a space at
 * either end is encoded too, since HTTP/2 forbids it there. encoded_size may be NULL. Returns a
 * NUL-terminated string to be freed with free(), NULL without memory. */
char *bly_percent_encode(const char *text, size_t size, size_t *encoded_size);

/* How much of a text that bly_percent_encode() made is not more than `most` bytes and still whole characters. */
size_t bly_percent_cut(const char *encoded, size_t size, size_t most);

/* Decodes; never fails for bad input: what is no escape stays as it is (so does "%00", which would cut
 * the result short), bytes that are not UTF-8 afterwards become U+FFFD. Returns a
 * NUL-terminated string to be freed with free(), NULL without memory. */
char *bly_percent_decode(const char *text, size_t size);

#endif
