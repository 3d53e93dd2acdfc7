/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <belay/time.h>

#include "support/suite.h"

static uint64_t
system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return BELAY_SECONDS(now.tv_sec) + (uint64_t)now.tv_nsec;
}

static void
test_clock_is_the_systems_monotonic_one_and_never_goes_back(void)
{
    uint64_t before = system_now();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = i % 2 ? belay_now() : bly_clock_now(&bly_clock_monotonic);
        CU_ASSERT_TRUE(now >= before);
        before = now;
    }
    CU_ASSERT_TRUE(system_now() >= before);
}

static uint64_t
stopped_now(void *argument)
{
    return *(uint64_t *)argument;
}

static void
test_clock_can_be_injected(void)
{
    uint64_t time = 7;
    bly_clock clock = { .now = stopped_now, .argument = &time };
    CU_ASSERT_EQUAL(bly_clock_now(&clock), 7);
    time = 9;
    CU_ASSERT_EQUAL(bly_clock_now(&clock), 9);
}

static void
test_durations_end_at_forever(void)
{
    CU_ASSERT_EQUAL(bly_clock_after(5, 0), 5);
    CU_ASSERT_EQUAL(bly_clock_after(5, 10), 15);
    CU_ASSERT_EQUAL(bly_clock_after(0, BELAY_FOREVER), BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_clock_after(5, BELAY_FOREVER), BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_clock_after(5, BELAY_FOREVER - 6), BELAY_FOREVER - 1);
    CU_ASSERT_EQUAL(bly_clock_after(5, BELAY_FOREVER - 5), BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_clock_after(5, BELAY_FOREVER - 4), BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_clock_after(BELAY_FOREVER, 1), BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_clock_after(BELAY_FOREVER, BELAY_FOREVER), BELAY_FOREVER);
}

static void
test_times_are_split_into_seconds_and_nanoseconds(void)
{
    struct timespec time = bly_clock_timespec(BELAY_SECONDS(3) + 4);
    CU_ASSERT_EQUAL(time.tv_sec, 3);
    CU_ASSERT_EQUAL(time.tv_nsec, 4);
    time = bly_clock_timespec(BELAY_SECONDS(1) - 1);
    CU_ASSERT_EQUAL(time.tv_sec, 0);
    CU_ASSERT_EQUAL(time.tv_nsec, 999999999);
    time = bly_clock_timespec(BELAY_FOREVER);
    CU_ASSERT_TRUE(time.tv_sec >= INT32_MAX);
    CU_ASSERT_TRUE(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
}

static void
test_units_of_time_are_nanoseconds(void)
{
    CU_ASSERT_EQUAL(BELAY_MICROSECONDS(3), 3000);
    CU_ASSERT_EQUAL(BELAY_MILLISECONDS(3), 3000000);
    CU_ASSERT_EQUAL(BELAY_SECONDS(3), UINT64_C(3000000000));
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "clock_is_the_systems_monotonic_one_and_never_goes_back",
          test_clock_is_the_systems_monotonic_one_and_never_goes_back },
        { "clock_can_be_injected", test_clock_can_be_injected },
        { "durations_end_at_forever", test_durations_end_at_forever },
        { "times_are_split_into_seconds_and_nanoseconds",
          test_times_are_split_into_seconds_and_nanoseconds },
        { "units_of_time_are_nanoseconds", test_units_of_time_are_nanoseconds },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/clock", tests, argc, argv);
}
