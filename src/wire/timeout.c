/* SPDX-License-Identifier: MIT */
#include "wire/timeout.h"

#include <stdio.h>

#include <belay/time.h>

#define MAX_DIGITS 8
#define MAX_NUMBER 99999999

static const struct unit {
    char letter;
    uint64_t ns;
} units[] = {
    /* finest first */
    { 'n', 1 },
    { 'u', UINT64_C(1000) },
    { 'm', UINT64_C(1000000) },
    { 'S', UINT64_C(1000000000) },
    { 'M', UINT64_C(60000000000) },
    { 'H', UINT64_C(3600000000000) },
};

#define UNIT_COUNT (sizeof units / sizeof units[0])

static const struct unit *
find_unit(char letter)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].letter == letter)
            return &units[i];
    }
    return NULL;
}

bool
bly_timeout_parse(const char *text, size_t size, uint64_t *timeout_ns)
{
    if (size < 2 || size > MAX_DIGITS + 1)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < size - 1; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    const struct unit *unit = find_unit(text[size - 1]);
    if (!unit)
        return false;
    /* Hours overflow; that far away one nanosecond less than for ever is as good. */
    *timeout_ns = number > (BELAY_FOREVER - 1) / unit->ns ? BELAY_FOREVER - 1 : number * unit->ns;
    return true;
}

size_t
bly_timeout_format(uint64_t timeout_ns, char text[BLY_TIMEOUT_TEXT_SIZE])
{
    uint64_t number = timeout_ns ? timeout_ns : 1;
    size_t unit = 0;
    /* The coarsest unit always fits: 2^64 ns are some five million hours. */
    while (number > MAX_NUMBER) {
        unit++;
        number = timeout_ns / units[unit].ns + (timeout_ns % units[unit].ns != 0);
    }
    return (size_t)snprintf(text, BLY_TIMEOUT_TEXT_SIZE, "%u%c", (unsigned int)number, units[unit].letter);
}
