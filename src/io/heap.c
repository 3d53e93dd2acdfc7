/* SPDX-License-Identifier: MIT */
#include "io/heap.h"

#include <stdlib.h>

#include "base/assert.h"

#define FIRST_CAPACITY 64

void
bly_heap_init(bly_heap *heap)
{
    heap->slots = NULL;
    heap->count = 0;
    heap->capacity = 0;
}

void
bly_heap_fini(bly_heap *heap)
{
    free(heap->slots);
    bly_heap_init(heap);
}

static bool
grow(bly_heap *heap)
{
    size_t capacity = heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2;
    bly_timer **slots = realloc(heap->slots, capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    heap->slots = slots;
    heap->capacity = capacity;
    return true;
}

static void
put(bly_heap *heap, size_t position, bly_timer *timer)
{
    heap->slots[position] = timer;
    timer->position = position;
}

/* Moves a timer from an empty slot towards the top, to where its parent is not later. */
static void
sift_up(bly_heap *heap, size_t position, bly_timer *timer)
{
    while (position > 1 && timer->at < heap->slots[position / 2]->at) {
        put(heap, position, heap->slots[position / 2]);
        position /= 2;
    }
    put(heap, position, timer);
}

static void
sift_down(bly_heap *heap, size_t position, bly_timer *timer)
{
    for (;;) {
        size_t child = position * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && heap->slots[child + 1]->at < heap->slots[child]->at)
            child++;
        if (timer->at <= heap->slots[child]->at)
            break;
        put(heap, position, heap->slots[child]);
        position = child;
    }
    put(heap, position, timer);
}

bool
bly_heap_add(bly_heap *heap, bly_timer *timer)
{
    BLY_ASSERT(timer->position == 0);
    if (heap->count + 1 >= heap->capacity && !grow(heap))
        return false;
    heap->count++;
    sift_up(heap, heap->count, timer);
    return true;
}

void
bly_heap_remove(bly_heap *heap, bly_timer *timer)
{
    size_t position = timer->position;
    BLY_ASSERT(position > 0 && position <= heap->count && heap->slots[position] == timer);
    bly_timer *last = heap->slots[heap->count--];
    timer->position = 0;
    if (last == timer)
        return;
    if (position > 1 && last->at < heap->slots[position / 2]->at)
        sift_up(heap, position, last);
    else
        sift_down(heap, position, last);
}
