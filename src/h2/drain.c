/* SPDX-License-Identifier: MIT */
/*
 * The graceful end, and the times that a connection waits for: the peer's first SETTINGS, the PING of a
 * drain, and a peer that takes nothing. One timer stands for the earliest of them; while it is armed it holds a reference.
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
bly_h2_connection_drain(bly_h2_connection *connection)
{
    if (connection->draining || connection->closed)
        return;
    connection->draining = true;
    if (!connection->is_server) { /* no streams come to a client: nothing to wait for */
        finish_drain(connection);
        return;
    }
    connection->drain_at = bly_clock_after(bly_clock_now(bly_loop_clock(connection->loop)), PING_TIME);
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

/* ---- the timer ---- */

static void
look_at_times(bly_h2_connection *connection)
{
    uint64_t now = bly_clock_now(bly_loop_clock(connection->loop));
    if (now >= connection->preface_at) {
        bly_h2_note_limit(connection, BELAY_LIMIT_PREFACE_TIME);
        bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "the peer sent no HTTP/2 SETTINGS in time");
        return;
    }
    if (now >= connection->drain_at)
        finish_drain(connection);
    if (now >= connection->stall_at)
        bly_h2_stall_look(connection);
    bly_h2_timer_update(connection);
}

static void
fire(bly_timer *timer)
{
    bly_h2_connection *connection = BLY_CONTAINER_OF(timer, bly_h2_connection, timer);
    connection->timer_armed = false;
    if (!connection->closed)
        look_at_times(connection);
    bly_h2_release(connection);
}

void
bly_h2_timer_init(bly_h2_connection *connection)
{
    bly_timer_init(&connection->timer, fire);
    connection->preface_at = BLY_H2_NEVER;
    connection->drain_at = BLY_H2_NEVER;
    connection->stall_at = BLY_H2_NEVER;
}

static uint64_t
earliest(const bly_h2_connection *connection)
{
    if (connection->closed)
        return BLY_H2_NEVER;
    uint64_t at = connection->preface_at < connection->drain_at ? connection->preface_at : connection->drain_at;
    return at < connection->stall_at ? at : connection->stall_at;
}

bool
bly_h2_timer_update(bly_h2_connection *connection)
{
    if (connection->timer_armed) {
        if (!bly_timer_disarm(connection->loop, &connection->timer))
            return true; /* it is about to fire, and looks again then */
        connection->timer_armed = false;
        bly_h2_release(connection);
    }
    uint64_t at = earliest(connection);
    if (at == BLY_H2_NEVER)
        return true;
    if (!bly_timer_arm(connection->loop, &connection->timer, at))
        return false;
    connection->timer_armed = true;
    connection->references++;
    return true;
}
