/* SPDX-License-Identifier: MIT */
/*
 * Compression of messages. Nothing is compressed unless a program asks for it: on a channel, a call or a
 * server, and then message by message if it likes. What is received compressed is inflated without being
 * asked for, up to the limit for received messages and not a byte further.
 *
 * Messages are compressed by the thread that sends them, and inflated by the one that receives them. Both
 * stop at once when the call is cancelled. A message that would not become smaller goes as it is.
 *
 * A server says what it could inflate (grpc-accept-encoding) to clients that compress, when it compresses itself, and
 * with BELAY_UNIMPLEMENTED; the protocol leaves it free to. On plain answers, which are most, the header would cost
 * both sides of every call something and tell clients what they do not ask. One that begins to compress learns it with
 * its first answer.
 *
 * Do not compress what puts a secret beside something that others choose: the size of the result tells of the
 * secret (CRIME, BREACH).
 */
#ifndef BELAY_COMPRESSION_H
#define BELAY_COMPRESSION_H

#include <stdbool.h>

#include <belay/call.h>
#include <belay/channel.h>
#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

typedef enum belay_compression {
    BELAY_COMPRESSION_NONE,    /* "identity" */
    BELAY_COMPRESSION_DEFLATE, /* "deflate": the zlib format, RFC 1950 */
    BELAY_COMPRESSION_GZIP     /* "gzip": RFC 1952; what other stacks have too */
} belay_compression;

/* ---- Clients ----------------------------------------------------------------------------------- */

/*
 * Sets what calls of a channel compress their requests with, unless their own options say otherwise.
 *
 * options: to change; unchanged on failure.
 * compression: BELAY_COMPRESSION_NONE by default. A server that does not know it answers
 *     BELAY_UNIMPLEMENTED.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for what is no compression.
 * Threads: one at a time.
 * Source: gRPC, "Compression".
 */
BELAY_API BELAY_WARN_UNUSED belay_code
belay_channel_options_set_compression(belay_channel_options *options, belay_compression compression);

/*
 * Sets whether calls of a channel tell the server that replies may be compressed (grpc-accept-encoding). A
 * server that is not told sends them as they are. The header costs a few hundred instructions on either side.
 *
 * options: to change.
 * accept: true by default.
 * Threads: one at a time.
 */
BELAY_API void belay_channel_options_set_accept_compression(belay_channel_options *options, bool accept);

/*
 * Sets what a call compresses its requests with, whatever its channel does.
 *
 * options: to change; unchanged on failure.
 * compression: BELAY_COMPRESSION_NONE too. By default the channel's.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for what is no compression.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code
belay_call_options_set_compression(belay_call_options *options, belay_compression compression);

/* ---- Servers ----------------------------------------------------------------------------------- */

/*
 * Sets what a server compresses its replies with, for clients that say that they take it; others get them as
 * they are.
 *
 * options: to change; unchanged on failure.
 * compression: BELAY_COMPRESSION_NONE by default.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for what is no compression.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code
belay_server_options_set_compression(belay_server_options *options, belay_compression compression);

/*
 * Sets what a handler's call compresses its replies with, whatever the server does. When the client did not
 * say that it takes it, they go as they are.
 *
 * call: a handler's call.
 * compression: BELAY_COMPRESSION_NONE too.
 * Returns BELAY_OK, also when the client does not take it; BELAY_FAILED_PRECONDITION after the headers have
 *     left; BELAY_INVALID_ARGUMENT for what is no compression, or for a client call.
 * Threads: the one that sends.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_set_compression(belay_call *call,
                                                                  belay_compression compression);

/* ---- Both sides -------------------------------------------------------------------------------- */

/*
 * Sets whether the messages sent from now on are compressed, on a call that compresses. A handler's one reply
 * counts as sent when the handler returns.
 *
 * call: a call.
 * compress: true by default. On a call that does not compress nothing changes.
 * Threads: the one that sends.
 */
BELAY_API void belay_call_set_message_compression(belay_call *call, bool compress);

/*
 * Tells whether the message received last had been compressed on its way; in a handler that takes one
 * request, whether that had.
 *
 * call: a call.
 * Returns false also before the first message.
 * Threads: the one that receives.
 */
BELAY_API bool belay_call_received_compressed(const belay_call *call);

BELAY_END_DECLS

#endif
