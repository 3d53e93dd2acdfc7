/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"

#define FIRST_CHUNK (1024 - sizeof(struct bly_arena_chunk)) /* a whole block, which the thread has at hand */
#define LARGEST_CHUNK (64 * 1024)
#define LARGE (LARGEST_CHUNK / 4) /* from here on an allocation has a chunk of its own */
#define ALIGNMENT alignof(max_align_t)

/* Under AddressSanitizer the free space is poisoned and each allocation is followed by some of it. */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define RED_ZONE ALIGNMENT
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define RED_ZONE ((size_t)0)
#endif

struct bly_arena_chunk {
    struct bly_arena_chunk *next;
    size_t size; /* of data; 0 for an allocation that has the chunk alone */
    alignas(max_align_t) char data[];
};

struct bly_arena_cleanup {
    struct bly_arena_cleanup *next;
    void (*function)(void *argument);
    void *argument;
};

void
bly_arena_init(bly_arena *arena)
{
    *arena = (bly_arena){ 0 };
}

void
bly_arena_run_cleanups(bly_arena *arena)
{
    while (arena->cleanups) {
        struct bly_arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->function(cleanup->argument);
    }
}

void
bly_arena_fini(bly_arena *arena)
{
    if (!arena->chunks)
        return; /* never used */
    bly_arena_run_cleanups(arena);
    for (struct bly_arena_chunk *chunk = arena->chunks; chunk;) {
        struct bly_arena_chunk *next = chunk->next;
        if (chunk->size > 0)
            bly_blocks_free(chunk, sizeof *chunk + chunk->size);
        else
            free(chunk);
        chunk = next;
    }
    bly_arena_init(arena);
}

/* A chunk for one allocation. It goes behind the newest one, whose free space stays in use. */
static void *
alloc_large(bly_arena *arena, size_t size)
{
    struct bly_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = 0;
    struct bly_arena_chunk **place = arena->chunks ? &arena->chunks->next : &arena->chunks;
    chunk->next = *place;
    *place = chunk;
    return chunk->data;
}

/* A new chunk to cut from, twice as large as the last, with room for `size` at least. */
static bool
add_chunk(bly_arena *arena, size_t size)
{
    size_t chunk_size = arena->chunks ? 2 * arena->chunks->size : 0;
    if (chunk_size < FIRST_CHUNK)
        chunk_size = FIRST_CHUNK;
    while (chunk_size < size)
        chunk_size *= 2;
    if (chunk_size > LARGEST_CHUNK)
        chunk_size = LARGEST_CHUNK;
    struct bly_arena_chunk *chunk = bly_blocks_take(sizeof *chunk + chunk_size);
    if (!chunk)
        return false;
    chunk->size = chunk_size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->next = chunk->data;
    arena->end = chunk->data + chunk_size;
    ASAN_POISON_MEMORY_REGION(chunk->data, chunk_size);
    return true;
}

void *
bly_arena_alloc(bly_arena *arena, size_t size)
{
    if (size >= LARGE)
        return size > PTRDIFF_MAX - sizeof(struct bly_arena_chunk) ? NULL : alloc_large(arena, size);
    size_t step = ((size ? size : 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + RED_ZONE;
    if (step > (size_t)(arena->end - arena->next) && !add_chunk(arena, step))
        return NULL;
    char *memory = arena->next;
    arena->next += step;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

char *
bly_arena_copy(bly_arena *arena, const void *data, size_t size)
{
    char *copy = size < SIZE_MAX ? bly_arena_alloc(arena, size + 1) : NULL;
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

char *
bly_arena_vprintf(bly_arena *arena, const char *format, va_list arguments)
{
    char buffer[256]; /* most strings are short: formatted once, then copied */
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(buffer, sizeof buffer, format, arguments);
    char *text = NULL;
    if (size >= 0 && (size_t)size < sizeof buffer)
        text = bly_arena_copy(arena, buffer, (size_t)size);
    else if (size >= 0)
        text = bly_arena_alloc(arena, (size_t)size + 1);
    if (text && (size_t)size >= sizeof buffer)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

bool
bly_arena_defer(bly_arena *arena, void (*function)(void *argument), void *argument)
{
    struct bly_arena_cleanup *cleanup = bly_arena_alloc(arena, sizeof *cleanup);
    if (!cleanup)
        return false;
    *cleanup = (struct bly_arena_cleanup){ arena->cleanups, function, argument };
    arena->cleanups = cleanup;
    return true;
}
