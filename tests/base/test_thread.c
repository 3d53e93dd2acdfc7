/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_getname_np(), pthread_getattr_np() */
#endif
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "support/suite.h"

/* What a thread saw of itself. */
struct sight {
    gate done;
    uintptr_t self;
    int wrong_signal; /* see find_wrong_signal() */
    int policy;
    char name[32];
    size_t stack_size;
    size_t guard_size;
    bool is_detached;
};

static bool
is_fault(int number)
{
    return number == SIGABRT || number == SIGBUS || number == SIGFPE || number == SIGILL ||
           number == SIGSEGV || number == SIGSYS || number == SIGTRAP;
}

/* A signal that is open and should not be, or the other way round; 0 when there is none. */
static int
find_wrong_signal(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        bool is_the_systems = number >= 32 && number < SIGRTMIN; /* threads' own, cannot be blocked */
        if (number == SIGKILL || number == SIGSTOP || is_the_systems)
            continue;
        if (sigismember(&mask, number) == is_fault(number))
            return number;
    }
    return 0;
}

static void
see_attributes(struct sight *sight)
{
#ifdef __linux__
    pthread_attr_t attributes;
    int state;
    pthread_getname_np(pthread_self(), sight->name, sizeof sight->name);
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    pthread_attr_getstacksize(&attributes, &sight->stack_size);
    pthread_attr_getguardsize(&attributes, &sight->guard_size);
    pthread_attr_getdetachstate(&attributes, &state);
    sight->is_detached = state == PTHREAD_CREATE_DETACHED;
    pthread_attr_destroy(&attributes);
#else
    (void)sight;
#endif
}

static void
see(void *argument)
{
    struct sight *sight = argument;
    struct sched_param parameters;
    sight->self = bly_thread_self();
    sight->wrong_signal = find_wrong_signal();
    pthread_getschedparam(pthread_self(), &sight->policy, &parameters);
    see_attributes(sight);
    gate_open(&sight->done);
}

static void
start_and_join(struct sight *sight, const char *name, size_t stack_size)
{
    pthread_t thread;
    *sight = (struct sight){ .policy = -1 };
    gate_init(&sight->done, "thread has looked at itself");
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, name, stack_size, see, sight));
    pthread_join(thread, NULL);
    gate_wait(&sight->done);
    gate_fini(&sight->done);
}

static void
test_thread_blocks_signals_but_its_faults_and_its_creator_none_more(void)
{
    struct sight sight;
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    start_and_join(&sight, "signals", 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CU_ASSERT_EQUAL(sight.wrong_signal, 0);
    for (int number = 1; number < NSIG; number++)
        CU_ASSERT_EQUAL(sigismember(&before, number), sigismember(&after, number));
}

static void
test_thread_has_the_ordinary_policy(void)
{
    struct sight sight;
    start_and_join(&sight, "policy", 0);
    CU_ASSERT_EQUAL(sight.policy, SCHED_OTHER);
}

static void
test_every_live_thread_has_its_own_number(void)
{
    struct sight sight;
    uintptr_t mine = bly_thread_self();
    start_and_join(&sight, "number", 0);
    CU_ASSERT_NOT_EQUAL(mine, 0);
    CU_ASSERT_NOT_EQUAL(sight.self, 0);
    CU_ASSERT_NOT_EQUAL(sight.self, mine);
    CU_ASSERT_EQUAL(bly_thread_self(), mine);
}

#ifdef __linux__

static void
test_name_is_cut_to_fifteen_bytes(void)
{
    struct sight sight;
    start_and_join(&sight, "belay-io", 0);
    CU_ASSERT_STRING_EQUAL(sight.name, "belay-io");
    start_and_join(&sight, "belay-with-a-long-name", 0);
    CU_ASSERT_STRING_EQUAL(sight.name, "belay-with-a-lo");
    start_and_join(&sight, "", 0);
    CU_ASSERT_STRING_EQUAL(sight.name, "");
}

static void
test_stack_is_as_large_as_asked_with_a_guard_on_top(void)
{
    static const struct {
        size_t asked;
        size_t at_least;
    } cases[] = {
        { 0, 512 * 1024 }, { 1, 4096 }, { 100001, 100001 }, { 1024 * 1024, 1024 * 1024 },
    };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sight sight;
        start_and_join(&sight, "stack", cases[i].asked);
        CU_ASSERT_TRUE(sight.stack_size - sight.guard_size >= cases[i].at_least);
        CU_ASSERT_TRUE(sight.guard_size >= page);
        CU_ASSERT_EQUAL(sight.stack_size % page, 0);
        CU_ASSERT_FALSE(sight.is_detached);
    }
}

#endif

static void
test_thread_without_a_handle_is_detached(void)
{
    struct sight sight = { .policy = -1 };
    gate_init(&sight.done, "detached thread has looked at itself");
    CU_ASSERT_TRUE_FATAL(bly_thread_start(NULL, "detached", 0, see, &sight));
    gate_wait(&sight.done);
#ifdef __linux__
    CU_ASSERT_TRUE(sight.is_detached);
#endif
    CU_ASSERT_EQUAL(sight.policy, SCHED_OTHER);
    gate_fini(&sight.done);
}

static void
never(void *argument)
{
    *(bool *)argument = true;
}

static void
test_stack_beyond_memory_is_refused(void)
{
    bool ran = false;
    pthread_t thread;
    pthread_t untouched;
    memset(&thread, 7, sizeof thread);
    memset(&untouched, 7, sizeof untouched);
    CU_ASSERT_FALSE(bly_thread_start(&thread, "huge", SIZE_MAX, never, &ran));
    CU_ASSERT_FALSE(bly_thread_start(&thread, "huge", SIZE_MAX / 8, never, &ran));
    CU_ASSERT_EQUAL(memcmp(&thread, &untouched, sizeof thread), 0);
    CU_ASSERT_FALSE(ran);
}

static void
use_much_stack(void *argument)
{
    volatile char block[400 * 1024];
    for (size_t i = 0; i < sizeof block; i += 64)
        block[i] = 1;
    *(int *)argument = block[64];
}

static void
test_default_stack_can_be_used(void)
{
    int result = 0;
    pthread_t thread;
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "deep", 0, use_much_stack, &result));
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(result, 1);
}

#ifdef __linux__
/* The size of the table that sleeping threads are found in; -1 where the kernel has no such thing. */
static int
futex_slots(void)
{
    return prctl(78, 2, 0ul, 0ul, 0ul);
}

struct crowd {
    unsigned int expected[3];
    int slots[4]; /* before, and after each */
};

static void
expect(void *argument)
{
    struct crowd *crowd = argument;
    crowd->slots[0] = futex_slots();
    for (int i = 0; i < 3; i++) {
        bly_thread_expect(crowd->expected[i]);
        crowd->slots[i + 1] = futex_slots();
    }
}

static void
test_a_crowd_that_is_expected_is_made_room_for_once(void)
{
    struct crowd crowd = { .expected = { 8000, 100, 1000000 } };
    pthread_t thread;
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "crowd", 0, expect, &crowd));
    pthread_join(thread, NULL);
    if (crowd.slots[0] <= 0) {
        for (int i = 1; i < 4; i++)
            CU_ASSERT_EQUAL(crowd.slots[i], crowd.slots[0]);
        return;
    }
    CU_ASSERT(crowd.slots[1] >= 2048);
    CU_ASSERT_EQUAL(crowd.slots[2], crowd.slots[1]);
    CU_ASSERT(crowd.slots[3] >= 4096);
}
#endif

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "thread_blocks_signals_but_its_faults_and_its_creator_none_more",
          test_thread_blocks_signals_but_its_faults_and_its_creator_none_more },
        { "thread_has_the_ordinary_policy", test_thread_has_the_ordinary_policy },
        { "every_live_thread_has_its_own_number", test_every_live_thread_has_its_own_number },
#ifdef __linux__
        { "name_is_cut_to_fifteen_bytes", test_name_is_cut_to_fifteen_bytes },
        { "stack_is_as_large_as_asked_with_a_guard_on_top",
          test_stack_is_as_large_as_asked_with_a_guard_on_top },
#endif
#ifdef __linux__
        { "a_crowd_that_is_expected_is_made_room_for_once", test_a_crowd_that_is_expected_is_made_room_for_once },
#endif
        { "thread_without_a_handle_is_detached", test_thread_without_a_handle_is_detached },
        { "stack_beyond_memory_is_refused", test_stack_beyond_memory_is_refused },
        { "default_stack_can_be_used", test_default_stack_can_be_used },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/thread", tests, argc, argv);
}
