/* SPDX-License-Identifier: MIT */
/*
 * Making text valid UTF-8 (RFC 3629). Pure.
 */
#ifndef BLY_WIRE_UTF8_H
#define BLY_WIRE_UTF8_H

#include <stddef.h>

/* Copies text, each maximal ill-formed part replaced by U+FFFD, NULs kept. Returns a NUL-terminated string
 * to be freed with free(), NULL without memory. valid_size may be NULL. */
char *bly_utf8_sanitize(const char *text, size_t size, size_t *valid_size);

/* How much of a text is not more than `most` bytes and, if it is UTF-8, whole characters. */
size_t bly_utf8_cut(const char *text, size_t size, size_t most);

#endif
