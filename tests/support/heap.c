/* SPDX-License-Identifier: MIT */
#include "support/heap.h"

#include <stdlib.h> /* tells whether this is glibc */

#include "support/patience.h"

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 33)
#include <malloc.h>
#define HAS_MALLINFO2 1
#endif
#endif

size_t
heap_in_use(void)
{
#if defined(HAS_MALLINFO2)
    return is_sanitized() ? 0 : mallinfo2().uordblks;
#else
    return 0;
#endif
}
