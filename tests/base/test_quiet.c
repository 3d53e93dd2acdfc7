/* SPDX-License-Identifier: MIT */
#include "base/quiet.h"

#include "support/suite.h"

#define SECOND UINT64_C(1000000000)

static void
test_the_first_line_is_written(void)
{
    bly_quiet quiet = {0};
    uint64_t unsaid = 7;
    CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 1, 1, &unsaid));
    CU_ASSERT_EQUAL(unsaid, 0);
}

static void
test_one_line_a_second_tells_how_many_were_not(void)
{
    bly_quiet quiet = {0};
    uint64_t unsaid;
    CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 1, 5, &unsaid));
    for (uint64_t i = 0; i < 10; i++)
        CU_ASSERT_FALSE(bly_quiet_may_say(&quiet, 1, 5 + i * SECOND / 10, &unsaid));
    CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 1, 5 + SECOND, &unsaid));
    CU_ASSERT_EQUAL(unsaid, 10);
    CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 1, 5 + 3 * SECOND, &unsaid));
    CU_ASSERT_EQUAL(unsaid, 0);
}

static void
test_a_few_lines_may_come_together(void)
{
    bly_quiet quiet = {0};
    uint64_t unsaid;
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 3, 10 * SECOND, &unsaid));
    CU_ASSERT_FALSE(bly_quiet_may_say(&quiet, 3, 11 * SECOND - 1, &unsaid));
    CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 3, 11 * SECOND, &unsaid));
    CU_ASSERT_EQUAL(unsaid, 1);
    CU_ASSERT_FALSE(bly_quiet_may_say(&quiet, 3, 11 * SECOND, &unsaid));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(bly_quiet_may_say(&quiet, 3, 20 * SECOND, &unsaid));
    CU_ASSERT_FALSE(bly_quiet_may_say(&quiet, 3, 20 * SECOND, &unsaid));
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"the_first_line_is_written", test_the_first_line_is_written},
        {"one_line_a_second_tells_how_many_were_not", test_one_line_a_second_tells_how_many_were_not},
        {"a_few_lines_may_come_together", test_a_few_lines_may_come_together},
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/quiet", tests, argc, argv);
}
