/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/names.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "protoc-gen-belay/text.h"

/* <ctype.h> asks the locale; the names of .proto files are ASCII. */
static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char
to_lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static char
to_upper(char c)
{
    return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* ---- protobuf-c's names ------------------------------------------------------------------------ */

typedef void (*add_piece)(gen_text *out, const char *piece, size_t length);

/* Adds each piece of a dotted name, with "__" between; empty pieces are nothing to protobuf-c. */
static char *
join_pieces(gen_pool *pool, const char *dotted, add_piece add)
{
    gen_text out;

    text_init(&out, pool);
    while (*dotted != '\0') {
        size_t length = strcspn(dotted, ".");

        if (length > 0) {
            if (out.length > 0)
                text_add(&out, "__");
            add(&out, dotted, length);
        }
        dotted += length;
        dotted += *dotted == '.';
    }
    return out.string;
}

/* Underscores go, and what follows one is upper case. */
static void
add_camel(gen_text *out, const char *piece, size_t length)
{
    bool raise = true;

    for (size_t i = 0; i < length; i++) {
        if (piece[i] == '_') {
            raise = true;
            continue;
        }
        text_char(out, raise ? to_upper(piece[i]) : piece[i]);
        raise = false;
    }
}

/* Every upper case letter after one that is not gets an underscore, also after an underscore. */
static void
add_lower(gen_text *out, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && is_upper(piece[i]) && !is_upper(piece[i - 1]))
            text_char(out, '_');
        text_char(out, to_lower(piece[i]));
    }
}

char *
names_pbc_type(gen_pool *pool, const char *dotted)
{
    return join_pieces(pool, dotted, add_camel);
}

char *
names_pbc_lower(gen_pool *pool, const char *dotted)
{
    return join_pieces(pool, dotted, add_lower);
}

char *
names_stem(gen_pool *pool, const char *file)
{
    static const char *const endings[] = {".protodevel", ".proto"};
    size_t length = strlen(file);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);

        if (length > ending && strcmp(file + length - ending, endings[i]) == 0) {
            length -= ending;
            break;
        }
    }
    return pool_format(pool, "%.*s", (int)length, file);
}

/* ---- belay's names ----------------------------------------------------------------------------- */

/* Whether a word begins at name[i]: at "U" and "R" of "HTTPUrlRequest". */
static bool
begins_word(const char *name, size_t i)
{
    if (i == 0 || !is_upper(name[i]))
        return false;
    if (is_upper(name[i - 1]))
        return is_lower(name[i + 1]);
    return is_lower(name[i - 1]) || is_digit(name[i - 1]);
}

char *
names_snake(gen_pool *pool, const char *dotted)
{
    gen_text out;

    text_init(&out, pool);
    for (size_t i = 0; dotted[i] != '\0'; i++) {
        if (begins_word(dotted, i))
            text_char(&out, '_');
        text_char(&out, dotted[i] == '.' ? '_' : to_lower(dotted[i]));
    }
    return out.string;
}

/* Sorted. Keywords of C and C++, and words that their headers or compilers have as macros. */
static const char *const kept_words[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "assert", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return",
    "co_yield", "compl", "complex", "concept", "const", "const_cast", "consteval", "constexpr",
    "constinit", "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else",
    "enum", "errno", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "i386",
    "if", "imaginary", "inline", "int", "linux", "long", "major", "makedev", "minor", "mutable",
    "namespace", "new", "noexcept", "noreturn", "not", "not_eq", "nullptr", "offsetof", "operator",
    "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires",
    "restrict", "return", "setjmp", "short", "signed", "sizeof", "static", "static_assert",
    "static_cast", "stderr", "stdin", "stdout", "struct", "switch", "template", "this", "thread_local",
    "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "typeof_unqual", "union", "unix",
    "unsigned", "using", "va_arg", "va_copy", "va_end", "va_start", "virtual", "void", "volatile",
    "wchar_t", "while", "xor", "xor_eq",
};

static int
compare_words(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

char *
names_member(gen_pool *pool, const char *snake)
{
    bool kept = bsearch(snake, kept_words, sizeof(kept_words) / sizeof(kept_words[0]), sizeof(kept_words[0]),
                        compare_words) != NULL;

    return pool_format(pool, "%s%s", snake, kept ? "_" : "");
}

/* ---- Files ------------------------------------------------------------------------------------- */

char *
names_guard(gen_pool *pool, const char *file)
{
    gen_text out;

    text_init(&out, pool);
    for (; *file != '\0'; file++) {
        if (is_upper(*file) || is_lower(*file) || is_digit(*file))
            text_char(&out, *file);
        else
            text_format(&out, "_%02x", (unsigned char)*file);
    }
    return out.string;
}

bool
names_is_includable(const char *file)
{
    return strpbrk(file, "\"\\\r\n") == NULL && strstr(file, "*/") == NULL && strstr(file, "/*") == NULL;
}
