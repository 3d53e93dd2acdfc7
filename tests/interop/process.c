/* SPDX-License-Identifier: MIT */
#include "interop/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "support/patience.h"

#define MAX_ARGUMENTS 16

/* In the child, after fork: only what may be called there. */
static void
become(const char *path, char *const *arguments, int output, bool overheard)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    dup2(output, STDOUT_FILENO);
    if (overheard)
        dup2(output, STDERR_FILENO);
    execv(path, arguments);
    _exit(127);
}

static void
start(process *child, const char *program, const char *const *arguments, bool overheard)
{
    const char *folder = getenv("top_builddir");
    char path[1024];
    char *list[MAX_ARGUMENTS] = {path};
    int ends[2];
    snprintf(path, sizeof path, "%s/tests/interop/%s", folder != NULL ? folder : ".", program);
    for (size_t i = 0; arguments[i] != NULL && i + 2 < MAX_ARGUMENTS; i++)
        list[i + 1] = (char *)arguments[i];
    if (pipe2(ends, O_CLOEXEC) != 0)
        patience_lost("%s: no pipe", path);
    pid_t pid = fork();
    if (pid < 0)
        patience_lost("%s: cannot be started", path);
    if (pid == 0)
        become(path, list, ends[1], overheard);
    close(ends[1]);
    child->pid = pid;
    child->output = ends[0];
}

void
process_start(process *child, const char *program, const char *const *arguments)
{
    start(child, program, arguments, false);
}

void
process_start_overheard(process *child, const char *program, const char *const *arguments)
{
    start(child, program, arguments, true);
}

/* One byte of its output; false at the end. */
static int
read_byte(process *child, char *byte)
{
    struct pollfd ready = {.fd = child->output, .events = POLLIN};
    if (poll(&ready, 1, (int)patience_seconds(PATIENCE_GATE_S) * 1000) <= 0) {
        process_signal(child, SIGKILL);
        patience_lost("process %ld neither says anything nor ends", (long)child->pid);
    }
    return read(child->output, byte, 1) == 1;
}

void
process_read_line(process *child, char *line, size_t room)
{
    size_t size = 0;
    char byte;
    while (size + 1 < room && read_byte(child, &byte) && byte != '\n')
        line[size++] = byte;
    line[size] = '\0';
}

void
process_signal(const process *child, int signal)
{
    if (child->pid != 0)
        kill(child->pid, signal);
}

int
process_wait(process *child)
{
    int status = 0;
    char byte;
    while (read_byte(child, &byte))
        continue;
    close(child->output);
    waitpid(child->pid, &status, 0);
    child->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
