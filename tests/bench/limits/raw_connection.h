/* SPDX-License-Identifier: MIT */
/* A client's HTTP/2 connection with no library behind it: counts what comes, keeps the last answer. */
#ifndef LIMITS_RAW_CONNECTION_H
#define LIMITS_RAW_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bench/limits/frames.h"

#define ANSWER_ROOM 128
#define RAW_SECONDS(n) ((n) * INT64_C(1000000000))

typedef struct raw_connection {
    /* const after creation */
    int fd;
    char authority[64];

    /* atomic: written by the thread that reads, also looked at by the one that sends */
    atomic_long window; /* what the server lets us send */
    atomic_bool closed;
    atomic_bool goaway;
    atomic_bool ponged;

    /* guarded by send_lock: bytes of two threads do not mix */
    pthread_mutex_t send_lock;

    /* the thread that reads */
    bool ready; /* the server's SETTINGS are there */
    uint32_t max_streams;
    uint32_t goaway_code;
    long headers, data, resets, ended;
    uint32_t awaited;
    bool answered;
    size_t answer_size;
    uint8_t answer[ANSWER_ROOM];
    size_t input_size;
    uint8_t *input;

    /* the thread that sends */
    uint32_t next_stream;
} raw_connection;

int64_t raw_now(void);
void raw_sleep(int64_t ns);

/* To 127.x.x.x:PORT only. Ends the program when there is nobody. */
raw_connection *raw_connect(const char *target);
void raw_close(raw_connection *connection);
void raw_free(raw_connection *connection);

/* Reads once what comes within some milliseconds. */
void raw_read(raw_connection *connection, int ms);
bool raw_wait_ready(raw_connection *connection);

uint32_t raw_stream(raw_connection *connection);
bool raw_send(raw_connection *connection, const uint8_t *bytes, const uint8_t *end);

#endif
