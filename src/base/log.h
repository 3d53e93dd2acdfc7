/* SPDX-License-Identifier: MIT */
/*
 * The log queue: any thread adds lines, one thread (the notifier) takes them out and hands them to
 * the program. Bounded: when the program's function is too slow, lines are dropped and counted, and
 * a line says how many.
 */
#ifndef BLY_BASE_LOG_H
#define BLY_BASE_LOG_H

#include <stdarg.h>

#include <belay/runtime.h>

#include "base/mutex.h"

#define BLY_LOG_CAPACITY 1024

typedef struct bly_log_line {
    struct bly_log_line *next;
    belay_log_level level;
    char text[];
} bly_log_line;

typedef struct bly_log {
    /* const after creation */
    belay_log_function function;
    void *argument;
    belay_log_level level;
    void (*wake)(void *argument); /* any thread, no lock held: lines are waiting */
    void *wake_argument;

    bly_mutex lock;
    /* guarded by lock */
    bly_log_line *first;
    bly_log_line **last;
    unsigned int count;
    unsigned int dropped;
} bly_log;

void bly_log_init(bly_log *log, belay_log_function function, void *argument, belay_log_level level,
                  void (*wake)(void *argument), void *wake_argument);
void bly_log_fini(bly_log *log);

/* Adds a line. Threads: any; may be called with locks held (its own lock is the last in the order),
 * wake is called unlocked of its own lock. NULL log: nothing. */
void bly_log_write(bly_log *log, belay_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands all waiting lines to the program's function. Threads: the notifier. */
void bly_log_drain(bly_log *log);

#endif
