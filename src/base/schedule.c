/* SPDX-License-Identifier: MIT */
/*
 * What threads ask of the scheduler. On Linux both are free for any process: a fair thread may choose its slice (since
 * 6.12: a woken thread with a shorter one takes the processor at once), and whether it interrupts others when woken.
 */
#include "base/thread.h"

#if defined(__linux__)

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The shortest that the kernel takes. */
#define PROMPT_SLICE_NS 100000

/* The kernel's own, which C libraries do not all have. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/* What it forks inherits it: threads of belay are made with explicit attributes, which take it back; processes see
 * below. (SCHED_RESET_ON_FORK would not keep SCHED_BATCH from a child, but would take a nice value below 0 from it.)
 * A refusal is no failure: the thread works all the same. */
static void
ask(uint32_t policy, uint64_t slice_ns)
{
    struct attributes attributes = {.size = sizeof attributes, .policy = policy, .slice_ns = slice_ns};
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0); /* the calling thread's, on Linux */
    if (nice == -1 && errno != 0)
        return;
    attributes.nice = nice;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void
bly_thread_be_prompt(void)
{
    ask(SCHED_OTHER, PROMPT_SLICE_NS);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static _Thread_local bool is_patient;

static void
forget_in_child(void)
{
    if (is_patient)
        ask(SCHED_OTHER, 0);
    is_patient = false;
}

static void
watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_in_child);
}

void
bly_thread_be_patient(void)
{
    pthread_once(&fork_once, watch_forks);
    is_patient = true;
    ask(SCHED_BATCH, 0);
}

void
bly_thread_be_ordinary(void)
{
    is_patient = false;
    ask(SCHED_OTHER, 0);
}

#else

void
bly_thread_be_prompt(void)
{
}

void
bly_thread_be_patient(void)
{
}

void
bly_thread_be_ordinary(void)
{
}

#endif
