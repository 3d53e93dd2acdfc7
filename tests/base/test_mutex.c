/* SPDX-License-Identifier: MIT */
#include "base/mutex.h"

#include <belay/time.h>

#include "base/aborts.h"
#include "base/thread.h"
#include "support/suite.h"

#define THREADS 6
#define ROUNDS 5000

struct house {
    bly_mutex lock;
    bly_condition changed;
    gate looked;
    bool seen_held;
    int count; /* guarded by lock */
    bool late; /* guarded by lock */
};

static void
house_init(struct house *house)
{
    *house = (struct house){ .count = 0 };
    bly_mutex_init(&house->lock);
    bly_condition_init(&house->changed);
    gate_init(&house->looked, "the other thread has looked");
}

static void
house_fini(struct house *house)
{
    gate_fini(&house->looked);
    bly_condition_fini(&house->changed);
    bly_mutex_fini(&house->lock);
}

static void
look_who_holds(void *argument)
{
    struct house *house = argument;
    house->seen_held = bly_mutex_is_held(&house->lock);
    gate_open(&house->looked);
}

static void
test_only_the_owner_holds_it(void)
{
    struct house house;
    pthread_t thread;
    house_init(&house);
    house.seen_held = true;
    CU_ASSERT_FALSE(bly_mutex_is_held(&house.lock));
    bly_mutex_lock(&house.lock);
    CU_ASSERT_TRUE(bly_mutex_is_held(&house.lock));
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "looking", 0, look_who_holds, &house));
    gate_wait(&house.looked);
    CU_ASSERT_FALSE(house.seen_held);
    bly_mutex_unlock(&house.lock);
    CU_ASSERT_FALSE(bly_mutex_is_held(&house.lock));
    pthread_join(thread, NULL);
    house_fini(&house);
}

static void
count_up(void *argument)
{
    struct house *house = argument;
    for (int i = 0; i < ROUNDS; i++) {
        bly_mutex_lock(&house->lock);
        BLY_ASSERT_HELD(&house->lock);
        house->count++;
        bly_mutex_unlock(&house->lock);
    }
}

static void
test_threads_exclude_each_other(void)
{
    struct house house;
    pthread_t threads[THREADS];
    house_init(&house);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&threads[i], "counting", 0, count_up, &house));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(house.count, THREADS * ROUNDS);
    house_fini(&house);
}

static bly_mutex misused;

static void
lock_twice(void)
{
    bly_mutex_lock(&misused);
    bly_mutex_lock(&misused);
}

static void
unlock_unlocked(void)
{
    bly_mutex_unlock(&misused);
}

static void
wait_unlocked(void)
{
    bly_condition condition;
    bly_condition_init(&condition);
    bly_condition_wait(&condition, &misused);
}

static void
test_misuse_aborts(void)
{
    bly_mutex_init(&misused);
    CU_ASSERT_TRUE(aborts(lock_twice, "mutex"));
    CU_ASSERT_TRUE(aborts(unlock_unlocked, "held"));
    CU_ASSERT_TRUE(aborts(wait_unlocked, "held"));
    bly_mutex_fini(&misused);
}

/* Makes an odd count even, whenever it is odd; the other thread does the opposite. */
static void
take_turns(void *argument)
{
    struct house *house = argument;
    bly_mutex_lock(&house->lock);
    for (int i = 0; i < ROUNDS / 10; i++) {
        while (house->count % 2 == 0)
            bly_condition_wait(&house->changed, &house->lock);
        BLY_ASSERT_HELD(&house->lock);
        house->count++;
        bly_condition_signal(&house->changed);
    }
    bly_mutex_unlock(&house->lock);
}

static void
test_signal_wakes_a_waiter_that_holds_the_lock_again(void)
{
    struct house house;
    pthread_t thread;
    house_init(&house);
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "turns", 0, take_turns, &house));
    bly_mutex_lock(&house.lock);
    for (int i = 0; i < ROUNDS / 10; i++) {
        while (house.count % 2 == 1)
            CU_ASSERT_TRUE(bly_condition_wait_until(&house.changed, &house.lock, UINT64_MAX));
        CU_ASSERT_TRUE(bly_mutex_is_held(&house.lock));
        house.count++;
        bly_condition_signal(&house.changed);
    }
    bly_mutex_unlock(&house.lock);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(house.count, 2 * (ROUNDS / 10));
    house_fini(&house);
}

static void
wait_for_late(void *argument)
{
    struct house *house = argument;
    uint64_t far = belay_now() + BELAY_SECONDS(3600);
    bly_mutex_lock(&house->lock);
    while (!house->late)
        bly_condition_wait_until(&house->changed, &house->lock, far);
    house->count++;
    bly_mutex_unlock(&house->lock);
}

static void
test_broadcast_wakes_all_waiters(void)
{
    struct house house;
    pthread_t threads[THREADS];
    house_init(&house);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&threads[i], "waiting", 0, wait_for_late, &house));
    bly_mutex_lock(&house.lock);
    house.late = true;
    bly_condition_broadcast(&house.changed);
    bly_mutex_unlock(&house.lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(house.count, THREADS);
    house_fini(&house);
}

static void
test_wait_ends_when_its_deadline_has_passed(void)
{
    struct house house;
    house_init(&house);
    bly_mutex_lock(&house.lock);
    uint64_t deadline = belay_now() + BELAY_MILLISECONDS(2);
    CU_ASSERT_FALSE(bly_condition_wait_until(&house.changed, &house.lock, 0));
    while (bly_condition_wait_until(&house.changed, &house.lock, deadline))
        continue;
    CU_ASSERT_TRUE(belay_now() >= deadline);
    CU_ASSERT_TRUE(bly_mutex_is_held(&house.lock));
    bly_mutex_unlock(&house.lock);
    house_fini(&house);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "only_the_owner_holds_it", test_only_the_owner_holds_it },
        { "threads_exclude_each_other", test_threads_exclude_each_other },
        { "misuse_aborts", test_misuse_aborts },
        { "signal_wakes_a_waiter_that_holds_the_lock_again",
          test_signal_wakes_a_waiter_that_holds_the_lock_again },
        { "broadcast_wakes_all_waiters", test_broadcast_wakes_all_waiters },
        { "wait_ends_when_its_deadline_has_passed", test_wait_ends_when_its_deadline_has_passed },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/mutex", tests, argc, argv);
}
