/* SPDX-License-Identifier: MIT */
#include "base/identity.h"

#include <stdio.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "base/thread.h"

static _Thread_local bly_thread_identity own;

static uint64_t
kernel_id(void)
{
#if defined(__linux__)
    return (uint64_t)syscall(SYS_gettid);
#elif defined(__APPLE__)
    uint64_t id = 0;
    pthread_threadid_np(NULL, &id);
    return id;
#else
    return 0;
#endif
}

static void
read_name(char name[BLY_THREAD_NAME_SIZE])
{
#if defined(__linux__) || defined(__APPLE__)
    if (pthread_getname_np(pthread_self(), name, BLY_THREAD_NAME_SIZE) == 0 && name[0] != '\0')
        return;
#endif
    snprintf(name, BLY_THREAD_NAME_SIZE, "unnamed");
}

static void
fill_in(void)
{
    own.thread = pthread_self();
#if !defined(__APPLE__) /* which has no such clocks */
    own.has_cpu_clock = pthread_getcpuclockid(own.thread, &own.cpu_clock) == 0;
#endif
    own.kernel_id = kernel_id();
    read_name(own.name);
    own.self = bly_thread_self();
}

const bly_thread_identity *
bly_thread_identity_own(void)
{
    if (__builtin_expect(own.self == 0, 0))
        fill_in();
    return &own;
}

void
bly_thread_identity_set_stack_signal(int signo)
{
    own.stack_signal = signo;
}

bool
bly_thread_cpu_time(const bly_thread_identity *thread, uint64_t *ns)
{
    struct timespec time;
    if (!thread->has_cpu_clock || clock_gettime(thread->cpu_clock, &time) != 0)
        return false;
    *ns = (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
    return true;
}
