/* SPDX-License-Identifier: MIT */
#include "rpc/holding.h"

/* Changes that are smaller are not worth telling. */
#define GRAIN 8192

static uint64_t
read_sum(const uint64_t *sum)
{
    return __atomic_load_n(sum, __ATOMIC_RELAXED);
}

/* Sums that wrap around come right again with what is taken off. */
static void
change(uint64_t *sum, size_t from, size_t to)
{
    __atomic_fetch_add(sum, (uint64_t)to - (uint64_t)from, __ATOMIC_RELAXED);
}

void
bly_holding_init(bly_holding *holding, bly_holding_total *total, uint64_t limit)
{
    *holding = (bly_holding){.total = total, .limit = limit};
}

static void
set_waiting(bly_held *held, size_t waiting)
{
    change(&held->holding->waiting, held->waiting, waiting);
    change(&held->holding->total->waiting, held->waiting, waiting);
    held->waiting = waiting;
}

void
bly_held_waiting_locked(bly_held *held, size_t waiting)
{
    if (held->holding == NULL || (waiting >= held->waiting && waiting - held->waiting < GRAIN))
        return;
    if (waiting < held->waiting && held->waiting - waiting < GRAIN && waiting >= GRAIN)
        return;
    set_waiting(held, waiting);
}

static void
set_partial(bly_held *held, size_t partial)
{
    held->holding->partial += (uint64_t)partial - held->partial;
    change(&held->holding->total->partial, held->partial, partial);
    held->partial = partial;
}

static void
set_granted(bly_held *held, size_t granted)
{
    held->holding->granted += (uint64_t)granted - held->granted;
    held->granted = granted;
}

void
bly_held_partial(bly_held *held, size_t partial, size_t size)
{
    if (held->holding == NULL)
        return;
    if (partial != held->partial)
        set_partial(held, partial);
    if (held->granted != 0 && held->granted != size)
        set_granted(held, 0);
    held->wants = false;
}

bool
bly_held_grant(bly_held *held, size_t size)
{
    bly_holding *holding = held->holding;
    if (holding == NULL || held->granted != 0)
        return true;
    uint64_t claimed = read_sum(&holding->waiting) + holding->granted;
    held->wants = (claimed > 0 && claimed + size > holding->limit) || bly_holding_total_is_full(holding->total);
    if (!held->wants)
        set_granted(held, size);
    return !held->wants;
}

void
bly_held_leave_locked(bly_held *held)
{
    if (held->holding == NULL)
        return;
    if (held->waiting != 0)
        set_waiting(held, 0);
    if (held->partial != 0)
        set_partial(held, 0);
    set_granted(held, 0);
    held->wants = false;
    held->holding = NULL;
}

bool
bly_holding_total_is_full(const bly_holding_total *total)
{
    uint64_t waiting = read_sum(&total->waiting);
    return waiting > 0 && waiting + read_sum(&total->partial) >= total->limit;
}

bool
bly_holding_is_full(const bly_holding *holding)
{
    uint64_t waiting = read_sum(&holding->waiting);
    if (waiting == 0)
        return false;
    return waiting + holding->partial >= holding->limit || bly_holding_total_is_full(holding->total);
}
