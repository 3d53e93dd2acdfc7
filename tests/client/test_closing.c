/* SPDX-License-Identifier: MIT */
/*
 * A channel that is freed while its server still sends: the server reads the cancel and the GOAWAY, and then the end, and
 * takes none of it for a lost connection. Time stands still.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

typedef struct bench {
    fixture fixture; /* for its runtime; its server is not called */
    int listener;
    belay_channel *channel;
    raw_peer server;
    belay_call *call;
} bench;

/* A call that the server has, on stream 1. own_runtime: the channel's, which ends with it. */
static void
bench_open(bench *b, bool own_runtime)
{
    char address[32];
    fixture_open(&b->fixture, &(fixture_options){.handlers = {.unary = answer_next}, .own_clock = true});
    b->listener = raw_listen(address);
    b->channel = belay_channel_new(own_runtime ? NULL : b->fixture.runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b->channel, NULL, NOTE("x"), NULL, &b->call), BELAY_OK);
    raw_accept(&b->server, b->listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_end(&b->server, 1));
}

static void
bench_close(bench *b)
{
    raw_close(&b->server);
    close(b->listener);
    fixture_close(&b->fixture);
}

static void
cancel_and_free(bench *b)
{
    belay_cancel(belay_call_context(b->call), "no longer wanted");
    CU_ASSERT_EQUAL(finish(b->call).code, BELAY_CANCELLED);
    belay_channel_free(b->channel);
}

/* Then the connection ends, and is not broken. */
static void
expect_cancel(bench *b)
{
    char byte;
    CU_ASSERT_TRUE(raw_await_reset(&b->server, 1));
    CU_ASSERT_EQUAL(raw_of(&b->server, 1)->reset_code, RAW_CANCEL);
    CU_ASSERT_TRUE(raw_await_goaway(&b->server, 1));
    CU_ASSERT_EQUAL(recv(b->server.descriptor, &byte, 1, 0), 0);
}

static void
test_a_server_that_sends_on_reads_the_cancel(void)
{
    static const char body[1000];
    bench b;
    bench_open(&b, false);
    cancel_and_free(&b);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(raw_send(b.server.descriptor, RAW_DATA, 0, 1, body, sizeof body));
    expect_cancel(&b);
    bench_close(&b);
}

/* Nobody drives the connection when its runtime is gone: it has had its moment. */
static void
test_a_runtime_ends_though_the_server_stays(void)
{
    bench b;
    bench_open(&b, true);
    cancel_and_free(&b);
    expect_cancel(&b);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_server_that_sends_on_reads_the_cancel),
        TEST(a_runtime_ends_though_the_server_stays),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client/closing", tests, argc, argv);
}
