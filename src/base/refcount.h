/* SPDX-License-Identifier: MIT */
/*
 * Reference counts. The last release is ordered after all others, so that whoever frees sees
 * everything that holders of references wrote.
 */
#ifndef BLY_BASE_REFCOUNT_H
#define BLY_BASE_REFCOUNT_H

#include <stdbool.h>

#include "base/assert.h"

typedef struct bly_refcount {
    int count; /* atomic: relaxed up, release down, acquire at zero */
} bly_refcount;

static inline void
bly_refcount_init(bly_refcount *refcount)
{
    __atomic_store_n(&refcount->count, 1, __ATOMIC_RELAXED);
}

static inline void
bly_refcount_take(bly_refcount *refcount)
{
    int before = __atomic_fetch_add(&refcount->count, 1, __ATOMIC_RELAXED);
    BLY_ASSERT(before > 0);
}

/* Takes a reference unless the last one is gone already; tells whether it did. */
static inline bool
bly_refcount_try_take(bly_refcount *refcount)
{
    int count = __atomic_load_n(&refcount->count, __ATOMIC_RELAXED);
    while (count > 0) {
        if (__atomic_compare_exchange_n(&refcount->count, &count, count + 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* Gives one back; true when it was the last. */
static inline bool
bly_refcount_release(bly_refcount *refcount)
{
    int before = __atomic_fetch_sub(&refcount->count, 1, __ATOMIC_ACQ_REL);
    BLY_ASSERT(before > 0);
    return before == 1;
}

#endif
