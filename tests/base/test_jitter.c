/* SPDX-License-Identifier: MIT */
#include "base/jitter.h"

#include "support/suite.h"

enum { MANY = 10000 };

static void
test_a_duration_stays_within_its_bounds_and_uses_them(void)
{
    uint64_t state = 1, least = UINT64_MAX, most = 0;
    for (int i = 0; i < MANY; i++) {
        uint64_t time = bly_jitter(&state, 1000000, 20);
        least = time < least ? time : least;
        most = time > most ? time : most;
    }
    CU_ASSERT_TRUE(least >= 800000 && least < 810000);
    CU_ASSERT_TRUE(most <= 1200000 && most > 1190000);
}

static void
test_two_seeds_give_two_times(void)
{
    uint64_t first = 1, second = UINT64_C(0x7f0012345678);
    int same = 0;
    for (int i = 0; i < MANY; i++)
        same += bly_jitter(&first, 1000000, 10) == bly_jitter(&second, 1000000, 10);
    CU_ASSERT_TRUE(same < MANY / 100);
}

static void
test_no_percent_is_no_jitter(void)
{
    uint64_t state = 1;
    CU_ASSERT_EQUAL(bly_jitter(&state, 1000000, 0), 1000000);
}

static void
test_for_ever_stays_for_ever(void)
{
    uint64_t state = 1;
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL_FATAL(bly_jitter(&state, UINT64_MAX, 10), UINT64_MAX);
        CU_ASSERT_TRUE_FATAL(bly_jitter(&state, UINT64_MAX - 1, 10) > UINT64_MAX / 100 * 89);
    }
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_a_duration_stays_within_its_bounds_and_uses_them),
    TEST(test_two_seeds_give_two_times),
    TEST(test_no_percent_is_no_jitter),
    TEST(test_for_ever_stays_for_ever),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("jitter", tests, argc, argv);
}
