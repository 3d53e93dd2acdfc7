/* SPDX-License-Identifier: MIT */
#include "base/parker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bell.h"
#include "base/clock.h"
#include "base/refcount.h"
#include "base/thread.h"

#define EMPTY 0
#define NOTIFIED 1
#define PARKED (-1)
#define POLLING (-2)

struct bly_parker {
    bly_refcount references;
    /* const once its thread has been in POLLING, which publishes it */
    bool has_bell;
    bly_bell bell;
    /* atomic: a wake-up is released by the waker and acquired by the parked thread, so that what was
     * written before the wake is seen after the park */
    int state;
    bly_seat seat; /* its own rules */
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_exists; /* const after key_once */

/* The key is for its destructor at the thread's end; finding the parker goes by this. */
static _Thread_local bly_parker *current BLY_FAST_TLS;

/* Where the calling thread gathers wake-ups, or NULL. */
static _Thread_local bly_wakes *gathering BLY_FAST_TLS;

static void
thread_ends(void *parker)
{
    current = NULL;
    bly_parker_unref(parker);
}

static void
make_key(void)
{
    key_exists = pthread_key_create(&key, thread_ends) == 0;
}

static bly_parker *
parker_new(void)
{
    pthread_once(&key_once, make_key);
    if (!key_exists)
        return NULL;
    bly_parker *parker = malloc(sizeof *parker);
    if (!parker)
        return NULL;
    if (!bly_seat_take(&parker->seat)) {
        free(parker);
        return NULL;
    }
    bly_refcount_init(&parker->references);
    parker->state = EMPTY;
    parker->has_bell = false;
    if (pthread_setspecific(key, parker) != 0) {
        bly_parker_unref(parker);
        return NULL;
    }
    return parker;
}

bly_parker *
bly_parker_current(void)
{
    if (__builtin_expect(!current, 0))
        current = parker_new();
    return current;
}

bly_parker *
bly_parker_ref(bly_parker *parker)
{
    bly_refcount_take(&parker->references);
    return parker;
}

void
bly_parker_unref(bly_parker *parker)
{
    if (!parker || !bly_refcount_release(&parker->references))
        return;
    if (parker->has_bell)
        bly_bell_fini(&parker->bell);
    bly_seat_leave(&parker->seat);
    free(parker);
}

void
bly_parker_park(bly_parker *parker)
{
    (void)bly_parker_park_until(parker, UINT64_MAX);
}

bool
bly_parker_park_until(bly_parker *parker, uint64_t deadline)
{
    BLY_ASSERT(parker == current);
    /* NOTIFIED becomes EMPTY, EMPTY becomes PARKED: one step either way. */
    if (__atomic_fetch_sub(&parker->state, 1, __ATOMIC_ACQUIRE) == NOTIFIED)
        return true;
    for (;;) {
        bool in_time = bly_seat_sleep(&parker->seat, &parker->state, PARKED, deadline);
        int notified = NOTIFIED;
        if (__atomic_compare_exchange_n(&parker->state, &notified, EMPTY, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
        if (!in_time)
            return __atomic_exchange_n(&parker->state, EMPTY, __ATOMIC_ACQUIRE) == NOTIFIED;
    }
}

/* ---- Sleeping in poll() ------------------------------------------------------------------------ */

bool
bly_parker_can_poll(bly_parker *parker)
{
    BLY_ASSERT(parker == current);
    if (!parker->has_bell)
        parker->has_bell = bly_bell_init(&parker->bell);
    return parker->has_bell;
}

#if defined(__linux__)

static int
poll_until(struct pollfd *polls, unsigned int count, uint64_t deadline)
{
    uint64_t now = bly_clock_now(&bly_clock_monotonic);
    struct timespec left = bly_clock_timespec(deadline > now ? deadline - now : 0);
    return ppoll(polls, count, deadline == UINT64_MAX ? NULL : &left, NULL);
}

#else

#define NS_PER_MS 1000000

/* Rounded up, so that it does not end before its time; cut to what an int holds, then it ends as if woken. */
static int
poll_until(struct pollfd *polls, unsigned int count, uint64_t deadline)
{
    uint64_t now = bly_clock_now(&bly_clock_monotonic);
    uint64_t left = deadline > now ? (deadline - now) / NS_PER_MS + ((deadline - now) % NS_PER_MS != 0) : 0;
    return poll(polls, count, deadline == UINT64_MAX ? -1 : left > INT_MAX ? INT_MAX : (int)left);
}

#endif

bly_poll_end
bly_parker_poll(bly_parker *parker, struct pollfd *polls, unsigned int count, uint64_t deadline)
{
    BLY_ASSERT(parker == current && parker->has_bell);
    polls[0] = (struct pollfd){.fd = parker->bell.reader, .events = POLLIN};
    int empty = EMPTY;
    bool sleeps = __atomic_compare_exchange_n(&parker->state, &empty, POLLING, false, __ATOMIC_RELEASE,
                                              __ATOMIC_RELAXED);
    int ready = poll_until(polls, count, sleeps ? deadline : 0);
    int error = errno;
    bool woken = __atomic_exchange_n(&parker->state, EMPTY, __ATOMIC_ACQUIRE) == NOTIFIED;
    if (ready < 0)
        return error == EINTR ? BLY_POLL_WOKEN : BLY_POLL_FAILED;
    /* A waker that has come so far rings a moment later: that ends the next poll early, and does no harm. */
    bool rung = polls[0].revents != 0;
    if (rung)
        bly_bell_silence(&parker->bell);
    if (ready > (rung ? 1 : 0))
        return BLY_POLL_READY;
    if (woken || rung || bly_clock_now(&bly_clock_monotonic) < deadline)
        return BLY_POLL_WOKEN;
    return BLY_POLL_LATE;
}

/* ---- Waking ------------------------------------------------------------------------------------ */

static void
end_sleep(bly_parker *parker, bool polls)
{
    bly_seat *seat = &parker->seat;
    if (polls)
        bly_bell_ring(&parker->bell);
    else
        bly_seats_wake(&seat, 1);
}

void
bly_parker_wake(bly_parker *parker)
{
    int before = __atomic_exchange_n(&parker->state, NOTIFIED, __ATOMIC_ACQ_REL);
    if (before != PARKED && before != POLLING)
        return;
    if (gathering == NULL) {
        end_sleep(parker, before == POLLING);
        return;
    }
    if (gathering->count == BLY_WAKES_MOST)
        bly_wakes_carry_out(gathering);
    gathering->polls[gathering->count] = before == POLLING;
    gathering->parkers[gathering->count++] = bly_parker_ref(parker);
}

/* ---- Gathered wake-ups ------------------------------------------------------------------------- */

void
bly_parker_gather(bly_wakes *wakes)
{
    BLY_ASSERT(gathering == NULL || gathering->count == 0);
    gathering = wakes;
}

void
bly_wakes_carry_out(bly_wakes *wakes)
{
    bly_seat *seats[BLY_WAKES_MOST];
    unsigned int count = 0;
    for (unsigned int i = 0; i < wakes->count; i++) {
        if (wakes->polls[i])
            bly_bell_ring(&wakes->parkers[i]->bell);
        else
            seats[count++] = &wakes->parkers[i]->seat;
    }
    bly_seats_wake(seats, count);
    for (unsigned int i = 0; i < wakes->count; i++)
        bly_parker_unref(wakes->parkers[i]);
    wakes->count = 0;
}
