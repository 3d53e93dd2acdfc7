/* SPDX-License-Identifier: MIT */
/* Blocking unary calls from several threads: how many a second, at what CPU, with which latency. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/time.h>

#include "bench/client.h"
#include "bench/samples.h"
#include "peer.belay.h"

typedef struct hello_caller {
    pthread_t thread;
    belay_channel *channel;
    /* shared, atomic, relaxed: counters that order nothing */
    long *left;
    long *bad;
    sample_list latency;
} hello_caller;

static bool
say_hello(belay_channel *channel, char *name, const char *expected)
{
    Helloworld__HelloRequest request = HELLOWORLD__HELLO_REQUEST__INIT;
    Helloworld__HelloReply *reply = NULL;
    request.name = name;
    if (helloworld_greeter_say_hello(channel, NULL, &request, NULL, &reply, NULL) != BELAY_OK)
        return false;
    bool right = strcmp(reply->message, expected) == 0;
    helloworld__hello_reply__free_unpacked(reply, NULL);
    return right;
}

static void *
make_calls(void *argument)
{
    hello_caller *caller = argument;
    char name[] = "world";
    while (__atomic_fetch_sub(caller->left, 1, __ATOMIC_RELAXED) > 0) {
        uint64_t start = belay_now();
        if (!say_hello(caller->channel, name, "Hello world"))
            __atomic_fetch_add(caller->bad, 1, __ATOMIC_RELAXED);
        samples_add(&caller->latency, (int64_t)(belay_now() - start));
    }
    return NULL;
}

/* Connects. Prints what went wrong. */
static bool
warm_up(belay_channel *channel)
{
    Helloworld__HelloRequest request = HELLOWORLD__HELLO_REQUEST__INIT;
    belay_status *status = NULL;
    char name[] = "warm";
    request.name = name;
    belay_code code = helloworld_greeter_say_hello(channel, NULL, &request, NULL, NULL, &status);
    if (code != BELAY_OK)
        printf("err %s\n", belay_status_message(status));
    belay_status_free(status);
    return code == BELAY_OK;
}

static void
run_callers(hello_caller *callers, int count)
{
    for (int i = 0; i < count; i++)
        client_thread(&callers[i].thread, make_calls, &callers[i]);
    for (int i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
}

static void
measure(hello_caller *callers, int threads, int channels, long calls)
{
    long left = calls, bad = 0;
    sample_list latency = {0};
    for (int i = 0; i < threads; i++) {
        callers[i].left = &left;
        callers[i].bad = &bad;
    }
    double cpu = client_cpu_seconds();
    uint64_t start = belay_now();
    run_callers(callers, threads);
    double seconds = (double)(belay_now() - start) / 1e9;
    cpu = client_cpu_seconds() - cpu;
    for (int i = 0; i < threads; i++)
        samples_move(&latency, &callers[i].latency);
    printf("unary threads=%d chans=%d calls=%ld bad=%ld rate=%.0f/s cpu_s_per_100k=%.3f\n", threads, channels,
           calls, bad, (double)calls / seconds, cpu / (double)calls * 1e5);
    samples_print("latency", &latency, 0);
    samples_free(&latency);
}

int
client_unary(belay_runtime *runtime, int argc, char **argv)
{
    int threads = argc > 4 ? atoi(argv[3]) : 0;
    int count = argc > 5 ? atoi(argv[5]) : 1;
    if (threads < 1 || count < 1)
        return 2;
    belay_channel **channels = calloc((size_t)count, sizeof(belay_channel *));
    hello_caller *callers = calloc((size_t)threads, sizeof *callers);
    if (channels == NULL || callers == NULL)
        return 1;
    bool warm = true;
    for (int i = 0; i < count && warm; i++) {
        channels[i] = client_channel(runtime, argv[2]);
        warm = warm_up(channels[i]);
    }
    for (int i = 0; i < threads; i++)
        callers[i].channel = channels[i % count];
    if (warm)
        measure(callers, threads, count, atol(argv[4]));
    for (int i = 0; i < count; i++)
        belay_channel_free(channels[i]);
    free(callers);
    free(channels);
    return warm ? 0 : 1;
}
