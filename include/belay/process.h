/* SPDX-License-Identifier: MIT */
/*
 * Child processes: a program is run, fed and listened to, and does not outlive the context that it is run
 * for.
 */
#ifndef BELAY_PROCESS_H
#define BELAY_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_process_options belay_process_options;

/* How a process ended, and what it wrote. */
typedef struct belay_process_result {
    int exit_status;     /* 0 to 255; -1 when a signal ended it */
    int signal;          /* which one, or 0 */
    const char *output;  /* its standard output; a NUL follows that does not count */
    size_t output_size;  /* in bytes */
    bool output_cut;     /* there was more than the limit */
    const char *error;   /* its standard error, in the same way */
    size_t error_size;
    bool error_cut;
} belay_process_result;

/*
 * Makes options with their defaults: no input, at most 1 MiB of output and of errors, 2 seconds of grace. One
 * object may serve any number of processes.
 *
 * Returns the options, which the caller frees with belay_process_options_free(), or NULL without memory.
 * Threads: any; changed by one thread at a time, and not while a process is run with it.
 */
BELAY_API belay_process_options *belay_process_options_new(void);

/*
 * Frees options.
 *
 * options: from belay_process_options_new(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_process_options_free(belay_process_options *options);

/*
 * Sets what the process finds on its standard input. By default that is /dev/null.
 *
 * options: to change.
 * data, size: the bytes, in a pipe that ends after them; not copied, they stay the caller's and must stay
 *     there while a process is run. What the process does not read is dropped. NULL: /dev/null.
 * Threads: one at a time.
 */
BELAY_API void belay_process_options_set_input(belay_process_options *options, const void *data, size_t size);

/*
 * Sets how much of the output is kept, and of the errors, each by itself. What the process writes beyond is
 * read and dropped.
 *
 * options: to change.
 * bytes: 1 MiB by default.
 * Threads: one at a time.
 */
BELAY_API void belay_process_options_set_output_limit(belay_process_options *options, size_t bytes);

/*
 * Sets the time between the polite signal and the other one.
 *
 * options: to change.
 * grace_ns: in nanoseconds, 2 seconds by default; 0 kills at once, BELAY_FOREVER waits as long as it takes.
 * Threads: one at a time.
 */
BELAY_API void belay_process_options_set_grace(belay_process_options *options, uint64_t grace_ns);

/*
 * Runs a program and waits for its end, capturing what it writes to its standard output and error.
 *
 * It is the leader of a process group of its own, with all signals at their defaults and none blocked, the
 * usual scheduling (a worker's may be another), the caller's environment and working folder. Of the caller's
 * descriptors it inherits none where the system can be told so (glibc from 2.34), else those that are not
 * close-on-exec.
 *
 * When the context ends first, the group gets SIGTERM (and SIGCONT, lest it is stopped), and SIGKILL when the
 * grace is over; this returns when the process is gone, or, as long as the grace lasts, when others of its
 * group that hold its output are gone too. When the process ends by itself, what is left of its group is
 * killed. Either way it was reaped, and nothing is left but what has left the group. What may not be killed,
 * because it runs as another user, is waited for until it ends.
 *
 * context: whose end ends the process; NULL for none. When it has ended already, nothing is started.
 * argv: the program, looked for in PATH when its name has no slash, and its arguments; the last entry is
 *     NULL.
 * options: NULL: the defaults.
 * result: receives how it ended; untouched on failure. With a handler's own context, on the handler's thread,
 *     it lives as long as the handler's call, with a task's as long as its group; else it is the caller's, to
 *     be freed with belay_process_result_free(). May be NULL: then what it writes is dropped.
 * Returns BELAY_OK when the process ended by itself, well or badly; BELAY_DEADLINE_EXCEEDED or
 *     BELAY_CANCELLED as the context ended; BELAY_INVALID_ARGUMENT without a program; BELAY_NOT_FOUND and
 *     BELAY_PERMISSION_DENIED when it cannot be run for these reasons, BELAY_UNKNOWN for others (no program's
 *     format), BELAY_RESOURCE_EXHAUSTED without memory, processes or descriptors. BELAY_UNKNOWN also when it
 *     has ended and somebody else has its status: the program must neither ignore SIGCHLD nor wait for any
 *     child whatsoever.
 * Threads: any but a callback's. One that has run a process keeps a descriptor of belay's until it ends.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_process_run(belay_context *context, const char *const *argv,
                                                         const belay_process_options *options,
                                                         belay_process_result **result);

/*
 * Frees a result that is the caller's.
 *
 * result: from belay_process_run(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_process_result_free(belay_process_result *result);

BELAY_END_DECLS

#endif
