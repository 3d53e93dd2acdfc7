/* SPDX-License-Identifier: MIT */
/*
 * What every test program shares: running one CUnit suite, and gates to wait on instead of sleeping.
 */
#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdbool.h>

/* Runs the tests of a NULL-terminated table as one suite, prints a line for each failure and a line
 * "name: N passed, N failed" at the end; returns main's result. A test that takes longer than 60 s ends the
 * program with an error that names it. With an argument, runs only the tests whose name contains it. Times here
 * and below are five times as long under sanitizers. */
int suite_run(const char *name, const CU_TestInfo *tests, int argc, char **argv);

/* A gate: closed until somebody opens it. Waiting longer than 30 s fails the program, naming the gate. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t condition;
    int opened; /* how often */
    const char *name;
} gate;

void gate_init(gate *gate, const char *name);
void gate_fini(gate *gate);
void gate_open(gate *gate);
void gate_wait(gate *gate);              /* until it was opened once or more */
void gate_wait_count(gate *gate, int n); /* until it was opened n times */

/* Calls a condition again and again, yielding in between, until it holds; after 30 s the program fails
 * naming `what`. For states that only counters show. */
void wait_until(bool (*condition)(void *argument), void *argument, const char *what);

#endif
