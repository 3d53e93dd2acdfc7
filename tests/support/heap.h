/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_HEAP_H
#define TESTS_SUPPORT_HEAP_H

#include <stddef.h>

/* Bytes that malloc has given out; always 0 with sanitizers, which find by themselves what is lost, and where the C
 * library does not tell. */
size_t heap_in_use(void);

#endif
