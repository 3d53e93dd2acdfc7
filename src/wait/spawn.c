/* SPDX-License-Identifier: MIT */
#include "wait/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <unistd.h>

extern char **environ;

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
#define HAS_CLOSEFROM 1
#endif
#endif

/* The standard descriptors: what a process is started with. */
#define STANDARD 3

/* ---- Pipes ------------------------------------------------------------------------------------- */

/* ours, theirs: -1 when there is none. */
typedef struct pipe_ends {
    int ours;
    int theirs;
} pipe_ends;

static const pipe_ends no_pipe = {-1, -1};

static void
close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static void
close_pipe(pipe_ends *ends)
{
    close_end(&ends->ours);
    close_end(&ends->theirs);
}

static bool
open_pipe(int ends[2])
{
#if defined(__linux__)
    return pipe2(ends, O_CLOEXEC) == 0;
#else
    if (pipe(ends) != 0)
        return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
#endif
}

/* In a program that has closed its standard descriptors a pipe may be one of them: the child's would then be
 * overwritten while they are put in place. */
static bool
move_up(int *end)
{
    if (*end >= STANDARD)
        return true;
    int moved = fcntl(*end, F_DUPFD_CLOEXEC, STANDARD);
    if (moved < 0)
        return false;
    close(*end);
    *end = moved;
    return true;
}

static bool
make_pipe(pipe_ends *ends, bool we_write)
{
    int both[2];
    if (!open_pipe(both))
        return false;
    *ends = (pipe_ends){.ours = both[we_write ? 1 : 0], .theirs = both[we_write ? 0 : 1]};
    return move_up(&ends->ours) && move_up(&ends->theirs) && fcntl(ends->ours, F_SETFL, O_NONBLOCK) == 0;
}

/* ---- How it is started ------------------------------------------------------------------------- */

static int
add_descriptors(posix_spawn_file_actions_t *actions, const pipe_ends pipes[STANDARD])
{
    int error = 0;
    if (pipes[STDIN_FILENO].theirs < 0)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < STANDARD && error == 0; i++) {
        if (pipes[i].theirs >= 0)
            error = posix_spawn_file_actions_adddup2(actions, pipes[i].theirs, i);
    }
#if HAS_CLOSEFROM
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(actions, STANDARD);
#endif
    return error;
}

/* A patient worker's scheduling (base/thread.h) is not for what it starts; a program's own policy is kept. */
static short
reset_scheduling(posix_spawnattr_t *attributes)
{
#if defined(POSIX_SPAWN_SETSCHEDULER) && defined(SCHED_BATCH)
    struct sched_param parameters = {.sched_priority = 0};
    if (sched_getscheduler(0) == SCHED_BATCH && posix_spawnattr_setschedpolicy(attributes, SCHED_OTHER) == 0
        && posix_spawnattr_setschedparam(attributes, &parameters) == 0)
        return POSIX_SPAWN_SETSCHEDULER;
#else
    (void)attributes;
#endif
    return 0;
}

static int
set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigset_t none;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL); /* which some systems refuse to be asked for */
    sigdelset(&all, SIGSTOP);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (error != 0)
        return error;
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
    return posix_spawnattr_setflags(attributes, (short)(flags | reset_scheduling(attributes)));
}

/* An errno. */
static int
spawn_with(const char *const *argv, const pipe_ends pipes[STANDARD], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = add_descriptors(&actions, pipes);
        if (error == 0)
            error = set_attributes(&attributes);
        if (error == 0) /* argv is not written to: the type is older than const */
            error = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static belay_code
code_of_errno(int error)
{
    switch (error) {
    case 0:
        return BELAY_OK;
    case ENOENT:
    case ENOTDIR:
        return BELAY_NOT_FOUND;
    case EACCES:
    case EPERM:
        return BELAY_PERMISSION_DENIED;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return BELAY_RESOURCE_EXHAUSTED;
    default:
        return BELAY_UNKNOWN;
    }
}

belay_code
bly_spawn(const char *const *argv, bool has_input, bly_child *child)
{
    pipe_ends pipes[STANDARD] = {no_pipe, no_pipe, no_pipe};
    pid_t pid = -1;
    int error = 0;
    bool made = (!has_input || make_pipe(&pipes[STDIN_FILENO], true))
                && make_pipe(&pipes[STDOUT_FILENO], false) && make_pipe(&pipes[STDERR_FILENO], false);
    if (made)
        error = spawn_with(argv, pipes, &pid);
    if (!made || error != 0) {
        for (int i = 0; i < STANDARD; i++)
            close_pipe(&pipes[i]);
        return made ? code_of_errno(error) : BELAY_RESOURCE_EXHAUSTED;
    }
    for (int i = 0; i < STANDARD; i++)
        close_end(&pipes[i].theirs);
    *child = (bly_child){.pid = pid,
                         .input = pipes[STDIN_FILENO].ours,
                         .output = pipes[STDOUT_FILENO].ours,
                         .error = pipes[STDERR_FILENO].ours};
    return BELAY_OK;
}
