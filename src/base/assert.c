/* SPDX-License-Identifier: MIT */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
bly_assert_failed(const char *condition, const char *file, int line)
{
    /* Not through stdio: its lock may be what the broken thread holds. */
    char text[512];
    int size = snprintf(text, sizeof text, "belay: assertion failed: %s (%s:%d)\n", condition, file, line);
    if (size >= (int)sizeof text) {
        size = (int)sizeof text - 1;
        text[size - 1] = '\n';
    }
    if (size > 0 && write(STDERR_FILENO, text, (size_t)size) < 0)
        abort();
    abort();
}
