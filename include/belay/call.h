/* SPDX-License-Identifier: MIT */
/*
 * A call, on either side. The server's side is given to a handler and lives until the handler
 * returns. The client's side is made by a start function and is given back with belay_call_finish()
 * or belay_call_free().
 *
 * One thread may send and one may receive on a call at a time; they may be two. More is an error
 * that is reported as BELAY_FAILED_PRECONDITION.
 */
#ifndef BELAY_CALL_H
#define BELAY_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>
#include <belay/metadata.h>
#include <belay/status.h>

BELAY_BEGIN_DECLS

typedef struct belay_call belay_call;
typedef struct belay_method belay_method;

/*
 * Tells whether the call's context has ended. Made for compute loops: one relaxed load, inlined.
 *
 * call: a handler's call, or a client call.
 * Returns true when nobody waits for the answer any more.
 * Threads: any, while the call lives; threads that may outlive it take a reference to its context
 *     and ask belay_context_cancelled().
 */
static inline bool
belay_cancelled(const belay_call *call)
{
    /* The flag is the first word of a call, for good. */
    return __atomic_load_n((const int *)(const void *)call, __ATOMIC_RELAXED) != 0;
}

/*
 * Gives the call's context: cause, reason, deadline, and what to open child calls with.
 *
 * call: a call.
 * Returns the context, without a reference for the caller.
 * Threads: any, while the call lives.
 * Lifetime: as long as the call; belay_context_ref() to keep it longer.
 */
BELAY_API belay_context *belay_call_context(const belay_call *call);

/*
 * Gives the runtime the call runs on, to make channels on.
 *
 * call: a call.
 * Returns the runtime, without a reference for the caller.
 * Threads: any, while the call lives.
 */
BELAY_API belay_runtime *belay_call_runtime(const belay_call *call);

/*
 * Gives the method's path: "/package.Service/Method".
 *
 * call: a call.
 * Returns a string that lives as long as the call.
 * Threads: any, while the call lives.
 */
BELAY_API const char *belay_call_method(const belay_call *call);

/*
 * Gives the address of the other side: "127.0.0.1:40312", "unix:/run/x" or, for a client call that
 * has no connection yet, the channel's target. A call that went again because no server had looked at it
 * (belay/connection.h) names the one that it went to last; what was given before stays as it is.
 *
 * call: a call.
 * Returns a string that lives as long as the call.
 * Threads: the ones that may use the call.
 */
BELAY_API const char *belay_call_peer(const belay_call *call);

/* ---- Handlers ---------------------------------------------------------------------------------- */

/*
 * Gives what was registered with the service.
 *
 * call: a handler's call.
 * Returns the data given to the service's add function.
 * Threads: any, while the handler runs.
 */
BELAY_API void *belay_call_data(const belay_call *call);

/*
 * Says why a handler fails.
 *
 * call: a handler's call.
 * code: what the handler is going to return, not BELAY_OK.
 * format: printf format of the message for the caller, UTF-8. Of one with which the status would be more than the
 *     client takes (its SETTINGS_MAX_HEADER_LIST_SIZE, or 64 KiB) the first KiB is sent.
 * Returns code, to be returned by the handler: "return belay_fail(call, BELAY_NOT_FOUND, ...)".
 * Threads: the handler's.
 */
BELAY_API belay_code belay_fail(belay_call *call, belay_code code, const char *format, ...)
    BELAY_PRINTF(3, 4);

/*
 * Allocates memory that lives as long as the handler's call.
 *
 * call: a handler's call.
 * size: in bytes.
 * Returns memory aligned for any type, or NULL without memory. Nothing frees it before the call's end.
 * Threads: the handler's.
 */
BELAY_API void *belay_alloc(belay_call *call, size_t size);

/*
 * Formats a string that lives as long as the handler's call.
 *
 * call: a handler's call.
 * format: printf format.
 * Returns the string, or NULL without memory.
 * Threads: the handler's.
 */
BELAY_API char *belay_printf(belay_call *call, const char *format, ...) BELAY_PRINTF(2, 3);

/*
 * Has a function called when the handler has returned, in reverse order of registration, on the
 * handler's thread.
 *
 * call: a handler's call.
 * function, argument: what to call; on failure it is not called.
 * Returns BELAY_OK; BELAY_RESOURCE_EXHAUSTED without memory; BELAY_INVALID_ARGUMENT without a function, or
 *     for a client call.
 * Threads: the handler's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_defer(belay_call *call, void (*function)(void *argument),
                                                   void *argument);

/*
 * Gives a protobuf-c allocator that allocates like belay_alloc(), to unpack messages with.
 *
 * call: a handler's call.
 * Returns the allocator.
 * Threads: the handler's.
 * Lifetime: as long as the call.
 */
BELAY_API ProtobufCAllocator *belay_call_allocator(belay_call *call);

/*
 * Tells whether the server has begun to drain: the time for a handler that goes on for long to come to an end
 * by itself. Cheap enough for every round of a loop. Calls that come now see it from the start.
 *
 * call: a handler's call.
 * Returns true from the beginning of a drain on; the call itself is not cancelled by that. To wait for it:
 *     belay_wait_draining().
 * Threads: any, while the handler runs.
 */
BELAY_API bool belay_call_draining(const belay_call *call);

/*
 * Has a function called when the server begins to drain, at once when it has begun. It runs on the notifier
 * thread, as those of belay_on_cancel() do.
 *
 * call: a handler's call.
 * function, argument: what to call, with a context of the server's that ended with cause
 *     BELAY_CAUSE_SHUTDOWN. The argument stays the caller's.
 * callback: receives the handle, which must be given to belay_cancel_callback_remove() before the handler
 *     returns; untouched on failure.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT without a function or a place for the handle, or for a client
 *     call; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: any, while the handler runs.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_on_drain(belay_call *call, belay_cancel_function function,
                                                      void *argument, belay_cancel_callback **callback);

/*
 * Adds a header (before the first message) or a trailer (with the status) to the answer.
 *
 * call: a handler's call.
 * key, value, value_size: as for belay_metadata_add(); copied.
 * Returns BELAY_OK; BELAY_FAILED_PRECONDITION for a header after the headers have left;
 *     BELAY_INVALID_ARGUMENT and BELAY_RESOURCE_EXHAUSTED as belay_metadata_add(), the former for a client
 *     call too.
 * Threads: the one that sends.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_add_header(belay_call *call, const char *key,
                                                             const void *value, size_t value_size);
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_add_trailer(belay_call *call, const char *key,
                                                              const void *value, size_t value_size);

/*
 * Sends the headers now. Without it they leave with the first message or the status.
 *
 * call: a handler's call.
 * Returns BELAY_OK; BELAY_FAILED_PRECONDITION when they have left already; BELAY_CANCELLED or
 *     BELAY_DEADLINE_EXCEEDED when the call was cancelled.
 * Threads: the one that sends.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_send_headers(belay_call *call);

/* ---- Both sides -------------------------------------------------------------------------------- */

/*
 * Gives the other side's headers: the request's in a handler, the answer's on a client call.
 *
 * call: a call.
 * Returns the list, or NULL on a client call whose headers have not come: they are there after the
 *     first message was received or belay_call_wait_headers() returned.
 * Threads: the one that receives.
 * Lifetime: as long as the call.
 */
BELAY_API const belay_metadata *belay_call_metadata(const belay_call *call);

/*
 * Sends one message, packed already. Blocks while more than the send mark waits for the peer to take
 * it.
 *
 * call: a call.
 * data, size: the message; copied.
 * Returns BELAY_OK when the message was accepted (not delivered: only the status tells);
 *     BELAY_CANCELLED or BELAY_DEADLINE_EXCEEDED as the context ended; BELAY_END_OF_STREAM on a
 *     client call that has ended (its finish function tells how); BELAY_RESOURCE_EXHAUSTED
 *     without memory, or for a message over BELAY_LIMIT_SEND_SIZE; BELAY_FAILED_PRECONDITION after the last
 *     message, or while another thread sends.
 * Threads: one sender at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_send(belay_call *call, const void *data, size_t size);

/*
 * Sends one protobuf-c message; otherwise as belay_call_send().
 *
 * message: stays the caller's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_send_message(belay_call *call,
                                                               const ProtobufCMessage *message);

/*
 * Receives one message as bytes. Blocks until there is one.
 *
 * call: a call.
 * data, size: receive the message; untouched on failure. The bytes belong to the call.
 * Returns BELAY_OK; BELAY_END_OF_STREAM after the last message (on a client call: of a call that
 *     ended with BELAY_OK); BELAY_CANCELLED or BELAY_DEADLINE_EXCEEDED as the context ended; on a
 *     client call the code it failed with; BELAY_FAILED_PRECONDITION while another thread receives.
 * Threads: one receiver at a time.
 * Lifetime: the bytes are valid until the next receive on this call, or its end.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_recv(belay_call *call, const void **data, size_t *size);

/*
 * Receives one protobuf-c message; otherwise as belay_call_recv().
 *
 * descriptor: what to unpack.
 * message: receives it; untouched on failure. In a handler, and on client calls opened with a
 *     handler's own context, it belongs to the call, as belay_call_recv()'s bytes do: valid until the next
 *     receive on it, or its end. Else it is the caller's, to be freed with
 *     protobuf_c_message_free_unpacked(message, NULL).
 * Returns also BELAY_INTERNAL for bytes that are no such message, BELAY_RESOURCE_EXHAUSTED for one that is too
 *     large or too deep to unpack (belay/limits.h). A handler that returns that, without belay_fail(), tells its
 *     client so.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_recv_message(belay_call *call,
                                                               const ProtobufCMessageDescriptor *descriptor,
                                                               ProtobufCMessage **message);

/* ---- Client calls ------------------------------------------------------------------------------ */

/*
 * Waits for the answer's headers.
 *
 * call: a client call.
 * Returns BELAY_OK when they are there; BELAY_END_OF_STREAM when the call ended without;
 *     BELAY_CANCELLED or BELAY_DEADLINE_EXCEEDED as the context ended; BELAY_FAILED_PRECONDITION
 *     while another thread receives.
 * Threads: one receiver at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_wait_headers(belay_call *call);

/*
 * Says that no more messages will be sent.
 *
 * call: a client call.
 * Returns BELAY_OK, also when it was said before; BELAY_FAILED_PRECONDITION while another thread
 *     sends.
 * Threads: one sender at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_close_send(belay_call *call);

/*
 * Ends a client call: says that no more messages will be sent, reads and drops messages not received
 * yet, waits for the status, and frees the call.
 *
 * call: a client call; gone afterwards, unless BELAY_FAILED_PRECONDITION says that another thread still uses
 * it.
 * status: receives the end in full, or NULL when not wanted. To be freed with belay_status_free(),
 *     unless the call was opened with a handler's own context: then it lives as long as the handler's
 *     call. Left NULL without memory.
 * Returns the code of the status.
 * Threads: one, while no other uses the call.
 */
BELAY_API belay_code belay_call_finish(belay_call *call, belay_status **status);

/*
 * Ends a client call that takes one reply: receives the reply, then as belay_call_finish().
 *
 * reply: receives the reply; untouched when the code is not BELAY_OK. May be NULL. For a call opened with a
 *     handler's own context it lives as long as the handler's call; else it is the caller's, to be freed with
 *     protobuf_c_message_free_unpacked(reply, NULL).
 * Returns the code of the status; BELAY_UNIMPLEMENTED when there was no reply or more than one.
 */
BELAY_API belay_code belay_call_finish_unary(belay_call *call, ProtobufCMessage **reply,
                                             belay_status **status);

/*
 * Lets a client call go on by itself: no more messages will be sent, its replies and its status are dropped.
 * For work that must be done although nobody waits for it, opened with a detached context.
 *
 * call: a client call, or NULL; gone for the caller.
 * Threads: one, while no other uses the call.
 * Lifetime: the call ends as any other: by its answer, its deadline or its context, or with its channel.
 */
BELAY_API void belay_call_abandon(belay_call *call);

/*
 * Frees a client call; one that has not ended is cancelled first.
 *
 * call: a client call, or NULL.
 * Threads: one, while no other uses the call.
 */
BELAY_API void belay_call_free(belay_call *call);

BELAY_END_DECLS

#endif
