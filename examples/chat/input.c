/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

int
input_open(input *self)
{
    memset(self, 0, sizeof *self);
    return pipe(self->wake);
}

void
input_close(input *self)
{
    close(self->wake[0]);
    close(self->wake[1]);
}

void
input_stop(input *self)
{
    while (write(self->wake[1], "", 1) < 0 && errno == EINTR)
        continue;
}

/* Reads more. Returns 0 at the end, and when stopped. */
static size_t
fill(input *self)
{
    struct pollfd ready[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = self->wake[0], .events = POLLIN}};
    while (poll(ready, 2, -1) < 0)
        if (errno != EINTR)
            return 0;
    if (ready[1].revents != 0)
        return 0;
    ssize_t got;
    do
        got = read(STDIN_FILENO, self->buffer + self->filled, INPUT_MAX - self->filled);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    self->filled += (size_t)got;
    return (size_t)got;
}

char *
input_line(input *self)
{
    self->filled -= self->taken;
    memmove(self->buffer, self->buffer + self->taken, self->filled);
    self->taken = 0;
    char *end;
    while ((end = memchr(self->buffer, '\n', self->filled)) == NULL)
        if (self->filled == INPUT_MAX || fill(self) == 0)
            break;
    if (end == NULL && self->filled == 0)
        return NULL;
    size_t size = end != NULL ? (size_t)(end - self->buffer) : self->filled;
    self->taken = end != NULL ? size + 1 : size;
    self->buffer[size] = '\0'; /* in the newline's place, or behind all that was read */
    return self->buffer;
}
