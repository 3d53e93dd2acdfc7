/* SPDX-License-Identifier: MIT */
/*
 * How connections are kept: whether the other side is still there, how often it may ask that of us, how long
 * connections last, and how a channel goes about a server that cannot be reached. All of these are options of
 * servers (belay/server.h) and channels (belay/channel.h).
 */
#ifndef BELAY_CONNECTION_H
#define BELAY_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/channel.h>
#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

/* ---- Servers --------------------------------------------------------------------------------------- */

/*
 * Sets how a server notices clients that are gone without a word: stopped processes, machines that lost power,
 * networks that swallow everything. When nothing has come on a connection for the interval, it sends a PING;
 * when nothing comes for the time-out after that, the connection is closed, and its calls are cancelled with
 * BELAY_CAUSE_CONNECTION_LOST.
 *
 * options: to change.
 * interval_ns: in nanoseconds; 2 h by default; BELAY_FOREVER for none.
 * timeout_ns: in nanoseconds; 20 s by default.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a time of 0.
 * Threads: one at a time.
 * Source: gRFC A8, gRFC A9.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_keepalive(belay_server_options *options,
                                                                          uint64_t interval_ns,
                                                                          uint64_t timeout_ns);

/*
 * Sets how often clients may send PINGs. One that comes sooner than the interval after the one before is a
 * strike; a client with more strikes than allowed is sent GOAWAY with ENHANCE_YOUR_CALM and "too_many_pings", and
 * its connection is closed. Whatever the server sends on calls takes all strikes back. Against floods of PINGs,
 * and against clients that keep machines and radios awake for nothing.
 *
 * options: to change.
 * interval_ns: while calls are open, in nanoseconds; 5 min by default; 0 for no limit.
 * idle_interval_ns: while none are, in nanoseconds; 2 h by default; 0 for no limit.
 * strikes: that are forgiven; 2 by default. As BELAY_LIMIT_PING_STRIKES, which also counts who had more.
 * Threads: one at a time.
 * Source: gRFC A8.
 */
BELAY_API void belay_server_options_set_ping_limits(belay_server_options *options, uint64_t interval_ns,
                                                    uint64_t idle_interval_ns, unsigned int strikes);

/*
 * Sets how long a connection may be without calls: then it is ended as by a drain (GOAWAY). Against clients that
 * hold connections they have no use for.
 *
 * options: to change.
 * idle_ns: in nanoseconds, for each connection up to a tenth more or less; BELAY_FOREVER, the default, for no
 *     limit.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a time of 0.
 * Threads: one at a time.
 * Source: gRFC A9.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_connection_idle(belay_server_options *options,
                                                                                uint64_t idle_ns);

/*
 * Sets how long a connection lasts, so that clients are spread anew over servers once in a while. Then it is
 * ended as by a drain: the client is told (GOAWAY), calls under way go on, new ones go over another connection.
 * Calls that outlast the grace time are cancelled with BELAY_CAUSE_SHUTDOWN.
 *
 * options: to change.
 * age_ns: in nanoseconds, for each connection up to a tenth more or less, so that they do not all come back at
 *     once; BELAY_FOREVER, the default, for no limit.
 * grace_ns: in nanoseconds; BELAY_FOREVER, the default, for no limit.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for an age of 0.
 * Threads: one at a time.
 * Source: gRFC A9.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_connection_age(belay_server_options *options,
                                                                               uint64_t age_ns,
                                                                               uint64_t grace_ns);

/* ---- Channels -------------------------------------------------------------------------------------- */

/*
 * Sets how a channel notices that its server is gone without a word, as belay_server_options_set_keepalive() does
 * for servers. Its calls then fail with BELAY_UNAVAILABLE. Servers allow PINGs every 5 minutes unless told
 * otherwise; one that is asked too often ends the connection, and the channel then doubles its interval and says
 * so in the log.
 *
 * options: to change.
 * interval_ns: in nanoseconds; BELAY_FOREVER, the default, for none.
 * timeout_ns: in nanoseconds; 20 s by default.
 * without_calls: whether PINGs are sent also while no call is open; false by default. Servers take them for
 *     abuse unless they were told.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a time of 0.
 * Threads: one at a time.
 * Source: gRFC A8.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_channel_options_set_keepalive(belay_channel_options *options,
                                                                           uint64_t interval_ns,
                                                                           uint64_t timeout_ns, bool without_calls);

/*
 * Sets how long a channel keeps a connection without calls. The next call makes another.
 *
 * options: to change.
 * idle_ns: in nanoseconds; 30 min by default; BELAY_FOREVER for no limit.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a time of 0.
 * Threads: one at a time.
 * Source: gRPC, "Connectivity Semantics": IDLE_TIMEOUT.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_channel_options_set_idle(belay_channel_options *options,
                                                                      uint64_t idle_ns);

/*
 * Sets how long a channel waits from one attempt to connect to the next while they fail: the first time, then 1.6
 * times as long each time, give or take a fifth. Counted from the beginning of an attempt; a success begins anew.
 * Calls that do not wait for ready fail meanwhile, with the reason of the last attempt in their message.
 *
 * options: to change.
 * first_ns: in nanoseconds; 1 s by default.
 * most_ns: in nanoseconds; 120 s by default.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT when first_ns is 0 or above most_ns.
 * Threads: one at a time.
 * Source: gRPC, "Connection Backoff Protocol".
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_channel_options_set_backoff(belay_channel_options *options,
                                                                         uint64_t first_ns, uint64_t most_ns);

/*
 * Sets how long an attempt to connect to one of the server's addresses may take before the next is tried.
 *
 * options: to change.
 * timeout_ns: in nanoseconds; 20 s by default.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT for a time of 0.
 * Threads: one at a time.
 * Source: gRPC, "Connection Backoff Protocol": MIN_CONNECT_TIMEOUT.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_channel_options_set_connect_timeout(belay_channel_options *options,
                                                                                 uint64_t timeout_ns);

BELAY_END_DECLS

#endif
