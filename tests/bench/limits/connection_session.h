/* SPDX-License-Identifier: MIT */
/* The nghttp2 half of a connection: streams become calls, answers become frames. connection.c's own. */
#ifndef LIMITS_CONNECTION_SESSION_H
#define LIMITS_CONNECTION_SESSION_H

#include <nghttp2/nghttp2.h>

#include "bench/limits/connection.h"

/* I/O thread only, all of it. */
struct limit_connection {
    int fd;
    bool dead;
    bool marked;
    bool wants_output;
    size_t call_count;
    limit_call *calls;
    nghttp2_session *session; /* NULL once dead */
    uint8_t *output;
    size_t output_size;
    size_t output_room;
    limit_connection *next_marked;
};

void session_init(bool with_workers);
void session_start(limit_connection *connection);

/* Cancels the calls that workers have, frees the others. */
void session_end(limit_connection *connection);

void session_respond(limit_call *call);
void session_free_call(limit_call *call);

#endif
