/* SPDX-License-Identifier: MIT */
/*
 * Seats: where threads sleep until others wake them. On Linux up to 32 seats are a row, which is one futex, and
 * each has a bit of its own: one system call wakes whoever of a row is meant. The most expensive part of a wake-up
 * is that of a processor, on a virtual machine an exit to the hypervisor: of threads that are woken in one go all
 * but the first find it awake. Elsewhere each seat has a condition.
 *
 * What is slept for is a word of the sleeper's, which whoever wakes changes first.
 */
#ifndef BLY_BASE_SEAT_H
#define BLY_BASE_SEAT_H

#include <stdbool.h>
#include <stdint.h>

/* With 32-bit pointers the kernel's idea of a timespec is not always the C library's. */
#if defined(__linux__) && defined(__LP64__)
#define BLY_SEATS_ARE_FUTEXES 1
#else
#define BLY_SEATS_ARE_FUTEXES 0
#include "base/mutex.h"
#endif

typedef struct bly_seat {
#if BLY_SEATS_ARE_FUTEXES
    /* const while taken */
    struct bly_seat_row *row;
    uint32_t bit;
#else
    bly_mutex lock; /* guards nothing but the sleep itself */
    bly_condition condition;
#endif
} bly_seat;

/* False without memory. Any thread. */
bool bly_seat_take(bly_seat *seat);

/* By now nobody sleeps there, and nobody is in bly_seats_wake() for it. Any thread. */
void bly_seat_leave(bly_seat *seat);

/* Sleeps while `*word` (atomic) is `value`; may return early. One thread at a time on a seat. False when `deadline`
 * (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: for ever) passed. */
bool bly_seat_sleep(bly_seat *seat, const int *word, int value, uint64_t deadline);

#define BLY_SEATS_AT_ONCE 16

/* Wakes whoever sleeps on these, BLY_SEATS_AT_ONCE at most. Their words have been changed, with release, on the same
 * thread. Any thread. */
void bly_seats_wake(bly_seat *const *seats, unsigned int count);

#endif
