/* SPDX-License-Identifier: MIT */
/*
 * What a server holds of messages that came and that nobody takes: it is bounded, and nobody waits in a circle.
 */
#include <stdlib.h>
#include <string.h>

#include "rpc/holding.h"
#include "server/server.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define KIB 1024u
#define MIB (KIB * KIB)

/* ---- The sums ------------------------------------------------------------------------------------ */

static void
test_a_message_is_granted_when_nothing_else_is_there(void)
{
    bly_holding_total total = {.limit = 100 * MIB};
    bly_holding holding;
    bly_held held[2] = {{.holding = &holding}, {.holding = &holding}};
    bly_holding_init(&holding, &total, MIB);
    CU_ASSERT(bly_held_grant(&held[0], 4 * MIB));
    CU_ASSERT_FALSE(bly_held_grant(&held[1], 300 * KIB));
    CU_ASSERT(held[1].wants);
    bly_held_partial(&held[0], MIB, 4 * MIB);
    CU_ASSERT(bly_held_grant(&held[0], 4 * MIB)); /* what was granted stays so */
    bly_held_partial(&held[0], 0, 0);             /* complete */
    CU_ASSERT(bly_held_grant(&held[1], 300 * KIB));
    CU_ASSERT_FALSE(held[1].wants);
    for (int i = 0; i < 2; i++)
        bly_held_leave_locked(&held[i]);
    CU_ASSERT_EQUAL(holding.granted, 0);
    CU_ASSERT_EQUAL(holding.partial, 0);
    CU_ASSERT_EQUAL(total.partial, 0);
}

/* Incomplete messages alone hold nobody up: they could wait for each other. */
static void
test_a_connection_is_full_only_while_something_waits(void)
{
    bly_holding_total total = {.limit = 100 * MIB};
    bly_holding holding;
    bly_held held = {.holding = &holding}, other = {.holding = &holding};
    bly_holding_init(&holding, &total, MIB);
    bly_held_partial(&held, 2 * MIB, 4 * MIB);
    CU_ASSERT_FALSE(bly_holding_is_full(&holding));
    bly_held_waiting_locked(&other, 100 * KIB);
    CU_ASSERT(bly_holding_is_full(&holding));
    bly_held_waiting_locked(&other, 0);
    CU_ASSERT_FALSE(bly_holding_is_full(&holding));
    bly_held_leave_locked(&held);
    bly_held_leave_locked(&other);
}

static void
test_all_connections_have_a_limit_together(void)
{
    bly_holding_total total = {.limit = MIB};
    bly_holding holding[2];
    bly_held held = {.holding = &holding[0]}, other = {.holding = &holding[1]};
    for (int i = 0; i < 2; i++)
        bly_holding_init(&holding[i], &total, 100 * MIB);
    bly_held_waiting_locked(&held, MIB);
    CU_ASSERT(bly_holding_total_is_full(&total));
    CU_ASSERT_FALSE(bly_held_grant(&other, 300 * KIB));
    bly_held_waiting_locked(&held, 0);
    CU_ASSERT_FALSE(bly_holding_total_is_full(&total));
    CU_ASSERT(bly_held_grant(&other, 300 * KIB));
    bly_held_leave_locked(&held);
    bly_held_leave_locked(&other);
    CU_ASSERT_EQUAL(total.waiting, 0);
}

static void
test_small_messages_are_not_told(void)
{
    bly_holding_total total = {.limit = MIB};
    bly_holding holding;
    bly_held held = {.holding = &holding};
    bly_holding_init(&holding, &total, MIB);
    bly_held_waiting_locked(&held, 4000);
    CU_ASSERT_EQUAL(total.waiting, 0);
    bly_held_waiting_locked(&held, 20000);
    CU_ASSERT_EQUAL(total.waiting, 20000);
    bly_held_waiting_locked(&held, 100);
    CU_ASSERT_EQUAL(total.waiting, 100);
    bly_held_waiting_locked(&held, 0);
    bly_held_leave_locked(&held);
    CU_ASSERT_EQUAL(total.waiting, 0);
}

/* ---- A server ------------------------------------------------------------------------------------ */

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go; /* slow handlers may receive */
    int64_t stops_after; /* const once calls begin: so many messages, and waits for `on` then; 0: does not */
    gate stops;
    gate on;
    belay_call *receiving; /* a receiving handler's, there before it has entered; for tests that have one */
} bench;

static belay_code
answer(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    reply->number = (int64_t)request->payload.len;
    return BELAY_OK;
}

static belay_code
receive_late(belay_call *call, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    const void *data;
    size_t size;
    belay_code code;
    if (b->stops_after > 0)
        b->receiving = call;
    gate_open(&b->entered);
    gate_wait(&b->go);
    while ((code = belay_call_recv(call, &data, &size)) == BELAY_OK) {
        if (++reply->number != b->stops_after)
            continue;
        gate_open(&b->stops);
        gate_wait(&b->on);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static void
bench_open(bench *b, belay_limit limit, uint64_t value)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 16, 16), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, limit, value), BELAY_OK);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handler may receive");
    gate_init(&b->stops, "handler has received its part");
    gate_init(&b->on, "handler may receive the rest");
    b->stops_after = 0;
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer, .upload = receive_late}, .data = b, .server = options});
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    belay_server *server = b->fixture.server;
    FIXTURE_AWAIT(&b->fixture, handlers_running, 0);
    fixture_settle(&b->fixture);
    CU_ASSERT_EQUAL(server->held.waiting, 0);
    CU_ASSERT_EQUAL(server->held.partial, 0);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
    gate_fini(&b->stops);
    gate_fini(&b->on);
}

static bool
is_reached(void *argument)
{
    bench *b = argument;
    return belay_server_limit_reached(b->fixture.server, BELAY_LIMIT_CONNECTION_BYTES) > 0 ||
           belay_server_limit_reached(b->fixture.server, BELAY_LIMIT_SERVER_BYTES) > 0;
}

static belay_code
send_large(belay_channel *channel)
{
    Belay__Test__Note *note = note_new(3 * MIB);
    belay_code code = belay_test_probe_unary(channel, NULL, note, NULL, NULL, NULL);
    free(note);
    return code;
}

/* Each sends 200 KiB to a handler that receives nothing yet; sending does not wait for that. */
static void
fill(bench *b, belay_call **calls, int count)
{
    Belay__Test__Note *note = note_new(200 * KIB);
    for (int i = 0; i < count; i++) {
        calls[i] = start_upload(&b->fixture, NULL, BELAY_FOREVER);
        CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(calls[i], note), BELAY_OK);
    }
    gate_wait_count(&b->entered, count);
    free(note);
}

static void
test_slow_handlers_hold_no_more_than_their_limit_and_all_comes_in_the_end(void)
{
    enum { CALLS = 15 };
    bench b;
    belay_call *calls[CALLS];
    bench_open(&b, BELAY_LIMIT_CONNECTION_BYTES, MIB);
    fill(&b, calls, CALLS);
    wait_until(is_reached, &b, "the limit was reached");
    /* What is over it is what a window of the connection lets through, and what is not told of. */
    CU_ASSERT(__atomic_load_n(&b.fixture.server->held.waiting, __ATOMIC_RELAXED) < 3 * MIB);
    belay_channel *other = belay_channel_new(b.fixture.runtime, b.fixture.address, NULL);
    CU_ASSERT_EQUAL(send_large(other), BELAY_OK); /* another connection has its own */
    belay_channel_free(other);
    gate_open(&b.go);
    for (int i = 0; i < CALLS; i++) {
        CU_ASSERT_EQUAL(belay_call_close_send(calls[i]), BELAY_OK);
        Belay__Test__Note *reply;
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_upload_finish(calls[i], &reply, NULL), BELAY_OK);
        CU_ASSERT_EQUAL(reply->number, 1);
        belay__test__note__free_unpacked(reply, NULL);
    }
    CU_ASSERT_EQUAL(send_large(b.fixture.channel), BELAY_OK);
    bench_close(&b);
}

static void
test_one_slow_handler_does_not_stop_its_neighbours(void)
{
    bench b;
    belay_call *slow[1];
    bench_open(&b, BELAY_LIMIT_CONNECTION_BYTES, 16 * MIB);
    fill(&b, slow, 1);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(send_large(b.fixture.channel), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_CONNECTION_BYTES), 0);
    gate_open(&b.go);
    belay_call_free(slow[0]);
    bench_close(&b);
}

/* It may lie in the call for a while, on its way back to the I/O thread. */
static void
test_what_was_read_holds_nobody_up(void)
{
    enum { PART = 40 }; /* so few that no more window is told of for them */
    bench b;
    bench_open(&b, BELAY_LIMIT_CONNECTION_BYTES, MIB);
    b.stops_after = PART;
    Belay__Test__Note *note = note_new(1000);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    for (int i = 0; i < PART; i++)
        CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, note), BELAY_OK);
    free(note);
    gate_wait(&b.entered);
    fixture_await_messages(b.receiving, PART);
    gate_open(&b.go);
    gate_wait(&b.stops);
    CU_ASSERT_EQUAL(send_large(b.fixture.channel), BELAY_OK);
    gate_open(&b.on);
    CU_ASSERT_EQUAL(belay_test_probe_upload_finish(call, NULL, NULL), BELAY_OK);
    bench_close(&b);
}

static void
test_slow_handlers_of_one_connection_hold_up_others_at_the_servers_limit_only_until_they_go_on(void)
{
    enum { CALLS = 10 };
    bench b;
    belay_call *calls[CALLS];
    bench_open(&b, BELAY_LIMIT_SERVER_BYTES, MIB);
    fill(&b, calls, CALLS);
    wait_until(is_reached, &b, "the limit was reached");
    CU_ASSERT(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_SERVER_BYTES) > 0);
    for (int i = 0; i < CALLS; i++)
        belay_call_free(calls[i]);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(send_large(b.fixture.channel), BELAY_OK);
    bench_close(&b);
}

/* All of them begin large messages at once, none of which could be held beside another: one after the other is. */
static void
test_large_messages_that_do_not_fit_together_come_one_after_the_other(void)
{
    enum { CALLS = 16 };
    bench b;
    belay_call *calls[CALLS];
    Belay__Test__Note *note = note_new(3 * MIB);
    bench_open(&b, BELAY_LIMIT_CONNECTION_BYTES, 2 * MIB);
    for (int i = 0; i < CALLS; i++)
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b.fixture.channel, NULL, note, NULL, &calls[i]), BELAY_OK);
    for (int i = 0; i < CALLS; i++)
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
    CU_ASSERT(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_CONNECTION_BYTES) > 0);
    free(note);
    bench_close(&b);
}

/* Begun messages are granted up to the limit; the other streams keep to the usual window. */
static void
test_messages_that_are_begun_and_not_completed_are_bounded(void)
{
    enum { STREAMS = 20 };
    bench b;
    raw_peer peer;
    uint64_t given = 0;
    bench_open(&b, BELAY_LIMIT_CONNECTION_BYTES, 8 * MIB);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    for (uint32_t i = 0; i < STREAMS; i++) {
        raw_call(&peer, 2 * i + 1, "Unary", NULL, false);
        raw_part(&peer, 2 * i + 1, 3 * MIB, 1000, false);
    }
    raw_sync(&peer);
    for (uint32_t i = 0; i < STREAMS; i++)
        given += raw_of(&peer, 2 * i + 1)->given;
    CU_ASSERT(given > 4 * MIB); /* two of them */
    CU_ASSERT(given < 8 * MIB);
    CU_ASSERT(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_CONNECTION_BYTES) > 0);
    raw_close(&peer);
    fixture_await_no_connection(&b.fixture);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_message_is_granted_when_nothing_else_is_there),
        TEST(a_connection_is_full_only_while_something_waits),
        TEST(all_connections_have_a_limit_together),
        TEST(small_messages_are_not_told),
        TEST(slow_handlers_hold_no_more_than_their_limit_and_all_comes_in_the_end),
        TEST(one_slow_handler_does_not_stop_its_neighbours),
        TEST(what_was_read_holds_nobody_up),
        TEST(slow_handlers_of_one_connection_hold_up_others_at_the_servers_limit_only_until_they_go_on),
        TEST(large_messages_that_do_not_fit_together_come_one_after_the_other),
        TEST(messages_that_are_begun_and_not_completed_are_bounded),
        CU_TEST_INFO_NULL,
    };
    return suite_run("holding", tests, argc, argv);
}
