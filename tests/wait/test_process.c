/* SPDX-License-Identifier: MIT */
/*
 * Child processes. After each test there is none left, and no descriptor. A child tells that it is there by a
 * line in the scene's pipe, which it opens by its name: it inherits nothing.
 */
#include "wait/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "wait/scene.h"

typedef struct stage {
    scene s;
    belay_process_options *options;
    char fifo[64]; /* children write to it */
    int ears;      /* its end to read from */
    int descriptors;
} stage;

static void
stage_open(stage *t, bool pidfd)
{
    scene_open(&t->s);
    /* The descriptor that the thread keeps. */
    CU_ASSERT_TRUE_FATAL(bly_parker_can_poll(bly_parker_current()));
    t->options = belay_process_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->options);
    t->options->no_pidfd = !pidfd;
    snprintf(t->fifo, sizeof t->fifo, "/tmp/belay-test-process-%ld", (long)getpid());
    unlink(t->fifo); /* of one that crashed */
    CU_ASSERT_EQUAL_FATAL(mkfifo(t->fifo, 0600), 0);
    t->ears = open(t->fifo, O_RDWR | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(t->ears >= 0);
    setenv("FIFO", t->fifo, 1);
    t->descriptors = count_descriptors();
}

static void
stage_close(stage *t)
{
    CU_ASSERT_EQUAL(count_descriptors(), t->descriptors);
    CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    close(t->ears);
    unlink(t->fifo);
    belay_process_options_free(t->options);
    scene_close(&t->s);
}

static belay_code
run(stage *t, const char *script, belay_process_result **result)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    return belay_process_run(t->s.context, argv, t->options, result);
}

/* Runs what ends by itself. */
static belay_process_result *
run_well(stage *t, const char *script)
{
    belay_process_result *result = NULL;
    CU_ASSERT_EQUAL_FATAL(run(t, script, &result), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(result);
    return result;
}

/* ---- What it is given and what it gives ------------------------------------------------------------ */

static void
expect_status_and_output(bool pidfd)
{
    stage t;
    stage_open(&t, pidfd);
    belay_process_result *result = run_well(&t, "echo out; echo err >&2; exit 3");
    CU_ASSERT_EQUAL(result->exit_status, 3);
    CU_ASSERT_EQUAL(result->signal, 0);
    CU_ASSERT_STRING_EQUAL(result->output, "out\n");
    CU_ASSERT_EQUAL(result->output_size, 4);
    CU_ASSERT_FALSE(result->output_cut);
    CU_ASSERT_STRING_EQUAL(result->error, "err\n");
    CU_ASSERT_EQUAL(result->error_size, 4);
    CU_ASSERT_FALSE(result->error_cut);
    belay_process_result_free(result);
    stage_close(&t);
}

static void
test_status_and_output_are_told(void)
{
    expect_status_and_output(true);
    expect_status_and_output(false);
    belay_process_result_free(NULL);
}

static void
test_a_signal_that_ended_it_is_told(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_result *result = run_well(&t, "kill -USR1 $$");
    CU_ASSERT_EQUAL(result->exit_status, -1);
    CU_ASSERT_EQUAL(result->signal, SIGUSR1);
    CU_ASSERT_STRING_EQUAL(result->output, "");
    belay_process_result_free(result);
    CU_ASSERT_EQUAL(run(&t, "exit 1", NULL), BELAY_OK); /* nobody wants the result */
    stage_close(&t);
}

static void
test_input_comes_back_whole_through_full_pipes(void)
{
    enum { SIZE = 700000 }; /* more than pipes hold, in both directions at once */
    stage t;
    stage_open(&t, true);
    char *data = malloc(SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 7 / 5);
    belay_process_options_set_input(t.options, data, SIZE);
    belay_process_result *result = run_well(&t, "cat");
    CU_ASSERT_EQUAL_FATAL(result->output_size, SIZE);
    CU_ASSERT_EQUAL(memcmp(result->output, data, SIZE), 0);
    belay_process_result_free(result);
    result = run_well(&t, "exit 0"); /* reads none of it: no SIGPIPE for us */
    CU_ASSERT_EQUAL(result->exit_status, 0);
    belay_process_result_free(result);
    free(data);
    stage_close(&t);
}

static void
test_empty_and_no_input_end_at_once(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_result *result = run_well(&t, "cat");
    CU_ASSERT_EQUAL(result->output_size, 0);
    belay_process_result_free(result);
    belay_process_options_set_input(t.options, "", 0);
    result = run_well(&t, "cat");
    CU_ASSERT_EQUAL(result->output_size, 0);
    belay_process_result_free(result);
    stage_close(&t);
}

static void
test_what_is_beyond_the_limit_is_dropped(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_options_set_output_limit(t.options, 100000);
    belay_process_result *result = run_well(&t, "head -c 300000 /dev/zero; printf 12345 >&2");
    CU_ASSERT_EQUAL(result->exit_status, 0);
    CU_ASSERT_EQUAL(result->output_size, 100000);
    CU_ASSERT_TRUE(result->output_cut);
    CU_ASSERT_EQUAL(result->error_size, 5);
    CU_ASSERT_FALSE(result->error_cut);
    belay_process_result_free(result);
    belay_process_options_set_output_limit(t.options, 5);
    result = run_well(&t, "printf 12345");
    CU_ASSERT_FALSE(result->output_cut); /* just so much */
    belay_process_result_free(result);
    stage_close(&t);
}

/* ---- How it is started ------------------------------------------------------------------------------ */

#if defined(__linux__)

static void
run_from_patient_thread(void *argument)
{
    bly_thread_be_patient();
    CU_ASSERT_EQUAL(sched_getscheduler(0), SCHED_BATCH);
    belay_process_result *result =
        run_well(argument, "awk '/^(Sig(Blk|Ign)):/ { print $2 }' /proc/self/status; cat /proc/self/stat");
    char blocked[32] = "";
    char ignored[32] = "";
    CU_ASSERT_EQUAL(sscanf(result->output, "%31s %31s", blocked, ignored), 2);
    CU_ASSERT_STRING_EQUAL(blocked, "0000000000000000");
    CU_ASSERT_EQUAL(strtoull(ignored, NULL, 16) & 0x7fffffff, 0); /* above are two that belong to glibc */
    /* pid (comm) state ppid pgrp ..., of which policy is the 41st */
    const char *field = strrchr(result->output, ')') + 2;
    for (int i = 3; i < 5; i++)
        field = strchr(field, ' ') + 1;
    CU_ASSERT_NOT_EQUAL(atol(field), (long)getpgrp());
    for (int i = 5; i < 41; i++)
        field = strchr(field, ' ') + 1;
    CU_ASSERT_EQUAL(atoi(field), SCHED_OTHER);
    belay_process_result_free(result);
}

static void
test_signals_group_and_scheduling_are_its_own(void)
{
    stage t;
    pthread_t thread;
    stage_open(&t, true);
    signal(SIGUSR2, SIG_IGN);
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "patient", 0, run_from_patient_thread, &t));
    pthread_join(thread, NULL);
    signal(SIGUSR2, SIG_DFL);
    stage_close(&t);
}

static void
test_it_inherits_its_pipes_alone(void)
{
    stage t;
    stage_open(&t, true);
    int lent = dup(t.s.ends[0]); /* not close-on-exec */
    CU_ASSERT_TRUE_FATAL(lent >= 0);
    char script[64];
    snprintf(script, sizeof script, "test ! -e /proc/$$/fd/%d", lent);
    belay_process_result *result = run_well(&t, script);
#if __GLIBC_PREREQ(2, 34)
    CU_ASSERT_EQUAL(result->exit_status, 0);
#endif
    belay_process_result_free(result);
    close(lent);
    stage_close(&t);
}

#endif

static void
test_what_cannot_be_run_is_told(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_result *result = (belay_process_result *)&t;
    const char *const missing[] = {"belay-there-is-no-such-program", NULL};
    const char *const folder[] = {"/tmp", NULL};
    const char *const nothing[] = {NULL};
    CU_ASSERT_EQUAL(belay_process_run(t.s.context, missing, NULL, &result), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_process_run(NULL, folder, NULL, &result), BELAY_PERMISSION_DENIED);
    CU_ASSERT_EQUAL(belay_process_run(NULL, nothing, NULL, &result), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_process_run(NULL, NULL, NULL, &result), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_EQUAL(result, &t);
    stage_close(&t);
}

#define LEAVE_GROUP "--leave-group"

/* ---- The end of the context -------------------------------------------------------------------------- */

typedef struct runner {
    stage *stage;
    const char *script;
    belay_code code;
} runner;

static void *
run_in_thread(void *argument)
{
    runner *self = argument;
    self->code = run(self->stage, self->script, NULL);
    return NULL;
}

/* Returns the number that the child writes to say that it is ready. */
static long
hear(stage *t)
{
    char line[32] = "";
    CU_ASSERT_TRUE_FATAL(read(t->ears, line, sizeof line - 1) > 0);
    return atol(line);
}

/* Cancels a script once it has spoken. Returns the number it said. */
static long
run_and_cancel(stage *t, const char *script)
{
    runner self = {.stage = t, .script = script};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_in_thread, &self), 0);
    long number = hear(t);
    belay_cancel(t->s.context, NULL);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    return number;
}

static void
expect_polite_end(bool pidfd)
{
    stage t;
    stage_open(&t, pidfd);
    belay_process_options_set_grace(t.options, BELAY_FOREVER); /* hangs unless SIGTERM is enough */
    run_and_cancel(&t, "trap 'echo 77 >$FIFO; exit 0' TERM; echo 1 >$FIFO; while :; do sleep 0.01; done");
    CU_ASSERT_EQUAL(hear(&t), 77); /* it had the time to say so */
    stage_close(&t);
}

static void
test_it_is_asked_to_end_and_may_clean_up(void)
{
    expect_polite_end(true);
    expect_polite_end(false);
}

static void
expect_kill(bool pidfd, uint64_t grace_ns)
{
    stage t;
    stage_open(&t, pidfd);
    belay_process_options_set_grace(t.options, grace_ns);
    run_and_cancel(&t, "trap '' TERM; echo 1 >$FIFO; while :; do sleep 0.01; done");
    stage_close(&t);
}

static void
test_a_deaf_one_is_killed_after_the_grace(void)
{
    expect_kill(true, BELAY_MILLISECONDS(5));
    expect_kill(false, BELAY_MILLISECONDS(5));
    expect_kill(true, 0);
}

/* Gone, or a zombie that whoever adopts orphans has not reaped yet. */
static bool
is_gone(void *argument)
{
    long pid = *(long *)argument;
    char path[64];
    char state = 'Z';
    if (kill((pid_t)pid, 0) != 0)
        return errno == ESRCH;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return errno == ENOENT;
    CU_ASSERT_TRUE(fscanf(file, "%*d (%*[^)]) %c", &state) == 1 || kill((pid_t)pid, 0) != 0);
    fclose(file);
    return state == 'Z';
}

static void
test_its_children_end_with_it(void)
{
    stage t;
    stage_open(&t, true);
    long child = run_and_cancel(&t, "sleep 1000 & echo $! >$FIFO; wait");
    wait_until(is_gone, &child, "the child's child has ended");
    stage_close(&t);
}

static void
test_what_it_leaves_behind_is_killed_when_it_ends(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_result *result = run_well(&t, "trap '' TERM; sleep 1000 & echo $!"); /* it has our pipes */
    long child = atol(result->output);
    CU_ASSERT_TRUE_FATAL(child > 1);
    wait_until(is_gone, &child, "the child's child has ended");
    belay_process_result_free(result);
    stage_close(&t);
}

#if defined(__linux__)

/* What this program is when it is run by the test below: it moves into a group where the signal to its own
 * does not find it. */
static int
leave_group(const char *group)
{
    if (setpgid(0, (pid_t)atol(group)) != 0)
        return 1;
    int mouth = open(getenv("FIFO"), O_WRONLY);
    if (mouth < 0 || write(mouth, "1\n", 2) != 2)
        return 1;
    for (;;)
        pause();
}

static void
test_one_that_has_left_its_group_is_killed_too(void)
{
    stage t;
    char self[4096] = "";
    char script[5000];
    stage_open(&t, true);
    CU_ASSERT_TRUE_FATAL(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(script, sizeof script, "exec '%s' " LEAVE_GROUP " %ld", self, (long)getpgrp());
    run_and_cancel(&t, script);
    stage_close(&t);
}

#endif

static void
test_a_stopped_one_ends_politely(void)
{
    stage t;
    stage_open(&t, true);
    belay_process_options_set_grace(t.options, BELAY_FOREVER);
    run_and_cancel(&t, "echo 1 >$FIFO; kill -STOP $$; while :; do sleep 0.01; done");
    stage_close(&t);
}

static void
test_a_deadline_ends_it(void)
{
    stage t;
    stage_open(&t, true);
    belay_context *limited = belay_context_derive(t.s.context, BELAY_MILLISECONDS(2));
    const char *const argv[] = {"sleep", "1000", NULL};
    belay_process_result *result = NULL;
    CU_ASSERT_EQUAL(belay_process_run(limited, argv, NULL, &result), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_PTR_NULL(result);
    belay_context_unref(limited);
    stage_close(&t);
}

static void
test_on_an_ended_context_nothing_is_started(void)
{
    stage t;
    stage_open(&t, true);
    belay_cancel(t.s.context, NULL);
    const char *const missing[] = {"belay-there-is-no-such-program", NULL};
    CU_ASSERT_EQUAL(belay_process_run(t.s.context, missing, NULL, NULL), BELAY_CANCELLED);
    stage_close(&t);
}

/* ---- A program that reaps for itself ------------------------------------------------------------------ */

static void
expect_unknown(bool pidfd)
{
    stage t;
    stage_open(&t, pidfd);
    signal(SIGCHLD, SIG_IGN);
    CU_ASSERT_EQUAL(run(&t, "exit 0", NULL), BELAY_UNKNOWN);
    signal(SIGCHLD, SIG_DFL);
    stage_close(&t);
}

static void
test_a_status_that_somebody_else_took_is_unknown(void)
{
    expect_unknown(true);
    expect_unknown(false);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
#if defined(__linux__)
    if (argc == 3 && strcmp(argv[1], LEAVE_GROUP) == 0)
        return leave_group(argv[2]);
#endif
    const CU_TestInfo tests[] = {
        TEST(status_and_output_are_told),
        TEST(a_signal_that_ended_it_is_told),
        TEST(input_comes_back_whole_through_full_pipes),
        TEST(empty_and_no_input_end_at_once),
        TEST(what_is_beyond_the_limit_is_dropped),
#if defined(__linux__)
        TEST(signals_group_and_scheduling_are_its_own),
        TEST(it_inherits_its_pipes_alone),
#endif
        TEST(what_cannot_be_run_is_told),
        TEST(it_is_asked_to_end_and_may_clean_up),
        TEST(a_deaf_one_is_killed_after_the_grace),
        TEST(its_children_end_with_it),
        TEST(what_it_leaves_behind_is_killed_when_it_ends),
#if defined(__linux__)
        TEST(one_that_has_left_its_group_is_killed_too),
#endif
        TEST(a_stopped_one_ends_politely),
        TEST(a_deadline_ends_it),
        TEST(on_an_ended_context_nothing_is_started),
        TEST(a_status_that_somebody_else_took_is_unknown),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/process", tests, argc, argv);
}
