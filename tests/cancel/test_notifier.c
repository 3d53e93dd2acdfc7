/* SPDX-License-Identifier: MIT */
#include "cancel/notifier.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "support/suite.h"

#define MANY 1000

/* An item that notes when it ran, says so, and waits to be let go. */
typedef struct probe {
    bly_notifier_item item;
    bly_notifier *notifier;
    gate entered;
    gate *hold;  /* NULL: does not wait */
    int *clock;  /* counts the items that ran; NULL: none */
    int ran_as;
    bool on_notifier;
    pthread_t thread;
} probe;

static void
run_probe(bly_notifier_item *item)
{
    probe *self = BLY_CONTAINER_OF(item, probe, item);
    if (self->clock)
        self->ran_as = __atomic_add_fetch(self->clock, 1, __ATOMIC_RELAXED);
    self->on_notifier = bly_notifier_is_current(self->notifier);
    self->thread = pthread_self();
    gate *hold = self->hold;
    gate_open(&self->entered);
    if (hold)
        gate_wait(hold);
}

static void
probe_init(probe *p, bly_notifier *notifier, gate *hold, int *clock)
{
    *p = (probe){ .item.run = run_probe, .notifier = notifier, .hold = hold, .clock = clock };
    gate_init(&p->entered, "item entered");
}

static bly_notifier *
notifier_new(void)
{
    bly_notifier *notifier = bly_notifier_new("notifier");
    if (!notifier)
        CU_FAIL_FATAL("no notifier");
    return notifier;
}

static void
test_items_run_in_the_order_of_posting(void)
{
    static probe probes[MANY];
    bly_notifier *notifier = notifier_new();
    int clock = 0;
    for (int i = 0; i < MANY; i++)
        probe_init(&probes[i], notifier, NULL, &clock);
    for (int i = 0; i < MANY; i++)
        bly_notifier_post(notifier, &probes[i].item);
    bly_notifier_free(notifier);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(probes[i].ran_as, i + 1);
        gate_fini(&probes[i].entered);
    }
}

static void
test_items_run_on_a_thread_of_the_notifier(void)
{
    bly_notifier *notifier = notifier_new();
    bly_notifier *other = notifier_new();
    probe mine;
    probe foreign;
    probe_init(&mine, notifier, NULL, NULL);
    probe_init(&foreign, other, NULL, NULL);
    bly_notifier_post(notifier, &mine.item);
    bly_notifier_post(notifier, &foreign.item);
    CU_ASSERT_FALSE(bly_notifier_is_current(notifier));
    bly_notifier_free(notifier);
    bly_notifier_free(other);
    CU_ASSERT_TRUE(mine.on_notifier);
    CU_ASSERT_FALSE(foreign.on_notifier); /* it asks for the other */
    CU_ASSERT_FALSE(pthread_equal(mine.thread, pthread_self()));
    gate_fini(&mine.entered);
    gate_fini(&foreign.entered);
}

static void
test_a_slow_item_does_not_hold_up_those_behind_it(void)
{
    bly_notifier *notifier = notifier_new();
    gate hold;
    probe slow;
    probe behind;
    gate_init(&hold, "slow item may end");
    probe_init(&slow, notifier, &hold, NULL);
    probe_init(&behind, notifier, NULL, NULL);
    bly_notifier_post(notifier, &slow.item);
    bly_notifier_post(notifier, &behind.item);
    gate_wait(&behind.entered); /* while the slow one runs */
    gate_open(&hold);
    bly_notifier_free(notifier);
    CU_ASSERT_FALSE(pthread_equal(slow.thread, behind.thread));
    gate_fini(&slow.entered);
    gate_fini(&behind.entered);
    gate_fini(&hold);
}

static void
test_an_item_posted_long_after_a_slow_one_began_runs(void)
{
    bly_notifier *notifier = notifier_new();
    gate hold;
    probe slow;
    probe late;
    gate_init(&hold, "slow item may end");
    probe_init(&slow, notifier, &hold, NULL);
    bly_notifier_post(notifier, &slow.item);
    gate_wait(&slow.entered);
    probe_init(&late, notifier, NULL, NULL);
    bly_notifier_post(notifier, &late.item);
    gate_wait(&late.entered);
    gate_open(&hold);
    bly_notifier_free(notifier);
    gate_fini(&slow.entered);
    gate_fini(&late.entered);
    gate_fini(&hold);
}

/* Each slow item takes a thread, and the one behind it the next. When there are no more, what comes waits for
 * a thread that returns. */
static void
test_slow_items_take_threads_up_to_the_maximum(void)
{
    bly_notifier *notifier = notifier_new();
    gate holds[BLY_NOTIFIER_MAX_THREADS];
    probe slow[BLY_NOTIFIER_MAX_THREADS];
    probe behind;
    int clock = 0;
    for (int i = 0; i < BLY_NOTIFIER_MAX_THREADS; i++) {
        gate_init(&holds[i], "slow item may end");
        probe_init(&slow[i], notifier, &holds[i], &clock);
        bly_notifier_post(notifier, &slow[i].item);
        gate_wait(&slow[i].entered);
    }
    probe_init(&behind, notifier, NULL, &clock);
    bly_notifier_post(notifier, &behind.item);
    gate_open(&holds[0]);
    gate_wait(&behind.entered);
    CU_ASSERT_EQUAL(behind.ran_as, BLY_NOTIFIER_MAX_THREADS + 1);
    CU_ASSERT_TRUE(pthread_equal(behind.thread, slow[0].thread));
    for (int i = 1; i < BLY_NOTIFIER_MAX_THREADS; i++)
        gate_open(&holds[i]);
    bly_notifier_free(notifier);
    for (int i = 0; i < BLY_NOTIFIER_MAX_THREADS; i++) {
        gate_fini(&holds[i]);
        gate_fini(&slow[i].entered);
    }
    gate_fini(&behind.entered);
}

/* More slow items than there may be threads, one after the other. */
static void
test_threads_come_back_from_slow_items(void)
{
    enum { ROUNDS = 3 * BLY_NOTIFIER_MAX_THREADS };
    bly_notifier *notifier = notifier_new();
    gate holds[ROUNDS];
    probe slow[ROUNDS];
    probe behind[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        gate_init(&holds[i], "slow item may end");
        probe_init(&slow[i], notifier, &holds[i], NULL);
        probe_init(&behind[i], notifier, NULL, NULL);
        bly_notifier_post(notifier, &slow[i].item);
        bly_notifier_post(notifier, &behind[i].item);
        gate_wait(&behind[i].entered);
        gate_open(&holds[i]);
    }
    bly_notifier_free(notifier);
    for (int i = 0; i < ROUNDS; i++) {
        CU_ASSERT_FALSE(pthread_equal(slow[i].thread, behind[i].thread));
        gate_fini(&holds[i]);
        gate_fini(&slow[i].entered);
        gate_fini(&behind[i].entered);
    }
}

typedef struct reposter {
    bly_notifier_item item;
    bly_notifier *notifier;
    int left;
} reposter;

static void
run_reposter(bly_notifier_item *item)
{
    reposter *self = BLY_CONTAINER_OF(item, reposter, item);
    if (--self->left > 0)
        bly_notifier_post(self->notifier, item);
}

static void
test_an_item_may_post_itself_even_while_the_notifier_is_freed(void)
{
    reposter item = { .item.run = run_reposter, .notifier = notifier_new(), .left = MANY };
    bly_notifier_post(item.notifier, &item.item);
    bly_notifier_free(item.notifier);
    CU_ASSERT_EQUAL(item.left, 0);
}

static void
free_item(bly_notifier_item *item)
{
    free(item);
}

static void
test_an_item_may_free_itself(void)
{
    bly_notifier *notifier = notifier_new();
    for (int i = 0; i < MANY; i++) {
        bly_notifier_item *item = calloc(1, sizeof *item);
        CU_ASSERT_PTR_NOT_NULL_FATAL(item);
        item->run = free_item;
        bly_notifier_post(notifier, item);
    }
    bly_notifier_free(notifier);
}

/* An item that waits for another, which it posts itself. */
typedef struct waiting_poster {
    bly_notifier_item item;
    probe *inner;
    gate go_on;
} waiting_poster;

static void
run_waiting_poster(bly_notifier_item *item)
{
    waiting_poster *self = BLY_CONTAINER_OF(item, waiting_poster, item);
    gate_wait(&self->go_on);
    bly_notifier_post(self->inner->notifier, &self->inner->item);
    gate_wait(&self->inner->entered);
}

static void *
free_notifier(void *notifier)
{
    bly_notifier_free(notifier);
    return NULL;
}

static void
test_a_late_item_is_waited_for_and_can_still_post(void)
{
    bly_notifier *notifier = notifier_new();
    pthread_t freeing;
    probe inner;
    probe behind;
    waiting_poster late = { .item.run = run_waiting_poster, .inner = &inner };
    gate_init(&late.go_on, "late item may go on");
    probe_init(&inner, notifier, NULL, NULL);
    probe_init(&behind, notifier, NULL, NULL);
    bly_notifier_post(notifier, &late.item);
    bly_notifier_post(notifier, &behind.item);
    gate_wait(&behind.entered); /* so another thread has taken over */
    CU_ASSERT_EQUAL_FATAL(pthread_create(&freeing, NULL, free_notifier, notifier), 0);
    gate_open(&late.go_on);
    pthread_join(freeing, NULL);
    CU_ASSERT_TRUE(inner.on_notifier);
    gate_fini(&inner.entered);
    gate_fini(&behind.entered);
    gate_fini(&late.go_on);
}

typedef struct counter {
    bly_notifier_item item;
    unsigned int *count;
} counter;

static void
run_counter(bly_notifier_item *item)
{
    counter *self = BLY_CONTAINER_OF(item, counter, item);
    __atomic_add_fetch(self->count, 1, __ATOMIC_RELAXED);
}

typedef struct poster {
    bly_notifier *notifier;
    counter counters[MANY];
} poster;

static void *
post_all(void *argument)
{
    poster *self = argument;
    for (int i = 0; i < MANY; i++)
        bly_notifier_post(self->notifier, &self->counters[i].item);
    return NULL;
}

static void
test_items_of_many_threads_all_run_once(void)
{
    enum { THREADS = 4 };
    static poster posters[THREADS];
    pthread_t threads[THREADS];
    unsigned int count = 0;
    bly_notifier *notifier = notifier_new();
    for (int t = 0; t < THREADS; t++) {
        posters[t].notifier = notifier;
        for (int i = 0; i < MANY; i++)
            posters[t].counters[i] = (counter){ .item.run = run_counter, .count = &count };
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[t], NULL, post_all, &posters[t]), 0);
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    bly_notifier_free(notifier);
    CU_ASSERT_EQUAL(count, THREADS * MANY);
}

static void
test_a_notifier_that_was_never_used_is_freed(void)
{
    for (int i = 0; i < 20; i++)
        bly_notifier_free(notifier_new());
    bly_notifier_free(NULL);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "items_run_in_the_order_of_posting", test_items_run_in_the_order_of_posting },
        { "items_run_on_a_thread_of_the_notifier", test_items_run_on_a_thread_of_the_notifier },
        { "a_slow_item_does_not_hold_up_those_behind_it", test_a_slow_item_does_not_hold_up_those_behind_it },
        { "an_item_posted_long_after_a_slow_one_began_runs",
          test_an_item_posted_long_after_a_slow_one_began_runs },
        { "slow_items_take_threads_up_to_the_maximum", test_slow_items_take_threads_up_to_the_maximum },
        { "threads_come_back_from_slow_items", test_threads_come_back_from_slow_items },
        { "an_item_may_post_itself_even_while_the_notifier_is_freed",
          test_an_item_may_post_itself_even_while_the_notifier_is_freed },
        { "an_item_may_free_itself", test_an_item_may_free_itself },
        { "a_late_item_is_waited_for_and_can_still_post", test_a_late_item_is_waited_for_and_can_still_post },
        { "items_of_many_threads_all_run_once", test_items_of_many_threads_all_run_once },
        { "a_notifier_that_was_never_used_is_freed", test_a_notifier_that_was_never_used_is_freed },
        CU_TEST_INFO_NULL,
    };
    return suite_run("notifier", tests, argc, argv);
}
