/* SPDX-License-Identifier: MIT */
#include "wire/percent.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/utf8.h"

#define ESCAPE_SIZE 3

static bool
needs_escape(const char *text, size_t size, size_t position)
{
    unsigned char c = (unsigned char)text[position];
    if (c == ' ')
        return position == 0 || position == size - 1;
    return c < 0x20 || c > 0x7e || c == '%';
}

static size_t
count_encoded(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += needs_escape(text, size, i) ? ESCAPE_SIZE : 1;
    return count;
}

static void
write_encoded(const char *text, size_t size, char *to)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!needs_escape(text, size, i)) {
            *to++ = text[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 0xf];
    }
    *to = '\0';
}

char *
bly_percent_encode(const char *text, size_t size, size_t *encoded_size)
{
    size_t valid_size;
    char *valid = bly_utf8_sanitize(text, size, &valid_size);
    if (!valid)
        return NULL;
    size_t needed = count_encoded(valid, valid_size);
    char *encoded = valid_size <= (SIZE_MAX - 1) / ESCAPE_SIZE ? malloc(needed + 1) : NULL;
    if (encoded) {
        write_encoded(valid, valid_size, encoded);
        if (encoded_size)
            *encoded_size = needed;
    }
    free(valid);
    return encoded;
}

/* Whether an encoded text can be cut before a position: neither inside an escape nor between the bytes of a character
 * (those that follow the first are %80 to %BF), and with no space at its end. */
static bool
can_end_at(const char *text, size_t position)
{
    if (position == 0)
        return true;
    if (text[position - 1] == ' ' || text[position - 1] == '%' || (position > 1 && text[position - 2] == '%'))
        return false;
    char next = text[position] == '%' ? text[position + 1] : '0';
    return next != '8' && next != '9' && next != 'A' && next != 'B';
}

size_t
bly_percent_cut(const char *encoded, size_t size, size_t most)
{
    size_t position = size < most ? size : most;
    while (position < size && !can_end_at(encoded, position))
        position--;
    return position;
}

/* The value of a hexadecimal digit, -1 for anything else. */
static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The byte that an escape at the beginning of text stands for; 0 when there is no escape to resolve. */
static int
read_escape(const char *text, size_t size)
{
    if (size < ESCAPE_SIZE || text[0] != '%')
        return 0;
    int high = hex_value(text[1]);
    int low = hex_value(text[2]);
    return high < 0 || low < 0 ? 0 : high * 16 + low;
}

char *
bly_percent_decode(const char *text, size_t size)
{
    char *bytes = malloc(size ? size : 1); /* decoding never makes it longer */
    if (!bytes)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < size;) {
        int byte = read_escape(text + i, size - i);
        bytes[count++] = byte ? (char)byte : text[i];
        i += byte ? ESCAPE_SIZE : 1;
    }
    char *valid = bly_utf8_sanitize(bytes, count, NULL);
    free(bytes);
    return valid;
}
