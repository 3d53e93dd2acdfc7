/* SPDX-License-Identifier: MIT */
/*
 * Streams that run beside each other on one channel: how many messages a second, at what CPU, with which
 * latency. Each stream has a thread of its own, and a second one that sends where both directions are busy.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/time.h>

#include "bench/chunk.h"
#include "bench/client.h"
#include "bench/samples.h"
#include "stream.belay.h"

/* Whatever goes wrong, a run comes to an end. */
#define TIMEOUT BELAY_SECONDS(120)
#define MAX_STREAMS 1024

typedef struct one_stream one_stream;

typedef struct stream_run {
    belay_channel *channel;
    belay_call_options *options;
    const char *kind;
    void (*function)(one_stream *stream);
    size_t size;
    long streams;
    long messages; /* on all streams */
} stream_run;

struct one_stream {
    const stream_run *run;
    pthread_t thread;
    belay_call *call;
    uint64_t messages;
    uint64_t right;
    uint8_t *data; /* what is sent */
    sample_list latency;
};

/* ---- Chunks ----------------------------------------------------------------------------------------- */

/* Any failure to send is one to receive, too. */
static bool
send_chunk(const one_stream *stream, uint64_t number,
           belay_code (*send)(belay_call *call, const Helloworld__Chunk *chunk))
{
    Helloworld__Chunk chunk = HELLOWORLD__CHUNK__INIT;
    chunk.data.data = stream->data;
    chunk.data.len = stream->run->size;
    chunk_set_number(stream->data, number);
    return send(stream->call, &chunk) == BELAY_OK;
}

/* Counts the chunk if it is the one that should come; false when none comes. */
static bool
receive_chunk(one_stream *stream, uint64_t number,
              belay_code (*receive)(belay_call *call, Helloworld__Chunk **chunk))
{
    Helloworld__Chunk *chunk;
    if (receive(stream->call, &chunk) != BELAY_OK)
        return false;
    stream->right += chunk->data.len == stream->run->size && chunk_has_number(chunk, number);
    helloworld__chunk__free_unpacked(chunk, NULL);
    return true;
}

static void
say_how_it_ended(belay_code code, belay_status *status)
{
    if (code != BELAY_OK)
        fprintf(stderr, "err %s\n", belay_status_message(status));
    belay_status_free(status);
}

static void
finish(one_stream *stream)
{
    belay_status *status = NULL;
    belay_code code = belay_call_finish(stream->call, &status);
    say_how_it_ended(code, status);
}

/* ---- Kinds ------------------------------------------------------------------------------------------ */

/* One message is under way at a time. */
static void
pingpong(one_stream *stream)
{
    const stream_run *run = stream->run;
    if (helloworld_stream_echo_start(run->channel, NULL, run->options, &stream->call) != BELAY_OK)
        return;
    for (uint64_t i = 0; i < stream->messages; i++) {
        uint64_t start = belay_now();
        if (!send_chunk(stream, i, helloworld_stream_echo_send_request) ||
            !receive_chunk(stream, i, helloworld_stream_echo_recv_reply))
            break;
        samples_add(&stream->latency, (int64_t)(belay_now() - start));
    }
    finish(stream);
}

static void *
send_for_echo(void *argument)
{
    one_stream *stream = argument;
    for (uint64_t i = 0; i < stream->messages; i++)
        if (!send_chunk(stream, i, helloworld_stream_echo_send_request))
            break;
    belay_code code = belay_call_close_send(stream->call);
    (void)code; /* how the call ended is asked by the other thread */
    return NULL;
}

/* As many messages are under way as flow control lets. */
static void
echo(one_stream *stream)
{
    const stream_run *run = stream->run;
    pthread_t sender;
    if (helloworld_stream_echo_start(run->channel, NULL, run->options, &stream->call) != BELAY_OK)
        return;
    client_thread(&sender, send_for_echo, stream);
    for (uint64_t i = 0; receive_chunk(stream, i, helloworld_stream_echo_recv_reply); i++)
        ;
    pthread_join(sender, NULL);
    finish(stream);
}

static void
pull(one_stream *stream)
{
    const stream_run *run = stream->run;
    Helloworld__PullRequest request = HELLOWORLD__PULL_REQUEST__INIT;
    request.count = stream->messages;
    request.size = run->size;
    if (helloworld_stream_pull_start(run->channel, NULL, &request, run->options, &stream->call) != BELAY_OK)
        return;
    for (uint64_t i = 0; receive_chunk(stream, i, helloworld_stream_pull_recv_reply); i++)
        ;
    finish(stream);
}

static void
push(one_stream *stream)
{
    const stream_run *run = stream->run;
    Helloworld__PushReply *reply = NULL;
    belay_status *status = NULL;
    if (helloworld_stream_push_start(run->channel, NULL, run->options, &stream->call) != BELAY_OK)
        return;
    for (uint64_t i = 0; i < stream->messages; i++)
        if (!send_chunk(stream, i, helloworld_stream_push_send_request))
            break;
    belay_code code = helloworld_stream_push_finish(stream->call, &reply, &status);
    if (code == BELAY_OK) {
        if (reply->bytes == stream->messages * run->size)
            stream->right = reply->count;
        helloworld__push_reply__free_unpacked(reply, NULL);
    }
    say_how_it_ended(code, status);
}

static const struct stream_kind {
    const char *name;
    void (*function)(one_stream *stream);
} kinds[] = {{"pingpong", pingpong}, {"echo", echo}, {"pull", pull}, {"push", push}};

/* ---- Runs ------------------------------------------------------------------------------------------- */

static void *
run_stream(void *argument)
{
    one_stream *stream = argument;
    stream->run->function(stream);
    return NULL;
}

/* Connects. Prints what went wrong. */
static bool
warm_up(const stream_run *run)
{
    belay_status *status = NULL;
    belay_call *call;
    belay_code code = helloworld_stream_push_start(run->channel, NULL, run->options, &call);
    if (code == BELAY_OK)
        code = helloworld_stream_push_finish(call, NULL, &status);
    if (code != BELAY_OK)
        printf("err %s\n", belay_status_message(status));
    belay_status_free(status);
    return code == BELAY_OK;
}

static one_stream *
make_streams(const stream_run *run)
{
    one_stream *streams = calloc((size_t)run->streams, sizeof *streams);
    for (long i = 0; i < run->streams && streams != NULL; i++) {
        streams[i].run = run;
        streams[i].messages = (uint64_t)(run->messages / run->streams + (i < run->messages % run->streams));
        streams[i].data = calloc(1, run->size);
        if (streams[i].data == NULL)
            return NULL; /* the program ends: nothing needs to be given back */
    }
    return streams;
}

/* Gives the streams' latencies to one list; returns how many messages were right. */
static uint64_t
sum_up(one_stream *streams, long count, sample_list *latency)
{
    uint64_t right = 0;
    for (long i = 0; i < count; i++) {
        right += streams[i].right;
        samples_move(latency, &streams[i].latency);
        free(streams[i].data);
    }
    return right;
}

/* Bytes are those of one direction: what is in the messages, once. */
static int
measure(const stream_run *run)
{
    sample_list latency = {0};
    one_stream *streams = make_streams(run);
    if (streams == NULL)
        return 1;
    double cpu = client_cpu_seconds();
    uint64_t start = belay_now();
    for (long i = 0; i < run->streams; i++)
        client_thread(&streams[i].thread, run_stream, &streams[i]);
    for (long i = 0; i < run->streams; i++)
        pthread_join(streams[i].thread, NULL);
    double seconds = (double)(belay_now() - start) / 1e9;
    cpu = client_cpu_seconds() - cpu;
    long bad = run->messages - (long)sum_up(streams, run->streams, &latency);
    free(streams);
    double rate = (double)run->messages / seconds;
    printf("stream kind=%s size=%zu streams=%ld messages=%ld bad=%ld rate=%.0f/s mb_per_s=%.1f "
           "cpu_s_per_100k=%.3f\n",
           run->kind, run->size, run->streams, run->messages, bad, rate, rate * (double)run->size / 1e6,
           cpu / (double)run->messages * 1e5);
    if (latency.count > 0)
        samples_print("latency", &latency, (unsigned int)(run->messages - (long)latency.count));
    samples_free(&latency);
    return bad == 0 ? 0 : 1;
}

static bool
find_kind(stream_run *run, const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            run->kind = kinds[i].name;
            run->function = kinds[i].function;
        }
    }
    return run->function != NULL;
}

int
client_stream(belay_runtime *runtime, int argc, char **argv)
{
    stream_run run = {0};
    if (argc < 7 || !find_kind(&run, argv[3]))
        return 2;
    run.streams = atol(argv[4]);
    run.messages = atol(argv[5]);
    run.size = (size_t)strtoull(argv[6], NULL, 10);
    if (run.streams < 1 || run.streams > MAX_STREAMS || run.messages < 1 || run.size < CHUNK_LEAST ||
        run.size > CHUNK_MOST)
        return 2;
    run.options = belay_call_options_new();
    if (run.options == NULL)
        return 1;
    belay_call_options_set_timeout(run.options, TIMEOUT);
    run.channel = client_channel(runtime, argv[2]);
    int code = warm_up(&run) ? measure(&run) : 1;
    belay_channel_free(run.channel);
    belay_call_options_free(run.options);
    return code;
}
