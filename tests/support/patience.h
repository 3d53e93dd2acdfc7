/* SPDX-License-Identifier: MIT */
/*
 * How long tests wait before they give up, and how they say so. Only a test that is about to fail ever
 * waits this long: nothing here is a measure of speed.
 */
#ifndef TESTS_SUPPORT_PATIENCE_H
#define TESTS_SUPPORT_PATIENCE_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define PATIENCE_TEST_S 60u /* for one test */
#define PATIENCE_GATE_S 30u /* for one gate or condition */

/* Whether a sanitizer watches this build, which slows it down and has a heap of its own. */
bool is_sanitized(void);

/* Gives what a number of seconds becomes in this build: five times as much under a sanitizer. */
unsigned int patience_seconds(unsigned int seconds);

/* Gives the point in time, on the monotonic clock, when patience ends that begins now. */
struct timespec patience_deadline(unsigned int seconds);

/* Initialises a condition whose timed waits take what patience_deadline() gives. */
void patience_condition_init(pthread_cond_t *condition);

/* Ends the program by abort(), so that a debugger or a core shows where it hangs, after printing a line. */
void patience_lost(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
