/* SPDX-License-Identifier: MIT */
/* Lines from standard input, for a thread that must also wake up for another reason. */
#ifndef EXAMPLES_CHAT_INPUT_H
#define EXAMPLES_CHAT_INPUT_H

#include <stddef.h>

#define INPUT_MAX 1000 /* bytes of a line; the rest of a longer one is the next line */

typedef struct input {
    int wake[2]; /* a pipe: something to read means that nothing more is wanted */
    char buffer[INPUT_MAX + 1];
    size_t filled;
    size_t taken; /* by the line that was given last */
} input;

/* Returns -1 with errno set when it cannot be opened. */
int input_open(input *self);
void input_close(input *self);

/* Gives the next line, without its newline, valid until the next is asked for; NULL at the end, and once
 * input_stop() was called. */
char *input_line(input *self);

/* Wakes input_line() up for good. From any thread. */
void input_stop(input *self);

#endif
