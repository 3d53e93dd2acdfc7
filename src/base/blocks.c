/* SPDX-License-Identifier: MIT */
#include "base/blocks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefetch.h"
#include "base/thread.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS_BLOCKS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define KEEPS_BLOCKS false
#endif
#endif
#ifndef KEEPS_BLOCKS
#define KEEPS_BLOCKS true
#endif

/* A line: a larger block that begins with one takes fewer of them, and shares none with a neighbour that somebody else
 * writes. Blocks that were taken, not new, may begin anywhere. */
#define STEP BLY_CACHE_LINE

/* Bytes of one size that a thread keeps: some hundred calls, some thousand small things; what one call needs. */
#define MANY (256 * 1024)
#define FEW (4 * 1024)

typedef struct block {
    struct block *next;
} block;

typedef struct shelf {
    block *first;
    unsigned int room; /* for so many more */
} shelf;

/* Of threads that keep none: there is nothing on them, nor room. */
static shelf no_shelves[BLY_BLOCKS_LARGEST / STEP + 1];

static _Thread_local shelf *shelves BLY_FAST_TLS = no_shelves;

/* For its destructor at the end of a program's thread; finding the shelves goes by `shelves`. */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_exists; /* const after key_once */

static size_t
shelf_of(size_t size)
{
    return (size + STEP - 1) / STEP;
}

static void
begin(size_t kept)
{
    shelf *made = KEEPS_BLOCKS ? calloc(BLY_BLOCKS_LARGEST / STEP + 1, sizeof *made) : NULL;
    if (made == NULL)
        return;
    for (size_t i = 1; i <= BLY_BLOCKS_LARGEST / STEP; i++)
        made[i].room = (unsigned int)(kept / (i * STEP));
    shelves = made;
}

void
bly_blocks_begin(void)
{
    begin(MANY);
}

void
bly_blocks_begin_few(void)
{
    begin(FEW);
}

/* Ends the keeping of the calling thread, which has begun it. */
static void
clear(void *kept)
{
    shelf *all = kept;
    shelves = no_shelves;
    for (size_t i = 0; i <= BLY_BLOCKS_LARGEST / STEP; i++) {
        while (all[i].first != NULL) {
            block *first = all[i].first;
            all[i].first = first->next;
            free(first);
        }
    }
    free(all);
}

void
bly_blocks_end(void)
{
    if (shelves != no_shelves)
        clear(shelves);
}

static void
make_key(void)
{
    key_exists = pthread_key_create(&key, clear) == 0;
}

void
bly_blocks_keep_here(void)
{
    if (!KEEPS_BLOCKS || __builtin_expect(shelves != no_shelves, 1))
        return;
    pthread_once(&key_once, make_key);
    if (!key_exists)
        return;
    bly_blocks_begin_few();
    if (shelves != no_shelves && pthread_setspecific(key, shelves) != 0)
        bly_blocks_end();
}

/* One that the thread has kept, or NULL. */
static void *
take_kept(size_t size)
{
    if (size > BLY_BLOCKS_LARGEST)
        return NULL;
    shelf *from = &shelves[shelf_of(size)];
    block *taken = from->first;
    if (taken == NULL)
        return NULL;
    from->first = taken->next;
    from->room++;
    return taken;
}

/* Whole steps on every thread: a block may be given back on another than it was made on. */
static size_t
whole_size(size_t size)
{
    return KEEPS_BLOCKS && size <= BLY_BLOCKS_LARGEST ? shelf_of(size) * STEP : size;
}

/* At the beginning of a line where that pays: malloc does it at several times the cost, and past what it keeps for the
 * thread. */
static void *
allocate_aligned(size_t size)
{
    if (KEEPS_BLOCKS && size > STEP && size <= BLY_BLOCKS_LARGEST)
        return aligned_alloc(STEP, whole_size(size));
    return malloc(whole_size(size));
}

void *
bly_blocks_new(size_t size)
{
    void *made = take_kept(size);
    if (made == NULL)
        made = allocate_aligned(size);
    return made != NULL ? memset(made, 0, size) : NULL;
}

void *
bly_blocks_take(size_t size)
{
    void *kept = take_kept(size);
    return kept != NULL ? kept : malloc(whole_size(size));
}

void *
bly_blocks_resize(void *memory, size_t size)
{
    return realloc(memory, whole_size(size));
}

void
bly_blocks_free(void *memory, size_t size)
{
    if (memory == NULL || size > BLY_BLOCKS_LARGEST || shelves[shelf_of(size)].room == 0) {
        free(memory);
        return;
    }
    shelf *to = &shelves[shelf_of(size)];
    block *given = memory;
    given->next = to->first;
    to->first = given;
    to->room--;
}
