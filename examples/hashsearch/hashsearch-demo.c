/* SPDX-License-Identifier: MIT */
/*
 * hashsearch-demo: starts back servers and a front server, and shows three searches: one that succeeds, one
 * that is cancelled, one whose client is killed. Without a terminal it cancels by itself.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "display.h"
#include "sightings.h"
#include "watch.h"

#define BACKS 3
#define ARGUMENTS_MAX 16

typedef struct process {
    pid_t id; /* 0: not started */
    char address[64];
} process;

typedef struct demo {
    char folder[1024]; /* where the programs are */
    process backs[BACKS];
    process front;
    bool interactive;
} demo;

/* ---- Processes ----------------------------------------------------------------------------------- */

/* In the child, between fork and exec. Servers leave the terminal's process group: its Ctrl-C is for the
 * client alone. None survives the demo, whatever becomes of it. */
static void
become(const demo *self, char *const *arguments, int output, pid_t parent)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", self->folder, arguments[0]);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(127); /* it is gone already */
    signal(SIGINT, SIG_DFL);
    if (output >= 0) {
        setpgid(0, 0);
        dup2(output, STDOUT_FILENO);
    }
    execv(path, arguments);
    fprintf(stderr, "hashsearch-demo: %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* output: becomes its standard output, or -1 to share ours. */
static pid_t
start(const demo *self, char *const *arguments, int output)
{
    fflush(stdout);
    pid_t parent = getpid();
    pid_t id = fork();
    if (id == 0)
        become(self, arguments, output, parent);
    return id;
}

/* Starts a server, and waits for the line that tells its address. */
static bool
start_server(const demo *self, process *server, char *const *arguments)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    server->id = start(self, arguments, ends[1]);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    bool listens = output != NULL && fscanf(output, "listening on %63s", server->address) == 1;
    if (output != NULL)
        fclose(output);
    else
        close(ends[0]);
    if (!listens)
        fprintf(stderr, "hashsearch-demo: %s does not start\n", arguments[0]);
    return listens;
}

static bool
start_servers(demo *self)
{
    char options[BACKS][80];
    char *back[] = {(char[]){"hashsearch-back"}, NULL};
    char *front[BACKS + 2] = {(char[]){"hashsearch-front"}};
    for (size_t i = 0; i < BACKS; i++) {
        if (!start_server(self, &self->backs[i], back))
            return false;
        snprintf(options[i], sizeof options[i], "--back=%s", self->backs[i].address);
        front[i + 1] = options[i];
    }
    return start_server(self, &self->front, front);
}

/* Asks a server to end, and insists after five seconds. */
static void
stop_server(process *server)
{
    if (server->id <= 0)
        return;
    kill(server->id, SIGTERM);
    for (int i = 0; i < 500; i++) {
        if (waitpid(server->id, NULL, WNOHANG) != 0)
            return;
        usleep(10000);
    }
    kill(server->id, SIGKILL);
    waitpid(server->id, NULL, 0);
}

/* The front server first: it is the client of the others. */
static void
stop_servers(demo *self)
{
    stop_server(&self->front);
    for (size_t i = 0; i < BACKS; i++)
        stop_server(&self->backs[i]);
}

/* ---- Searches ------------------------------------------------------------------------------------ */

static pid_t
start_client(const demo *self, unsigned int bits, unsigned int cancel_after_ms)
{
    char texts[BACKS + 3][80];
    char *arguments[ARGUMENTS_MAX] = {(char[]){"hashsearch-client"}};
    size_t count = 0;
    snprintf(texts[count++], sizeof texts[0], "--target=%s", self->front.address);
    snprintf(texts[count++], sizeof texts[0], "--bits=%u", bits);
    snprintf(texts[count++], sizeof texts[0], "--cancel_after_ms=%u", cancel_after_ms);
    for (size_t i = 0; i < BACKS; i++)
        snprintf(texts[count++], sizeof texts[0], "--watch=%d", (int)self->backs[i].id);
    for (size_t i = 0; i < count; i++)
        arguments[i + 1] = texts[i];
    return start(self, arguments, -1);
}

static bool
run_client(const demo *self, unsigned int bits, unsigned int cancel_after_ms)
{
    int status;
    pid_t id = start_client(self, bits, cancel_after_ms);
    return id > 0 && waitpid(id, &status, 0) == id && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
show_success(const demo *self)
{
    printf("\n1. A search that succeeds: the first hit cancels the other searches.\n");
    return run_client(self, 24, 50000);
}

static bool
show_cancel(const demo *self)
{
    printf("2. A search that would take for ever%s.\n",
           self->interactive ? ": press Ctrl-C (or it is cancelled after 30 seconds)"
                             : ", cancelled after two seconds");
    return run_client(self, 200, self->interactive ? 30000 : 2000);
}

static bool
show_kill(const demo *self, belay_channel *channel)
{
    printf("3. The same, and after two seconds the client is killed.\n");
    watch clocks = {0};
    for (size_t i = 0; i < BACKS; i++)
        watch_add(&clocks, self->backs[i].id);
    pid_t id = start_client(self, 200, 50000);
    if (id <= 0)
        return false;
    sleep(2);
    uint64_t killed_ns = belay_now();
    kill(id, SIGKILL);
    watch_until_idle(&clocks);
    waitpid(id, NULL, 0);
    printf("\n\n");
    Hashsearch__Sightings *seen = sightings_when_quiet(channel);
    if (seen == NULL)
        return false;
    display_timeline("client", "killed", killed_ns, seen, &clocks);
    hashsearch__sightings__free_unpacked(seen, NULL);
    return true;
}

/* ---- The program --------------------------------------------------------------------------------- */

static void
show_servers(const demo *self)
{
    printf("\n  %-8s%10s   %s\n", "server", "process", "address");
    printf("  %-8s%10d   %s\n", "front", (int)self->front.id, self->front.address);
    for (size_t i = 0; i < BACKS; i++)
        printf("  back %zu  %10d   %s\n", i + 1, (int)self->backs[i].id, self->backs[i].address);
}

static bool
run(demo *self)
{
    if (!start_servers(self))
        return false;
    show_servers(self);
    belay_channel *channel = belay_channel_new(NULL, self->front.address, NULL);
    if (channel == NULL)
        return false;
    bool good = show_success(self) && show_cancel(self) && show_kill(self, channel);
    belay_channel_free(channel);
    return good;
}

int
main(int argc, char **argv)
{
    static demo self;
    (void)argc;
    const char *slash = strrchr(argv[0], '/');
    snprintf(self.folder, sizeof self.folder, "%.*s", slash != NULL ? (int)(slash - argv[0]) : 1,
             slash != NULL ? argv[0] : ".");
    self.interactive = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    signal(SIGINT, SIG_IGN); /* Ctrl-C is for the client */
    bool good = run(&self);
    stop_servers(&self);
    if (!good)
        fprintf(stderr, "hashsearch-demo: something went wrong\n");
    return good ? 0 : 1;
}
