/* SPDX-License-Identifier: MIT */
/*
 * Starting a child process whose standard descriptors are pipes to us.
 */
#ifndef BLY_WAIT_SPAWN_H
#define BLY_WAIT_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include <belay/code.h>

/* The caller reaps the process and closes the descriptors, which are close-on-exec and do not block. */
typedef struct bly_child {
    pid_t pid;  /* also its group's */
    int input;  /* to write to; -1 when it reads /dev/null */
    int output; /* to read from */
    int error;
} bly_child;

/* Starts argv[0] as belay_process_run() says. With has_input its standard input is a pipe. The codes of
 * belay_process_run(); `child` untouched on failure. Any thread. */
belay_code bly_spawn(const char *const *argv, bool has_input, bly_child *child);

#endif
