/* SPDX-License-Identifier: MIT */
/*
 * The limits of a channel: what a server may do to a client, and what a client does not send.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/fixture.h"
#include "support/raw_peer.h"

static const belay_method unary = {"/belay.test.Probe/Unary", 0, &belay__test__note__descriptor,
                                   &belay__test__note__descriptor, NULL};

/* A client whose server is a test. */
typedef struct bench {
    belay_runtime *runtime;
    belay_channel *channel;
    int listener;
    char address[32];
    raw_peer peer;
} bench;

static belay_call *
start(bench *b, size_t size)
{
    belay_call *call = NULL;
    Belay__Test__Note *note = note_new(size);
    CU_ASSERT_EQUAL_FATAL(belay_call_start(b->channel, NULL, &unary, &note->base, NULL, &call), BELAY_OK);
    free(note);
    return call;
}

/* One limit that is not the usual one; a first call is under way. */
static belay_call *
bench_open(bench *b, belay_limit limit, uint64_t value, raw_settings settings)
{
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_EQUAL(belay_channel_options_set_limit(options, limit, value), BELAY_OK);
    b->listener = raw_listen(b->address);
    b->runtime = belay_runtime_new(NULL);
    b->channel = belay_channel_new(b->runtime, b->address, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    belay_channel_options_free(options);
    belay_call *call = start(b, 0);
    raw_accept(&b->peer, b->listener, settings);
    CU_ASSERT_FATAL(raw_await_headers(&b->peer, 1));
    return call;
}

static void
bench_close(bench *b)
{
    raw_close(&b->peer);
    close(b->listener);
    belay_channel_free(b->channel);
    belay_runtime_unref(b->runtime);
}

/* Answers a call as it should be; it ends well. */
static void
check_goes_on(bench *b, uint32_t id)
{
    belay_call *call = start(b, 0);
    CU_ASSERT_FATAL(raw_await_headers(&b->peer, id));
    raw_respond(&b->peer, id);
    raw_message(&b->peer, id, 0, false);
    raw_status(&b->peer, id, 0, NULL);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_OK);
}

static void
put_many(const char **fields, int from, int count)
{
    for (int i = 0; i < count; i++) {
        fields[from + 2 * i] = "x-key";
        fields[from + 2 * i + 1] = "a value of some length, to be sent again and again until it is enough";
    }
    fields[from + 2 * count] = NULL;
}

static void
test_headers_that_are_too_large_end_their_call(void)
{
    bench b;
    const char *fields[64] = {":status", "200", "content-type", "application/grpc"};
    put_many(fields, 4, 10);
    belay_call *call = bench_open(&b, BELAY_LIMIT_HEADER_LIST, 1000, (raw_settings){0});
    raw_headers(&b.peer, 1, fields, false);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT(raw_await_reset(&b.peer, 1));
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_HEADER_LIST), 1);
    check_goes_on(&b, 3);
    bench_close(&b);
}

static void
test_trailers_that_are_too_large_end_their_call(void)
{
    bench b;
    const char *fields[64] = {"grpc-status", "0"};
    put_many(fields, 2, 10);
    belay_call *call = bench_open(&b, BELAY_LIMIT_HEADER_LIST, 1000, (raw_settings){0});
    raw_respond(&b.peer, 1);
    raw_message(&b.peer, 1, 0, false);
    raw_headers(&b.peer, 1, fields, true);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_HEADER_LIST), 1);
    check_goes_on(&b, 3);
    bench_close(&b);
}

static void
test_a_reply_that_unpacks_too_large_ends_its_call(void)
{
    bench b;
    belay_call *call = bench_open(&b, BELAY_LIMIT_UNPACKED_SIZE, 1000, (raw_settings){0});
    raw_respond(&b.peer, 1);
    raw_message(&b.peer, 1, 2000, false);
    raw_status(&b.peer, 1, 0, NULL);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_UNPACKED_SIZE), 1);
    check_goes_on(&b, 3);
    bench_close(&b);
}

static void
test_a_request_that_is_too_large_is_not_sent(void)
{
    bench b;
    belay_call *call = bench_open(&b, BELAY_LIMIT_SEND_SIZE, 1000, (raw_settings){0});
    belay_call *none = NULL;
    Belay__Test__Note *note = note_new(2000);
    CU_ASSERT_EQUAL(belay_call_start(b.channel, NULL, &unary, &note->base, NULL, &none), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_PTR_NULL(none);
    free(note);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_SEND_SIZE), 1);
    raw_status_only(&b.peer, 1, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_NOT_FOUND);
    check_goes_on(&b, 3);
    bench_close(&b);
}

static belay_code
send_compressed(bench *b, bool compressible)
{
    belay_call_options *options = belay_call_options_new();
    Belay__Test__Note *note = note_new(2000);
    belay_call *call = NULL;
    uint32_t noise = 1;
    for (size_t i = 0; !compressible && i < note->payload.len; i++)
        note->payload.data[i] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
    CU_ASSERT_EQUAL(belay_call_options_set_compression(options, BELAY_COMPRESSION_GZIP), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_call_start(b->channel, NULL, &unary, &note->base, options, &call), BELAY_OK);
    belay_call_options_free(options);
    free(note);
    if (compressible) {
        CU_ASSERT_FATAL(raw_await_headers(&b->peer, 3));
        raw_status_only(&b->peer, 3, BELAY_NOT_FOUND, NULL);
    }
    return belay_call_finish_unary(call, NULL, NULL);
}

/* What counts is what would be sent. */
static void
test_a_request_that_is_compressed_is_as_large_as_that_makes_it(void)
{
    bench b;
    belay_call *call = bench_open(&b, BELAY_LIMIT_SEND_SIZE, 1000, (raw_settings){0});
    CU_ASSERT_EQUAL(send_compressed(&b, true), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_SEND_SIZE), 0);
    CU_ASSERT_EQUAL(send_compressed(&b, false), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_SEND_SIZE), 1);
    raw_status_only(&b.peer, 1, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_NOT_FOUND);
    check_goes_on(&b, 5);
    bench_close(&b);
}

/* The first call leaves before the server has said so. */
static void
test_metadata_that_the_server_does_not_take_is_not_sent(void)
{
    static const uint8_t little[] = {0, 6, 0, 0, 2, 0};
    bench b;
    belay_call *call = bench_open(&b, BELAY_LIMIT_HEADER_LIST, 16384, (raw_settings){0});
    raw_send(b.peer.descriptor, RAW_SETTINGS, 0, 0, little, sizeof little);
    raw_sync(&b.peer);
    belay_call_options *options = belay_call_options_new();
    char value[600];
    memset(value, 'v', sizeof value);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "key", value, sizeof value), BELAY_OK);
    belay_call *large = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_call_start(b.channel, NULL, &unary, &NOTE("")->base, options, &large), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_finish_unary(large, NULL, NULL), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_HEADER_LIST), 1);
    belay_call_options_free(options);
    raw_status_only(&b.peer, 1, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_NOT_FOUND);
    check_goes_on(&b, 3);
    bench_close(&b);
}

static void
test_a_server_that_floods_loses_its_client(void)
{
    bench b;
    belay_call *call = bench_open(&b, BELAY_LIMIT_WINDOW_UPDATES, 10, (raw_settings){0});
    for (int i = 0; i < 60; i++) /* what the request's DATA has paid for included */
        raw_window(&b.peer, 0, 1);
    CU_ASSERT(raw_await_goaway(&b.peer, 1));
    CU_ASSERT_EQUAL(b.peer.goaway_error, RAW_ENHANCE_YOUR_CALM);
    CU_ASSERT_EQUAL(belay_call_finish_unary(call, NULL, NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(belay_channel_limit_reached(b.channel, BELAY_LIMIT_WINDOW_UPDATES), 1);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(headers_that_are_too_large_end_their_call),
        TEST(trailers_that_are_too_large_end_their_call),
        TEST(a_reply_that_unpacks_too_large_ends_its_call),
        TEST(a_request_that_is_too_large_is_not_sent),
        TEST(a_request_that_is_compressed_is_as_large_as_that_makes_it),
        TEST(metadata_that_the_server_does_not_take_is_not_sent),
        TEST(a_server_that_floods_loses_its_client),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client/limits", tests, argc, argv);
}
