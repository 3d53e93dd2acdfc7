/* SPDX-License-Identifier: MIT */
/*
 * Stragglers: what is left on a loop when whoever made it is gone already, such as a socket that is closing. They go
 * by themselves, and belong to the loop: one that ends waits for them, but not for long. I/O thread only.
 */
#ifndef BLY_IO_STRAGGLER_H
#define BLY_IO_STRAGGLER_H

#include "base/list.h"
#include "io/loop.h"

/* So long, of real time and counted from when it came, a straggler may hold up the end of its loop. */
#define BLY_STRAGGLER_MS 100

typedef struct bly_straggler {
    bly_link link;
    uint64_t since_ms; /* the turn in which it came */
    void (*give_up)(struct bly_straggler *straggler); /* the loop ends: it has left when this returns */
} bly_straggler;

void bly_straggler_enter(bly_loop *loop, bly_straggler *straggler,
                         void (*give_up)(bly_straggler *straggler));
void bly_straggler_leave(bly_straggler *straggler);

#endif
