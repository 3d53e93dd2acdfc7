/* SPDX-License-Identifier: MIT */
/* A program, and what it has started, are gone when nobody waits for them. */
#include "bridges/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program that starts another, tells their numbers into the FIFO that it is given, and stays. */
typedef struct stage {
    char folder[32];
    char program[64];
    char fifo[64];
    pid_t ids[2];
} stage;

static void
stage_open(stage *self)
{
    snprintf(self->folder, sizeof self->folder, "/tmp/belay-bridge-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(self->folder));
    snprintf(self->program, sizeof self->program, "%s/program", self->folder);
    snprintf(self->fifo, sizeof self->fifo, "%s/fifo", self->folder);
    FILE *file = fopen(self->program, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "#!/bin/sh\nsleep 100000 &\necho $$ $! > \"$1\"\nwait\n");
    fclose(file);
    CU_ASSERT_EQUAL_FATAL(chmod(self->program, 0700), 0);
    CU_ASSERT_EQUAL_FATAL(mkfifo(self->fifo, 0600), 0);
}

/* Reads when the program has written. */
static void
stage_await(stage *self)
{
    FILE *file = fopen(self->fifo, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(fscanf(file, "%d %d", &self->ids[0], &self->ids[1]), 2);
    fclose(file);
}

/* Gone, or dead and yet to be buried by init, which takes its time. */
static bool
is_gone(void *id)
{
    char path[64], state = 'Z';
    if (kill(*(pid_t *)id, 0) < 0)
        return errno == ESRCH;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)*(pid_t *)id);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool known = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    fclose(file);
    return known && state == 'Z';
}

static void
stage_close(stage *self)
{
    CU_ASSERT_TRUE(is_gone(&self->ids[0]));
    wait_until(is_gone, &self->ids[1], "what the program has started is gone"); /* in the middle of its exit */
    unlink(self->program);
    unlink(self->fifo);
    rmdir(self->folder);
}

static void
test_a_programs_output_is_the_answer(void)
{
    bench b;
    bench_open(&b, ask_process, (bridge_settings){"echo", NULL}, false);
    bench_expect_answer(&b, "ahoy; $HOME", "ahoy; $HOME\n");
    bench_close(&b);
}

static void
test_a_program_that_fails_is_an_error(void)
{
    bench b;
    bench_open(&b, ask_process, (bridge_settings){"false", NULL}, false);
    CU_ASSERT_EQUAL(finish(bench_ask(&b, "", BELAY_FOREVER)).code, BELAY_ABORTED);
    bench_close(&b);
}

static void
test_a_program_ends_when_the_client_cancels(void)
{
    bench b;
    stage s;
    stage_open(&s);
    bench_open(&b, ask_process, (bridge_settings){s.program, NULL}, false);
    belay_call *call = bench_ask(&b, s.fifo, BELAY_FOREVER);
    stage_await(&s);
    bench_expect_cancelled(&b, call);
    bench_close(&b);
    stage_close(&s);
}

static void
test_a_program_ends_at_the_deadline(void)
{
    bench b;
    stage s;
    stage_open(&s);
    bench_open(&b, ask_process, (bridge_settings){s.program, NULL}, true);
    belay_call *call = bench_ask(&b, s.fifo, BENCH_TIMEOUT);
    stage_await(&s);
    bench_expect_too_late(&b, call);
    bench_close(&b);
    stage_close(&s);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_programs_output_is_the_answer),
        TEST(a_program_that_fails_is_an_error),
        TEST(a_program_ends_when_the_client_cancels),
        TEST(a_program_ends_at_the_deadline),
        CU_TEST_INFO_NULL,
    };
    return suite_run("bridges/process", tests, argc, argv);
}
