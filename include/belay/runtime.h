/* SPDX-License-Identifier: MIT */
/*
 * The runtime: the I/O threads, the notifier and the timers that servers, channels and contexts
 * work with. A server and the channels that its handlers use share one runtime, so that a cancel
 * that comes in leaves again upstream in the same turn of the I/O thread. There is no process-wide
 * default; a server or channel made without a runtime makes one of its own.
 *
 * A process that has a runtime must not fork() without exec.
 */
#ifndef BELAY_RUNTIME_H
#define BELAY_RUNTIME_H

#include <stdint.h>

#include <belay/code.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_runtime belay_runtime;
typedef struct belay_runtime_options belay_runtime_options;

typedef enum belay_log_level {
    BELAY_LOG_ERROR = 0,
    BELAY_LOG_WARNING = 1,
    BELAY_LOG_INFO = 2,
    BELAY_LOG_DEBUG = 3
} belay_log_level;

/*
 * Receives what belay has to say: one line, without a newline. Runs on the notifier thread, so it
 * may be slow without delaying calls. The text is valid during the call only.
 */
typedef void (*belay_log_function)(void *argument, belay_log_level level, const char *text);

/*
 * Makes options with their defaults: one I/O thread, warnings and errors to standard error.
 *
 * Returns the options, which the caller frees with belay_runtime_options_free(), or NULL without
 *     memory.
 * Threads: any; one options object is used by one thread at a time.
 */
BELAY_API belay_runtime_options *belay_runtime_options_new(void);

/*
 * Frees options.
 *
 * options: from belay_runtime_options_new(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_runtime_options_free(belay_runtime_options *options);

/*
 * Sets the number of I/O threads.
 *
 * options: to change.
 * count: 1 to 64. A connection stays on one thread; one is enough until that thread is busy all the
 *     time.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a count out of range.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code
belay_runtime_options_set_io_threads(belay_runtime_options *options, unsigned int count);

/*
 * Sets where log lines go.
 *
 * options: to change.
 * function: called for each line on the notifier thread; NULL for silence.
 * argument: passed to it; must stay valid as long as the runtime.
 * level: lines above it are not made.
 * Threads: one at a time.
 */
BELAY_API void belay_runtime_options_set_log(belay_runtime_options *options, belay_log_function function,
                                             void *argument, belay_log_level level);

/*
 * Makes a runtime and starts its threads. They block all signals but those of their own faults, and are
 * created with attributes of their own.
 *
 * options: copied; NULL for the defaults.
 * Returns the runtime with one reference, which the caller gives back with belay_runtime_unref(), or
 *     NULL when memory, descriptors or threads cannot be had.
 * Threads: any.
 * Lifetime: until the last reference is gone; servers, channels and contexts made on it hold one
 *     each.
 */
BELAY_API belay_runtime *belay_runtime_new(const belay_runtime_options *options);

/*
 * Takes another reference.
 *
 * runtime: a runtime.
 * Returns runtime.
 * Threads: any.
 */
BELAY_API belay_runtime *belay_runtime_ref(belay_runtime *runtime);

/*
 * Gives back a reference. With the last one the runtime's threads end. Calls keep their channel's memory and
 * so the runtime: what is abandoned or detached ends with its channel.
 *
 * runtime: a runtime, or NULL.
 * Returns NULL, so that "runtime = belay_runtime_unref(runtime)" leaves no stale pointer.
 * Threads: any. The last reference given back on a thread of belay's ends the threads a moment later.
 */
BELAY_API belay_runtime *belay_runtime_unref(belay_runtime *runtime);

BELAY_END_DECLS

#endif
