/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/suite.h"

#if defined(__linux__)
#define PATIENT_POLICY SCHED_BATCH
#else
#define PATIENT_POLICY SCHED_OTHER
#endif

struct seen {
    int policy;
    int nice;
    int child_policy; /* of a process that the thread forked */
};

static int
policy_of_forked(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(sched_getscheduler(0));
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
look(struct seen *seen)
{
    seen->policy = sched_getscheduler(0);
    seen->nice = getpriority(PRIO_PROCESS, 0);
    seen->child_policy = policy_of_forked();
}

static void
be_prompt(void *argument)
{
    bly_thread_be_prompt();
    look(argument);
}

static void
be_patient(void *argument)
{
    bly_thread_be_patient();
    look(argument);
}

static struct seen
run(void (*function)(void *argument))
{
    struct seen seen = {-1, -1, -1};
    pthread_t thread;
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "scheduled", 0, function, &seen));
    pthread_join(thread, NULL);
    return seen;
}

static void
test_a_prompt_thread_keeps_policy_and_nice(void)
{
    struct seen seen = run(be_prompt);
    CU_ASSERT_EQUAL(seen.policy, SCHED_OTHER);
    CU_ASSERT_EQUAL(seen.nice, getpriority(PRIO_PROCESS, 0));
    CU_ASSERT_EQUAL(seen.child_policy, SCHED_OTHER);
}

static void
test_a_patient_thread_has_the_batch_policy_and_forks_ordinary_processes(void)
{
    struct seen seen = run(be_patient);
    CU_ASSERT_EQUAL(seen.policy, PATIENT_POLICY);
    CU_ASSERT_EQUAL(seen.nice, getpriority(PRIO_PROCESS, 0));
    CU_ASSERT_EQUAL(seen.child_policy, SCHED_OTHER);
}

static void
test_the_asking_thread_alone_changes(void)
{
    run(be_patient);
    CU_ASSERT_EQUAL(sched_getscheduler(0), SCHED_OTHER);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        { "a_prompt_thread_keeps_policy_and_nice", test_a_prompt_thread_keeps_policy_and_nice },
        { "a_patient_thread_has_the_batch_policy_and_forks_ordinary_processes",
          test_a_patient_thread_has_the_batch_policy_and_forks_ordinary_processes },
        { "the_asking_thread_alone_changes", test_the_asking_thread_alone_changes },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/schedule", tests, argc, argv);
}
