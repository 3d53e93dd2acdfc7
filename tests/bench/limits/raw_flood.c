/* SPDX-License-Identifier: MIT */
/* Rapid reset, and what another connection feels of it. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/limits/raw_calls.h"
#include "bench/limits/raw_words.h"
#include "bench/samples.h"

#define BATCH 20
#define DATA_SIZE 12 /* what a hello takes from the window */
#define TIME_LIMIT RAW_SECONDS(30)
#define US INT64_C(1000)

typedef struct flood_run {
    raw_connection *connection;
    bool with_data;
    long calls;
    long sent;
    atomic_bool over; /* the reader stops then */
} flood_run;

static void *
read_all(void *argument)
{
    flood_run *run = argument;
    while (!run->connection->closed && !run->over)
        raw_read(run->connection, 50);
    return NULL;
}

/* Whether the server lets us send a batch. DATA of streams that were reset counts, too. */
static bool
take_window(flood_run *run)
{
    if (!run->with_data)
        return true;
    if (run->connection->window < BATCH * DATA_SIZE)
        return false;
    atomic_fetch_sub(&run->connection->window, BATCH * DATA_SIZE);
    return true;
}

static bool
send_batch(flood_run *run)
{
    uint8_t calls[BATCH * CALL_ROOM];
    uint8_t *end = calls;
    for (int i = 0; i < BATCH; i++) {
        uint32_t stream = raw_stream(run->connection);
        end = frame_call(end, stream, run->connection->authority, PATH_SAY_HELLO);
        if (run->with_data)
            end = frame_hello(end, stream);
        end = frame_reset(end, stream);
    }
    if (!raw_send(run->connection, calls, end))
        return false;
    run->sent += BATCH;
    return true;
}

static void
send_all(flood_run *run)
{
    const raw_connection *connection = run->connection;
    int64_t limit = raw_now() + TIME_LIMIT;
    while (run->sent < run->calls && !connection->closed && !connection->goaway && raw_now() < limit) {
        if (!take_window(run))
            raw_sleep(20 * US);
        else if (!send_batch(run))
            return;
    }
}

/* The server has read everything when it answers this. */
static bool
ping(flood_run *run)
{
    uint8_t frame[FRAME_HEAD_SIZE + PING_OPAQUE_SIZE] = {0};
    int64_t limit = raw_now() + TIME_LIMIT;
    frame_head(frame, PING_OPAQUE_SIZE, FRAME_PING, 0, 0);
    raw_send(run->connection, frame, frame + sizeof frame);
    while (!run->connection->ponged && !run->connection->closed && raw_now() < limit)
        raw_sleep(200 * US);
    return run->connection->ponged;
}

static void
report(flood_run *run, int64_t ns, bool read_by_server)
{
    raw_connection *connection = run->connection;
    bool kept = read_by_server && !connection->goaway && raw_hello(connection);
    printf("flood mode=%s sent=%ld seconds=%.3f read=%d kept=%d goaway=%d code=%u headers=%ld data=%ld "
           "resets=%ld\n",
           run->with_data ? "data" : "headers", run->sent, (double)ns / 1e9, read_by_server, kept,
           connection->goaway, connection->goaway_code, connection->headers, connection->data,
           connection->resets);
}

/* flood HOST:PORT CALLS [data|headers]: HEADERS, DATA, RST_STREAM of each call, as fast as they are read. */
int
raw_flood(int argc, char **argv)
{
    pthread_t reader;
    if (argc < 2)
        return 2;
    flood_run run = {.connection = raw_connect(argv[0]), .calls = atol(argv[1])};
    run.with_data = argc < 3 || strcmp(argv[2], "headers") != 0;
    if (!raw_wait_ready(run.connection) || pthread_create(&reader, NULL, read_all, &run) != 0)
        return 1;
    int64_t start = raw_now();
    send_all(&run);
    bool read_by_server = ping(&run);
    int64_t ns = raw_now() - start;
    run.over = true;
    pthread_join(reader, NULL);
    report(&run, ns, read_by_server);
    raw_free(run.connection);
    return 0;
}

/* ---- Another connection -------------------------------------------------------------------------------- */

static volatile sig_atomic_t enough;

static void
on_term(int signal)
{
    (void)signal;
    enough = 1;
}

/* watch HOST:PORT CALLS: calls one at a time, until there were so many or SIGTERM comes. */
int
raw_watch(int argc, char **argv)
{
    sample_list latency = {0};
    unsigned int misses = 0;
    if (argc < 2)
        return 2;
    signal(SIGTERM, on_term);
    raw_connection *connection = raw_connect(argv[0]);
    long calls = atol(argv[1]);
    if (!raw_wait_ready(connection) || !raw_hello(connection))
        return 1;
    printf("READY\n");
    fflush(stdout);
    for (long i = 0; i < calls && !enough && !connection->closed; i++) {
        int64_t start = raw_now();
        if (raw_hello(connection))
            samples_add(&latency, raw_now() - start);
        else
            misses++;
    }
    samples_print("latency", &latency, misses);
    samples_free(&latency);
    raw_free(connection);
    return 0;
}
