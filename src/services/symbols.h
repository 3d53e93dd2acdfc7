/* SPDX-License-Identifier: MIT */
/* What the files of a server's services declare: which file a name, or an extension, is in. */
#ifndef BLY_SERVICES_SYMBOLS_H
#define BLY_SERVICES_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/service.h>

#include "base/arena.h"
#include "services/descriptor.pb-c.h"

/* One file, once, however many services embed it. */
typedef struct bly_symbols_file {
    const belay_file *source;
    Belay__Descriptor__File *parsed; /* in the arena */
} bly_symbols_file;

typedef struct bly_symbol {
    const char *name; /* "package.Message.field" */
    size_t file;      /* index */
} bly_symbol;

typedef struct bly_symbols_extension {
    const char *extendee; /* without the dot in front */
    int32_t number;
    size_t file;
} bly_symbols_extension;

typedef struct bly_symbols {
    /* const after creation */
    bly_arena arena;
    bly_symbols_file *files;
    size_t file_count;
    bly_symbol *symbols; /* sorted by name */
    size_t symbol_count;
    bly_symbols_extension *extensions; /* sorted by extendee, then number */
    size_t extension_count;
    bool failed; /* no memory: what is there is not all */
} bly_symbols;

/* Reads the files of these services. False without memory, and nothing is left. A file that is no descriptor is left
 * out. Any thread. */
bool bly_symbols_init(bly_symbols *symbols, const belay_service *const *services, size_t count);
void bly_symbols_fini(bly_symbols *symbols);

/* The index of a file, or file_count. Any thread (all of these). */
size_t bly_symbols_find_file(const bly_symbols *symbols, const char *name);
size_t bly_symbols_find(const bly_symbols *symbols, const char *name);

/* The first extension of a message at or after a number, or NULL. */
const bly_symbols_extension *bly_symbols_find_extension(const bly_symbols *symbols, const char *extendee,
                                                        int32_t number);

/* Whether a name is a message's that is declared here. */
bool bly_symbols_is_message(const bly_symbols *symbols, const char *name);

#endif
