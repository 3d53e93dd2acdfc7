/* SPDX-License-Identifier: MIT */
#include "base/bell.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "support/suite.h"

static bool
is_rung(const bly_bell *bell)
{
    struct pollfd entry = {.fd = bell->reader, .events = POLLIN};
    return poll(&entry, 1, 0) == 1;
}

static void
test_a_bell_is_readable_from_ringing_to_silencing(void)
{
    bly_bell bell;
    CU_ASSERT_TRUE_FATAL(bly_bell_init(&bell));
    CU_ASSERT_FALSE(is_rung(&bell));
    bly_bell_ring(&bell);
    CU_ASSERT_TRUE(is_rung(&bell));
    CU_ASSERT_TRUE(is_rung(&bell));
    bly_bell_silence(&bell);
    CU_ASSERT_FALSE(is_rung(&bell));
    bly_bell_silence(&bell); /* does not block */
    bly_bell_fini(&bell);
}

static void
test_ringing_twice_is_ringing_once(void)
{
    bly_bell bell;
    CU_ASSERT_TRUE_FATAL(bly_bell_init(&bell));
    bly_bell_ring(&bell);
    bly_bell_ring(&bell);
    bly_bell_silence(&bell);
    CU_ASSERT_FALSE(is_rung(&bell));
    bly_bell_fini(&bell);
}

static void
test_a_child_process_does_not_inherit_it(void)
{
    bly_bell bell;
    CU_ASSERT_TRUE_FATAL(bly_bell_init(&bell));
    CU_ASSERT_TRUE((fcntl(bell.reader, F_GETFD) & FD_CLOEXEC) != 0);
    CU_ASSERT_TRUE((fcntl(bell.writer, F_GETFD) & FD_CLOEXEC) != 0);
    bly_bell_fini(&bell);
}

static void
test_without_descriptors_there_is_none(void)
{
    struct rlimit before;
    bly_bell bell = {.reader = 77, .writer = 78};
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    CU_ASSERT_FALSE(bly_bell_init(&bell));
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(bell.reader, 77);
    CU_ASSERT_EQUAL(bell.writer, 78);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_bell_is_readable_from_ringing_to_silencing),
        TEST(ringing_twice_is_ringing_once),
        TEST(a_child_process_does_not_inherit_it),
        TEST(without_descriptors_there_is_none),
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/bell", tests, argc, argv);
}
