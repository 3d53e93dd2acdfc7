/* SPDX-License-Identifier: MIT */
/* Watches from outside when processes stop to use the CPU, by their CPU clocks, which anyone may read. */
#ifndef EXAMPLES_HASHSEARCH_WATCH_H
#define EXAMPLES_HASHSEARCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define WATCH_MAX 16

typedef struct watch {
    size_t count;
    clockid_t clocks[WATCH_MAX];
    uint64_t idle_ns[WATCH_MAX]; /* when a process was last seen to use the CPU; 0: it did not stop */
} watch;

/* Adds a process. False when there is none of that id, or the watch is full. */
bool watch_add(watch *self, pid_t process);

/* Fills idle_ns: returns once no process has used the CPU for a while, or after five seconds. */
void watch_until_idle(watch *self);

#endif
