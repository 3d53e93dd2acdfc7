/* SPDX-License-Identifier: MIT */
/* Calls that one thread makes one after the other, and waits for. */
#ifndef LIMITS_RAW_CALLS_H
#define LIMITS_RAW_CALLS_H

#include "bench/limits/raw_connection.h"

/* What a BenchRep says, and Stats' field v: handlers that are in Block, of servers that count them. */
typedef struct bench_reply {
    uint64_t ns;
    uint64_t started;
    uint64_t finished;
    double blocked;
} bench_reply;

/* One call from start to end: false when the answer did not come within two seconds. */
bool raw_hello(raw_connection *connection);
bool raw_ask(raw_connection *connection, const char *path, uint64_t id, bench_reply *reply);

#endif
