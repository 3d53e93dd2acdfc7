/* SPDX-License-Identifier: MIT */
#include "base/trim.h"

#include <stdlib.h> /* tells whether this is glibc */
#if defined(__GLIBC__)
#include <malloc.h>
#endif

void
bly_memory_trim(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}
