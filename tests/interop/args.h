/* SPDX-License-Identifier: MIT */
/*
 * Command lines of the interop programs: "--name=value", as gRPC's own interop programs take them.
 */
#ifndef TESTS_INTEROP_ARGS_H
#define TESTS_INTEROP_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/* How a program ends that cannot be run as asked. */
#define EXIT_USAGE 2

typedef enum arg_kind {
    ARG_TEXT,   /* value: const char *; set to point into argv */
    ARG_NUMBER, /* value: uint32_t; minimum to maximum */
    ARG_BOOL,   /* value: bool; "true" or "false" */
    ARG_FALSE,  /* takes "false" only: what it would switch on is not there */
    ARG_LATER   /* refused: what it would set is not there yet */
} arg_kind;

typedef struct arg {
    const char *name; /* NULL ends a table */
    arg_kind kind;
    void *value;
    uint32_t minimum;
    uint32_t maximum;
} arg;

/* Reads a command line into the values of a table. Says on standard error what is wrong; then false. */
bool args_parse(int argc, char **argv, const arg *table);

#endif
