/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/comments.h"

#include <stdbool.h>
#include <string.h>

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* Whether the next character would end the comment, open another, or be a trigraph. */
static bool
needs_space_before(const gen_text *out, char c)
{
    if (c == '/')
        return text_ends_with(out, "*") || text_ends_with(out, "??");
    return c == '*' && text_ends_with(out, "/");
}

static void
add_line(gen_text *out, const char *line, size_t length)
{
    while (length > 0 && is_space(line[length - 1]))
        length--;
    if (length > 0 && !is_space(line[0]))
        text_char(out, ' ');
    for (size_t i = 0; i < length; i++) {
        if (needs_space_before(out, line[i]))
            text_char(out, ' ');
        text_char(out, line[i]);
    }
}

static void
add_lines(gen_text *out, const char *indent, const char *comment, size_t length)
{
    text_format(out, "%s/*\n", indent);
    while (length > 0) {
        const char *end = memchr(comment, '\n', length);
        size_t line = end != NULL ? (size_t)(end - comment) : length;

        text_format(out, "%s *", indent);
        add_line(out, comment, line);
        text_char(out, '\n');
        line += end != NULL;
        comment += line;
        length -= line;
    }
    text_format(out, "%s */\n", indent);
}

/* Skips what is left of a comment's opening in the style of Javadoc, and empty lines. */
static const char *
skip_opening(const char *comment)
{
    size_t space;

    if (comment[0] == '*')
        comment++;
    space = strspn(comment, " \t\r\n");
    while (space > 0 && comment[space - 1] != '\n')
        space--;
    return comment + space;
}

void
comments_add(gen_text *out, const char *indent, const char *comment)
{
    size_t length;

    if (comment == NULL)
        return;
    comment = skip_opening(comment);
    length = strlen(comment);
    while (length > 0 && is_space(comment[length - 1]))
        length--;
    if (length == 0)
        return;
    if (memchr(comment, '\n', length) != NULL) {
        add_lines(out, indent, comment, length);
        return;
    }
    text_format(out, "%s/*", indent);
    add_line(out, comment, length);
    text_add(out, " */\n");
}
