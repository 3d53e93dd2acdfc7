/* SPDX-License-Identifier: MIT */
#include "wait/exit_watch.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "base/thread.h"

/* A kernel before 5.3 and some sandboxes refuse. It is close-on-exec by itself. */
static int
open_pidfd(pid_t pid)
{
#if defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    return -1;
#endif
}

/* Also returns when somebody else has reaped it. */
static void
wait_and_ring(void *argument)
{
    bly_exit_watch *watch = argument;
    siginfo_t info;
    while (waitid(P_PID, (id_t)watch->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    bly_bell_ring(&watch->bell);
}

static bool
start_thread(bly_exit_watch *watch)
{
    if (!bly_bell_init(&watch->bell))
        return false;
    watch->fd = watch->bell.reader;
    watch->has_thread = bly_thread_start(&watch->thread, "belay-child", 0, wait_and_ring, watch);
    if (!watch->has_thread)
        bly_bell_fini(&watch->bell);
    return watch->has_thread;
}

bool
bly_exit_watch_open(bly_exit_watch *watch, pid_t pid, bool may_pidfd)
{
    *watch = (bly_exit_watch){.pid = pid, .fd = -1};
    if (may_pidfd)
        watch->fd = open_pidfd(pid);
    return watch->fd >= 0 || start_thread(watch);
}

void
bly_exit_watch_signal(const bly_exit_watch *watch, int signal)
{
    siginfo_t info;
    if (waitid(P_PID, (id_t)watch->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0)
        return;
    /* It may have left its group: then it must at least not outlive us. */
    if (kill(-watch->pid, signal) != 0 || signal == SIGKILL)
        kill(watch->pid, signal);
}

bool
bly_exit_watch_reap(bly_exit_watch *watch, int *status)
{
    if (watch->has_thread) {
        pthread_join(watch->thread, NULL);
        bly_bell_fini(&watch->bell);
    } else {
        close(watch->fd);
    }
    pid_t reaped;
    do
        reaped = waitpid(watch->pid, status, 0);
    while (reaped < 0 && errno == EINTR);
    return reaped == watch->pid;
}
