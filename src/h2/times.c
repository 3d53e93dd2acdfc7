/* SPDX-License-Identifier: MIT */
/*
 * The times that a connection waits for. One timer stands for the earliest of them; while it is armed it holds a
 * reference. It is armed anew when it has fired or when something rare happens, never for a frame or a stream:
 * those only leave a note of when they were, and whoever looks at the time counts from there.
 */
#include "h2/session.h"

#define NS_IN_MS 1000000u

uint64_t
bly_h2_now(const bly_h2_connection *connection)
{
    return bly_clock_now(bly_loop_clock(connection->loop));
}

uint64_t
bly_h2_left(const bly_h2_connection *connection, uint64_t duration, uint64_t since_ms)
{
    uint64_t turn = bly_loop_turn_ms(connection->loop);
    uint64_t passed = turn > since_ms ? (turn - since_ms) * NS_IN_MS : 0;
    if (duration == BLY_H2_NEVER)
        return BLY_H2_NEVER;
    return duration > passed ? duration - passed : 0;
}

/* Whoever listens after all is told why. */
static void
give_up(bly_h2_connection *connection)
{
    static const char words[] = "no preface and SETTINGS in time";
    bly_h2_note_limit(connection, BELAY_LIMIT_PREFACE_TIME);
    bly_h2_enter(connection);
    bly_h2_fail(connection, BLY_H2_CLOSED_BROKEN, "the peer sent no HTTP/2 SETTINGS in time");
    (void)nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_SETTINGS_TIMEOUT,
                                (const uint8_t *)words, sizeof words - 1);
    bly_h2_flush(connection);
    bly_h2_leave(connection);
}

/* Any of them may close the connection. */
static void
look_at_times(bly_h2_connection *connection)
{
    uint64_t now = bly_h2_now(connection);
    if (now >= connection->preface_at) {
        give_up(connection);
        return;
    }
    bly_h2_drain_look(connection, now);
    if (!connection->closed)
        bly_h2_keepalive_look(connection, now);
    if (!connection->closed)
        bly_h2_age_look(connection, now);
    if (!connection->closed && now >= connection->stall_at)
        bly_h2_stall_look(connection);
    if (!connection->closed)
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
    connection->keepalive_at = BLY_H2_NEVER;
    connection->idle_at = BLY_H2_NEVER;
    connection->age_at = BLY_H2_NEVER;
    connection->grace_at = BLY_H2_NEVER;
    connection->stall_at = BLY_H2_NEVER;
}

static uint64_t
earliest(const bly_h2_connection *connection)
{
    const uint64_t times[] = {connection->preface_at, connection->drain_at, connection->keepalive_at,
                              connection->idle_at,    connection->age_at,   connection->grace_at,
                              connection->stall_at};
    uint64_t first = BLY_H2_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (times[i] < first)
            first = times[i];
    }
    return first;
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
    uint64_t at = connection->closed ? BLY_H2_NEVER : earliest(connection);
    if (at == BLY_H2_NEVER)
        return true;
    if (!bly_timer_arm(connection->loop, &connection->timer, at))
        return false;
    connection->timer_armed = true;
    connection->references++;
    return true;
}
