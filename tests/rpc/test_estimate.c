/* SPDX-License-Identifier: MIT */
#include "rpc/estimate.h"

#include "support/suite.h"

static void
add(bly_estimate *estimate, uint64_t ns, int times)
{
    for (int i = 0; i < times; i++)
        bly_estimate_add(estimate, ns, false);
}

static void
test_too_little_measured_drops_nothing(void)
{
    bly_estimate estimate = {0};
    CU_ASSERT_FALSE(bly_estimate_drops(&estimate, 0));
    add(&estimate, 1000, BLY_ESTIMATE_WARM_UP - 1);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 0);
    CU_ASSERT_FALSE(bly_estimate_drops(&estimate, 0));
    add(&estimate, 1000, 1);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 1000);
    CU_ASSERT_TRUE(bly_estimate_drops(&estimate, 999));
    CU_ASSERT_FALSE(bly_estimate_drops(&estimate, 1000));
}

static void
test_the_fastest_of_the_first_counts(void)
{
    bly_estimate estimate = {0};
    add(&estimate, 500000, 3); /* cold */
    add(&estimate, 1000, 1);
    add(&estimate, 2000, BLY_ESTIMATE_WARM_UP - 4);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 1000);
}

static void
test_one_stuck_call_means_nothing(void)
{
    bly_estimate estimate = {0};
    add(&estimate, 6400, BLY_ESTIMATE_WARM_UP);
    add(&estimate, UINT64_MAX, 1);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 6501);
}

static void
test_a_method_that_becomes_slower_is_followed(void)
{
    bly_estimate estimate = {0};
    add(&estimate, 1000, BLY_ESTIMATE_WARM_UP);
    add(&estimate, 1000000, 1000);
    CU_ASSERT_TRUE(bly_estimate_read(&estimate) >= 900000);
    CU_ASSERT_TRUE(bly_estimate_read(&estimate) <= 1000001);
}

/* One call in five is answered from a cache. */
static void
test_the_fast_ones_of_a_mixture_hold_it_down(void)
{
    bly_estimate estimate = {0};
    for (int i = 0; i < 1000; i++)
        bly_estimate_add(&estimate, i % 5 == 0 ? 1000 : 1000000, false);
    CU_ASSERT_TRUE(bly_estimate_read(&estimate) < 2000);
}

static void
test_handlers_that_stopped_early_do_not_lower_it(void)
{
    bly_estimate estimate = {0};
    bly_estimate_add(&estimate, 1, true); /* not of the first either */
    add(&estimate, 1000, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 1000);
    bly_estimate_add(&estimate, 10, true);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 1000);
    bly_estimate_add(&estimate, 5000, true); /* would have taken even longer */
    CU_ASSERT_TRUE(bly_estimate_read(&estimate) > 1000);
}

static void
test_one_in_some_hopeless_calls_is_run(void)
{
    bly_estimate estimate = {0};
    add(&estimate, 1000, BLY_ESTIMATE_WARM_UP);
    int dropped = 0;
    for (int i = 0; i < 10 * BLY_ESTIMATE_PROBE; i++)
        dropped += bly_estimate_drops(&estimate, 1);
    CU_ASSERT_EQUAL(dropped, 10 * (BLY_ESTIMATE_PROBE - 1));
}

static void
test_a_method_that_takes_no_time_is_never_dropped(void)
{
    bly_estimate estimate = {0};
    add(&estimate, 0, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_FALSE(bly_estimate_drops(&estimate, 0));
    add(&estimate, 10, 1);
    CU_ASSERT_EQUAL(bly_estimate_read(&estimate), 1); /* and it does not stay at 0 */
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(too_little_measured_drops_nothing),
        TEST(the_fastest_of_the_first_counts),
        TEST(one_stuck_call_means_nothing),
        TEST(a_method_that_becomes_slower_is_followed),
        TEST(the_fast_ones_of_a_mixture_hold_it_down),
        TEST(handlers_that_stopped_early_do_not_lower_it),
        TEST(one_in_some_hopeless_calls_is_run),
        TEST(a_method_that_takes_no_time_is_never_dropped),
        CU_TEST_INFO_NULL,
    };
    return suite_run("estimate", tests, argc, argv);
}
