/* SPDX-License-Identifier: MIT */
/*
 * Contexts: who wants the work, until when, and whether still. A context is live, cancelled with a
 * cause, or finished. What is opened with a context (client calls, derived contexts, waits) is
 * cancelled with it. Every handler has one (belay_call_context()); a program that only makes calls
 * makes its own, or passes NULL for a call that nothing but its deadline ends.
 */
#ifndef BELAY_CONTEXT_H
#define BELAY_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/code.h>
#include <belay/export.h>
#include <belay/metadata.h>
#include <belay/runtime.h>
#include <belay/time.h>

BELAY_BEGIN_DECLS

typedef struct belay_context belay_context;
typedef struct belay_cancel_callback belay_cancel_callback;

/* Why a context ended. The first cause stays. */
typedef enum belay_cause {
    BELAY_CAUSE_NONE = 0,            /* it has not ended */
    BELAY_CAUSE_PEER_CANCELLED = 1,  /* the client reset the call */
    BELAY_CAUSE_DEADLINE = 2,        /* the caller's deadline or the server's cap passed */
    BELAY_CAUSE_CONNECTION_LOST = 3, /* the connection closed, broke, or stopped answering */
    BELAY_CAUSE_SHUTDOWN = 4,        /* the server's drain time ran out, or the call's channel was freed */
    BELAY_CAUSE_PARENT = 5,          /* the parent context ended */
    BELAY_CAUSE_APPLICATION = 6,     /* belay_cancel() by the program */
    BELAY_CAUSE_OPERATOR = 7,        /* the admin service cancelled it */
    BELAY_CAUSE_LIMIT = 8,           /* a message, memory or abuse limit was reached */
    BELAY_CAUSE_FINISHED = 9         /* the handler returned, or the call ended by itself */
} belay_cause;

/*
 * Names a cause: "peer cancelled".
 *
 * cause: any value; one that is no cause gives "unknown".
 * Returns a string constant.
 * Threads: any.
 */
BELAY_API const char *belay_cause_name(belay_cause cause);

/*
 * Makes a root context: no parent, no deadline.
 *
 * runtime: the runtime whose timers and notifier it uses; it takes a reference.
 * Returns the context with one reference for the caller, or NULL without memory.
 * Threads: any.
 * Lifetime: until the last reference is gone.
 */
BELAY_API belay_context *belay_context_new(belay_runtime *runtime);

/*
 * Makes a child context, which ends with its parent and may end before it.
 *
 * parent: a context. When it has ended already, the child is made ended, with cause
 *     BELAY_CAUSE_PARENT.
 * timeout_ns: the child's own deadline from now, in nanoseconds; BELAY_FOREVER for none. The earlier
 *     of it and the parent's deadline holds.
 * Returns the context with one reference for the caller, or NULL without memory.
 * Threads: any.
 * Lifetime: the child keeps its parent's memory, the parent does not keep its children: dropping the
 *     last reference unlinks it.
 */
BELAY_API belay_context *belay_context_derive(belay_context *parent, uint64_t timeout_ns);

/*
 * Makes a context for work that must go on when the given one ends: no parent, the same metadata to
 * pass on.
 *
 * context: whose runtime and metadata to take.
 * timeout_ns: a deadline from now, in nanoseconds; BELAY_FOREVER for none.
 * Returns the context with one reference for the caller, or NULL without memory.
 * Threads: any.
 * Lifetime: until the last reference is gone. Calls opened with it end with their channel at the latest.
 */
BELAY_API belay_context *belay_context_detached(belay_context *context, uint64_t timeout_ns);

/*
 * Takes another reference. It pins the context alone, not the call it belongs to.
 *
 * context: a context.
 * Returns context.
 * Threads: any.
 */
BELAY_API belay_context *belay_context_ref(belay_context *context);

/*
 * Gives back a reference.
 *
 * context: a context, or NULL.
 * Returns NULL.
 * Threads: any.
 */
BELAY_API belay_context *belay_context_unref(belay_context *context);

/*
 * Cancels a context and all that hangs from it, with cause BELAY_CAUSE_APPLICATION. The first cause
 * stays: cancelling an ended context does nothing, and returns after the winner's cause and reason
 * can be read.
 *
 * context: to cancel.
 * reason: why, for people; copied; NULL for none. Bytes that are not UTF-8 are replaced.
 * Threads: any, callbacks included.
 */
BELAY_API void belay_cancel(belay_context *context, const char *reason);

/*
 * Tells whether a context has ended. Made for compute loops: one relaxed load, inlined.
 *
 * context: a context.
 * Returns true when it was cancelled or is finished. What the canceller wrote before is visible
 *     after belay_context_cause() was asked, not by this alone.
 * Threads: any.
 */
static inline bool
belay_context_cancelled(const belay_context *context)
{
    /* The flag is the first word of a context, for good. */
    return __atomic_load_n((const int *)(const void *)context, __ATOMIC_RELAXED) != 0;
}

/*
 * Gives the cause.
 *
 * context: a context.
 * Returns BELAY_CAUSE_NONE while it is live.
 * Threads: any.
 */
BELAY_API belay_cause belay_context_cause(const belay_context *context);

/*
 * Gives what a wait returns when the context ends, for work that is stopped by other means.
 *
 * context: a context.
 * Returns BELAY_OK while it is live; BELAY_DEADLINE_EXCEEDED when its own or an ancestor's deadline has ended
 *     it; else BELAY_CANCELLED.
 * Threads: any.
 */
BELAY_API belay_code belay_context_code(const belay_context *context);

/*
 * Gives the reason that came with the cause.
 *
 * context: a context.
 * Returns UTF-8 text, never NULL; empty when there is none.
 * Threads: any.
 * Lifetime: as long as a reference to the context is held.
 */
BELAY_API const char *belay_context_reason(const belay_context *context);

/*
 * Gives the time of the end, as belay_now() counts.
 *
 * context: a context.
 * Returns 0 while it is live.
 * Threads: any.
 */
BELAY_API uint64_t belay_context_end_time(const belay_context *context);

/*
 * Gives the deadline: the earliest of its own and its ancestors'.
 *
 * context: a context.
 * Returns a time as belay_now() counts, or BELAY_FOREVER.
 * Threads: any.
 */
BELAY_API uint64_t belay_context_deadline(const belay_context *context);

/*
 * Gives the time left until the deadline, in nanoseconds.
 *
 * context: a context.
 * Returns 0 when the deadline passed, BELAY_FOREVER without one.
 * Threads: any.
 */
BELAY_API uint64_t belay_context_time_left(const belay_context *context);

/*
 * Sets the metadata that client calls opened with this context, and with contexts made from it
 * later, send before their own.
 *
 * context: a context that no call was opened with yet.
 * metadata: copied; NULL for none.
 * Returns BELAY_OK, or BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: the one that made the context, before it is shared.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_context_set_metadata(belay_context *context,
                                                                  const belay_metadata *metadata);

/* Called once when the context ends; reads cause and reason from it. */
typedef void (*belay_cancel_function)(belay_context *context, void *argument);

/*
 * Has a function called when the context is cancelled. It runs on the notifier thread, never inside
 * this call, not even when the context is cancelled already, and with no lock of belay's held.
 *
 * context: a context; one that finishes (BELAY_CAUSE_FINISHED) drops its callbacks unrun.
 * function, argument: what to call. The argument stays the caller's.
 * callback: receives the handle, which must be given to belay_cancel_callback_remove() once;
 *     untouched on failure. May be NULL for a callback that is never removed.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT without a function; BELAY_RESOURCE_EXHAUSTED without
 *     memory.
 * Threads: any.
 * Lifetime: the context is kept until the function has run.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_on_cancel(belay_context *context,
                                                       belay_cancel_function function, void *argument,
                                                       belay_cancel_callback **callback);

/*
 * Removes a callback. When it is running, waits until it has returned, unless called from the
 * callback itself. Calling this with a lock held that the callback takes is a deadlock.
 *
 * callback: a handle of belay_on_cancel(), or NULL; invalid afterwards.
 * Returns true when the function ran (or is running: called from within), false when it never will.
 * Threads: any.
 */
BELAY_API bool belay_cancel_callback_remove(belay_cancel_callback *callback);

BELAY_END_DECLS

#endif
