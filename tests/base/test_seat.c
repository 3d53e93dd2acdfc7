/* SPDX-License-Identifier: MIT */
#include "base/seat.h"

#include <string.h>

#include <belay/time.h>

#include "base/thread.h"
#include "support/suite.h"

#define SEATS 100 /* three rows and a bit */
#define SLEEPERS 40
#define ROUNDS 500
#define WAKERS 2

#define AWAKE 0
#define ASLEEP 1

static bool
is_same(const bly_seat *a, const bly_seat *b)
{
#if BLY_SEATS_ARE_FUTEXES
    return a->row == b->row && a->bit == b->bit;
#else
    return a == b;
#endif
}

static void
expect_own(const bly_seat *seats, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_FALSE(is_same(&seats[i], &seats[j]));
}

/* Whether one of `from` to `to` sits in the row of the first. */
static bool
is_back_in_the_first_row(const bly_seat *seats, size_t from, size_t to)
{
#if BLY_SEATS_ARE_FUTEXES
    while (from < to && seats[from].row != seats[0].row)
        from++;
#endif
    return from < to;
}

#define FIRST_LEFT 5
#define LAST_LEFT 69

static void
test_everybody_has_a_seat_of_his_own(void)
{
    bly_seat seats[SEATS];
    for (size_t i = 0; i < SEATS; i++)
        CU_ASSERT_TRUE_FATAL(bly_seat_take(&seats[i]));
    expect_own(seats, SEATS);
    /* Some of a full row, and all of another, are free again; then they are taken by others. */
    for (size_t i = FIRST_LEFT; i <= LAST_LEFT; i++)
        bly_seat_leave(&seats[i]);
    for (size_t i = FIRST_LEFT; i <= LAST_LEFT; i++)
        CU_ASSERT_TRUE_FATAL(bly_seat_take(&seats[i]));
    CU_ASSERT_TRUE(is_back_in_the_first_row(seats, FIRST_LEFT, LAST_LEFT + 1));
    expect_own(seats, SEATS);
    for (size_t i = 0; i < SEATS; i++)
        bly_seat_leave(&seats[i]);
}

static void
test_nobody_sleeps_whose_word_has_changed(void)
{
    bly_seat seat;
    const int word = AWAKE;
    CU_ASSERT_TRUE_FATAL(bly_seat_take(&seat));
    CU_ASSERT_TRUE(bly_seat_sleep(&seat, &word, ASLEEP, belay_now() + BELAY_SECONDS(30)));
    bly_seat_leave(&seat);
}

static void
test_a_sleep_ends_at_its_deadline_and_not_before(void)
{
    bly_seat seat;
    const int word = ASLEEP;
    uint64_t deadline = belay_now() + BELAY_MILLISECONDS(2);
    CU_ASSERT_TRUE_FATAL(bly_seat_take(&seat));
    while (bly_seat_sleep(&seat, &word, ASLEEP, deadline)) /* it may be early */
        continue;
    CU_ASSERT_TRUE(belay_now() >= deadline);
    CU_ASSERT_FALSE(bly_seat_sleep(&seat, &word, ASLEEP, deadline));
    bly_seat_leave(&seat);
}

/* ---- Many that sleep and are woken -------------------------------------------------------------------- */

typedef struct sleeper {
    bly_seat seat;
    pthread_t thread;
    int most;   /* const: rounds */
    int word;   /* atomic: ASLEEP is stored with release, what was done before is seen by who acquires it */
    int rounds; /* its thread's; whoever has acquired `word` may look */
} sleeper;

static void
sleep_in_rounds(void *argument)
{
    sleeper *self = argument;
    while (self->rounds < self->most) {
        __atomic_store_n(&self->word, ASLEEP, __ATOMIC_RELEASE);
        while (__atomic_load_n(&self->word, __ATOMIC_ACQUIRE) == ASLEEP)
            (void)bly_seat_sleep(&self->seat, &self->word, ASLEEP, UINT64_MAX);
        self->rounds++;
    }
}

static bool
is_asleep(void *argument)
{
    sleeper *one = argument;
    return __atomic_load_n(&one->word, __ATOMIC_ACQUIRE) == ASLEEP;
}

/* Wakes every other sleeper, those of all rows in one go, some at a time. */
static void
wake_round(sleeper *sleepers, size_t first, int round)
{
    bly_seat *seats[BLY_SEATS_AT_ONCE];
    unsigned int most = 1 + (unsigned int)round % BLY_SEATS_AT_ONCE;
    unsigned int count = 0;
    for (size_t i = first; i < SLEEPERS; i += WAKERS) {
        wait_until(is_asleep, &sleepers[i], "the sleeper has done its round");
        CU_ASSERT_EQUAL(sleepers[i].rounds, round);
        __atomic_store_n(&sleepers[i].word, AWAKE, __ATOMIC_RELEASE);
        seats[count++] = &sleepers[i].seat;
        if (count == most) {
            bly_seats_wake(seats, count);
            count = 0;
        }
    }
    bly_seats_wake(seats, count);
}

typedef struct waker {
    pthread_t thread;
    sleeper *sleepers;
    size_t first;
} waker;

static void
wake_in_rounds(void *argument)
{
    const waker *self = argument;
    for (int round = 0; round < ROUNDS; round++)
        wake_round(self->sleepers, self->first, round);
}

static void
start_all(sleeper *sleepers, waker *wakers)
{
    for (size_t i = 0; i < SLEEPERS; i++) {
        sleepers[i].most = ROUNDS;
        CU_ASSERT_TRUE_FATAL(bly_seat_take(&sleepers[i].seat));
    }
    for (size_t i = 0; i < SLEEPERS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&sleepers[i].thread, "sleeper", 0, sleep_in_rounds, &sleepers[i]));
    for (size_t i = 0; i < WAKERS; i++) {
        wakers[i] = (waker){.sleepers = sleepers, .first = i};
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&wakers[i].thread, "waker", 0, wake_in_rounds, &wakers[i]));
    }
}

/* A wake-up that is lost ends the test after the time of wait_until(). */
static void
test_no_wakeup_is_lost_when_two_wake_many_at_a_time(void)
{
    static sleeper sleepers[SLEEPERS];
    waker wakers[WAKERS];
    memset(sleepers, 0, sizeof sleepers);
    start_all(sleepers, wakers);
    for (size_t i = 0; i < WAKERS; i++)
        pthread_join(wakers[i].thread, NULL);
    for (size_t i = 0; i < SLEEPERS; i++) {
        pthread_join(sleepers[i].thread, NULL);
        CU_ASSERT_EQUAL(sleepers[i].rounds, ROUNDS);
        bly_seat_leave(&sleepers[i].seat);
    }
}

/* ---- One that is woken on its way to sleep -------------------------------------------------------------- */

#define TIMES 50000
#define LOOKS 1000

/* As soon as it says that it sleeps, and before it does. */
static void
await_asleep_at_once(sleeper *one)
{
    for (int i = 0; i < LOOKS && !is_asleep(one); i++)
        continue;
    wait_until(is_asleep, one, "the sleeper has done its round");
}

static void
test_no_wakeup_is_lost_on_the_way_to_sleep(void)
{
    sleeper one = {.most = TIMES};
    bly_seat *seat = &one.seat;
    CU_ASSERT_TRUE_FATAL(bly_seat_take(seat));
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&one.thread, "sleeper", 0, sleep_in_rounds, &one));
    for (int i = 0; i < TIMES; i++) {
        await_asleep_at_once(&one);
        __atomic_store_n(&one.word, AWAKE, __ATOMIC_RELEASE);
        bly_seats_wake(&seat, 1);
    }
    pthread_join(one.thread, NULL);
    CU_ASSERT_EQUAL(one.rounds, TIMES);
    bly_seat_leave(seat);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(everybody_has_a_seat_of_his_own),
        TEST(nobody_sleeps_whose_word_has_changed),
        TEST(a_sleep_ends_at_its_deadline_and_not_before),
        TEST(no_wakeup_is_lost_on_the_way_to_sleep),
        TEST(no_wakeup_is_lost_when_two_wake_many_at_a_time),
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/seat", tests, argc, argv);
}
