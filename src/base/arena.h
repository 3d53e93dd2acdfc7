/* SPDX-License-Identifier: MIT */
/*
 * Arenas: memory that is freed all at once, and cleanups that run then. One thread at a time.
 */
#ifndef BLY_BASE_ARENA_H
#define BLY_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct bly_arena_chunk;
struct bly_arena_cleanup;

typedef struct bly_arena {
    /* the using thread only */
    char *next; /* free space of the newest chunk */
    char *end;
    struct bly_arena_chunk *chunks;
    struct bly_arena_cleanup *cleanups; /* newest first */
} bly_arena;

/* Makes an empty arena; no memory is allocated before it is used. */
void bly_arena_init(bly_arena *arena);

/* Runs the cleanups, newest first (one may register more), then frees everything. Usable again
 * afterwards. */
void bly_arena_fini(bly_arena *arena);

/* Runs the cleanups alone. */
void bly_arena_run_cleanups(bly_arena *arena);

/* Memory aligned for any type; NULL without memory. Size 0 gives a pointer that is not NULL. */
void *bly_arena_alloc(bly_arena *arena, size_t size);

/* Copies size bytes and appends a NUL. */
char *bly_arena_copy(bly_arena *arena, const void *data, size_t size);

char *bly_arena_vprintf(bly_arena *arena, const char *format, va_list arguments);

/* Has a function called by bly_arena_fini; false without memory. */
bool bly_arena_defer(bly_arena *arena, void (*function)(void *argument), void *argument);

#endif
