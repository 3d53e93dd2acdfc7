/* SPDX-License-Identifier: MIT */
/*
 * Limits: how much of each thing a peer can have of a server or a channel. Each has a default, can be set, counts
 * how often it was reached, and then says so in the log: a line, one a second at most for each limit, that names
 * the limit, the peer and what was done. Its level is BELAY_LOG_WARNING, or BELAY_LOG_INFO when one call was told or
 * somebody only had to wait.
 *
 * What one call does too much ends that call, with a clear status. What can only be meant to hurt ends the
 * connection, with a GOAWAY of error ENHANCE_YOUR_CALM whose debug data says why.
 */
#ifndef BELAY_LIMITS_H
#define BELAY_LIMITS_H

#include <stdint.h>

#include <belay/channel.h>
#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

/* Values stay as they are in later versions; new ones come at the end. Those of servers only are not looked at by
 * channels. */
typedef enum belay_limit {
    /* Streams that a connection may have open at a time, as advertised (SETTINGS_MAX_CONCURRENT_STREAMS): 100.
     * Servers only. One more is reset with REFUSED_STREAM, and the others go on; it counts as an error that the
     * client provoked (BELAY_LIMIT_PROVOKED_ERRORS) once it has heard of the number. Against clients that hold many
     * calls open. */
    BELAY_LIMIT_STREAMS = 0,
    /* Calls of a connection that are not over, in whatever state, those that were reset but whose handlers have
     * not returned included: 400. Servers only. The next stream is reset with REFUSED_STREAM, so that its client
     * may try again. Against rapid reset (CVE-2023-44487). */
    BELAY_LIMIT_ADMITTED_CALLS = 1,
    /* Handlers of a connection that are queued or run: 100. Servers only. Further calls wait, which counts
     * nothing. As belay_server_options_set_connection_handlers(). Against rapid reset. */
    BELAY_LIMIT_HANDLERS = 2,
    /* Calls that wait for a worker: 1000. Servers only. The next ends with BELAY_RESOURCE_EXHAUSTED. As
     * belay_server_options_set_queue(). Against floods of calls. */
    BELAY_LIMIT_QUEUE = 3,
    /* Connections at a time: 10,000. Servers only. The next is closed at once. One that ends counts until its client
     * has closed it too, a second at most. Against exhaustion of descriptors and memory by many connections. */
    BELAY_LIMIT_CONNECTIONS = 4,
    /* Bytes of messages received on a connection that nobody has taken: 16 MiB. Servers only. Then windows are
     * withheld until handlers have taken some: large messages of other calls wait. Against slow handlers, and
     * clients that make use of them. */
    BELAY_LIMIT_CONNECTION_BYTES = 5,
    /* The same of all connections together: 256 MiB. Servers only. */
    BELAY_LIMIT_SERVER_BYTES = 6,
    /* Bytes of a message that is received: 4 MiB. The call ends with BELAY_RESOURCE_EXHAUSTED. As
     * belay_server_options_set_max_receive_size() and that of channels. Against exhaustion of memory. */
    BELAY_LIMIT_RECEIVE_SIZE = 7,
    /* Bytes of a message that is sent, compressed if it is: 4 GiB, which is all that gRPC allows. Sending fails with
     * BELAY_RESOURCE_EXHAUSTED. Against replies whose size a peer decides. */
    BELAY_LIMIT_SEND_SIZE = 8,
    /* Bytes of memory that a received message takes when it is unpacked: 64 MiB. The call ends with
     * BELAY_RESOURCE_EXHAUSTED. Against small messages that unpack large: 1 MiB of empty submessages takes 96 MB. */
    BELAY_LIMIT_UNPACKED_SIZE = 9,
    /* Messages in one another: 100; at most 1000. The call ends with BELAY_RESOURCE_EXHAUSTED. Against nesting that
     * overflows a thread's stack while it is unpacked; deeper ones need workers with larger stacks. */
    BELAY_LIMIT_DEPTH = 10,
    /* Bytes of a block of headers, as HTTP/2 counts them (name, value and 32 for each field), metadata included;
     * advertised as SETTINGS_MAX_HEADER_LIST_SIZE: 16 KiB. The call ends with BELAY_RESOURCE_EXHAUSTED. Against
     * HPACK bombs. Blocks to send that are over the peer's limit are not sent: their call ends the same way. */
    BELAY_LIMIT_HEADER_LIST = 11,
    /* Fields of a block of headers: 128. The call ends with BELAY_RESOURCE_EXHAUSTED. Against HPACK bombs of many
     * small fields, each of which takes more here than on the wire. */
    BELAY_LIMIT_HEADER_FIELDS = 12,
    /* Bytes of a block of headers at which the connection ends: 64 KiB. Against HPACK bombs. */
    BELAY_LIMIT_HEADER_LIST_HARD = 13,
    /* Nanoseconds that a peer may take from the connection's begin to its HTTP/2 preface and SETTINGS: 10 s. Then
     * it is closed. Against connections that are never used. */
    BELAY_LIMIT_PREFACE_TIME = 14,
    /* Nanoseconds that a connection may take nothing of what is written, and that a client may give no window to
     * the rest of an answer after its handler has returned: 60 s. Then the connection is closed, or the answer is
     * given up and its stream reset. Against slow readers. Found up to a quarter late. */
    BELAY_LIMIT_STALL_TIME = 15,
    /* Answers to PING and SETTINGS that wait to be sent: 200. The connection ends. Against CVE-2019-9512 and
     * -9515. */
    BELAY_LIMIT_ACKS = 16,
    /* Entries of a SETTINGS frame: 32. The connection ends. Against CVE-2019-9515. */
    BELAY_LIMIT_SETTINGS = 17,
    /* CONTINUATION frames of a block of headers, empty ones too: 8. The connection ends. Against CVE-2024-28182. */
    BELAY_LIMIT_CONTINUATIONS = 18,
    /* Empty DATA frames in a row on a stream, which do not end it: with the 10th it is reset, and that counts as
     * an error that the peer provoked. Against CVE-2019-9518. */
    BELAY_LIMIT_EMPTY_FRAMES = 19,
    /* Errors of streams that the peer provokes by breaking HTTP/2's rules: a burst of 100. The connection ends with
     * the next. Against MadeYouReset (CVE-2025-8671). That a client resets its own streams never counts. */
    BELAY_LIMIT_PROVOKED_ERRORS = 20,
    /* How many of these are forgiven in a second: 10. Reached: never by itself. */
    BELAY_LIMIT_PROVOKED_RATE = 21,
    /* WINDOW_UPDATE frames: a burst of 1000, and what the next limit adds. The connection ends with the next. Against
     * floods. */
    BELAY_LIMIT_WINDOW_UPDATES = 22,
    /* How many more for each message and each DATA frame that was sent, and each stream that was opened: 10. They are
     * saved up to one burst, those for messages to 100 bursts. Reached: never by itself. */
    BELAY_LIMIT_WINDOW_UPDATE_RATE = 23,
    /* New streams that a read may bring when reads before brought more than may be open at a time: 32. Then fewer
     * bytes are read in a turn, so that other connections have theirs. Against floods of streams. */
    BELAY_LIMIT_STREAMS_PER_READ = 24,
    /* Bytes that may come on a stream before anybody takes them: 256 KiB; up to 1 GiB. While a larger message comes
     * the window covers the rest of it. Reached: never by itself, peers keep to it. Against senders that are faster
     * than who receives. */
    BELAY_LIMIT_STREAM_WINDOW = 25,
    /* The same of a connection: 1 MiB; 65,535 bytes, with which HTTP/2 begins, to 1 GiB. It is given back on receipt
     * as long as BELAY_LIMIT_CONNECTION_BYTES allows, so it is what may be on its way. Reached: never by itself. */
    BELAY_LIMIT_CONNECTION_WINDOW = 26,
    /* PINGs that come too soon and are forgiven: 2. Servers only. The connection ends with the next. As the strikes
     * of belay_server_options_set_ping_limits(). Against floods of PINGs. */
    BELAY_LIMIT_PING_STRIKES = 27,
    /* Messages of TLS itself that come after its handshake: changes of keys, tickets, attempts at another handshake: a
     * burst of 32, and one more for each second. The connection ends with the next. Against floods of KeyUpdate, each
     * of which costs us new keys. */
    BELAY_LIMIT_TLS_MESSAGES = 28
} belay_limit;

#define BELAY_LIMITS 29 /* how many this version knows */

/*
 * Gives a limit's name, "header list" say.
 *
 * limit: one of belay_limit.
 * Returns a static string; NULL for what is no limit.
 * Threads: any.
 */
BELAY_API const char *belay_limit_name(belay_limit limit);

/*
 * Gives a limit's default.
 *
 * limit: one of belay_limit.
 * Returns the default, in the limit's unit; 0 for what is no limit.
 * Threads: any.
 */
BELAY_API uint64_t belay_limit_default(belay_limit limit);

/*
 * Sets a limit of servers.
 *
 * options: to change; unchanged on failure.
 * limit, value: which, and to what: in the unit that the limit says.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for what is no limit, and for values that make no sense: 0 is none
 *     but for what counts rates, times end at BELAY_FOREVER, sizes at 4 GiB - 1, numbers at 2^31 - 1.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_limit(belay_server_options *options,
                                                                      belay_limit limit, uint64_t value);

/*
 * Sets a limit of channels.
 *
 * options: to change; unchanged on failure.
 * limit, value, and what is returned: as for belay_server_options_set_limit().
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_channel_options_set_limit(belay_channel_options *options,
                                                                       belay_limit limit, uint64_t value);

/*
 * Tells how often a limit was reached on a server, from its start.
 *
 * server: a server.
 * limit: one of belay_limit; two that only say how fast others recover count nothing, and what only waits
 *     (BELAY_LIMIT_HANDLERS) does not either.
 * Returns the number; 0 for what is no limit.
 * Threads: any.
 */
BELAY_API uint64_t belay_server_limit_reached(const belay_server *server, belay_limit limit);

/*
 * Tells how often a limit was reached on a channel, from its beginning.
 *
 * channel: a channel.
 * limit, and what is returned: as for belay_server_limit_reached().
 * Threads: any.
 */
BELAY_API uint64_t belay_channel_limit_reached(const belay_channel *channel, belay_limit limit);

BELAY_END_DECLS

#endif
