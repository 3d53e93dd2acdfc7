/* SPDX-License-Identifier: MIT */
#include "support/suite.h"

#include <CUnit/TestRun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/patience.h"

/* One suite to a program, so one runner to a program. */
typedef struct suite_runner {
    /* const after creation */
    const char *name;
    pthread_t watchdog;

    /* main thread only */
    unsigned int passed;
    unsigned int failed;

    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *test;         /* under way now, or NULL */
    unsigned int started;     /* counts tests, so that the watchdog tells one from the next */
    bool stop;
} suite_runner;

static suite_runner runner = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
test_begins(const CU_pTest test, const CU_pSuite suite)
{
    (void)suite;
    pthread_mutex_lock(&runner.lock);
    runner.test = test->pName;
    runner.started++;
    pthread_cond_signal(&runner.changed);
    pthread_mutex_unlock(&runner.lock);
}

static void
test_ends(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
    (void)suite;
    pthread_mutex_lock(&runner.lock);
    runner.test = NULL;
    pthread_cond_signal(&runner.changed);
    pthread_mutex_unlock(&runner.lock);

    for (CU_pFailureRecord failure = failures; failure != NULL; failure = failure->pNext)
        printf("%s:%u: %s failed: %s\n", failure->strFileName, failure->uiLineNumber, test->pName,
               failure->strCondition);
    if (failures != NULL)
        runner.failed++;
    else
        runner.passed++;
    fflush(stdout);
}

/* Waits for the end of the test under way; ends the program when that takes too long. */
static void
watch_one_test(void)
{
    unsigned int watched = runner.started;
    struct timespec deadline = patience_deadline(PATIENCE_TEST_S);

    while (runner.test != NULL && runner.started == watched) {
        if (pthread_cond_timedwait(&runner.changed, &runner.lock, &deadline) == 0)
            continue;
        if (runner.test != NULL && runner.started == watched)
            patience_lost("%s: %s takes longer than %u s", runner.name, runner.test,
                          patience_seconds(PATIENCE_TEST_S));
    }
}

static void *
watchdog_main(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&runner.lock);
    while (!runner.stop) {
        if (runner.test == NULL)
            pthread_cond_wait(&runner.changed, &runner.lock);
        else
            watch_one_test();
    }
    pthread_mutex_unlock(&runner.lock);
    return NULL;
}

/* The watchdog blocks all signals: tests send some to their own process. */
static bool
watchdog_start(void)
{
    sigset_t all, before;
    patience_condition_init(&runner.changed);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&runner.watchdog, NULL, watchdog_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

static void
watchdog_stop(void)
{
    pthread_mutex_lock(&runner.lock);
    runner.stop = true;
    pthread_cond_signal(&runner.changed);
    pthread_mutex_unlock(&runner.lock);
    pthread_join(runner.watchdog, NULL);
    pthread_cond_destroy(&runner.changed);
}

/* Registers the tests whose name contains the filter; returns how many, or -1 when CUnit refuses. */
static int
register_tests(const CU_TestInfo *tests, const char *filter)
{
    int count = 0;
    CU_pSuite suite = NULL;
    if (CU_initialize_registry() == CUE_SUCCESS)
        suite = CU_add_suite(runner.name, NULL, NULL);
    if (suite == NULL)
        return -1;
    for (const CU_TestInfo *test = tests; test->pName != NULL; test++) {
        if (filter != NULL && strstr(test->pName, filter) == NULL)
            continue;
        if (CU_add_test(suite, test->pName, test->pTestFunc) == NULL)
            return -1;
        count++;
    }
    return count;
}

static bool
run_tests(void)
{
    if (!watchdog_start()) {
        fprintf(stderr, "%s: no thread for the watchdog\n", runner.name);
        return false;
    }
    CU_set_test_start_handler(test_begins);
    CU_set_test_complete_handler(test_ends);
    CU_ErrorCode error = CU_run_all_tests();
    watchdog_stop();
    if (error != CUE_SUCCESS)
        fprintf(stderr, "%s: CUnit: %s\n", runner.name, CU_get_error_msg());
    printf("%s: %u passed, %u failed\n", runner.name, runner.passed, runner.failed);
    return error == CUE_SUCCESS && runner.failed == 0;
}

int
suite_run(const char *name, const CU_TestInfo *tests, int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : NULL;
    bool passed = false;

    runner.name = name;
    int count = register_tests(tests, filter);
    if (count < 0)
        fprintf(stderr, "%s: CUnit: %s\n", name, CU_get_error_msg());
    else if (count == 0)
        fprintf(stderr, "%s: no test%s%s\n", name, filter != NULL ? " is named like " : "",
                filter != NULL ? filter : "");
    else
        passed = run_tests();
    CU_cleanup_registry();
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
