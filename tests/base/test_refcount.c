/* SPDX-License-Identifier: MIT */
#include "base/refcount.h"

#include "base/aborts.h"
#include "base/thread.h"
#include "support/suite.h"

#define THREADS 4
#define ROUNDS 20000

static void
test_last_release_is_told(void)
{
    bly_refcount refcount;
    bly_refcount_init(&refcount);
    bly_refcount_take(&refcount);
    CU_ASSERT_TRUE(bly_refcount_try_take(&refcount));
    CU_ASSERT_FALSE(bly_refcount_release(&refcount));
    CU_ASSERT_FALSE(bly_refcount_release(&refcount));
    CU_ASSERT_TRUE(bly_refcount_release(&refcount));
}

static void
test_nothing_is_taken_after_the_last_release(void)
{
    bly_refcount refcount;
    bly_refcount_init(&refcount);
    CU_ASSERT_TRUE(bly_refcount_release(&refcount));
    CU_ASSERT_FALSE(bly_refcount_try_take(&refcount));
    CU_ASSERT_FALSE(bly_refcount_try_take(&refcount));
}

static void
take_from_the_dead(void)
{
    bly_refcount refcount = { 0 };
    bly_refcount_take(&refcount);
}

static void
release_the_dead(void)
{
    bly_refcount refcount = { 0 };
    bly_refcount_release(&refcount);
}

static void
test_use_after_the_last_release_aborts(void)
{
    CU_ASSERT_TRUE(aborts(take_from_the_dead, "before > 0"));
    CU_ASSERT_TRUE(aborts(release_the_dead, "before > 0"));
}

struct shared {
    bly_refcount refcount;
    int written[THREADS]; /* each by its thread, read by whoever releases last */
    int next;
    int last_count;
};

static void
use_and_release(void *argument)
{
    struct shared *shared = argument;
    int mine = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < ROUNDS; i++) {
        if (!bly_refcount_try_take(&shared->refcount) || bly_refcount_release(&shared->refcount))
            return;
    }
    shared->written[mine] = 1;
    if (!bly_refcount_release(&shared->refcount))
        return;
    int sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += shared->written[i];
    shared->last_count = sum;
}

static void
test_last_of_many_threads_sees_what_the_others_wrote(void)
{
    struct shared shared = { .next = 0 };
    pthread_t threads[THREADS];
    bly_refcount_init(&shared.refcount);
    for (int i = 1; i < THREADS; i++)
        bly_refcount_take(&shared.refcount);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&threads[i], "counting", 0, use_and_release, &shared));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(shared.last_count, THREADS);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "last_release_is_told", test_last_release_is_told },
        { "nothing_is_taken_after_the_last_release", test_nothing_is_taken_after_the_last_release },
        { "use_after_the_last_release_aborts", test_use_after_the_last_release_aborts },
        { "last_of_many_threads_sees_what_the_others_wrote",
          test_last_of_many_threads_sees_what_the_others_wrote },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/refcount", tests, argc, argv);
}
