/* SPDX-License-Identifier: MIT */
/*
 * How a channel keeps its connections, and how it goes about a server that cannot be reached. Time passes when the
 * test says so.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <belay/connection.h>

#include "client/channel.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

typedef struct bench {
    fixture fixture; /* for its runtime; its server is not called */
    int listener;
    char address[32];
    belay_channel *channel;
    raw_peer server;
    int complaints; /* atomic, relaxed: lines of the log about PINGs */
    int farewells;  /* likewise, about connections that the server ends for a reason */
    bool is_ready; /* the channel, when its loop looked last */
} bench;

static void
note_complaint(void *argument, belay_log_level level, const char *text)
{
    bench *b = argument;
    (void)level;
    if (strstr(text, "gets too many PINGs: the keepalive interval is now 20000 ms") != NULL)
        __atomic_add_fetch(&b->complaints, 1, __ATOMIC_RELAXED);
    if (strstr(text, "ends the connection: HTTP/2 error") != NULL)
        __atomic_add_fetch(&b->farewells, 1, __ATOMIC_RELAXED);
}

static belay_code
no_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call, (void)request, (void)reply;
    return BELAY_UNIMPLEMENTED;
}

static void
bench_open(bench *b, const belay_channel_options *options)
{
    memset(b, 0, sizeof *b);
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = no_unary},
        .own_clock = true,
        .log = note_complaint,
        .log_argument = b,
    });
    b->listener = raw_listen(b->address);
    b->channel = belay_channel_new(b->fixture.runtime, b->address, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
}

static void
bench_close(bench *b)
{
    belay_channel_free(b->channel);
    close(b->listener);
    fixture_close(&b->fixture);
}

static belay_channel_options *
make_options(void)
{
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    return options;
}

static belay_call *
start(bench *b)
{
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b->channel, NULL, NOTE("x"), NULL, &call), BELAY_OK);
    return call;
}

/* A call that a server has. */
static belay_call *
start_at(bench *b, raw_peer *server)
{
    belay_call *call = start(b);
    raw_accept(server, b->listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_end(server, 1));
    return call;
}

/* ---- Options -------------------------------------------------------------------------------------- */

static void
test_options_refuse_what_makes_no_sense(void)
{
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_keepalive(options, 0, 1, false), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_keepalive(options, 1, 0, false), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_keepalive(NULL, 1, 1, false), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_idle(options, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_idle(NULL, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, 0, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, 2, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(NULL, 1, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_connect_timeout(options, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_connect_timeout(NULL, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(memcmp(&options->keeping, &bly_channel_default_keeping, sizeof options->keeping), 0);
    belay_channel_options_free(options);
}

/* ---- Keepalive ------------------------------------------------------------------------------------ */

static void
bench_open_alive(bench *b)
{
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_keepalive(options, BELAY_SECONDS(10), BELAY_SECONDS(5), false),
                    BELAY_OK);
    bench_open(b, options);
    belay_channel_options_free(options);
}

/* Whatever was heard before. */
static void
pass_until_asked(bench *b, raw_peer *server, uint64_t interval)
{
    raw_sync(server);
    fixture_advance(&b->fixture, interval);
    fixture_advance(&b->fixture, interval);
    CU_ASSERT_TRUE(raw_await_ping(server, 1));
}

static void
test_calls_to_a_silent_server_are_unavailable(void)
{
    bench b;
    bench_open_alive(&b);
    belay_call *call = start_at(&b, &b.server);
    b.server.no_pong = true;
    pass_until_asked(&b, &b.server, BELAY_SECONDS(10));
    CU_ASSERT_FALSE(belay_cancelled(call));
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_TRUE(end.is_local);
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, "the connection was lost: keepalive"));
    raw_await_lost(&b.server);
    raw_close(&b.server);
    bench_close(&b);
}

static void
test_a_server_that_answers_keeps_its_calls(void)
{
    bench b;
    bench_open_alive(&b);
    belay_call *call = start_at(&b, &b.server);
    pass_until_asked(&b, &b.server, BELAY_SECONDS(10));
    raw_sync(&b.server);
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    CU_ASSERT_FALSE(belay_cancelled(call));
    raw_status_only(&b.server, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
    raw_close(&b.server);
    bench_close(&b);
}

static void
test_a_server_that_minds_is_asked_half_as_often(void)
{
    bench b;
    raw_peer second;
    bench_open_alive(&b);
    belay_call *call = start_at(&b, &b.server);
    raw_goaway_saying(&b.server, 1, RAW_ENHANCE_YOUR_CALM, "too_many_pings");
    raw_sync(&b.server);
    raw_close(&b.server);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_UNAVAILABLE);
    call = start_at(&b, &second);
    raw_sync(&second);
    fixture_advance(&b.fixture, BELAY_SECONDS(10));
    fixture_advance(&b.fixture, BELAY_SECONDS(10));
    raw_sync(&second);
    CU_ASSERT_EQUAL(second.pings, 0);
    pass_until_asked(&b, &second, BELAY_SECONDS(20));
    raw_status_only(&second, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
    raw_close(&second);
    bench_close(&b);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.complaints, __ATOMIC_RELAXED), 1);
}

/* Or else it could turn the keepalive off by saying so often enough, and fill the log. */
static void
test_a_server_minds_once_a_connection(void)
{
    bench b;
    bench_open_alive(&b);
    belay_call *call = start_at(&b, &b.server);
    for (int i = 0; i < 10; i++)
        raw_goaway_saying(&b.server, 1, RAW_ENHANCE_YOUR_CALM, "too_many_pings");
    raw_sync(&b.server);
    raw_status_only(&b.server, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
    raw_await_lost(&b.server);
    raw_close(&b.server);
    CU_ASSERT_EQUAL(b.channel->keeping.keepalive, BELAY_SECONDS(20));
    bench_close(&b);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.complaints, __ATOMIC_RELAXED), 1);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.farewells, __ATOMIC_RELAXED), 1);
}

static void
test_other_reasons_to_calm_down_leave_the_interval(void)
{
    bench b;
    bench_open_alive(&b);
    belay_call *call = start_at(&b, &b.server);
    raw_goaway_saying(&b.server, 1, RAW_ENHANCE_YOUR_CALM, "too many resets");
    raw_sync(&b.server);
    raw_close(&b.server);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_UNAVAILABLE);
    bench_close(&b);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.complaints, __ATOMIC_RELAXED), 0);
}

/* A server that is there and then does nothing, on a thread of its own. */
typedef struct mute {
    int listener;
    raw_peer peer;
} mute;

static void *
be_mute(void *argument)
{
    mute *self = argument;
    self->peer = (raw_peer){0};
    raw_accept(&self->peer, self->listener, (raw_settings){0});
    self->peer.no_pong = true;
    raw_await_lost(&self->peer);
    raw_close(&self->peer);
    return NULL;
}

/* On a runtime without servers a caller that waits drives the connection itself (io/lend.h). */
static void
test_a_caller_that_drives_its_connection_notices_silence(void)
{
    char address[32];
    pthread_t thread;
    static mute server;
    server.listener = raw_listen(address);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, be_mute, &server), 0);
    belay_channel_options *options = make_options();
    belay_code code =
        belay_channel_options_set_keepalive(options, BELAY_MILLISECONDS(20), BELAY_MILLISECONDS(20), false);
    CU_ASSERT_EQUAL(code, BELAY_OK);
    belay_channel *channel = belay_channel_new(NULL, address, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    belay_channel_options_free(options);
    Belay__Test__Note *reply = NULL;
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_unary(channel, NULL, NOTE("x"), NULL, &reply, &status), BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(belay_status_message(status), "keepalive"));
    belay_status_free(status);
    belay_channel_free(channel);
    pthread_join(thread, NULL);
    close(server.listener);
}

/* ---- Idle channels -------------------------------------------------------------------------------- */

static void
test_a_channel_without_calls_lets_its_connection_go(void)
{
    bench b;
    raw_peer second;
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_idle(options, BELAY_SECONDS(100)), BELAY_OK);
    bench_open(&b, options);
    belay_channel_options_free(options);
    belay_call *call = start_at(&b, &b.server);
    raw_status_only(&b.server, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
    fixture_advance(&b.fixture, BELAY_SECONDS(99)); /* counted from the call's end, some moments ago */
    raw_sync(&b.server);
    CU_ASSERT_FALSE(b.server.lost);
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    fixture_advance(&b.fixture, BELAY_SECONDS(100));
    raw_await_lost(&b.server);
    CU_ASSERT_EQUAL(b.server.goaways, 1);
    CU_ASSERT_EQUAL(b.server.goaway_error, RAW_NO_ERROR);
    raw_close(&b.server);
    call = start_at(&b, &second);
    raw_status_only(&second, 1, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_NOT_FOUND);
    raw_close(&second);
    bench_close(&b);
}

static void
test_a_call_that_waits_for_a_stream_keeps_the_connection(void)
{
    bench b;
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_idle(options, BELAY_SECONDS(100)), BELAY_OK);
    bench_open(&b, options);
    belay_channel_options_free(options);
    belay_call *call = start(&b);
    raw_accept(&b.server, b.listener, (raw_settings){.has_streams = true, .streams = 0});
    fixture_advance(&b.fixture, BELAY_SECONDS(100));
    fixture_advance(&b.fixture, BELAY_SECONDS(100));
    raw_set_streams(&b.server, 1);
    CU_ASSERT_TRUE(raw_await_end(&b.server, 1));
    raw_status_only(&b.server, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
    raw_close(&b.server);
    bench_close(&b);
}

/* ---- Back-off ------------------------------------------------------------------------------------- */

static void
look_at_state(void *argument)
{
    bench *b = argument;
    CU_ASSERT_EQUAL(b->channel->state, BLY_CHANNEL_BACKOFF);
}

/* An attempt that fails: the server hangs up before it has said anything. */
static void
fail_an_attempt(bench *b, belay_call *call)
{
    int descriptor = accept(b->listener, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    close(descriptor);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_UNAVAILABLE);
    bly_loop_call(b->channel->loop, look_at_state, b);
}

static void
test_pauses_grow_as_the_options_say(void)
{
    static const uint64_t pauses[] = {100, 160, 256, 300, 300};
    bench b;
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, BELAY_SECONDS(100), BELAY_SECONDS(300)), BELAY_OK);
    bench_open(&b, options);
    belay_channel_options_free(options);
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        fail_an_attempt(&b, start(&b));
        fixture_advance(&b.fixture, BELAY_SECONDS(pauses[i] * 79 / 100));
        bly_loop_call(b.channel->loop, look_at_state, &b);
        fixture_advance(&b.fixture, BELAY_SECONDS(pauses[i] * 42 / 100));
    }
    bench_close(&b);
}

static void
look_whether_ready(void *argument)
{
    bench *b = argument;
    b->is_ready = b->channel->state == BLY_CHANNEL_READY;
}

static bool
has_lost_its_connection(void *argument)
{
    bench *b = argument;
    bly_loop_call(b->channel->loop, look_whether_ready, b);
    return !b->is_ready;
}

static void
test_a_success_begins_the_pauses_anew(void)
{
    bench b;
    belay_channel_options *options = make_options();
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, BELAY_SECONDS(10), BELAY_SECONDS(300)), BELAY_OK);
    bench_open(&b, options);
    belay_channel_options_free(options);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            fail_an_attempt(&b, start(&b));
            fixture_advance(&b.fixture, BELAY_SECONDS(31)); /* the third pause, at its longest */
        }
        belay_call *call = start_at(&b, &b.server);
        raw_status_only(&b.server, 1, BELAY_ABORTED, NULL);
        CU_ASSERT_EQUAL(finish(call).code, BELAY_ABORTED);
        raw_close(&b.server);
        wait_until(has_lost_its_connection, &b, "the channel sees that its server has gone");
    }
    bench_close(&b);
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_options_refuse_what_makes_no_sense),
    TEST(test_calls_to_a_silent_server_are_unavailable),
    TEST(test_a_server_that_answers_keeps_its_calls),
    TEST(test_a_server_that_minds_is_asked_half_as_often),
    TEST(test_a_server_minds_once_a_connection),
    TEST(test_other_reasons_to_calm_down_leave_the_interval),
    TEST(test_a_caller_that_drives_its_connection_notices_silence),
    TEST(test_a_channel_without_calls_lets_its_connection_go),
    TEST(test_a_call_that_waits_for_a_stream_keeps_the_connection),
    TEST(test_pauses_grow_as_the_options_say),
    TEST(test_a_success_begins_the_pauses_anew),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("keeping", tests, argc, argv);
}
