/* SPDX-License-Identifier: MIT */
/*
 * How long a connection lasts (gRFC A9): without streams, in all, and with streams that do not end when it is to.
 */
#include "h2/session.h"

#define FAREWELL 1000000000u /* ns */

void
bly_h2_age_begin(bly_h2_connection *connection)
{
    uint64_t now = bly_h2_now(connection);
    connection->idle_at = bly_clock_after(now, connection->options.idle_ns);
    connection->age_at = bly_clock_after(now, connection->options.age_ns);
}

static void
look_at_idle(bly_h2_connection *connection, uint64_t now)
{
    uint64_t left = connection->options.idle_ns;
    if (connection->stream_count == 0) {
        left = connection->was_used ? bly_h2_left(connection, left, connection->unused_since_ms) : 0;
        connection->was_used = false;
    }
    connection->idle_at = bly_clock_after(now, left);
    if (left > 0)
        return;
    connection->idle_at = bly_clock_after(now, connection->options.idle_ns); /* if the owner has other plans */
    if (connection->ops->idle != NULL)
        connection->ops->idle(connection->owner, connection);
}

void
bly_h2_age_look(bly_h2_connection *connection, uint64_t now)
{
    if (connection->draining) {
        connection->idle_at = BLY_H2_NEVER;
        connection->age_at = BLY_H2_NEVER;
    }
    if (now >= connection->idle_at)
        look_at_idle(connection, now);
    if (connection->closed)
        return;
    if (now >= connection->age_at) {
        connection->age_at = BLY_H2_NEVER;
        connection->grace_at = bly_clock_after(now, connection->options.grace_ns);
        bly_h2_connection_drain(connection);
    }
    if (!connection->closed && now >= connection->grace_at) {
        connection->grace_at = bly_clock_after(now, FAREWELL);
        if (connection->ops->grace_over != NULL)
            connection->ops->grace_over(connection->owner, connection);
    }
}
