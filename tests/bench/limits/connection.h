/* SPDX-License-Identifier: MIT */
/* A connection of the limit server: an nghttp2 session, its calls, and the bytes that wait for the socket. */
#ifndef LIMITS_CONNECTION_H
#define LIMITS_CONNECTION_H

#include <stdbool.h>

#include "bench/limits/call.h"

typedef struct limit_connection limit_connection;

/* Once. Without workers calls are answered where they are read. */
void connections_init(int epoll, bool with_workers);

/* Takes the socket. */
void connection_new(int fd);

/* Reads what there is, until the socket has no more. */
void connection_read(limit_connection *connection);

/* Has something to send, or has to be freed: looked at by connections_flush(). */
void connection_mark(limit_connection *connection);

/* A worker gives the call back: it is answered, or freed when nobody waits for it any more. */
void connection_call_done(limit_call *call);

/* At the end of a turn: sends for all that are marked, frees the dead. */
void connections_flush(void);

#endif
