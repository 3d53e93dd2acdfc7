/* SPDX-License-Identifier: MIT */
/* Connections and calls that stay open: for what they cost, and to keep a server busy. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/limits/raw_calls.h"
#include "bench/limits/raw_words.h"

#define MAX_CONNECTIONS 20000
#define MAX_CALLS 1000
#define MS INT64_C(1000000)

/* Somebody says on stdin, by a line or by closing it, that it is over. */
static bool
told_to_end(void)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    return poll(&input, 1, 0) != 0;
}

static void
start_calls(raw_connection *connection, int count, const char *path)
{
    const bench_request request = {.id = 1};
    uint8_t *calls = malloc((size_t)count * CALL_ROOM);
    uint8_t *end = calls;
    if (calls == NULL)
        abort();
    for (int i = 0; i < count; i++) {
        uint32_t stream = raw_stream(connection);
        end = frame_call(end, stream, connection->authority, path);
        end = frame_bench(end, stream, &request);
    }
    raw_send(connection, calls, end);
    free(calls);
}

/* ---- hold --------------------------------------------------------------------------------------------- */

static void
raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void
open_all(raw_connection **connections, int count, const char *target)
{
    for (int i = 0; i < count; i++)
        connections[i] = raw_connect(target);
    for (int i = 0; i < count; i++)
        raw_wait_ready(connections[i]);
}

static void
hold_all(raw_connection **connections, int count, double seconds)
{
    int64_t until = raw_now() + (int64_t)(seconds * 1e9);
    while (raw_now() < until && !told_to_end()) {
        for (int i = 0; i < count; i++)
            raw_read(connections[i], 0);
        raw_sleep(20 * MS);
    }
}

/* Says when the first was closed, on CLOCK_MONOTONIC, and what happened while they were held. */
static void
close_all(raw_connection **connections, int count)
{
    long ready = 0, closed = 0, goaways = 0, resets = 0, ended = 0;
    for (int i = 0; i < count; i++) {
        ready += connections[i]->ready;
        closed += connections[i]->closed;
        goaways += connections[i]->goaway;
        resets += connections[i]->resets;
        ended += connections[i]->ended;
    }
    int64_t start = raw_now();
    for (int i = 0; i < count; i++)
        raw_close(connections[i]);
    printf("CLOSED at_ns=%lld ready=%ld closed=%ld goaway=%ld resets=%ld ended=%ld\n", (long long)start,
           ready, closed, goaways, resets, ended);
}

/* hold HOST:PORT CONNECTIONS CALLS SECONDS [PATH]: so many calls on each connection, of Bench/Block unless
   told otherwise; then all connections are closed at once. */
int
raw_hold(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[1]) : 0;
    int calls = argc > 3 ? atoi(argv[2]) : -1;
    if (count < 1 || count > MAX_CONNECTIONS || calls < 0 || calls > MAX_CALLS)
        return 2;
    raise_file_limit();
    raw_connection **connections = calloc((size_t)count, sizeof(raw_connection *));
    if (connections == NULL)
        abort();
    open_all(connections, count, argv[0]);
    for (int i = 0; i < count && calls != 0; i++)
        start_calls(connections[i], calls, argc > 4 ? argv[4] : PATH_BLOCK);
    printf("READY connections=%d calls=%d max_streams=%u\n", count, count * calls,
           connections[0]->max_streams);
    fflush(stdout);
    hold_all(connections, count, atof(argv[3]));
    close_all(connections, count);
    for (int i = 0; i < count; i++)
        raw_free(connections[i]);
    free(connections);
    return 0;
}

/* ---- busy --------------------------------------------------------------------------------------------- */

/* busy HOST:PORT CALLS SECONDS: keeps so many Spin calls running; a new one follows each that ends. */
int
raw_busy(int argc, char **argv)
{
    int calls = argc > 2 ? atoi(argv[1]) : 0;
    if (calls < 1 || calls > MAX_CALLS)
        return 2;
    raw_connection *connection = raw_connect(argv[0]);
    int64_t until = raw_now() + (int64_t)(atof(argv[2]) * 1e9);
    long started = 0;
    if (!raw_wait_ready(connection))
        return 1;
    printf("READY calls=%d\n", calls);
    fflush(stdout);
    while (raw_now() < until && !told_to_end() && !connection->closed) {
        int missing = calls - (int)(started - connection->ended);
        if (missing > 0)
            start_calls(connection, missing, PATH_SPIN);
        started += missing;
        raw_read(connection, 20);
    }
    printf("BUSY started=%ld ended=%ld\n", started, connection->ended);
    raw_free(connection);
    return 0;
}
