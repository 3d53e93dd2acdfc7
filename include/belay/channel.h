/* SPDX-License-Identifier: MIT */
/*
 * Channels: where client calls go. A channel connects when it is first used, connects again when
 * the connection is lost, and carries any number of calls from any number of threads.
 */
#ifndef BELAY_CHANNEL_H
#define BELAY_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/call.h>
#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>
#include <belay/metadata.h>
#include <belay/runtime.h>
#include <belay/status.h>
#include <belay/tls.h>

BELAY_BEGIN_DECLS

typedef struct belay_channel belay_channel;
typedef struct belay_channel_options belay_channel_options;
typedef struct belay_call_options belay_call_options;

/*
 * Makes channel options with their defaults.
 *
 * Returns the options, which the caller frees with belay_channel_options_free(), or NULL without
 *     memory.
 * Threads: any; one options object is used by one thread at a time.
 */
BELAY_API belay_channel_options *belay_channel_options_new(void);

/*
 * Frees channel options.
 *
 * options: from belay_channel_options_new(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_channel_options_free(belay_channel_options *options);

/*
 * Sets the largest message that calls of the channel receive; a larger one ends its call with
 * BELAY_RESOURCE_EXHAUSTED. Against memory exhaustion by the server.
 *
 * options: to change.
 * bytes: 4 MiB by default.
 * Threads: one at a time.
 */
BELAY_API void belay_channel_options_set_max_receive_size(belay_channel_options *options, uint32_t bytes);

/*
 * Sets the bytes that may wait to be sent on a call before a sender blocks.
 *
 * options: to change.
 * bytes: 64 KiB by default. A larger message goes alone.
 * Threads: one at a time.
 */
BELAY_API void belay_channel_options_set_send_mark(belay_channel_options *options, uint32_t bytes);

/*
 * Sets the :authority that calls carry.
 *
 * options: to change; keeps the old one on failure.
 * authority: copied; by default the target's host and port.
 * Returns BELAY_OK, BELAY_INVALID_ARGUMENT, or BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code
belay_channel_options_set_authority(belay_channel_options *options, const char *authority);

/*
 * Has the channel's connections use TLS. The server's certificate must be for the host of the :authority, or for that
 * of belay_tls_set_host().
 *
 * options: to change.
 * tls: whom to believe, and who the client is; the options take a reference, and so do channels made with them. NULL:
 *     plaintext, the default.
 * Threads: one at a time.
 */
BELAY_API void belay_channel_options_set_tls(belay_channel_options *options, belay_tls *tls);

/*
 * Makes a channel. Nothing is connected yet.
 *
 * runtime: what it works with; it takes a reference. NULL for a runtime of its own. Handlers use
 *     belay_call_runtime().
 * target: "host:port", "ipv4-address:port", "[ipv6-address]:port" or "unix:path"; copied.
 * options: copied; NULL for the defaults.
 * Returns the channel with one reference for the caller, or NULL for a target that cannot be read,
 *     without memory, without threads for a runtime of its own, or with TLS without a store of authorities to
 *     believe, or with an authority that names no host (the log says so).
 * Threads: any.
 * Lifetime: until belay_channel_free().
 */
BELAY_API belay_channel *belay_channel_new(belay_runtime *runtime, const char *target,
                                           const belay_channel_options *options);

/*
 * Frees a channel. Calls still open on it are cancelled; their owners still have to finish them. Its connections are
 * closed in order: what was sent, a cancel just before say, is not lost with them. A socket whose server still sends is
 * the runtime's for up to a second more; the end of the runtime waits for it a tenth of one at most.
 *
 * channel: a channel, or NULL.
 * Threads: any, but not while another thread starts a call on it.
 */
BELAY_API void belay_channel_free(belay_channel *channel);

/*
 * Gives the target.
 *
 * channel: a channel.
 * Returns the string that the channel was made with; lives as long as the channel.
 * Threads: any.
 */
BELAY_API const char *belay_channel_target(const belay_channel *channel);

/* ---- Options of one call ----------------------------------------------------------------------- */

/*
 * Makes call options with their defaults: no deadline but the context's, no metadata, fail fast. One
 * object may serve any number of calls.
 *
 * Returns the options, which the caller frees with belay_call_options_free(), or NULL without memory.
 * Threads: any; changed by one thread at a time, and not while a start function reads it.
 */
BELAY_API belay_call_options *belay_call_options_new(void);

/*
 * Frees call options.
 *
 * options: from belay_call_options_new(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_call_options_free(belay_call_options *options);

/*
 * Sets the time that a call may take from its start.
 *
 * options: to change.
 * timeout_ns: in nanoseconds; BELAY_FOREVER for no limit of its own. The context's deadline holds when
 *     it is earlier. 0 makes calls end at once with BELAY_DEADLINE_EXCEEDED.
 * Threads: one at a time.
 */
BELAY_API void belay_call_options_set_timeout(belay_call_options *options, uint64_t timeout_ns);

/*
 * Sets whether a call waits for a connection (true) or fails with BELAY_UNAVAILABLE when connecting
 * fails (false, the default).
 *
 * options: to change.
 * wait: what to do.
 * Threads: one at a time.
 * Source: gRPC, "Wait for Ready Semantics".
 */
BELAY_API void belay_call_options_set_wait_for_ready(belay_call_options *options, bool wait);

/*
 * Sends a pair of metadata with each call, after the context's.
 *
 * options: to change; unchanged on failure.
 * key, value, value_size, and what is returned: as for belay_metadata_add().
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_options_add_metadata(belay_call_options *options,
                                                                       const char *key, const void *value,
                                                                       size_t value_size);

/* ---- Making calls: what the generated stubs use ------------------------------------------------- */

/*
 * Starts a call. It leaves when a connection is there; this does not wait for one.
 *
 * channel: where it goes.
 * context: what it is cancelled with; it becomes a child of it. NULL for none. With a handler's own
 *     context the call belongs to the handler: what it receives lives in the handler's call, and if
 *     the handler returns before it was finished, it is cancelled and freed. So for a task's own
 *     context (belay/group.h), here and below: then read "task" for "handler".
 * method: static description of the method.
 * request: the request of a method that takes one, else NULL. Stays the caller's.
 * options: read now; NULL for the defaults.
 * call: receives the call, to be given to a finish function or belay_call_free(); untouched on failure.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT; BELAY_RESOURCE_EXHAUSTED without memory, or for a request
 *     over BELAY_LIMIT_SEND_SIZE. A call whose context has ended, whose deadline passed, or whose request
 *     is over that limit when it has been compressed, is started all the same, ended: its finish function
 *     tells, and the network is not touched.
 * Threads: any. On another thread than the handler's, a call opened with its context is cancelled with it, but
 *     belongs to the thread that opened it.
 * Lifetime: the call keeps the channel's memory; when the channel is freed first, the call is cancelled.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_start(belay_channel *channel, belay_context *context,
                                                        const belay_method *method,
                                                        const ProtobufCMessage *request,
                                                        const belay_call_options *options,
                                                        belay_call **call);

/*
 * Makes a whole call that has one request and one reply: start, then finish.
 *
 * reply, status: as for belay_call_finish_unary(); untouched when the call could not be started.
 * Returns the code of the status, or why it could not be started.
 * Threads: any; with a handler's own context, the handler's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_unary(belay_channel *channel, belay_context *context,
                                                        const belay_method *method,
                                                        const ProtobufCMessage *request,
                                                        const belay_call_options *options,
                                                        ProtobufCMessage **reply, belay_status **status);

BELAY_END_DECLS

#endif
