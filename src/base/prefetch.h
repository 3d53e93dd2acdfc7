/* SPDX-License-Identifier: MIT */
#ifndef BLY_BASE_PREFETCH_H
#define BLY_BASE_PREFETCH_H

#include <stddef.h>

/* Of memory, in bytes, as processors hand it to each other. */
#define BLY_CACHE_LINE 64

/* Fetches memory that another processor wrote last and that is written next: all of its lines at the same time, instead
 * of one after the other as each is come upon. */
void bly_prefetch_to_write(const void *start, size_t size);

#endif
