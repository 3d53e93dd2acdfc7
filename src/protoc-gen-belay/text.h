/* SPDX-License-Identifier: MIT */
/* Text that grows while it is written: names, and the files that are generated. */
#ifndef PROTOC_GEN_BELAY_TEXT_H
#define PROTOC_GEN_BELAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "protoc-gen-belay/pool.h"

typedef struct gen_text {
    gen_pool *pool;   /* where the bytes are; they live as long as it */
    char *string; /* always NUL-terminated */
    size_t length;
    size_t capacity;
} gen_text;

void text_init(gen_text *text, gen_pool *pool);
void text_char(gen_text *text, char c);
void text_add(gen_text *text, const char *string);
void text_format(gen_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a list's items with ", " between them. An item that would go beyond the column where the generated
 * lines end begins a new line, after `indent`. */
void text_list(gen_text *text, const char *indent, const char *const *items, size_t count);

bool text_ends_with(const gen_text *text, const char *end);

#endif
