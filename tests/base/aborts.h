/* SPDX-License-Identifier: MIT */
/*
 * Looking at assertions: the misuse is done in a child process, which has to die of SIGABRT with the words of
 * the assertion on its standard error.
 */
#ifndef TESTS_BASE_ABORTS_H
#define TESTS_BASE_ABORTS_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void
aborts_child(void (*misuse)(void), int output)
{
    const struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(output, STDERR_FILENO);
    misuse();
    _exit(0);
}

/* Reads all that comes, with a NUL. */
static inline void
aborts_read(int input, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(input, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
}

/* True when the misuse ends the process with an assertion whose text contains `words`. */
static inline bool
aborts(void (*misuse)(void), const char *words)
{
    char text[1024];
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0)
        aborts_child(misuse, ends[1]);
    close(ends[1]);
    aborts_read(ends[0], text, sizeof text);
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        return false;
    return strstr(text, "belay: assertion failed") == text && strstr(text, words) != NULL
           && text[strlen(text) - 1] == '\n';
}

#endif
