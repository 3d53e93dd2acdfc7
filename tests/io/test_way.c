/* SPDX-License-Identifier: MIT */
#include "io/way.h"

#include "support/suite.h"

#define US UINT64_C(1000)
#define S UINT64_C(1000000000)

static void
test_short_turns_leave_the_way_free(void)
{
    bly_way way = {0};
    CU_ASSERT_TRUE(bly_way_is_free(&way, 0));
    for (uint64_t now = S; now < 2 * S; now += S / 100) {
        bly_way_note(&way, now, 1000 * US);
        CU_ASSERT_TRUE(bly_way_is_free(&way, now));
    }
}

static void
test_a_long_turn_closes_it_for_a_second(void)
{
    bly_way way = {0};
    bly_way_note(&way, 5 * S, 1001 * US);
    CU_ASSERT_FALSE(bly_way_is_free(&way, 5 * S));
    CU_ASSERT_FALSE(bly_way_is_free(&way, 6 * S - 1));
    CU_ASSERT_TRUE(bly_way_is_free(&way, 6 * S));
}

static void
test_long_turns_one_after_the_other_close_it_for_longer(void)
{
    bly_way way = {0};
    uint64_t now = S;
    for (uint64_t seconds = 1; seconds <= 64; seconds *= 2) {
        bly_way_note(&way, now, 4000 * US);
        CU_ASSERT_FALSE(bly_way_is_free(&way, now + seconds * S - 1));
        now += seconds * S;
        CU_ASSERT_TRUE(bly_way_is_free(&way, now));
    }
    bly_way_note(&way, now, 4000 * US);
    CU_ASSERT_TRUE(bly_way_is_free(&way, now + 64 * S)); /* no longer than that */
    now += 64 * S;
    bly_way_note(&way, now, 10 * US);
    bly_way_note(&way, now, 4000 * US);
    CU_ASSERT_TRUE(bly_way_is_free(&way, now + S)); /* a short one between them: from the beginning */
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(short_turns_leave_the_way_free),
        TEST(a_long_turn_closes_it_for_a_second),
        TEST(long_turns_one_after_the_other_close_it_for_longer),
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/way", tests, argc, argv);
}
