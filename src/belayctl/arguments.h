/* SPDX-License-Identifier: MIT */
/*
 * belayctl's command line.
 */
#ifndef BELAYCTL_ARGUMENTS_H
#define BELAYCTL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* How the program ends; --help tells the same. */
enum {
    EXIT_FINE = 0,
    EXIT_SERVER = 1,    /* it cannot be reached, or did not do as it was asked */
    EXIT_ARGUMENTS = 2, /* the command line makes no sense */
    EXIT_NO_CALL = 3    /* cancel: no such call, or it had ended */
};

typedef enum command {
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_PS,
    COMMAND_TREE,
    COMMAND_TOP,
    COMMAND_STATS,
    COMMAND_CANCEL,
    COMMAND_DRAIN
} command;

typedef struct arguments {
    command command;
    const char *server;
    bool json;
    bool subtree;
    uint64_t id;
    const char *reason;
    uint64_t count; /* top: how many screens; 0: until q */
} arguments;

/* Reads the command line; says on standard error what is wrong with it, then false. */
bool arguments_read(int argc, char **argv, arguments *to);

#endif
