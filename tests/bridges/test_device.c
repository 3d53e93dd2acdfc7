/* SPDX-License-Identifier: MIT */
/* A poll loop of the program's own. */
#include "bridges/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A FIFO in the place of a device. */
static char folder[] = "/tmp/belay-bridge-XXXXXX", fifo[64];

static void
test_what_comes_is_the_answer(void)
{
    bench b;
    bench_open(&b, ask_device, (bridge_settings){fifo, NULL}, false);
    int writer = open(fifo, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(write(writer, "ahoy", 4), 4);
    bench_expect_answer(&b, "", "ahoy");
    close(writer);
    bench_close(&b);
}

static void
test_a_device_that_is_not_there_is_an_error(void)
{
    bench b;
    bench_open(&b, ask_device, (bridge_settings){"/nowhere", NULL}, false);
    CU_ASSERT_EQUAL(finish(bench_ask(&b, "", BELAY_FOREVER)).code, BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
test_the_loop_ends_when_the_client_cancels(void)
{
    bench b;
    bench_open(&b, ask_device, (bridge_settings){fifo, NULL}, false);
    belay_call *call = bench_ask(&b, "", BELAY_FOREVER);
    fixture_await_blocked(&b.fixture, 1);
    bench_expect_cancelled(&b, call);
    bench_close(&b);
}

static void
test_the_loop_ends_at_the_deadline(void)
{
    bench b;
    bench_open(&b, ask_device, (bridge_settings){fifo, NULL}, true);
    belay_call *call = bench_ask(&b, "", BENCH_TIMEOUT);
    fixture_await_blocked(&b.fixture, 1);
    bench_expect_too_late(&b, call);
    bench_close(&b);
}

static void
test_the_loop_ends_that_begins_when_nobody_waits_any_more(void)
{
    bench b;
    bench_open(&b, ask_device, (bridge_settings){fifo, NULL}, false);
    b.after_end = true;
    belay_call *call = bench_ask(&b, "", BELAY_FOREVER);
    fixture_await_blocked(&b.fixture, 1);
    bench_expect_cancelled(&b, call);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(what_comes_is_the_answer),
        TEST(a_device_that_is_not_there_is_an_error),
        TEST(the_loop_ends_when_the_client_cancels),
        TEST(the_loop_ends_at_the_deadline),
        TEST(the_loop_ends_that_begins_when_nobody_waits_any_more),
        CU_TEST_INFO_NULL,
    };
    if (mkdtemp(folder) == NULL)
        return 99;
    snprintf(fifo, sizeof fifo, "%s/device", folder);
    if (mkfifo(fifo, 0600) != 0)
        return 99;
    int result = suite_run("bridges/device", tests, argc, argv);
    unlink(fifo);
    rmdir(folder);
    return result;
}
