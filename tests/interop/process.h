/* SPDX-License-Identifier: MIT */
/*
 * Programs that a test starts. They end with the test at the latest.
 */
#ifndef TESTS_INTEROP_PROCESS_H
#define TESTS_INTEROP_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

typedef struct process {
    pid_t pid; /* 0: none, or it was waited for */
    int output;
} process;

/* Starts a program of tests/interop in the build folder. `arguments`: NULL-terminated, after the program's
 * own name. The test program ends when that fails. */
void process_start(process *child, const char *program, const char *const *arguments);

/* The same; what it writes to standard error is read like its standard output. */
void process_start_overheard(process *child, const char *program, const char *const *arguments);

/* Reads the next line of its standard output, without the newline. */
void process_read_line(process *child, char *line, size_t room);

void process_signal(const process *child, int signal);

/* Waits for its end: gives the exit status, or minus the number of the signal that ended it. */
int process_wait(process *child);

#endif
