/* SPDX-License-Identifier: MIT */
#include "wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
bly_base64_encode(const uint8_t *data, size_t size, char *text)
{
    char *to = text;
    uint32_t bits = 0;
    unsigned int count = 0; /* of bits not written yet */
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (count += 8; count >= 6; count -= 6)
            *to++ = alphabet[bits >> (count - 6) & 0x3f];
    }
    if (count > 0)
        *to++ = alphabet[bits << (6 - count) & 0x3f];
    *to = '\0';
    return (size_t)(to - text);
}

/* The six bits that a character stands for, -1 for none. */
static int
digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* The size without padding, which is there as a whole or not at all. */
static size_t
strip_padding(const char *text, size_t size)
{
    if (size == 0 || size % 4 != 0 || text[size - 1] != '=')
        return size;
    return text[size - 2] == '=' ? size - 2 : size - 1;
}

bool
bly_base64_decode(const char *text, size_t size, uint8_t *data, size_t *decoded_size)
{
    uint32_t bits = 0;
    unsigned int count = 0; /* of bits not written yet */
    size_t written = 0;
    size = strip_padding(text, size);
    if (size % 4 == 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            data[written++] = (uint8_t)(bits >> count);
        }
    }
    *decoded_size = written; /* what is left of bits is not looked at: some peers do not clear it */
    return true;
}
