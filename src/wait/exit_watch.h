/* SPDX-License-Identifier: MIT */
/*
 * The end of a child process as a descriptor: a pidfd where the system has them, else a bell that is rung by
 * a thread which waits for the process. Neither takes the process's status: its number stays taken, also as
 * that of its group, until bly_exit_watch_reap().
 */
#ifndef BLY_WAIT_EXIT_WATCH_H
#define BLY_WAIT_EXIT_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/bell.h"

typedef struct bly_exit_watch {
    /* const after creation */
    pid_t pid;
    int fd; /* readable when the process has ended */
    bool has_thread;
    pthread_t thread;
    bly_bell bell; /* the thread's */
} bly_exit_watch;

/* Watches a child of this process. may_pidfd: false to have the thread in any case, for tests. False when it
 * cannot be had; the child is the caller's to reap then. Any thread. */
bool bly_exit_watch_open(bly_exit_watch *watch, pid_t pid, bool may_pidfd);

/* Sends a signal to the child's group, and to the child if it has left that, unless somebody else has reaped
 * it: then the number may be another's. */
void bly_exit_watch_signal(const bly_exit_watch *watch, int signal);

/* Waits for the process, takes its status, and ends the watch. False when somebody else has the status. */
bool bly_exit_watch_reap(bly_exit_watch *watch, int *status);

#endif
