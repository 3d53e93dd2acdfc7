/* SPDX-License-Identifier: MIT */
/*
 * Servers that speak HTTP/2 in ways that clients get wrong: the negative cases of gRPC's interop description, and
 * what a call is told then. The connection and its other calls are not harmed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/fixture.h"
#include "support/raw_peer.h"

typedef struct bench {
    fixture fixture; /* for its runtime; its server is not called */
    int listener;
    belay_channel *channel;
    raw_peer server;
    belay_call *call;
} bench;

static belay_code
no_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call, (void)request, (void)reply;
    return BELAY_UNIMPLEMENTED;
}

static belay_call *
start(bench *b)
{
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b->channel, NULL, NOTE("x"), NULL, &call), BELAY_OK);
    return call;
}

/* A call that the server has, on stream 1. */
static void
bench_open(bench *b, raw_settings settings)
{
    char address[32];
    memset(b, 0, sizeof *b);
    fixture_open(&b->fixture, &(fixture_options){.handlers = {.unary = no_unary}});
    b->listener = raw_listen(address);
    b->channel = belay_channel_new(b->fixture.runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    b->call = start(b);
    raw_accept(&b->server, b->listener, settings);
    CU_ASSERT_TRUE(raw_await_end(&b->server, 1));
}

static void
bench_close(bench *b)
{
    raw_close(&b->server);
    belay_channel_free(b->channel);
    close(b->listener);
    fixture_close(&b->fixture);
}

static void
reply(bench *b, uint32_t id)
{
    raw_respond(&b->server, id);
    raw_message(&b->server, id, 10, false);
    raw_status(&b->server, id, BELAY_OK, NULL);
}

/* A next call over the same connection is none the worse. */
static void
expect_undisturbed(bench *b, uint32_t id)
{
    belay_call *next = start(b);
    CU_ASSERT_TRUE(raw_await_end(&b->server, id));
    reply(b, id);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_OK);
    CU_ASSERT_EQUAL(b->server.goaways, 0);
}

static void
expect_reset(bench *b)
{
    raw_reset(&b->server, 1, RAW_INTERNAL_ERROR);
    ending end = finish(b->call);
    CU_ASSERT_EQUAL(end.code, BELAY_INTERNAL);
    CU_ASSERT_TRUE(end.is_local);
    expect_undisturbed(b, 3);
    bench_close(b);
}

static void
test_rst_after_header(void)
{
    bench b;
    bench_open(&b, (raw_settings){0});
    raw_respond(&b.server, 1);
    expect_reset(&b);
}

static void
test_rst_during_data(void)
{
    bench b;
    bench_open(&b, (raw_settings){0});
    raw_respond(&b.server, 1);
    raw_part(&b.server, 1, 1000, 500, false);
    expect_reset(&b);
}

static void
test_rst_after_data(void)
{
    bench b;
    bench_open(&b, (raw_settings){0});
    raw_respond(&b.server, 1);
    raw_message(&b.server, 1, 1000, false);
    expect_reset(&b);
}

static void
test_pings_are_answered_at_any_time(void)
{
    bench b;
    bench_open(&b, (raw_settings){0});
    raw_ping(&b.server);
    raw_respond(&b.server, 1);
    raw_ping(&b.server);
    raw_message(&b.server, 1, 1000, false);
    raw_ping(&b.server);
    raw_status(&b.server, 1, BELAY_OK, NULL);
    raw_ping(&b.server);
    CU_ASSERT_EQUAL(b.server.pongs, 4);
    CU_ASSERT_EQUAL(finish(b.call).code, BELAY_OK);
    expect_undisturbed(&b, 3);
    bench_close(&b);
}

static void
test_goaway_after_a_call_moves_the_next_to_another_connection(void)
{
    bench b;
    raw_peer second;
    bench_open(&b, (raw_settings){0});
    raw_goaway(&b.server, 1, RAW_NO_ERROR);
    raw_sync(&b.server);
    belay_call *next = start(&b);
    raw_accept(&second, b.listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_end(&second, 1));
    raw_status_only(&second, 1, BELAY_ABORTED, NULL);
    reply(&b, 1);
    CU_ASSERT_EQUAL(finish(b.call).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_ABORTED);
    raw_close(&second);
    bench_close(&b);
}

static void
test_max_streams_is_kept_to(void)
{
    enum { CALLS = 10 };
    bench b;
    belay_call *calls[CALLS];
    bench_open(&b, (raw_settings){.has_streams = true, .streams = 1});
    for (int i = 0; i < CALLS; i++)
        calls[i] = start(&b);
    for (uint32_t id = 1; id < 2 * CALLS + 1; id += 2) {
        CU_ASSERT_TRUE(raw_await_end(&b.server, id));
        raw_sync(&b.server);
        CU_ASSERT_EQUAL(raw_of(&b.server, id + 2)->blocks, 0); /* one at a time */
        reply(&b, id);
    }
    CU_ASSERT_TRUE(raw_await_end(&b.server, 2 * CALLS + 1));
    reply(&b, 2 * CALLS + 1);
    CU_ASSERT_EQUAL(finish(b.call).code, BELAY_OK);
    for (int i = 0; i < CALLS; i++)
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
    bench_close(&b);
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_rst_after_header),
    TEST(test_rst_during_data),
    TEST(test_rst_after_data),
    TEST(test_pings_are_answered_at_any_time),
    TEST(test_goaway_after_a_call_moves_the_next_to_another_connection),
    TEST(test_max_streams_is_kept_to),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("negative", tests, argc, argv);
}
