/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of lines in generated files. */
#define LAST_COLUMN 100

/* Makes room for `more` bytes and the NUL. What is outgrown stays in the pool until its end. */
static void
reserve(gen_text *text, size_t more)
{
    size_t capacity = text->capacity;
    char *string;

    if (more < capacity - text->length)
        return;
    while (more >= capacity - text->length)
        capacity *= 2;
    string = pool_alloc(text->pool, capacity, 1);
    memcpy(string, text->string, text->length);
    text->string = string;
    text->capacity = capacity;
}

void
text_init(gen_text *text, gen_pool *pool)
{
    text->pool = pool;
    text->capacity = 64;
    text->length = 0;
    text->string = pool_alloc(pool, text->capacity, 1);
}

static void
add_bytes(gen_text *text, const char *bytes, size_t length)
{
    reserve(text, length);
    memcpy(text->string + text->length, bytes, length);
    text->length += length;
    text->string[text->length] = '\0';
}

void
text_char(gen_text *text, char c)
{
    add_bytes(text, &c, 1);
}

void
text_add(gen_text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

void
text_format(gen_text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length <= 0)
        return;

    reserve(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->string + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

static size_t
column(const gen_text *text)
{
    size_t start = text->length;

    while (start > 0 && text->string[start - 1] != '\n')
        start--;
    return text->length - start;
}

void
text_list(gen_text *text, const char *indent, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *end = i + 1 < count ? "," : "";

        /* A bracket and a semicolon may follow the last item. */
        if (column(text) + 1 + strlen(items[i]) + 2 > LAST_COLUMN)
            text_format(text, "\n%s%s%s", indent, items[i], end);
        else
            text_format(text, "%s%s%s", i > 0 ? " " : "", items[i], end);
    }
}

bool
text_ends_with(const gen_text *text, const char *end)
{
    size_t length = strlen(end);

    return length <= text->length && memcmp(text->string + text->length - length, end, length) == 0;
}
