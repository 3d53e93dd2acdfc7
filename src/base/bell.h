/* SPDX-License-Identifier: MIT */
/*
 * Bells: a descriptor that becomes readable when somebody rings, for threads that sleep in poll(). An eventfd
 * where there is one, else a pipe.
 */
#ifndef BLY_BASE_BELL_H
#define BLY_BASE_BELL_H

#include <stdbool.h>

typedef struct bly_bell {
    /* const after creation */
    int reader; /* readable when it was rung and not silenced since; close-on-exec, does not block */
    int writer; /* the same descriptor where there is eventfd */
} bly_bell;

/* False, with the bell untouched, when no descriptor can be had. */
bool bly_bell_init(bly_bell *bell);
void bly_bell_fini(bly_bell *bell);

/* Never blocks; ringing twice is ringing once. Any thread. */
void bly_bell_ring(bly_bell *bell);

/* Takes back what was rung. One thread. */
void bly_bell_silence(bly_bell *bell);

#endif
