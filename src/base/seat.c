/* SPDX-License-Identifier: MIT */
#include "base/seat.h"

#include "base/assert.h"

#if BLY_SEATS_ARE_FUTEXES

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mutex.h"
#include "base/prefetch.h"

#define ALL_TAKEN UINT32_MAX

typedef struct bly_seat_row {
    /* The futex. Atomic: counts wake-ups of any of its seats, so that a thread which has not fallen asleep yet does
     * not; released by whoever wakes. A line of its own, which nothing else makes the sleepers' processors fetch. */
    _Alignas(BLY_CACHE_LINE) uint32_t wakes;
    /* guarded by the lock of the rows */
    _Alignas(BLY_CACHE_LINE) bly_link link; /* in `open` while it has a free seat */
    uint32_t taken;
} bly_seat_row;

/* Innermost: nothing else is locked with it held. */
static struct {
    bly_mutex lock;
    /* guarded by lock */
    bly_list open;
} rows = {.lock = {.mutex = PTHREAD_MUTEX_INITIALIZER}, .open = {&rows.open, &rows.open}};

/* ---- Taking and leaving ------------------------------------------------------------------------------ */

static bly_seat_row *
add_row_locked(void)
{
    bly_seat_row *row = aligned_alloc(BLY_CACHE_LINE, sizeof *row);
    if (row == NULL)
        return NULL;
    row->wakes = 0;
    row->taken = 0;
    bly_link_init(&row->link);
    bly_list_append(&rows.open, &row->link);
    return row;
}

static bly_seat_row *
open_row_locked(void)
{
    return bly_list_is_empty(&rows.open) ? add_row_locked() : BLY_LIST_ENTRY(rows.open.next, bly_seat_row, link);
}

bool
bly_seat_take(bly_seat *seat)
{
    bly_mutex_lock(&rows.lock);
    bly_seat_row *row = open_row_locked();
    if (row != NULL) {
        seat->row = row;
        seat->bit = ~row->taken & (row->taken + 1); /* the lowest that is free */
        row->taken |= seat->bit;
        if (row->taken == ALL_TAKEN)
            bly_list_remove(&row->link);
    }
    bly_mutex_unlock(&rows.lock);
    return row != NULL;
}

void
bly_seat_leave(bly_seat *seat)
{
    bly_seat_row *row = seat->row;
    bly_mutex_lock(&rows.lock);
    row->taken &= ~seat->bit;
    bly_list_remove(&row->link);
    if (row->taken != 0)
        bly_list_append(&rows.open, &row->link);
    else
        free(row);
    bly_mutex_unlock(&rows.lock);
}

/* ---- Sleeping and waking ----------------------------------------------------------------------------- */

bool
bly_seat_sleep(bly_seat *seat, const int *word, int value, uint64_t deadline)
{
    struct timespec time = bly_clock_timespec(deadline);
    /* The count first: whoever changes the word after our look counts after it, too, and then the kernel sees that. */
    uint32_t wakes = __atomic_load_n(&seat->row->wakes, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(word, __ATOMIC_RELAXED) != value)
        return true;
    long result = syscall(SYS_futex, &seat->row->wakes, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, wakes,
                          deadline == UINT64_MAX ? NULL : &time, NULL, seat->bit);
    return result == 0 || errno != ETIMEDOUT;
}

static void
wake_in_row(bly_seat_row *row, uint32_t bits)
{
    __atomic_fetch_add(&row->wakes, 1, __ATOMIC_RELEASE);
    long woken = syscall(SYS_futex, &row->wakes, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, __builtin_popcount(bits), NULL,
                         NULL, bits);
    BLY_ASSERT(woken >= 0); /* where the system has no such call: better an abort than threads that sleep for ever */
}

void
bly_seats_wake(bly_seat *const *seats, unsigned int count)
{
    uint32_t done = 0;
    BLY_ASSERT(count <= BLY_SEATS_AT_ONCE);
    for (unsigned int i = 0; i < count; i++) {
        uint32_t bits = 0;
        if ((done & 1u << i) != 0)
            continue;
        for (unsigned int j = i; j < count; j++) {
            if (seats[j]->row != seats[i]->row)
                continue;
            bits |= seats[j]->bit;
            done |= 1u << j;
        }
        wake_in_row(seats[i]->row, bits);
    }
}

#else

bool
bly_seat_take(bly_seat *seat)
{
    bly_mutex_init(&seat->lock);
    bly_condition_init(&seat->condition);
    return true;
}

void
bly_seat_leave(bly_seat *seat)
{
    bly_condition_fini(&seat->condition);
    bly_mutex_fini(&seat->lock);
}

bool
bly_seat_sleep(bly_seat *seat, const int *word, int value, uint64_t deadline)
{
    bool in_time = true;
    bly_mutex_lock(&seat->lock);
    if (__atomic_load_n(word, __ATOMIC_RELAXED) == value)
        in_time = bly_condition_wait_until(&seat->condition, &seat->lock, deadline);
    bly_mutex_unlock(&seat->lock);
    return in_time;
}

void
bly_seats_wake(bly_seat *const *seats, unsigned int count)
{
    BLY_ASSERT(count <= BLY_SEATS_AT_ONCE);
    for (unsigned int i = 0; i < count; i++) {
        /* Taking the lock lets a thread that has seen its word get as far as its wait. */
        bly_mutex_lock(&seats[i]->lock);
        bly_condition_signal(&seats[i]->condition);
        bly_mutex_unlock(&seats[i]->lock);
    }
}

#endif
