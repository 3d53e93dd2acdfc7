/* SPDX-License-Identifier: MIT */
/* From just before an RST_STREAM is sent to the handler that sees its flag, by the handler's own clock. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/limits/raw_calls.h"
#include "bench/limits/raw_words.h"
#include "bench/samples.h"

#define MAX_HOPS 8
#define PATIENCE RAW_SECONDS(3)
#define TIME_LIMIT RAW_SECONDS(60)
#define MS INT64_C(1000000)

typedef struct cancel_run {
    raw_connection *root;
    raw_connection *leaf; /* the root itself when there is one server */
    char *hops[MAX_HOPS]; /* behind the root */
    size_t hop_count;
    uint64_t steps;
    int64_t before_cancel;
    sample_list seen;
    unsigned int misses;
} cancel_run;

static uint32_t
start_call(cancel_run *run, uint64_t id)
{
    uint8_t call[CALL_ROOM + MAX_HOPS * 128];
    const bench_request request = {
        .id = id, .steps = run->steps, .hops = run->hops, .hop_count = run->hop_count};
    uint32_t stream = raw_stream(run->root);
    const char *path = run->hop_count != 0 ? PATH_CHAIN : PATH_SPIN;
    uint8_t *end = frame_call(call, stream, run->root->authority, path);
    raw_send(run->root, call, frame_bench(end, stream, &request));
    return stream;
}

/* Returns when it was sent. */
static int64_t
reset_call(cancel_run *run, uint32_t stream)
{
    uint8_t frame[CALL_ROOM];
    uint8_t *end = frame_reset(frame, stream);
    int64_t start = raw_now();
    raw_send(run->root, frame, end);
    return start;
}

/* Asks until there is something to say, for three seconds. */
static int64_t
ask_seen(cancel_run *run, uint64_t id)
{
    bench_reply reply = {0};
    int64_t limit = raw_now() + PATIENCE;
    for (int i = 0; reply.ns == 0 && !run->leaf->closed && raw_now() < limit; i++) {
        raw_sleep(i < 20 ? MS : 10 * MS);
        raw_ask(run->leaf, PATH_SEEN, id, &reply);
    }
    return (int64_t)reply.ns;
}

static void
cancel_one(cancel_run *run, uint64_t id)
{
    uint32_t stream = start_call(run, id);
    /* Until the handlers run, and at no fixed phase of anything. */
    int64_t until = raw_now() + run->before_cancel + rand() % 2000 * (MS / 1000);
    while (raw_now() < until) {
        raw_read(run->root, 0);
        raw_sleep(MS / 2);
    }
    int64_t start = reset_call(run, stream);
    int64_t seen = ask_seen(run, id);
    if (seen != 0)
        samples_add(&run->seen, seen - start);
    else
        run->misses++;
}

static int
cancel_all(cancel_run *run, long calls)
{
    if (!raw_wait_ready(run->root) || !raw_wait_ready(run->leaf))
        return 1;
    int64_t limit = raw_now() + TIME_LIMIT;
    for (long i = 0; i < calls && !run->root->closed && raw_now() < limit; i++)
        cancel_one(run, ((uint64_t)getpid() << 24) + (uint64_t)i + 1);
    samples_print("handler-saw", &run->seen, run->misses);
    samples_free(&run->seen);
    return run->root->closed || run->leaf->closed ? 1 : 0;
}

/* cancel HOST:PORT CALLS [STEPS]: fewer where a minute is over before. */
int
raw_cancel(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    cancel_run run = {.root = raw_connect(argv[0]), .before_cancel = 4 * MS};
    run.leaf = run.root;
    run.steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    int code = cancel_all(&run, atol(argv[1]));
    raw_free(run.root);
    return code;
}

/* chain A,B,C CALLS [STEPS]: the first calls the second and so on. What was seen is asked on a connection of
   its own, to the last. */
int
raw_chain(int argc, char **argv)
{
    cancel_run run = {.before_cancel = 10 * MS};
    char *rest;
    char *root = argc > 1 ? strtok_r(argv[0], ",", &rest) : NULL;
    char *hop;
    if (root == NULL)
        return 2;
    while (run.hop_count < MAX_HOPS && (hop = strtok_r(NULL, ",", &rest)) != NULL)
        run.hops[run.hop_count++] = hop;
    if (run.hop_count == 0)
        return 2;
    run.root = raw_connect(root);
    run.leaf = raw_connect(run.hops[run.hop_count - 1]);
    run.steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    int code = cancel_all(&run, atol(argv[1]));
    raw_free(run.root);
    raw_free(run.leaf);
    return code;
}
