/* SPDX-License-Identifier: MIT */
#include "base/prefetch.h"

#if defined(__x86_64__)
__attribute__((target("prfchw")))
#endif
void
bly_prefetch_to_write(const void *start, size_t size)
{
    const char *at = start;
    for (size_t i = 0; i < size; i += BLY_CACHE_LINE)
        __builtin_prefetch(at + i, 1);
}
