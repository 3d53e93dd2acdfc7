/* SPDX-License-Identifier: MIT */
#include "base/identity.h"

#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "support/suite.h"

typedef struct subject {
    const bly_thread_identity *identity;
    uint64_t used; /* processor time, by its own reckoning */
    gate ready;
    gate seen;
} subject;

static uint64_t
own_cpu(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void
compute(void *argument)
{
    subject *self = argument;
    self->identity = bly_thread_identity_own();
    while (own_cpu() < 20000000)
        continue;
    self->used = own_cpu();
    gate_open(&self->ready);
    gate_wait(&self->seen);
}

static void
test_another_thread_sees_name_and_processor_time(void)
{
    subject other;
    pthread_t thread;
    uint64_t used = 0;
    gate_init(&other.ready, "the thread has computed");
    gate_init(&other.seen, "the thread was looked at");
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "computer-7", 0, compute, &other));
    gate_wait(&other.ready);
    CU_ASSERT_STRING_EQUAL(other.identity->name, "computer-7");
    CU_ASSERT_TRUE(pthread_equal(other.identity->thread, thread));
    CU_ASSERT_EQUAL(other.identity->stack_signal, 0);
    CU_ASSERT_TRUE(bly_thread_cpu_time(other.identity, &used));
    CU_ASSERT_TRUE(used >= other.used);
    CU_ASSERT_NOT_EQUAL(other.identity->self, bly_thread_identity_own()->self);
    CU_ASSERT_NOT_EQUAL(other.identity->kernel_id, bly_thread_identity_own()->kernel_id);
    gate_open(&other.seen);
    pthread_join(thread, NULL);
    gate_fini(&other.ready);
    gate_fini(&other.seen);
}

static void
test_a_threads_own_identity_stays(void)
{
    const bly_thread_identity *own = bly_thread_identity_own();
    CU_ASSERT_PTR_EQUAL(bly_thread_identity_own(), own);
    CU_ASSERT_EQUAL(own->self, bly_thread_self());
#ifdef __linux__
    CU_ASSERT_EQUAL(own->kernel_id, (uint64_t)gettid());
#endif
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(another_thread_sees_name_and_processor_time),
        TEST(a_threads_own_identity_stays),
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/identity", tests, argc, argv);
}
