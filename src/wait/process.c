/* SPDX-License-Identifier: MIT */
/*
 * Running a child process. One thread does it all: it sleeps in poll() on the process's end, its pipes, and
 * its own bell, by which the end of the context wakes it.
 *
 * The process is not reaped before its group is dealt with: as long as it is a zombie its number is nobody
 * else's, so that a signal to the group goes to no stranger.
 */
#include "wait/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/parker.h"
#include "pool/pool.h"
#include "rpc/scope.h"
#include "wait/exit_watch.h"
#include "wait/pipes.h"
#include "wait/spawn.h"
#include "wait/waiting.h"

/* ---- Options ----------------------------------------------------------------------------------- */

static const belay_process_options defaults = {
    .output_limit = 1024 * 1024,
    .grace_ns = BELAY_SECONDS(2),
};

belay_process_options *
belay_process_options_new(void)
{
    belay_process_options *options = malloc(sizeof *options);
    if (options != NULL)
        *options = defaults;
    return options;
}

void
belay_process_options_free(belay_process_options *options)
{
    free(options);
}

void
belay_process_options_set_input(belay_process_options *options, const void *data, size_t size)
{
    options->input = data;
    options->input_size = size;
}

void
belay_process_options_set_output_limit(belay_process_options *options, size_t bytes)
{
    options->output_limit = bytes;
}

void
belay_process_options_set_grace(belay_process_options *options, uint64_t grace_ns)
{
    options->grace_ns = grace_ns;
}

/* ---- While it runs ----------------------------------------------------------------------------- */

/* The running thread's, on its stack. */
typedef struct process {
    belay_context *context; /* may be NULL */
    bly_parker *parker;
    uint64_t grace_ns;
    bly_exit_watch watch;
    bly_feed input;
    bly_catch output;
    bly_catch error;
    bool has_ended;
} process;

enum { BELL, END, INPUT, OUTPUT, ERRORS, POLLS }; /* poll() passes over those that are -1 */

/* Sleeps once, and does what there is to do then. */
static bly_poll_end
serve(process *self, uint64_t until)
{
    struct pollfd polls[POLLS] = {
        [END] = {.fd = self->has_ended ? -1 : self->watch.fd, .events = POLLIN},
        [INPUT] = {.fd = self->input.fd, .events = POLLOUT},
        [OUTPUT] = {.fd = self->output.fd, .events = POLLIN},
        [ERRORS] = {.fd = self->error.fd, .events = POLLIN},
    };
    bly_poll_end end = bly_parker_poll(self->parker, polls, POLLS, until);
    if (end != BLY_POLL_READY)
        return end;
    if (polls[END].revents != 0)
        self->has_ended = true;
    if (polls[INPUT].revents != 0)
        bly_feed_write(&self->input);
    if (polls[OUTPUT].revents != 0)
        bly_catch_read(&self->output);
    if (polls[ERRORS].revents != 0)
        bly_catch_read(&self->error);
    return end;
}

static bool
has_no_memory(const process *self)
{
    return self->output.has_failed || self->error.has_failed;
}

/* BELAY_OK: it has ended. Else it is to be ended, with the code of the reason. */
static belay_code
run_to_its_end(process *self)
{
    belay_code code;
    while ((code = bly_waiting_code(self->context)) == BELAY_OK && !self->has_ended) {
        if (serve(self, BELAY_FOREVER) == BLY_POLL_FAILED || has_no_memory(self))
            return BELAY_RESOURCE_EXHAUSTED;
    }
    return code;
}

/* Of its group as much is still there as holds its pipes. */
static bool
group_is_there(const process *self)
{
    return !self->has_ended || self->output.fd >= 0 || self->error.fd >= 0;
}

static void
ask_to_end(process *self)
{
    uint64_t until = bly_clock_after(belay_now(), self->grace_ns);
    bly_feed_close(&self->input);
    bly_exit_watch_signal(&self->watch, SIGTERM);
    bly_exit_watch_signal(&self->watch, SIGCONT);
    bly_poll_end end = BLY_POLL_WOKEN;
    while (group_is_there(self) && (end == BLY_POLL_WOKEN || end == BLY_POLL_READY))
        end = serve(self, until);
}

/* Runs it, and returns when it is gone. */
static belay_code
run_watched(process *self, int *status)
{
    belay_code code = run_to_its_end(self);
    if (code != BELAY_OK && self->grace_ns > 0)
        ask_to_end(self);
    bly_exit_watch_signal(&self->watch, SIGKILL);
    bool has_status = bly_exit_watch_reap(&self->watch, status);
    bly_catch_read_rest(&self->output);
    bly_catch_read_rest(&self->error);
    if (code == BELAY_OK && has_no_memory(self))
        code = BELAY_RESOURCE_EXHAUSTED;
    return code == BELAY_OK && !has_status ? BELAY_UNKNOWN : code;
}

/* For a process that cannot be watched. */
static void
kill_unwatched(const bly_child *child)
{
    int status;
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
}

/* ---- Its result -------------------------------------------------------------------------------- */

static char *
put_text(char *place, const bly_catch *caught)
{
    if (caught->size > 0)
        memcpy(place, caught->data, caught->size);
    place[caught->size] = '\0';
    return place;
}

/* One piece of memory, in the arena of the handler or task, or on the heap. */
static belay_process_result *
result_new(const process *self, int status)
{
    const bly_scope *scope = self->context != NULL ? bly_context_handler(self->context) : NULL;
    size_t size = sizeof(belay_process_result) + self->output.size + 1 + self->error.size + 1;
    belay_process_result *result = scope != NULL ? bly_arena_alloc(scope->arena, size) : malloc(size);
    if (result == NULL)
        return NULL;
    char *texts = (char *)(result + 1);
    *result = (belay_process_result){
        .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .output = put_text(texts, &self->output),
        .output_size = self->output.size,
        .output_cut = self->output.was_cut,
        .error = put_text(texts + self->output.size + 1, &self->error),
        .error_size = self->error.size,
        .error_cut = self->error.was_cut,
    };
    return result;
}

void
belay_process_result_free(belay_process_result *result)
{
    free(result);
}

/* ---- All of it --------------------------------------------------------------------------------- */

static belay_code
run(process *self, const char *const *argv, const belay_process_options *options,
    belay_process_result **result)
{
    bly_child child;
    belay_code code = bly_spawn(argv, options->input != NULL, &child);
    if (code != BELAY_OK)
        return code;
    size_t limit = result != NULL ? options->output_limit : 0;
    self->input = (bly_feed){.fd = child.input, .data = options->input, .left = options->input_size};
    self->output = (bly_catch){.fd = child.output, .limit = limit};
    self->error = (bly_catch){.fd = child.error, .limit = limit};
    int status = 0;
    if (bly_exit_watch_open(&self->watch, child.pid, !options->no_pidfd)) {
        code = run_watched(self, &status);
    } else {
        kill_unwatched(&child);
        code = BELAY_RESOURCE_EXHAUSTED;
    }
    if (code == BELAY_OK && result != NULL) {
        belay_process_result *made = result_new(self, status);
        if (made != NULL)
            *result = made;
        else
            code = BELAY_RESOURCE_EXHAUSTED;
    }
    bly_feed_close(&self->input);
    bly_catch_fini(&self->output);
    bly_catch_fini(&self->error);
    return code;
}

belay_code
belay_process_run(belay_context *context, const char *const *argv, const belay_process_options *options,
                  belay_process_result **result)
{
    if (argv == NULL || argv[0] == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (options == NULL)
        options = &defaults;
    process self = {.context = context, .parker = bly_parker_current(), .grace_ns = options->grace_ns};
    bly_wait wait = {.parker = self.parker};
    if (self.parker == NULL || !bly_parker_can_poll(self.parker))
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_waiting_begin(context, &wait))
        return belay_context_code(context);
    bly_pool_blocked_in(BLY_POOL_IN_PROCESS);
    belay_code code = run(&self, argv, options, result);
    bly_pool_blocked_end();
    bly_waiting_end(context, &wait);
    return code;
}
