/* SPDX-License-Identifier: MIT */
/*
 * The grpc-timeout header: at most eight digits and a unit. Pure.
 */
#ifndef BLY_WIRE_TIMEOUT_H
#define BLY_WIRE_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLY_TIMEOUT_TEXT_SIZE 10

/* Reads a value; anchored: no sign, space, or missing unit. What overflows is BELAY_FOREVER - 1 at
 * most. False for anything malformed; then *timeout_ns is untouched. */
bool bly_timeout_parse(const char *text, size_t size, uint64_t *timeout_ns);

/* Writes a timeout, rounded up, in the finest unit that fits eight digits; never 0 for a live one (0 ns
 * gives "1n"). Returns the length without the NUL. */
size_t bly_timeout_format(uint64_t timeout_ns, char text[BLY_TIMEOUT_TEXT_SIZE]);

#endif
