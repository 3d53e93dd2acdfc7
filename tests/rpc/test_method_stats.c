/* SPDX-License-Identifier: MIT */
#include "rpc/method_stats.h"

#include <pthread.h>

#include "support/suite.h"

static void
test_buckets_double_from_1024_nanoseconds(void)
{
    CU_ASSERT_EQUAL(bly_time_stats_bucket(0), 0);
    CU_ASSERT_EQUAL(bly_time_stats_bucket(1023), 0);
    for (unsigned int i = 1; i < BELAY_TIME_BUCKETS - 1; i++) {
        CU_ASSERT_EQUAL(bly_time_stats_bucket(UINT64_C(1) << (9 + i)), i);
        CU_ASSERT_EQUAL(bly_time_stats_bucket((UINT64_C(1) << (10 + i)) - 1), i);
    }
    CU_ASSERT_EQUAL(bly_time_stats_bucket(UINT64_C(1) << (8 + BELAY_TIME_BUCKETS)), BELAY_TIME_BUCKETS - 1);
    CU_ASSERT_EQUAL(bly_time_stats_bucket(UINT64_MAX), BELAY_TIME_BUCKETS - 1);
}

static void
test_times_are_summed_and_the_longest_is_kept(void)
{
    bly_method_stats stats = {.handlers_started = 0};
    belay_method_stats read;
    bly_time_stats_add(&stats.handling, 5000);
    bly_time_stats_add(&stats.handling, 100);
    bly_time_stats_add(&stats.handling, 5001);
    bly_method_stats_read(&stats, &read);
    CU_ASSERT_EQUAL(read.handling.count, 3);
    CU_ASSERT_EQUAL(read.handling.sum_ns, 10101);
    CU_ASSERT_EQUAL(read.handling.max_ns, 5001);
    CU_ASSERT_EQUAL(read.handling.buckets[0], 1);
    CU_ASSERT_EQUAL(read.handling.buckets[3], 2);
    CU_ASSERT_EQUAL(read.after_cancel.count, 0);
    CU_ASSERT_EQUAL(read.after_cancel_cpu.count, 0);
}

static void
test_cancels_are_told_apart_by_cause(void)
{
    bly_method_stats stats = {.handlers_started = 0};
    belay_method_stats read;
    bly_method_stats_count_cancel(&stats, BELAY_CAUSE_DEADLINE);
    bly_method_stats_count_cancel(&stats, BELAY_CAUSE_DEADLINE);
    bly_method_stats_count_cancel(&stats, BELAY_CAUSE_LIMIT);
    bly_method_stats_read(&stats, &read);
    for (unsigned int i = 0; i < BELAY_METHOD_CAUSES; i++) {
        uint64_t expected = i == BELAY_CAUSE_DEADLINE ? 2 : i == BELAY_CAUSE_LIMIT ? 1 : 0;
        CU_ASSERT_EQUAL(read.cancelled[i], expected);
    }
}

#define ROUNDS 20000

static void *
count_up(void *argument)
{
    bly_time_stats *stats = argument;
    for (uint64_t i = 1; i <= ROUNDS; i++)
        bly_time_stats_add(stats, i);
    return NULL;
}

static void
test_threads_that_count_at_once_lose_nothing(void)
{
    bly_method_stats stats = {.handlers_started = 0};
    belay_method_stats read;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, count_up, &stats.after_cancel), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    bly_method_stats_read(&stats, &read);
    CU_ASSERT_EQUAL(read.after_cancel.count, 4 * ROUNDS);
    CU_ASSERT_EQUAL(read.after_cancel.sum_ns, UINT64_C(2) * ROUNDS * (ROUNDS + 1));
    CU_ASSERT_EQUAL(read.after_cancel.max_ns, ROUNDS);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(buckets_double_from_1024_nanoseconds),
        TEST(times_are_summed_and_the_longest_is_kept),
        TEST(cancels_are_told_apart_by_cause),
        TEST(threads_that_count_at_once_lose_nothing),
        CU_TEST_INFO_NULL,
    };
    return suite_run("rpc/method_stats", tests, argc, argv);
}
