/* SPDX-License-Identifier: MIT */
/*
 * The graceful end.
 */
#include <string.h>

#include "h2/session.h"

#define PING_TIME 1000000000u /* ns */

static const uint8_t drain_ping[8] = {'b', 'l', 'y', 'd', 'r', 'a', 'i', 'n'};

/* ---- drain ---- */

/* The clients have had time to hear of the end: what comes from now on is refused. */
static void
finish_drain(bly_h2_connection *connection)
{
    if (connection->drain_final)
        return;
    connection->drain_final = true;
    connection->drain_at = BLY_H2_NEVER;
    int32_t last = nghttp2_session_get_last_proc_stream_id(connection->session);
    if (nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0)
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "no memory");
    bly_h2_wake(connection);
}

void
bly_h2_drain_ping_answered(bly_h2_connection *connection, const uint8_t data[8])
{
    if (!connection->draining || memcmp(data, drain_ping, sizeof drain_ping) != 0)
        return;
    finish_drain(connection);
    bly_h2_timer_update(connection);
}

void
bly_h2_drain_look(bly_h2_connection *connection, uint64_t now)
{
    if (now >= connection->drain_at)
        finish_drain(connection);
}

void
bly_h2_connection_drain(bly_h2_connection *connection)
{
    if (connection->draining || connection->closed)
        return;
    connection->draining = true;
    if (!connection->is_server) { /* no streams come to a client: nothing to wait for */
        finish_drain(connection);
        return;
    }
    connection->drain_at = bly_clock_after(bly_h2_now(connection), PING_TIME);
    if (nghttp2_submit_shutdown_notice(connection->session) != 0 || !bly_h2_timer_update(connection))
        finish_drain(connection);
    bly_h2_wake(connection);
}

/* Only now: nghttp2 would let the PING pass a GOAWAY that waits, and the answer would prove nothing. */
void
bly_h2_drain_notice_sent(bly_h2_connection *connection)
{
    if (!connection->draining || connection->drain_final || connection->drain_pinged)
        return;
    connection->drain_pinged = true;
    if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, drain_ping) != 0)
        finish_drain(connection);
}
