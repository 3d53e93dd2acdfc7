/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of timers, the earliest on top. Each timer knows its place, so that any can be taken
 * out. Not locked: its owner says by what it is guarded.
 */
#ifndef BLY_IO_HEAP_H
#define BLY_IO_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/timer.h"

typedef struct bly_heap {
    bly_timer **slots; /* from 1; slot 0 is not used */
    size_t count;
    size_t capacity; /* slots allocated, slot 0 included */
} bly_heap;

void bly_heap_init(bly_heap *heap);
void bly_heap_fini(bly_heap *heap);

/* Adds a timer that is in no heap; false without memory. */
bool bly_heap_add(bly_heap *heap, bly_timer *timer);

/* Takes out a timer that is in this heap. */
void bly_heap_remove(bly_heap *heap, bly_timer *timer);

static inline bly_timer *
bly_heap_first(const bly_heap *heap)
{
    return heap->count > 0 ? heap->slots[1] : NULL;
}

#endif
