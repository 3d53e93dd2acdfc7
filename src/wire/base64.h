/* SPDX-License-Identifier: MIT */
/*
 * Base64 for "-bin" metadata (RFC 4648, 4): accepted with and without padding, emitted without. Pure.
 */
#ifndef BLY_WIRE_BASE64_H
#define BLY_WIRE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Upper bounds, NUL included for the text. */
#define BLY_BASE64_ENCODED_SIZE(size) (((size) + 2) / 3 * 4 + 1)
#define BLY_BASE64_DECODED_SIZE(size) ((size) / 4 * 3 + 3)

/* Encodes, with a NUL; returns the length without it. */
size_t bly_base64_encode(const uint8_t *data, size_t size, char *text);

/* Decodes; false for anything that is no base64 (then *decoded_size is untouched). */
bool bly_base64_decode(const char *text, size_t size, uint8_t *data, size_t *decoded_size);

#endif
