/* SPDX-License-Identifier: MIT */
/*
 * How a server keeps its connections: clients that are gone without a word, clients that ask too often, and
 * connections that have lasted long enough. Time passes when the test says so.
 */
#include <string.h>
#include <sys/socket.h>

#include <belay/connection.h>

#include "server/server.h"
#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define HOUR BELAY_SECONDS(60 * 60)

typedef struct bench {
    fixture fixture;
    gate entered;
    gate returned;
    belay_cause cause;
    raw_peer client;
} bench;

static belay_code
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    b->cause = belay_context_cause(belay_call_context(call));
    gate_open(&b->returned);
    return code;
}

static void
bench_open(bench *b, const belay_server_options *options)
{
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->returned, "handler returned");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer_next, .chat = wait_for_end},
        .data = b,
        .server = options,
        .own_clock = true,
    });
    raw_connect(&b->client, b->fixture.address, (raw_settings){0});
}

static void
bench_close(bench *b)
{
    raw_close(&b->client);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->returned);
}

static void
begin_call(bench *b)
{
    raw_call(&b->client, 1, "Chat", NULL, false);
    gate_wait(&b->entered);
}

static belay_server_options *
make_options(void)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    return options;
}

/* ---- Options -------------------------------------------------------------------------------------- */

static void
test_options_refuse_what_makes_no_sense(void)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_keepalive(options, 0, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_keepalive(options, 1, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_keepalive(NULL, 1, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_connection_idle(options, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_connection_idle(NULL, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_connection_age(options, 0, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_connection_age(NULL, 1, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(memcmp(&options->keeping, &bly_server_default_options.keeping, sizeof options->keeping), 0);
    belay_server_options_free(options);
}

/* ---- Keepalive ------------------------------------------------------------------------------------ */

/* The first interval has heard something; the second has not. */
static void
pass_until_asked(bench *b, uint64_t interval, unsigned int pings)
{
    fixture_advance(&b->fixture, interval);
    fixture_advance(&b->fixture, interval);
    CU_ASSERT_TRUE(raw_await_ping(&b->client, pings));
}

static void
fall_silent(bench *b, uint64_t interval, uint64_t timeout)
{
    b->client.no_pong = true;
    pass_until_asked(b, interval, 1);
    fixture_advance(&b->fixture, timeout);
}

static void
expect_lost(bench *b)
{
    gate_wait(&b->returned);
    CU_ASSERT_EQUAL(b->cause, BELAY_CAUSE_CONNECTION_LOST);
    raw_await_lost(&b->client);
}

static void
test_handlers_of_a_silent_client_are_cancelled(void)
{
    bench b;
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_keepalive(options, BELAY_SECONDS(10), BELAY_SECONDS(1)), BELAY_OK);
    bench_open(&b, options);
    begin_call(&b);
    fall_silent(&b, BELAY_SECONDS(10), BELAY_SECONDS(1));
    expect_lost(&b);
    bench_close(&b);
    belay_server_options_free(options);
}

static void
test_by_default_silence_is_noticed_after_two_hours(void)
{
    bench b;
    bench_open(&b, NULL);
    begin_call(&b);
    fall_silent(&b, 2 * HOUR, BELAY_SECONDS(20));
    expect_lost(&b);
    bench_close(&b);
}

static void
test_a_client_that_answers_stays(void)
{
    bench b;
    bench_open(&b, NULL);
    begin_call(&b);
    for (unsigned int i = 1; i <= 3; i++) {
        pass_until_asked(&b, 2 * HOUR, i);
        raw_sync(&b.client); /* the answer was read, */
        raw_sync(&b.client); /* and something after it */
        fixture_advance(&b.fixture, BELAY_SECONDS(20));
    }
    raw_sync(&b.client);
    CU_ASSERT_FALSE(b.client.lost);
    raw_reset(&b.client, 1, RAW_CANCEL);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_PEER_CANCELLED);
    bench_close(&b);
}

/* ---- Clients that ask too often ------------------------------------------------------------------- */

static void
expect_calm(bench *b)
{
    raw_ping(&b->client);
    CU_ASSERT_EQUAL(b->client.goaways, 1);
    CU_ASSERT_EQUAL(b->client.goaway_error, RAW_ENHANCE_YOUR_CALM);
    CU_ASSERT_STRING_EQUAL(b->client.goaway_words, "too_many_pings");
    raw_await_lost(&b->client);
}

static void
test_too_many_pings_end_the_connection_and_its_calls(void)
{
    bench b;
    bench_open(&b, NULL);
    begin_call(&b);
    for (int i = 0; i < 3; i++)
        raw_ping(&b.client);
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    expect_calm(&b);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_CONNECTION_LOST);
    CU_ASSERT_EQUAL(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_PING_STRIKES), 1);
    bench_close(&b);
}

/* Sent away, but it does not listen yet: it has something to say. */
static void
be_sent_away(bench *b)
{
    static const uint8_t ping[8] = "12345678";
    for (int i = 0; i < 4; i++)
        raw_send(b->client.descriptor, RAW_PING, 0, 0, ping, sizeof ping);
    fixture_await_no_connection(&b->fixture); /* as far as the server is concerned */
}

static void
test_a_client_that_sends_on_reads_why_it_was_sent_away(void)
{
    static const char body[1000];
    char byte;
    bench b;
    bench_open(&b, NULL);
    be_sent_away(&b);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(raw_send(b.client.descriptor, RAW_DATA, 0, 1, body, sizeof body));
    CU_ASSERT_TRUE(raw_await_goaway(&b.client, 1));
    CU_ASSERT_EQUAL(b.client.goaway_error, RAW_ENHANCE_YOUR_CALM);
    CU_ASSERT_STRING_EQUAL(b.client.goaway_words, "too_many_pings");
    CU_ASSERT_EQUAL(recv(b.client.descriptor, &byte, 1, 0), 0); /* not broken */
    CU_ASSERT_TRUE(raw_send(b.client.descriptor, RAW_DATA, 0, 1, body, sizeof body));
    bench_close(&b);
}

/* Until it has gone, or its time is over: it takes the room of a connection for so long. */
static void
test_a_client_that_was_sent_away_counts_until_its_socket_is_closed(void)
{
    bench b;
    raw_peer second;
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, BELAY_LIMIT_CONNECTIONS, 1), BELAY_OK);
    bench_open(&b, options);
    be_sent_away(&b);
    CU_ASSERT_TRUE(raw_connect_silent(&second, b.fixture.address));
    raw_await_lost(&second);
    raw_close(&second);
    CU_ASSERT_EQUAL(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_CONNECTIONS), 1);
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    raw_connect(&second, b.fixture.address, (raw_settings){0});
    raw_unary(&second, 1, NULL);
    CU_ASSERT_TRUE(raw_await_end(&second, 1));
    CU_ASSERT_EQUAL(raw_of(&second, 1)->grpc_status, BELAY_OK);
    raw_close(&second);
    bench_close(&b);
    belay_server_options_free(options);
}

static void
test_strikes_may_be_set_as_a_limit(void)
{
    bench b;
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, BELAY_LIMIT_PING_STRIKES, 0), BELAY_OK);
    bench_open(&b, options);
    raw_ping(&b.client);
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    expect_calm(&b);
    CU_ASSERT_EQUAL(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_PING_STRIKES), 1);
    bench_close(&b);
    belay_server_options_free(options);
}

static void
test_pings_every_five_minutes_are_welcome_while_there_is_a_call(void)
{
    bench b;
    bench_open(&b, NULL);
    begin_call(&b);
    for (int i = 0; i < 8; i++) {
        raw_ping(&b.client);
        fixture_advance(&b.fixture, BELAY_SECONDS(300));
    }
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    raw_reset(&b.client, 1, RAW_CANCEL);
    gate_wait(&b.returned);
    for (int i = 0; i < 3; i++) { /* and without one they are not: but the first is none too early */
        fixture_advance(&b.fixture, BELAY_SECONDS(300));
        raw_ping(&b.client);
    }
    expect_calm(&b);
    bench_close(&b);
}

static void
test_limits_of_pings_can_be_lifted(void)
{
    bench b;
    belay_server_options *options = make_options();
    belay_server_options_set_ping_limits(options, 0, 0, 0);
    bench_open(&b, options);
    for (int i = 0; i < 20; i++)
        raw_ping(&b.client);
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    bench_close(&b);
    belay_server_options_free(options);
}

/* ---- Ages ----------------------------------------------------------------------------------------- */

static void
test_an_idle_connection_is_ended(void)
{
    bench b;
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_connection_idle(options, BELAY_SECONDS(100)), BELAY_OK);
    bench_open(&b, options);
    fixture_advance(&b.fixture, BELAY_SECONDS(89));
    raw_sync(&b.client);
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    fixture_advance(&b.fixture, BELAY_SECONDS(21));
    CU_ASSERT_TRUE(raw_await_goaway(&b.client, 1));
    CU_ASSERT_EQUAL(b.client.goaway_error, RAW_NO_ERROR);
    raw_await_lost(&b.client);
    bench_close(&b);
    belay_server_options_free(options);
}

static void
open_mortal(bench *b, uint64_t grace_ns)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_connection_age(options, BELAY_SECONDS(100), grace_ns), BELAY_OK);
    bench_open(b, options);
    belay_server_options_free(options);
    begin_call(b);
    fixture_advance(&b->fixture, BELAY_SECONDS(89));
    raw_sync(&b->client);
    CU_ASSERT_EQUAL(b->client.goaways, 0);
    fixture_advance(&b->fixture, BELAY_SECONDS(21));
    CU_ASSERT_TRUE(raw_await_goaway(&b->client, 2));
    CU_ASSERT_EQUAL(b->client.goaway_last, 1);
}

static void
test_an_old_connection_serves_its_calls(void)
{
    bench b;
    open_mortal(&b, BELAY_FOREVER);
    fixture_advance(&b.fixture, HOUR);
    raw_unary(&b.client, 3, NULL); /* too late: as the last GOAWAY said */
    raw_sync(&b.client);
    CU_ASSERT_EQUAL(raw_of(&b.client, 3)->blocks, 0);
    raw_reset(&b.client, 1, RAW_CANCEL);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_PEER_CANCELLED);
    raw_await_lost(&b.client);
    bench_close(&b);
}

static void
test_calls_of_an_old_connection_end_with_its_grace(void)
{
    bench b;
    open_mortal(&b, BELAY_SECONDS(10));
    fixture_advance(&b.fixture, BELAY_SECONDS(10));
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->grpc_status, BELAY_UNAVAILABLE);
    raw_await_lost(&b.client);
    bench_close(&b);
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_options_refuse_what_makes_no_sense),
    TEST(test_handlers_of_a_silent_client_are_cancelled),
    TEST(test_by_default_silence_is_noticed_after_two_hours),
    TEST(test_a_client_that_answers_stays),
    TEST(test_too_many_pings_end_the_connection_and_its_calls),
    TEST(test_a_client_that_sends_on_reads_why_it_was_sent_away),
    TEST(test_a_client_that_was_sent_away_counts_until_its_socket_is_closed),
    TEST(test_strikes_may_be_set_as_a_limit),
    TEST(test_pings_every_five_minutes_are_welcome_while_there_is_a_call),
    TEST(test_limits_of_pings_can_be_lifted),
    TEST(test_an_idle_connection_is_ended),
    TEST(test_an_old_connection_serves_its_calls),
    TEST(test_calls_of_an_old_connection_end_with_its_grace),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("keeping", tests, argc, argv);
}
