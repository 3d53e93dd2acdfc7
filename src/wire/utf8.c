/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* What a lead byte asks for: how many bytes follow, and the range of the first of them, which is where
 * overlong forms, surrogates and what is above U+10FFFF are kept out. */
struct sequence {
    unsigned int following;
    uint8_t low;
    uint8_t high;
};

static bool
find_sequence(uint8_t lead, struct sequence *sequence)
{
    *sequence = (struct sequence){ 0, 0x80, 0xbf };
    if (lead < 0x80)
        return true;
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    sequence->following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead == 0xe0)
        sequence->low = 0xa0;
    else if (lead == 0xed)
        sequence->high = 0x9f;
    else if (lead == 0xf0)
        sequence->low = 0x90;
    else if (lead == 0xf4)
        sequence->high = 0x8f;
    return true;
}

/* Measures the character, or the maximal ill-formed part, that text begins with; size is not 0. */
static size_t
measure(const uint8_t *text, size_t size, bool *valid)
{
    struct sequence sequence;
    *valid = false;
    if (!find_sequence(text[0], &sequence))
        return 1;
    size_t length = 1;
    for (unsigned int i = 0; i < sequence.following; i++) {
        if (length == size || text[length] < sequence.low || text[length] > sequence.high)
            return length;
        length++;
        sequence.low = 0x80;
        sequence.high = 0xbf;
    }
    *valid = true;
    return length;
}

/* Writes the valid text (to == NULL: only counts); returns its size. */
static size_t
write_valid(const uint8_t *text, size_t size, char *to)
{
    size_t written = 0;
    while (size > 0) {
        bool valid;
        size_t length = measure(text, size, &valid);
        size_t out = valid ? length : sizeof replacement - 1;
        if (to)
            memcpy(to + written, valid ? (const char *)text : replacement, out);
        written += out;
        text += length;
        size -= length;
    }
    return written;
}

char *
bly_utf8_sanitize(const char *text, size_t size, size_t *valid_size)
{
    if (size > (SIZE_MAX - 1) / (sizeof replacement - 1))
        return NULL;
    size_t needed = write_valid((const uint8_t *)text, size, NULL);
    char *valid = malloc(needed + 1);
    if (!valid)
        return NULL;
    write_valid((const uint8_t *)text, size, valid);
    valid[needed] = '\0';
    if (valid_size)
        *valid_size = needed;
    return valid;
}

size_t
bly_utf8_cut(const char *text, size_t size, size_t most)
{
    size_t position = size < most ? size : most;
    while (position > 0 && position < size && ((uint8_t)text[position] & 0xc0) == 0x80)
        position--;
    return position;
}
