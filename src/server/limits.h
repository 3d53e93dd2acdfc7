/* SPDX-License-Identifier: MIT */
/*
 * What a server does when limits are reached that are not one call's. I/O thread.
 *
 * A connection that holds too much, or has calls that want more window than may be had, stands in its loop's list;
 * every few milliseconds it is looked at whether handlers have made room, on whatever connection.
 */
#ifndef BLY_SERVER_LIMITS_H
#define BLY_SERVER_LIMITS_H

#include "server/server.h"

struct bly_server_connection;

/* Takes over the options' limits. Before the first connection. */
void bly_server_limits_init(belay_server *server);

/* The connection has come to its limit of bytes, or a call of it has. */
void bly_server_withhold(struct bly_server_connection *connection);

/* Arms the timer that opens windows again, if there are any to open. */
void bly_server_look_at_windows(bly_server_loop *place);

/* What the timer does. */
void bly_server_open_windows(bly_timer *timer);

#endif
