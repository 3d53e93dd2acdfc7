/* SPDX-License-Identifier: MIT */
#include "base/assert.h"

#include <stddef.h>

#include "base/aborts.h"
#include "support/suite.h"

static int zero;

static void
break_an_invariant(void)
{
    BLY_ASSERT(zero == 1);
}

static void
keep_an_invariant(void)
{
    BLY_ASSERT(zero == 0);
}

static void
fail_with_long_condition(void)
{
    char condition[2000];
    memset(condition, 'x', sizeof condition - 1);
    condition[sizeof condition - 1] = '\0';
    bly_assert_failed(condition, "file.c", 1);
}

static void
test_broken_invariant_is_named_and_aborts(void)
{
    CU_ASSERT_TRUE(aborts(break_an_invariant, "zero == 1"));
    CU_ASSERT_TRUE(aborts(break_an_invariant, "test_assert.c:"));
}

static void
test_kept_invariant_goes_on(void)
{
    CU_ASSERT_FALSE(aborts(keep_an_invariant, ""));
}

static void
test_long_condition_is_cut_to_one_line(void)
{
    CU_ASSERT_TRUE(aborts(fail_with_long_condition, "xxxx"));
}

struct outer {
    char before[24];
    int member;
};

static void
test_container_is_found_from_its_member(void)
{
    struct outer outer;
    int *member = &outer.member;
    CU_ASSERT_PTR_EQUAL(BLY_CONTAINER_OF(member, struct outer, member), &outer);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "broken_invariant_is_named_and_aborts", test_broken_invariant_is_named_and_aborts },
        { "kept_invariant_goes_on", test_kept_invariant_goes_on },
        { "long_condition_is_cut_to_one_line", test_long_condition_is_cut_to_one_line },
        { "container_is_found_from_its_member", test_container_is_found_from_its_member },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/assert", tests, argc, argv);
}
