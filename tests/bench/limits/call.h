/* SPDX-License-Identifier: MIT */
/* A call of the limit server: the bytes of one request and of its answer, and nothing about HTTP/2. */
#ifndef LIMITS_CALL_H
#define LIMITS_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_ROOM 256
#define ANSWER_ROOM 300

typedef enum limit_method {
    METHOD_UNKNOWN,
    METHOD_SAY_HELLO,
    METHOD_SPIN,
    METHOD_SEEN,
    METHOD_BLOCK, /* never answered */
    METHOD_STATS,
} limit_method;

typedef struct limit_call {
    /* const after creation */
    struct limit_connection *connection;
    int32_t stream_id;

    /* I/O thread only */
    struct limit_call *previous_sibling;
    struct limit_call *next_sibling;
    size_t sent;
    bool busy; /* with a worker, or on the way there or back */
    bool gone; /* its stream is closed: freed when the worker gives it back */

    /* whoever has it: the I/O thread, or a worker while it is busy */
    struct limit_call *next;
    limit_method method;
    size_t request_size;
    size_t answer_size;
    uint8_t request[REQUEST_ROOM];
    uint8_t answer[ANSWER_ROOM];

    /* atomic, relaxed: the handler looks at it and nothing else depends on it */
    atomic_int cancelled;
} limit_call;

limit_method call_method(const uint8_t *path, size_t size);

/* Adds to the request. What has no room is dropped: the answer is wrong then, which the client counts. */
void call_receive(limit_call *call, const uint8_t *data, size_t size);

/* Runs the handler: reads the request, writes the answer with its message frame's head. Any thread. */
void call_run(limit_call *call);

#endif
