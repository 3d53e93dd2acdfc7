/* SPDX-License-Identifier: MIT */
/*
 * A thousand calls at once to a server that refuses, resets, says GOAWAY with any number, allows no streams, hangs up
 * or says nothing, as dice have it. Every call ends with a status that its server or its caller can have meant, those
 * that were cancelled with the words of who did it, and nothing is left over.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <belay/connection.h>

#include "h2/raw.h"
#include "support/dice.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

enum { CALLS = 1000, MOST_STREAMS = 20, SPITES = 24 };

/* ---- The server, on a thread of its own ---- */

typedef struct spiteful {
    int listener;
    int stop; /* its other end is closed when the server is to go */
    dice dice;
    raw_frame frame;
} spiteful;

static void
send_two(int descriptor, uint8_t type, uint32_t a, uint32_t b, size_t size)
{
    uint8_t payload[8];
    for (int i = 0; i < 4; i++) {
        payload[i] = (uint8_t)(a >> (24 - 8 * i));
        payload[4 + i] = (uint8_t)(b >> (24 - 8 * i));
    }
    raw_send(descriptor, type, 0, 0, payload, size);
}

static void
goaway(int descriptor, uint32_t last, uint32_t error)
{
    send_two(descriptor, RAW_GOAWAY, last, error, 8);
}

static void
set_streams(int descriptor, uint32_t streams)
{
    uint8_t payload[] = {0, 3, 0, 0, 0, (uint8_t)streams};
    raw_send(descriptor, RAW_SETTINGS, 0, 0, payload, sizeof payload);
}

static void
answer(int descriptor, uint32_t id, bool whole)
{
    uint8_t block[128];
    size_t size = raw_response(block, "200");
    size += raw_field(block + size, "content-type", "application/grpc");
    if (whole)
        size += raw_field(block + size, "grpc-status", "0");
    raw_send(descriptor, RAW_HEADERS, whole ? RAW_END_HEADERS | RAW_END_STREAM : RAW_END_HEADERS, id, block, size);
    if (!whole)
        raw_send(descriptor, RAW_DATA, 0, id, "\0\0\0\1\0half", 9);
}

/* What it does about a request; false: it hangs up. */
static bool
be_spiteful(spiteful *self, int descriptor, uint32_t id)
{
    switch (roll(&self->dice, SPITES)) {
    case 0:
        return raw_send_number(descriptor, RAW_RST_STREAM, id, RAW_REFUSED_STREAM);
    case 1:
        return raw_send_number(descriptor, RAW_RST_STREAM, id, RAW_INTERNAL_ERROR);
    case 2:
        answer(descriptor, id, false);
        return raw_send_number(descriptor, RAW_RST_STREAM, id, RAW_REFUSED_STREAM);
    case 3:
        goaway(descriptor, 0, RAW_NO_ERROR);
        return roll(&self->dice, 2) > 0;
    case 4:
        goaway(descriptor, id, RAW_NO_ERROR);
        goaway(descriptor, id > 2 ? id - 2 : 0, RAW_ENHANCE_YOUR_CALM);
        return roll(&self->dice, 2) > 0;
    case 5: /* a number that grows, which it must not */
        goaway(descriptor, 1, RAW_NO_ERROR);
        goaway(descriptor, id + 2, RAW_NO_ERROR);
        return true;
    case 6:
        set_streams(descriptor, 0);
        goaway(descriptor, id, RAW_NO_ERROR);
        return roll(&self->dice, 2) > 0;
    case 7:
        set_streams(descriptor, 0);
        for (int i = 0; i < 50; i++)
            raw_send(descriptor, RAW_PING, 0, 0, "are you?", 8);
        set_streams(descriptor, MOST_STREAMS);
        return true;
    case 8:
        return roll(&self->dice, 4) > 0;
    case 9: /* says nothing of it */
        return true;
    default:
        answer(descriptor, id, true);
        return true;
    }
}

static void
greet(spiteful *self, int descriptor)
{
    switch (roll(&self->dice, 8)) {
    case 0:
        set_streams(descriptor, 0);
        set_streams(descriptor, 1 + roll(&self->dice, MOST_STREAMS));
        break;
    case 1:
        set_streams(descriptor, MOST_STREAMS);
        goaway(descriptor, 0, RAW_NO_ERROR);
        break;
    default:
        set_streams(descriptor, MOST_STREAMS);
    }
}

static bool
has_input(const spiteful *self, int descriptor)
{
    struct pollfd either[] = {{.fd = descriptor, .events = POLLIN}, {.fd = self->stop, .events = POLLIN}};
    poll(either, 2, -1);
    return either[1].revents == 0;
}

static void
serve_one(spiteful *self, int descriptor)
{
    char magic[24];
    if (roll(&self->dice, 8) == 0) /* hangs up without a word */
        return;
    if (recv(descriptor, magic, sizeof magic, MSG_WAITALL) != (ssize_t)sizeof magic)
        return;
    greet(self, descriptor);
    while (has_input(self, descriptor) && raw_read(descriptor, &self->frame)) {
        const raw_frame *frame = &self->frame;
        bool is_answer = (frame->flags & RAW_ACK) != 0;
        if (frame->type == RAW_SETTINGS && !is_answer)
            raw_send(descriptor, RAW_SETTINGS, RAW_ACK, 0, "", 0);
        if (frame->type == RAW_HEADERS && !be_spiteful(self, descriptor, frame->stream))
            return;
    }
}

static void *
serve(void *argument)
{
    spiteful *self = argument;
    while (has_input(self, self->listener)) {
        int descriptor = accept(self->listener, NULL, NULL);
        if (descriptor < 0)
            break;
        serve_one(self, descriptor);
        close(descriptor);
    }
    return NULL;
}

/* ---- Its clients ---- */

typedef struct bench {
    fixture fixture; /* for its runtime; its server is not called */
    belay_channel *channel;
    spiteful server;
    int stop[2];
    pthread_t thread;
    dice dice;
    belay_context *contexts[CALLS];
    belay_call *calls[CALLS];
    bool cancelled[CALLS];
    int ends[BELAY_UNAUTHENTICATED + 1];
} bench;

static belay_code
no_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call, (void)request, (void)reply;
    return BELAY_UNIMPLEMENTED;
}

static void
bench_open(bench *b, uint64_t seed)
{
    char address[32];
    memset(b, 0, sizeof *b);
    fixture_open(&b->fixture, &(fixture_options){.handlers = {.unary = no_unary}});
    CU_ASSERT_EQUAL_FATAL(pipe(b->stop), 0);
    b->dice.state = seed;
    b->server = (spiteful){.listener = raw_listen(address), .stop = b->stop[0], .dice = {seed + 1}};
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, BELAY_MILLISECONDS(1), BELAY_MILLISECONDS(10)),
                    BELAY_OK);
    b->channel = belay_channel_new(b->fixture.runtime, address, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    belay_channel_options_free(options);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&b->thread, NULL, serve, &b->server), 0);
}

static void
bench_close(bench *b)
{
    belay_channel_free(b->channel);
    close(b->stop[1]);
    pthread_join(b->thread, NULL);
    close(b->stop[0]);
    close(b->server.listener);
    fixture_close(&b->fixture);
}

/* together: how many come at once. Half of them are streams of requests, half wait for ready; each ends by itself after a while at most. */
static void
start_all(bench *b, int together)
{
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    for (int i = 0; i < CALLS; i++) {
        b->contexts[i] = belay_context_new(b->fixture.runtime);
        belay_call_options_set_wait_for_ready(options, i % 2 == 0);
        belay_call_options_set_timeout(options, BELAY_MILLISECONDS(50 + roll(&b->dice, 1500)));
        CU_ASSERT_EQUAL(belay_call_options_set_compression(options, i % 3 ? BELAY_COMPRESSION_NONE
                                                                          : BELAY_COMPRESSION_GZIP), BELAY_OK);
        belay_code code = i % 4 < 2 ? belay_test_probe_unary_start(b->channel, b->contexts[i], NOTE("x"), options,
                                                                   &b->calls[i])
                                    : belay_test_probe_upload_start(b->channel, b->contexts[i], options, &b->calls[i]);
        CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
        if (i % together == together - 1)
            fixture_settle(&b->fixture);
        for (int j = 0; i % 4 >= 2 && j < 3; j++)
            (void)!belay_test_probe_upload_send_request(b->calls[i], NOTE("part")); /* the end tells */
    }
    belay_call_options_free(options);
}

static void
cancel_some(bench *b)
{
    for (int i = 0; i < CALLS; i++) {
        b->cancelled[i] = roll(&b->dice, 5) == 0;
        if (b->cancelled[i])
            belay_cancel(b->contexts[i], "enough");
    }
}

/* What this server's calls may end with. UNIMPLEMENTED: an answer without a message. */
static bool
is_sensible(belay_code code)
{
    return code == BELAY_OK || code == BELAY_UNAVAILABLE || code == BELAY_INTERNAL || code == BELAY_CANCELLED ||
           code == BELAY_DEADLINE_EXCEEDED || code == BELAY_UNIMPLEMENTED;
}

static void
finish_all(bench *b, const char *words)
{
    for (int i = 0; i < CALLS; i++) {
        ending end = finish(b->calls[i]);
        belay_context_unref(b->contexts[i]);
        if (!is_sensible(end.code))
            printf("call %d: %s: %s\n", i, belay_code_name(end.code), end.message);
        CU_ASSERT_TRUE_FATAL(is_sensible(end.code));
        b->ends[end.code]++;
        if (end.code != BELAY_CANCELLED)
            continue;
        CU_ASSERT_STRING_EQUAL(end.message, b->cancelled[i] ? "enough" : words);
    }
}

static void
test_every_call_ends(void)
{
    static bench b;
    bench_open(&b, 1);
    start_all(&b, 10);
    cancel_some(&b);
    finish_all(&b, "");
    CU_ASSERT_TRUE(b.ends[BELAY_OK] > 0);
    CU_ASSERT_TRUE(b.ends[BELAY_UNAVAILABLE] > 0);
    bench_close(&b);
}

static void
test_every_call_ends_with_its_channel(void)
{
    static bench b;
    for (uint64_t i = 0; i < 5; i++) {
        bench_open(&b, 100 + i);
        start_all(&b, CALLS);
        cancel_some(&b);
        for (int j = 0; j < 10 * (int)i; j++)
            fixture_settle(&b.fixture);
        belay_channel_free(b.channel);
        b.channel = NULL;
        finish_all(&b, "the channel was closed");
        bench_close(&b);
    }
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_every_call_ends),
    TEST(test_every_call_ends_with_its_channel),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("turmoil", tests, argc, argv);
}
