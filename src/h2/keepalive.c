/* SPDX-License-Identifier: MIT */
/*
 * Whether the other side is still there: a PING when nothing has come for a while, and the end when nothing comes
 * after that either (gRFC A8). And how often the other side may ask that of us.
 *
 * Whatever comes is a sign of life. A client without streams does not ask (servers take that for abuse) but
 * sleeps until there is one. While a PING waits we look once an interval passes: the peer may be heard after the
 * question and stop then, which is to be noticed within the interval and the time-out too. The time-out counts from
 * when we ask, also while the PING waits behind what the kernel does not take, so TCP_USER_TIMEOUT (gRFC A18) would
 * add nothing but a shorter end for peers that read slowly.
 */
#include <inttypes.h>
#include <string.h>

#include "h2/session.h"

#define NS_IN_MS 1000000u

static const uint8_t keepalive_ping[8] = {'b', 'l', 'y', 'a', 'l', 'i', 'v', 'e'};

/* ---- our PINGs ---- */

/* From now on nothing has been heard. */
static void
begin_anew(bly_h2_connection *connection)
{
    connection->keepalive_waits = false;
    connection->keepalive_asleep = false;
    connection->heard = false;
    connection->keepalive_at = bly_clock_after(bly_h2_now(connection), connection->options.keepalive_ns);
}

void
bly_h2_keepalive_begin(bly_h2_connection *connection)
{
    if (connection->options.keepalive_ns != BLY_H2_NEVER)
        begin_anew(connection);
}

void
bly_h2_keepalive_wake(bly_h2_connection *connection)
{
    begin_anew(connection);
    bly_h2_timer_update(connection);
}

/* At once, not when the timer looks: so that the next PING does not wait for this one's time-out. */
void
bly_h2_keepalive_answered(bly_h2_connection *connection, const uint8_t data[8])
{
    if (!connection->keepalive_waits || memcmp(data, keepalive_ping, sizeof keepalive_ping) != 0)
        return;
    begin_anew(connection);
    bly_h2_timer_update(connection);
}

/* While a PING waits. */
static void
look_again(bly_h2_connection *connection, uint64_t now)
{
    uint64_t at = bly_clock_after(now, connection->options.keepalive_ns);
    connection->keepalive_at = at < connection->keepalive_end ? at : connection->keepalive_end;
}

static void
ask(bly_h2_connection *connection, uint64_t now)
{
    if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, keepalive_ping) != 0) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
        return;
    }
    connection->keepalive_waits = true;
    connection->keepalive_end = bly_clock_after(now, connection->options.keepalive_timeout_ns);
    look_again(connection, now);
    bly_h2_wake(connection);
}

void
bly_h2_keepalive_look(bly_h2_connection *connection, uint64_t now)
{
    const bly_h2_options *options = &connection->options;
    if (now >= connection->keepalive_end && connection->keepalive_waits && !connection->heard)
        bly_h2_receive(connection); /* if this process was stopped itself, the answer lies in the socket */
    if (connection->closed || now < connection->keepalive_at)
        return;
    if (connection->keepalive_waits && !connection->heard && now < connection->keepalive_end) {
        look_again(connection, now);
        return;
    }
    if (connection->keepalive_waits && !connection->heard) {
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "keepalive: no answer to a PING within %" PRIu64 " ms",
                    options->keepalive_timeout_ns / NS_IN_MS);
        return;
    }
    if (connection->heard) {
        uint64_t left = bly_h2_left(connection, options->keepalive_ns, connection->heard_ms);
        connection->heard = false;
        connection->keepalive_waits = false;
        connection->keepalive_at = bly_clock_after(now, left);
        if (left > 0)
            return;
    }
    connection->keepalive_asleep =
        !connection->is_server && !options->keepalive_without_streams && connection->stream_count == 0;
    if (connection->keepalive_asleep)
        connection->keepalive_at = BLY_H2_NEVER;
    else
        ask(connection, now);
}

/* ---- the peer's PINGs ---- */

void
bly_h2_pinged(bly_h2_connection *connection)
{
    const bly_h2_options *options = &connection->options;
    uint64_t least = connection->stream_count > 0 ? options->ping_interval_ns : options->idle_ping_interval_ns;
    if (!connection->is_server || (options->ping_interval_ns == 0 && options->idle_ping_interval_ns == 0))
        return;
    uint64_t now = bly_h2_now(connection);
    bool is_early = connection->was_pinged && now < bly_clock_after(connection->pinged_at, least);
    connection->was_pinged = true;
    connection->pinged_at = now;
    if (connection->sent_since_ping) {
        connection->sent_since_ping = false;
        connection->ping_strikes = 0;
    } else if (is_early && ++connection->ping_strikes > options->ping_strikes) {
        bly_h2_calm(connection, BELAY_LIMIT_PING_STRIKES, "too_many_pings");
    }
}
