/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include "support/suite.h"

struct item {
    int number;
    bly_link link;
};

/* Takes all items out; true when they came in the order of `numbers`, which ends with 0. */
static bool
empties_as(bly_list *list, const int *numbers)
{
    bly_link *link;
    while ((link = bly_list_take_first(list))) {
        if (BLY_LIST_ENTRY(link, struct item, link)->number != *numbers++)
            return false;
    }
    return *numbers == 0;
}

static void
append_items(bly_list *list, struct item *items, int first, int last)
{
    for (int n = first; n <= last; n++) {
        items[n].number = n;
        bly_link_init(&items[n].link);
        bly_list_append(list, &items[n].link);
    }
}

static void
test_items_come_out_in_the_order_they_went_in(void)
{
    struct item items[4];
    bly_list list;
    bly_list_init(&list);
    CU_ASSERT_TRUE(bly_list_is_empty(&list));
    CU_ASSERT_PTR_NULL(bly_list_take_first(&list));
    append_items(&list, items, 1, 3);
    CU_ASSERT_FALSE(bly_list_is_empty(&list));
    CU_ASSERT_TRUE(empties_as(&list, (const int[]){ 1, 2, 3, 0 }));
    CU_ASSERT_TRUE(bly_list_is_empty(&list));
}

static void
test_item_leaves_from_anywhere_and_leaving_twice_is_harmless(void)
{
    struct item items[6];
    bly_list list;
    bly_list_init(&list);
    append_items(&list, items, 1, 5);
    const int leaving[] = { 3, 1, 5 };
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(bly_link_is_linked(&items[leaving[i]].link));
        bly_list_remove(&items[leaving[i]].link);
        CU_ASSERT_FALSE(bly_link_is_linked(&items[leaving[i]].link));
        bly_list_remove(&items[leaving[i]].link);
    }
    CU_ASSERT_TRUE(empties_as(&list, (const int[]){ 2, 4, 0 }));
}

static void
test_splice_appends_and_empties_the_other(void)
{
    struct item items[6];
    bly_list to;
    bly_list from;
    bly_list_init(&to);
    bly_list_init(&from);
    bly_list_splice(&to, &from);
    CU_ASSERT_TRUE(bly_list_is_empty(&to));
    append_items(&from, items, 1, 2);
    bly_list_splice(&to, &from);
    CU_ASSERT_TRUE(bly_list_is_empty(&from));
    append_items(&from, items, 3, 4);
    bly_list_splice(&to, &from);
    bly_list_splice(&to, &from);
    append_items(&from, items, 5, 5);
    CU_ASSERT_TRUE(empties_as(&from, (const int[]){ 5, 0 }));
    CU_ASSERT_TRUE(empties_as(&to, (const int[]){ 1, 2, 3, 4, 0 }));
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "items_come_out_in_the_order_they_went_in", test_items_come_out_in_the_order_they_went_in },
        { "item_leaves_from_anywhere_and_leaving_twice_is_harmless",
          test_item_leaves_from_anywhere_and_leaving_twice_is_harmless },
        { "splice_appends_and_empties_the_other", test_splice_appends_and_empties_the_other },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/list", tests, argc, argv);
}
