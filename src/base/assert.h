/* SPDX-License-Identifier: MIT */
/*
 * Assertions against misuse inside the library. They stay on in release builds: a broken invariant
 * in a threaded library is cheaper to meet as a named abort than as a hang.
 */
#ifndef BLY_BASE_ASSERT_H
#define BLY_BASE_ASSERT_H

#include <stddef.h>

#define BLY_ASSERT(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : bly_assert_failed(#condition, __FILE__, __LINE__))

/* Says what failed on standard error and aborts. Threads: any. */
_Noreturn void bly_assert_failed(const char *condition, const char *file, int line);

/* The struct that a member lies in. */
#define BLY_CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#endif
