/* SPDX-License-Identifier: MIT */
/* OpenMP: all threads of a computation that takes for ever stop with its call. */
#include "bridges/bench.h"

#include <dirent.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define TAKES_AGES "1000000000000"

/* Threads of the name that a worker has, and that those take over which it makes. */
static int
namesakes(void)
{
    int count = 0;
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/task");
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[300], name[20] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        count += fscanf(file, "%19s", name) == 1 && strcmp(name, "belay-worker-1") == 0;
        fclose(file);
    }
    closedir(folder);
    return count;
}

static bool
has_team(void *unused)
{
    (void)unused;
    return namesakes() > 1;
}

/* A computation whose threads run. */
static belay_call *
begin(bench *b, bool own_clock, uint64_t timeout_ns)
{
    bench_open(b, ask_openmp, (bridge_settings){NULL, NULL}, own_clock);
    belay_call *call = bench_ask(b, TAKES_AGES, timeout_ns);
    wait_until(has_team, NULL, "OpenMP's threads run");
    return call;
}

static void
test_primes_are_counted(void)
{
    bench b;
    bench_open(&b, ask_openmp, (bridge_settings){NULL, NULL}, false);
    bench_expect_answer(&b, "2", "0");
    bench_expect_answer(&b, "10", "4");
    bench_expect_answer(&b, "100000", "9592");
    bench_close(&b);
}

static void
test_too_high_a_number_is_an_error(void)
{
    bench b;
    bench_open(&b, ask_openmp, (bridge_settings){NULL, NULL}, false);
    CU_ASSERT_EQUAL(finish(bench_ask(&b, TAKES_AGES "0", BELAY_FOREVER)).code, BELAY_INVALID_ARGUMENT);
    bench_close(&b);
}

static void
test_all_threads_stop_when_the_client_cancels(void)
{
    bench b;
    belay_call *call = begin(&b, false, BELAY_FOREVER);
    bench_expect_cancelled(&b, call);
    bench_close(&b);
}

static void
test_all_threads_stop_at_the_deadline(void)
{
    bench b;
    belay_call *call = begin(&b, true, BENCH_TIMEOUT);
    bench_expect_too_late(&b, call);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(primes_are_counted),
        TEST(too_high_a_number_is_an_error),
        TEST(all_threads_stop_when_the_client_cancels),
        TEST(all_threads_stop_at_the_deadline),
        CU_TEST_INFO_NULL,
    };
    if (omp_get_max_threads() < 2)
        omp_set_num_threads(2);
    return suite_run("bridges/openmp", tests, argc, argv);
}
