/* SPDX-License-Identifier: MIT */
#include "base/parker.h"

#include <sched.h>
#include <string.h>

#include <belay/time.h>

#include "base/aborts.h"
#include "base/list.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "support/suite.h"

#define WAITERS 8
#define WAKERS 3
#define ROUNDS 400
#define TURNS 2000

static void
test_each_thread_has_one_parker(void)
{
    bly_parker *mine = bly_parker_current();
    CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
    CU_ASSERT_PTR_EQUAL(bly_parker_current(), mine);
    CU_ASSERT_PTR_EQUAL(bly_parker_ref(mine), mine);
    bly_parker_unref(mine);
    bly_parker_unref(NULL);
    CU_ASSERT_PTR_EQUAL(bly_parker_current(), mine);
}

static void
test_wakeup_is_remembered_one_deep(void)
{
    bly_parker *mine = bly_parker_current();
    bly_parker_wake(mine);
    bly_parker_park(mine);
    bly_parker_wake(mine);
    bly_parker_wake(mine);
    bly_parker_wake(mine);
    CU_ASSERT_TRUE(bly_parker_park_until(mine, 0)); /* remembered, though the deadline has passed */
    CU_ASSERT_FALSE(bly_parker_park_until(mine, 0));
    bly_parker_wake(mine);
    CU_ASSERT_TRUE(bly_parker_park_until(mine, UINT64_MAX));
}

static void
test_park_ends_at_its_deadline_and_not_before(void)
{
    bly_parker *mine = bly_parker_current();
    uint64_t deadline = belay_now() + BELAY_MILLISECONDS(2);
    CU_ASSERT_FALSE(bly_parker_park_until(mine, deadline));
    CU_ASSERT_TRUE(belay_now() >= deadline);
    CU_ASSERT_FALSE(bly_parker_park_until(mine, deadline));
    bly_parker_wake(mine); /* after a wait that timed out, nothing of it is left */
    CU_ASSERT_TRUE(bly_parker_park_until(mine, deadline));
    CU_ASSERT_FALSE(bly_parker_park_until(mine, deadline));
}

struct pair {
    bly_parker *parkers[2]; /* referenced */
    gate ready;
    int ball;
    int turn; /* atomic: whose the ball is; hands it over with release and acquire */
};

static void
play(struct pair *pair, int me)
{
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_load_n(&pair->turn, __ATOMIC_ACQUIRE) != me)
            bly_parker_park(pair->parkers[me]);
        pair->ball++;
        __atomic_store_n(&pair->turn, !me, __ATOMIC_RELEASE);
        bly_parker_wake(pair->parkers[!me]);
    }
}

static void
play_second(void *argument)
{
    struct pair *pair = argument;
    pair->parkers[1] = bly_parker_ref(bly_parker_current());
    gate_open(&pair->ready);
    play(pair, 1);
}

static void
test_two_threads_wake_each_other_in_turns(void)
{
    struct pair pair = { .turn = 0 };
    pthread_t thread;
    gate_init(&pair.ready, "second player is ready");
    pair.parkers[0] = bly_parker_ref(bly_parker_current());
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "second", 0, play_second, &pair));
    gate_wait(&pair.ready);
    play(&pair, 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(pair.ball, 2 * TURNS);
    bly_parker_wake(pair.parkers[1]); /* its thread is gone, the reference keeps it */
    bly_parker_unref(pair.parkers[1]);
    bly_parker_unref(pair.parkers[0]);
    gate_fini(&pair.ready);
}

/* One value without a lock or an atomic of its own: only the wake-up makes it visible. */
struct letter {
    bly_parker *reader; /* referenced */
    gate ready;
    int text;
    int read;
};

static void
read_letter(void *argument)
{
    struct letter *letter = argument;
    letter->reader = bly_parker_ref(bly_parker_current());
    gate_open(&letter->ready);
    bly_parker_park(letter->reader);
    letter->read = letter->text;
}

static void
test_woken_thread_sees_what_was_written_before_the_wake(void)
{
    for (int i = 1; i <= 100; i++) {
        struct letter letter = { .text = 0 };
        pthread_t thread;
        gate_init(&letter.ready, "reader is ready");
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "reader", 0, read_letter, &letter));
        gate_wait(&letter.ready);
        letter.text = i;
        bly_parker_wake(letter.reader);
        bly_parker_unref(letter.reader);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(letter.read, i);
        gate_fini(&letter.ready);
    }
}

/* The house's pattern: waiters queue up under a lock and park; wakers take one out under the lock, with a
 * reference to its parker, and wake it after the unlock, when waiter and wait may be gone already. */
struct waiter {
    bly_link link;
    bly_parker *parker;
    bool woken;
};

struct room {
    bly_mutex lock;
    bly_list waiters; /* guarded by lock */
    int woken;        /* guarded by lock */
    int left;         /* atomic: rounds that waiters have not finished */
    bool stop;        /* atomic */
    bool impatient;
};

static void
wait_in(struct room *room)
{
    struct waiter waiter = { .parker = bly_parker_current() };
    bly_mutex_lock(&room->lock);
    bly_link_init(&waiter.link);
    bly_list_append(&room->waiters, &waiter.link);
    while (!waiter.woken) {
        bly_mutex_unlock(&room->lock);
        if (room->impatient)
            (void)bly_parker_park_until(waiter.parker, belay_now() + BELAY_MICROSECONDS(1));
        else
            bly_parker_park(waiter.parker);
        bly_mutex_lock(&room->lock);
    }
    bly_mutex_unlock(&room->lock);
}

static void
wait_often(void *argument)
{
    struct room *room = argument;
    for (int i = 0; i < ROUNDS; i++) {
        wait_in(room);
        __atomic_fetch_sub(&room->left, 1, __ATOMIC_RELAXED);
    }
}

static void
wait_once(void *argument)
{
    struct room *room = argument;
    wait_in(room);
    __atomic_fetch_sub(&room->left, 1, __ATOMIC_RELAXED);
}

static void
wake_one(struct room *room)
{
    bly_parker *parker = NULL;
    bly_mutex_lock(&room->lock);
    bly_link *link = bly_list_take_first(&room->waiters);
    if (link) {
        struct waiter *waiter = BLY_LIST_ENTRY(link, struct waiter, link);
        parker = bly_parker_ref(waiter->parker);
        waiter->woken = true;
        room->woken++;
    }
    bly_mutex_unlock(&room->lock);
    if (parker)
        bly_parker_wake(parker);
    else
        sched_yield();
    bly_parker_unref(parker);
}

static void
wake_until_stopped(void *argument)
{
    struct room *room = argument;
    while (!__atomic_load_n(&room->stop, __ATOMIC_RELAXED))
        wake_one(room);
}

static void
room_init(struct room *room, int rounds, bool impatient)
{
    *room = (struct room){ .left = rounds, .impatient = impatient };
    bly_mutex_init(&room->lock);
    bly_list_init(&room->waiters);
}

static bool
nobody_is_left(void *argument)
{
    struct room *room = argument;
    return __atomic_load_n(&room->left, __ATOMIC_RELAXED) == 0;
}

/* Runs waiters, WAITERS at a time, against wakers; ends when all waits have ended. */
static void
run_room(struct room *room, void (*waiter)(void *room), int generations)
{
    pthread_t wakers[WAKERS];
    for (int i = 0; i < WAKERS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&wakers[i], "waker", 0, wake_until_stopped, room));
    for (int generation = 0; generation < generations; generation++) {
        pthread_t waiters[WAITERS];
        for (int i = 0; i < WAITERS; i++)
            CU_ASSERT_TRUE_FATAL(bly_thread_start(&waiters[i], "waiter", 0, waiter, room));
        for (int i = 0; i < WAITERS; i++)
            pthread_join(waiters[i], NULL);
    }
    CU_ASSERT_TRUE(nobody_is_left(room));
    __atomic_store_n(&room->stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < WAKERS; i++)
        pthread_join(wakers[i], NULL);
    bly_mutex_fini(&room->lock);
}

static void
test_no_wakeup_is_lost_between_many_threads(void)
{
    struct room room;
    room_init(&room, WAITERS * ROUNDS, false);
    run_room(&room, wait_often, 1);
    CU_ASSERT_EQUAL(room.woken, WAITERS * ROUNDS);
}

static void
test_no_wakeup_is_lost_when_deadlines_race_with_it(void)
{
    struct room room;
    room_init(&room, WAITERS * ROUNDS, true);
    run_room(&room, wait_often, 1);
    CU_ASSERT_EQUAL(room.woken, WAITERS * ROUNDS);
}

static void
test_wakers_may_be_later_than_the_end_of_the_thread(void)
{
    enum { GENERATIONS = 50 };
    struct room room;
    room_init(&room, WAITERS * GENERATIONS, false);
    run_room(&room, wait_once, GENERATIONS);
    CU_ASSERT_EQUAL(room.woken, WAITERS * GENERATIONS);
}

static bly_parker *foreign;

static void
take_parker(void *argument)
{
    (void)argument;
    foreign = bly_parker_ref(bly_parker_current());
}

static void
park_on_foreign(void)
{
    bly_parker_park(foreign);
}

static void
test_parking_on_another_threads_parker_aborts(void)
{
    pthread_t thread;
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "foreign", 0, take_parker, NULL));
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(aborts(park_on_foreign, "current"));
    bly_parker_unref(foreign);
}

static pthread_key_t late_key;

static void
park_late(void *argument)
{
    bly_parker *parker = bly_parker_current();
    bly_parker_wake(parker);
    bly_parker_park(parker);
    *(bool *)argument = true;
}

static void
set_late_key(void *argument)
{
    bly_parker_current();
    pthread_setspecific(late_key, argument);
}

static void
test_parker_can_be_used_by_a_threads_last_destructors(void)
{
    pthread_t thread;
    bool parked = false;
    CU_ASSERT_EQUAL_FATAL(pthread_key_create(&late_key, park_late), 0);
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "late", 0, set_late_key, &parked));
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(parked);
    pthread_key_delete(late_key);
}

/* A thread that tells when it is about to sleep, and counts how often it was woken. */
struct sleeper {
    bly_parker *parker; /* referenced; published by ready */
    int ready;
    int woken;
};

static void
sleep_once(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->parker = bly_parker_ref(bly_parker_current());
    __atomic_store_n(&sleeper->ready, 1, __ATOMIC_RELEASE);
    bly_parker_park(sleeper->parker);
    __atomic_store_n(&sleeper->woken, 1, __ATOMIC_RELEASE);
}

static void
wait_for(const int *flag)
{
    while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
}

#define ATTEMPTS 1000

/* Wakes a sleeper from a thread that gathers; false when it was not asleep yet, and so needed no waking. */
static bool
gather_one(struct sleeper *sleeper, bly_wakes *wakes)
{
    sched_yield();
    bly_parker_gather(wakes);
    bly_parker_wake(sleeper->parker);
    bool gathered = wakes->count == 1;
    if (gathered) {
        CU_ASSERT_EQUAL(__atomic_load_n(&sleeper->woken, __ATOMIC_ACQUIRE), 0);
        bly_wakes_carry_out(wakes);
    }
    bly_parker_gather(NULL);
    return gathered;
}

static void
test_gathered_wakeups_wait_until_they_are_carried_out(void)
{
    bly_wakes wakes = {.count = 0};
    bool gathered = false;
    for (int i = 0; i < ATTEMPTS && !gathered; i++) {
        struct sleeper sleeper = {NULL, 0, 0};
        pthread_t thread;
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "sleeper", 0, sleep_once, &sleeper));
        wait_for(&sleeper.ready);
        gathered = gather_one(&sleeper, &wakes);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(sleeper.woken, 1);
        CU_ASSERT_EQUAL(wakes.count, 0);
        bly_parker_unref(sleeper.parker);
    }
    CU_ASSERT_TRUE(gathered);
}

#define SLEEPERS (2 * BLY_WAKES_MOST + 3)

/* Wakes all; the first that was gathered wakes up when the list is full, which may not come to pass: some are not
 * asleep yet. Returns whether it did. */
static bool
overfill(struct sleeper *sleepers, bly_wakes *wakes)
{
    struct sleeper *first = NULL;
    unsigned int gathered = 0;
    for (size_t i = 0; i < SLEEPERS; i++) {
        unsigned int before = wakes->count;
        bly_parker_wake(sleepers[i].parker);
        if (wakes->count == before)
            continue;
        gathered++;
        if (first == NULL)
            first = &sleepers[i];
    }
    if (gathered > BLY_WAKES_MOST)
        wait_for(&first->woken);
    return gathered > BLY_WAKES_MOST;
}

static bool
overfill_list(void)
{
    static struct sleeper sleepers[SLEEPERS];
    static pthread_t threads[SLEEPERS];
    bly_wakes wakes = {.count = 0};
    memset(sleepers, 0, sizeof sleepers);
    for (size_t i = 0; i < SLEEPERS; i++) {
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&threads[i], "sleeper", 0, sleep_once, &sleepers[i]));
        wait_for(&sleepers[i].ready);
    }
    bly_parker_gather(&wakes);
    bool overfilled = overfill(sleepers, &wakes);
    bly_wakes_carry_out(&wakes);
    bly_parker_gather(NULL);
    for (size_t i = 0; i < SLEEPERS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(sleepers[i].woken, 1);
        bly_parker_unref(sleepers[i].parker);
    }
    return overfilled;
}

/* More than it has room for: it is carried out in between. */
static void
test_a_full_list_loses_no_wakeup(void)
{
    bool overfilled = false;
    for (int i = 0; i < ATTEMPTS && !overfilled; i++)
        overfilled = overfill_list();
    CU_ASSERT_TRUE(overfilled);
}

static void
test_a_wakeup_for_the_gathering_thread_itself_is_remembered(void)
{
    bly_wakes wakes = {.count = 0};
    bly_parker_gather(&wakes);
    bly_parker_wake(bly_parker_current());
    CU_ASSERT_EQUAL(wakes.count, 0);
    CU_ASSERT_TRUE(bly_parker_park_until(bly_parker_current(), 0));
    bly_parker_gather(NULL);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "each_thread_has_one_parker", test_each_thread_has_one_parker },
        { "wakeup_is_remembered_one_deep", test_wakeup_is_remembered_one_deep },
        { "park_ends_at_its_deadline_and_not_before", test_park_ends_at_its_deadline_and_not_before },
        { "two_threads_wake_each_other_in_turns", test_two_threads_wake_each_other_in_turns },
        { "woken_thread_sees_what_was_written_before_the_wake",
          test_woken_thread_sees_what_was_written_before_the_wake },
        { "no_wakeup_is_lost_between_many_threads", test_no_wakeup_is_lost_between_many_threads },
        { "no_wakeup_is_lost_when_deadlines_race_with_it",
          test_no_wakeup_is_lost_when_deadlines_race_with_it },
        { "wakers_may_be_later_than_the_end_of_the_thread",
          test_wakers_may_be_later_than_the_end_of_the_thread },
        { "parking_on_another_threads_parker_aborts", test_parking_on_another_threads_parker_aborts },
        { "parker_can_be_used_by_a_threads_last_destructors",
          test_parker_can_be_used_by_a_threads_last_destructors },
        { "gathered_wakeups_wait_until_they_are_carried_out", test_gathered_wakeups_wait_until_they_are_carried_out },
        { "a_full_list_loses_no_wakeup", test_a_full_list_loses_no_wakeup },
        { "a_wakeup_for_the_gathering_thread_itself_is_remembered",
          test_a_wakeup_for_the_gathering_thread_itself_is_remembered },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/parker", tests, argc, argv);
}
