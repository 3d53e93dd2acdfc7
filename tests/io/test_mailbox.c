/* SPDX-License-Identifier: MIT */
#include "io/mailbox.h"

#include <poll.h>
#include <stddef.h>

#include "support/suite.h"

static bool
is_woken(const bly_mailbox *mailbox)
{
    struct pollfd descriptor = {.fd = mailbox->bell.reader, .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

static void
test_tasks_are_taken_in_order_of_posting(void)
{
    bly_mailbox mailbox;
    bly_loop_task tasks[3] = {{0}};
    CU_ASSERT_TRUE_FATAL(bly_mailbox_init(&mailbox));
    for (int i = 0; i < 3; i++)
        bly_mailbox_post(&mailbox, &tasks[i]);
    bly_loop_task *taken = bly_mailbox_take(&mailbox);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_PTR_EQUAL_FATAL(taken, &tasks[i]);
        taken = taken->next;
    }
    CU_ASSERT_PTR_NULL(taken);
    CU_ASSERT_TRUE(bly_mailbox_is_empty(&mailbox));
    CU_ASSERT_PTR_NULL(bly_mailbox_take(&mailbox));
    bly_mailbox_fini(&mailbox);
}

static void
test_descriptor_is_not_written_while_awake(void)
{
    bly_mailbox mailbox;
    bly_loop_task task = {0};
    CU_ASSERT_TRUE_FATAL(bly_mailbox_init(&mailbox));
    bly_mailbox_post(&mailbox, &task);
    CU_ASSERT_FALSE(is_woken(&mailbox));
    bly_mailbox_take(&mailbox);
    bly_mailbox_say_asleep(&mailbox);
    bly_mailbox_say_awake(&mailbox);
    bly_mailbox_post(&mailbox, &task);
    CU_ASSERT_FALSE(is_woken(&mailbox));
    bly_mailbox_take(&mailbox);
    bly_mailbox_fini(&mailbox);
}

static void
test_first_post_to_a_sleeper_writes_and_the_next_does_not(void)
{
    bly_mailbox mailbox;
    bly_loop_task first = {0}, second = {0};
    CU_ASSERT_TRUE_FATAL(bly_mailbox_init(&mailbox));
    bly_mailbox_say_asleep(&mailbox);
    bly_mailbox_post(&mailbox, &first);
    CU_ASSERT_TRUE(is_woken(&mailbox));
    bly_mailbox_drain(&mailbox);
    CU_ASSERT_FALSE(is_woken(&mailbox));
    bly_mailbox_post(&mailbox, &second);
    CU_ASSERT_FALSE(is_woken(&mailbox));
    bly_mailbox_take(&mailbox);
    bly_mailbox_fini(&mailbox);
}

static void *
own_and_end(void *argument)
{
    bly_mailbox_set_owner(argument, bly_parker_current());
    return NULL;
}

/* The own thread may have taken the loop, run the task and ended before its poster comes to wake it. */
static void
test_owner_may_be_woken_after_its_thread_has_ended(void)
{
    bly_mailbox mailbox;
    bly_loop_task task = {0};
    pthread_t owner;
    CU_ASSERT_TRUE_FATAL(bly_mailbox_init(&mailbox));
    pthread_create(&owner, NULL, own_and_end, &mailbox);
    pthread_join(owner, NULL);
    bly_mailbox_say_asleep(&mailbox);
    mailbox.idle = true;
    bly_mailbox_post(&mailbox, &task);
    CU_ASSERT_FALSE(is_woken(&mailbox)); /* nobody would look there */
    bly_mailbox_take(&mailbox);
    bly_mailbox_fini(&mailbox);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"tasks_are_taken_in_order_of_posting", test_tasks_are_taken_in_order_of_posting},
        {"descriptor_is_not_written_while_awake", test_descriptor_is_not_written_while_awake},
        {"first_post_to_a_sleeper_writes_and_the_next_does_not",
         test_first_post_to_a_sleeper_writes_and_the_next_does_not},
        {"owner_may_be_woken_after_its_thread_has_ended", test_owner_may_be_woken_after_its_thread_has_ended},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/mailbox", tests, argc, argv);
}
