/* SPDX-License-Identifier: MIT */
/*
 * When a loop gives its processor to others before it wakes its own threads (bly_loop_give_way). Pure.
 *
 * It is meant for peers on this machine, which have to do for microseconds. A turn of others that takes longer was of
 * somebody who computes, and our threads have waited for it: then the loop keeps the processor for a while, each time
 * for twice as long.
 */
#ifndef BLY_IO_WAY_H
#define BLY_IO_WAY_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: the way is free. Times are nanoseconds of any clock that goes forward. */
typedef struct bly_way {
    uint64_t closed_until;
    uint64_t closed_ns; /* for how long, the last time; 0: the last turn was short */
} bly_way;

/* Whether to give way now. */
bool bly_way_is_free(const bly_way *way, uint64_t now);

/* That took so long, and is over now. */
void bly_way_note(bly_way *way, uint64_t now, uint64_t taken);

#endif
