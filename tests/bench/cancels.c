/* SPDX-License-Identifier: MIT */
/* From a client's cancel to the handler that sees it, at the end of a chain of servers. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <belay/context.h>
#include <belay/time.h>

#include "bench/client.h"
#include "bench/samples.h"
#include "peer.belay.h"

#define MAX_HOPS 64
#define TIMEOUT BELAY_SECONDS(4)
#define SPIN_STEPS 1000
#define ASKS 400

typedef struct cancel_run {
    belay_runtime *runtime;
    belay_call_options *options;
    belay_channel *first;
    belay_channel *last;
    char *hops[MAX_HOPS]; /* behind the first */
    size_t hop_count;
    bool chain;
    long calls;
    uint64_t steps;
    sample_list seen;
    sample_list returned;
    unsigned int misses;
} cancel_run;

/* A call that one thread makes and another cancels. */
typedef struct cancelled_call {
    const cancel_run *run;
    uint64_t id;
    belay_context *context;
    uint64_t returned;
} cancelled_call;

static void *
make_call(void *argument)
{
    cancelled_call *call = argument;
    const cancel_run *run = call->run;
    Helloworld__BenchReq request = HELLOWORLD__BENCH_REQ__INIT;
    Helloworld__BenchRep *reply = NULL;
    belay_code code;
    request.id = call->id;
    request.n = run->steps;
    request.hops = (char **)run->hops;
    request.n_hops = run->hop_count;
    if (run->chain)
        code = helloworld_bench_chain(run->first, call->context, &request, run->options, &reply, NULL);
    else
        code = helloworld_bench_spin(run->first, call->context, &request, run->options, &reply, NULL);
    call->returned = belay_now();
    if (code == BELAY_OK)
        helloworld__bench_rep__free_unpacked(reply, NULL);
    return NULL;
}

/* Asks the last server until it has something to say, or for four seconds. */
static int64_t
ask_seen(const cancel_run *run, uint64_t id)
{
    Helloworld__BenchReq request = HELLOWORLD__BENCH_REQ__INIT;
    int64_t seen = 0;
    request.id = id;
    for (int i = 0; i < ASKS && seen == 0; i++) {
        Helloworld__BenchRep *reply = NULL;
        usleep(i < 20 ? 1000 : 10000);
        if (helloworld_bench_seen(run->last, NULL, &request, run->options, &reply, NULL) == BELAY_OK) {
            seen = reply->ns;
            helloworld__bench_rep__free_unpacked(reply, NULL);
        }
    }
    return seen;
}

static void
cancel_one(cancel_run *run, long index)
{
    cancelled_call call = {.run = run, .id = ((uint64_t)getpid() << 32) + (uint64_t)index + 1};
    pthread_t thread;
    call.context = belay_context_new(run->runtime);
    if (call.context == NULL || pthread_create(&thread, NULL, make_call, &call) != 0) {
        fprintf(stderr, "bench-client: no memory or threads\n");
        exit(EXIT_FAILURE);
    }
    /* Until the handlers run, and at no fixed phase of anything. */
    usleep((run->chain ? 10000 : 4000) + (useconds_t)(rand() % 2000));
    uint64_t start = belay_now();
    belay_cancel(call.context, NULL);
    pthread_join(thread, NULL);
    belay_context_unref(call.context);
    int64_t seen = ask_seen(run, call.id);
    if (seen != 0)
        samples_add(&run->seen, seen - (int64_t)start);
    else
        run->misses++;
    samples_add(&run->returned, (int64_t)(call.returned - start));
}

/* Makes the channels of a list of targets, which is cut into pieces. */
static bool
open_channels(cancel_run *run, char *targets)
{
    char *rest;
    char *first = strtok_r(targets, ",", &rest);
    if (first == NULL)
        return false;
    char *last = first;
    for (char *hop = strtok_r(NULL, ",", &rest); hop != NULL; hop = strtok_r(NULL, ",", &rest)) {
        if (run->hop_count == MAX_HOPS)
            return false;
        run->hops[run->hop_count++] = last = hop;
    }
    if (!run->chain)
        run->hop_count = 0;
    run->first = client_channel(run->runtime, first);
    /* One of its own: what was seen is asked on another connection than the one that cancels. */
    run->last = client_channel(run->runtime, last);
    return true;
}

static int
cancel_all(cancel_run *run, int argc, char **argv)
{
    if (argc < 4)
        return 2;
    run->calls = atol(argv[3]);
    run->steps = argc > 4 ? strtoull(argv[4], NULL, 10) : SPIN_STEPS;
    run->options = belay_call_options_new();
    if (run->options == NULL || !open_channels(run, argv[2]))
        return 1;
    belay_call_options_set_timeout(run->options, TIMEOUT);
    srand(1);
    for (long i = 0; i < run->calls; i++)
        cancel_one(run, i);
    samples_print("handler-saw", &run->seen, run->misses);
    samples_print("client-returned", &run->returned, 0);
    samples_free(&run->seen);
    samples_free(&run->returned);
    belay_channel_free(run->first);
    belay_channel_free(run->last);
    belay_call_options_free(run->options);
    return 0;
}

int
client_cancel(belay_runtime *runtime, int argc, char **argv)
{
    cancel_run run = {.runtime = runtime};
    return cancel_all(&run, argc, argv);
}

int
client_chain(belay_runtime *runtime, int argc, char **argv)
{
    cancel_run run = {.runtime = runtime, .chain = true};
    return cancel_all(&run, argc, argv);
}
