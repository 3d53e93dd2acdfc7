/* SPDX-License-Identifier: MIT */
#include "io/heap.h"

#include <stdlib.h>

#include "support/suite.h"

#define COUNT 1000

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void
fill(bly_heap *heap, bly_timer *timers, uint32_t *random)
{
    for (int i = 0; i < COUNT; i++) {
        bly_timer_init(&timers[i], NULL);
        timers[i].at = next_random(random) % 500;
        CU_ASSERT_TRUE_FATAL(bly_heap_add(heap, &timers[i]));
    }
}

/* Empties the heap and counts; what comes out never goes back in time. */
static int
drain_in_order(bly_heap *heap)
{
    int count = 0;
    uint64_t before = 0;
    for (bly_timer *timer; (timer = bly_heap_first(heap)) != NULL; count++) {
        CU_ASSERT_TRUE(timer->at >= before);
        before = timer->at;
        bly_heap_remove(heap, timer);
        CU_ASSERT_EQUAL(timer->position, 0);
    }
    return count;
}

static void
test_timers_come_out_in_order_of_time(void)
{
    static bly_timer timers[COUNT];
    uint32_t random = 1;
    bly_heap heap;
    bly_heap_init(&heap);
    fill(&heap, timers, &random);
    CU_ASSERT_EQUAL(drain_in_order(&heap), COUNT);
    bly_heap_fini(&heap);
}

static void
test_any_timer_can_be_taken_out(void)
{
    static bly_timer timers[COUNT];
    uint32_t random = 2;
    bly_heap heap;
    bly_heap_init(&heap);
    fill(&heap, timers, &random);
    int removed = 0;
    for (int i = 0; i < COUNT; i++) {
        if (next_random(&random) % 2 == 0)
            continue;
        bly_heap_remove(&heap, &timers[i]);
        removed++;
    }
    CU_ASSERT_TRUE(removed > 0 && removed < COUNT);
    CU_ASSERT_EQUAL(drain_in_order(&heap), COUNT - removed);
    bly_heap_fini(&heap);
}

static void
test_empty_heap_has_no_first(void)
{
    bly_heap heap;
    bly_timer timer;
    bly_heap_init(&heap);
    CU_ASSERT_PTR_NULL(bly_heap_first(&heap));
    bly_timer_init(&timer, NULL);
    CU_ASSERT_TRUE_FATAL(bly_heap_add(&heap, &timer));
    CU_ASSERT_PTR_EQUAL(bly_heap_first(&heap), &timer);
    bly_heap_remove(&heap, &timer);
    CU_ASSERT_PTR_NULL(bly_heap_first(&heap));
    bly_heap_fini(&heap);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"timers_come_out_in_order_of_time", test_timers_come_out_in_order_of_time},
        {"any_timer_can_be_taken_out", test_any_timer_can_be_taken_out},
        {"empty_heap_has_no_first", test_empty_heap_has_no_first},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/heap", tests, argc, argv);
}
