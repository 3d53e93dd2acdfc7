/* SPDX-License-Identifier: MIT */
/*
 * How connections begin and end.
 */
#include <string.h>
#include <sys/socket.h>

#include "h2/raw.h"
#include "h2/recorder.h"
#include "support/fake_clock.h"

#define SECOND 1000000000ull

static void
move_clock(bly_loop *loop, uint64_t now)
{
    fake_clock_set(now);
    bly_timer_check(loop);
}

/* ---- beginnings ---- */

static void
test_both_sides_become_ready(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    CU_ASSERT_EQUAL(both.client.readied, 1);
    CU_ASSERT_EQUAL(both.server.readied, 1);
    CU_ASSERT_STRING_EQUAL(bly_h2_connection_peer(both.client.connection), "pair");
    CU_ASSERT_EQUAL(bly_h2_connection_stream_count(both.client.connection), 0);
    pair_close(&both);
}

static void
test_server_closes_on_a_preface_that_is_none(void)
{
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    lone raw;
    lone_open(&raw, true, NULL, NULL);
    raw_write(raw.peer, garbage, sizeof garbage - 1);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_EQUAL(raw.owner.readied, 0);
    lone_close(&raw);
}

static void
test_client_closes_on_a_preface_that_is_none(void)
{
    static const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    lone raw;
    lone_open(&raw, false, NULL, NULL);
    raw_write(raw.peer, garbage, sizeof garbage - 1);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    lone_close(&raw);
}

static void
look_at_closed(void *argument)
{
    const h2_owner *owner = argument;
    CU_ASSERT_EQUAL(owner->closed, 0);
}

static void
check_silent_peer(bool is_server)
{
    lone raw;
    fake_clock_set(SECOND);
    lone_open(&raw, is_server, NULL, &fake_clock);
    move_clock(raw.loop, 11 * SECOND - 1);
    on_loop(&raw.owner, look_at_closed, &raw.owner);
    move_clock(raw.loop, 11 * SECOND);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BROKEN);
    lone_close(&raw);
}

static void
test_silent_peers_are_dropped(void)
{
    check_silent_peer(true);
    check_silent_peer(false);
}

static bool
is_ready(void *argument)
{
    const h2_owner *owner = argument;
    return owner->readied > 0;
}

static void
test_settings_end_the_wait_for_a_preface(void)
{
    static raw_frame frame;
    lone raw;
    fake_clock_set(SECOND);
    lone_open(&raw, true, NULL, &fake_clock);
    raw_preface(raw.peer, true);
    until(&raw.owner, is_ready, &raw.owner, "the server is ready");
    move_clock(raw.loop, 100 * SECOND);
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    lone_close(&raw);
}

/* ---- ends ---- */

static void
test_peer_that_closes_ends_streams_then_the_connection(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *open = lone_request(&raw, 0, false);
    h2_record *half = lone_request(&raw, 1, true);
    respond(half);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 3, &frame)); /* nothing is left to be written */
    shutdown(raw.peer, SHUT_RDWR);
    until_closed(&raw.owner);
    CU_ASSERT(events_are(open, "HC"));
    CU_ASSERT(events_are(half, "HEC"));
    CU_ASSERT(open->error == BLY_H2_CONNECTION_LOST && !open->by_peer);
    CU_ASSERT_EQUAL(half->error, BLY_H2_CONNECTION_LOST);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PEER);
    lone_close(&raw);
}

static void
test_client_hears_that_its_connection_is_lost(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'H');
    close_connection(&both.server);
    until_closed(&both.client);
    CU_ASSERT(events_are(served, "HC"));
    CU_ASSERT(events_are(call, "C"));
    CU_ASSERT(call->error == BLY_H2_CONNECTION_LOST && !call->by_peer && !call->unprocessed);
    CU_ASSERT_EQUAL(both.server.reason, BLY_H2_CLOSED_BY_US);
    CU_ASSERT_STRING_EQUAL(both.server.detail, "closed by the test");
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_PEER);
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    pair_close(&both);
}

static h2_record *unsent_call; /* of the next function: I/O thread, then the test */

static void
open_and_close(void *argument)
{
    h2_owner *client = argument;
    unsent_call = request(client, true);
    close_connection(client);
    CU_ASSERT_PTR_NULL(unsent_call->carrier); /* told before it returned */
}

static void
test_request_that_never_left_is_unprocessed(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    on_loop(&both.client, open_and_close, &both.client);
    CU_ASSERT(events_are(unsent_call, "C"));
    CU_ASSERT(unsent_call->error == BLY_H2_CONNECTION_LOST && unsent_call->unprocessed);
    pair_close(&both);
}

static void
close_at_headers(h2_record *stream, char event)
{
    h2_owner *owner = stream->owner;
    if (event != 'H')
        return;
    bly_h2_connection_close(owner->connection, "enough");
    CU_ASSERT_PTR_NOT_NULL(owner->connection); /* not while nghttp2 is on the stack */
}

static void
test_connection_closed_from_inside_an_op(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    call_at_events(&both.server, close_at_headers);
    h2_record *call = request(&both.client, false);
    until_closed(&both.server);
    until_closed(&both.client);
    CU_ASSERT(events_are(record_at(&both.server, 0), "HC"));
    CU_ASSERT_EQUAL(call->error, BLY_H2_CONNECTION_LOST);
    CU_ASSERT_STRING_EQUAL(both.server.detail, "enough");
    pair_close(&both);
}

static void
close_at_closed(h2_record *stream, char event)
{
    if (event == 'C')
        bly_h2_connection_close(stream->owner->connection, "again");
}

static void
test_connection_closed_again_while_it_closes(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    call_at_events(&raw.owner, close_at_closed);
    lone_request(&raw, 0, false);
    lone_request(&raw, 1, false);
    close_connection(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.closed, 1);
    CU_ASSERT_STRING_EQUAL(raw.owner.detail, "closed by the test");
    lone_close(&raw);
}

static void
act_on_the_others(h2_record *stream, char event)
{
    h2_owner *owner = stream->owner;
    for (int i = 0; event == 'C' && i < owner->count; i++) {
        if (owner->records[i] == stream || owner->records[i]->carrier == NULL)
            continue;
        respond(owner->records[i]);
        send_body(owner->records[i], 100, 100);
        end_body(owner->records[i]);
        reset(owner->records[i], BLY_H2_CANCEL);
    }
}

static void
test_streams_are_left_alone_while_their_connection_closes(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    call_at_events(&raw.owner, act_on_the_others);
    h2_record *first = lone_request(&raw, 0, false);
    h2_record *second = lone_request(&raw, 1, false);
    close_connection(&raw.owner);
    CU_ASSERT(first->error == BLY_H2_CONNECTION_LOST && second->error == BLY_H2_CONNECTION_LOST);
    lone_close(&raw);
}

static void
test_peer_that_breaks_the_rules_gets_goaway(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *served = lone_request(&raw, 0, false);
    raw_send(raw.peer, RAW_DATA, 0, 0, "x", 1); /* DATA on no stream */
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_PROTOCOL_ERROR);
    CU_ASSERT(!raw_read(raw.peer, &frame));
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw.owner.detail, "PROTOCOL_ERROR"));
    CU_ASSERT_EQUAL(served->error, BLY_H2_CONNECTION_LOST);
    lone_close(&raw);
}

static void
test_flood_of_pings_closes_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_narrow(&raw);
    while (raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8)) /* and reads no answer */
        continue;
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    lone_close(&raw);
}

/* In one turn, so that our write comes before our read. */
static void
say_last_words_and_have_it_write(void *argument)
{
    lone *raw = argument;
    if (raw->owner.connection->is_server) {
        raw_send_number(raw->peer, RAW_RST_STREAM, 1, BLY_H2_CANCEL);
        shutdown(raw->peer, SHUT_RDWR);
        respond(record_at(&raw->owner, 0));
    } else {
        raw_send(raw->peer, RAW_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\13enough", 14);
        shutdown(raw->peer, SHUT_RDWR);
        request(&raw->owner, true);
    }
}

static void
test_last_words_are_read_though_a_write_fails(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *cancelled = lone_request(&raw, 0, true);
    h2_record *other = lone_request(&raw, 1, true);
    on_loop(&raw.owner, say_last_words_and_have_it_write, &raw);
    until_closed(&raw.owner);
    CU_ASSERT(cancelled->by_peer);
    CU_ASSERT_EQUAL(cancelled->error, BLY_H2_CANCEL);
    CU_ASSERT_EQUAL(other->error, BLY_H2_CONNECTION_LOST);
    lone_close(&raw);

    lone_open_ready(&raw, false, NULL);
    on_loop(&raw.owner, say_last_words_and_have_it_write, &raw);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.goaways, 1);
    CU_ASSERT_EQUAL(raw.owner.goaway_error, BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT_STRING_EQUAL(raw.owner.goaway_words, "enough");
    lone_close(&raw);
}

static bool
is_closing(void *argument)
{
    const h2_owner *owner = argument;
    return owner->closed == 1;
}

/* The other end takes nothing, and has said nothing. */
static void
fail_to_write(void *argument)
{
    lone *raw = argument;
    shutdown(raw->ours, SHUT_WR);
    respond(record_at(&raw->owner, 0));
}

static void
test_a_write_that_fails_ends_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *served = lone_request(&raw, 0, true);
    on_loop(&raw.owner, fail_to_write, &raw);
    until(&raw.owner, is_closing, &raw.owner, "the connection is closed");
    CU_ASSERT_EQUAL(served->error, BLY_H2_CONNECTION_LOST);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BROKEN);
    lone_close(&raw);
}

static int counted_at_close; /* I/O thread; -1: not closed yet */
static bly_linger_count *lingering;

static void
look_at_count(h2_record *stream, char event)
{
    (void)stream;
    if (event == 'C')
        counted_at_close = (int)bly_linger_count_read(lingering);
}

/* A drain waits for connections, then for sockets that linger: none may be between the two. */
static void
test_a_socket_that_will_linger_is_counted_before_its_owner_hears(void)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    lingering = bly_linger_count_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(lingering);
    options.lingering = lingering;
    counted_at_close = -1;
    lone raw;
    lone_open_ready(&raw, true, &options);
    lone_request(&raw, 0, false);
    call_at_events(&raw.owner, look_at_count);
    close_connection(&raw.owner);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(counted_at_close, 1);
    lone_close(&raw);
    CU_ASSERT_EQUAL(bly_linger_count_read(lingering), 0);
    bly_linger_count_unref(lingering);
}

static h2_record *unbegun;

static void
begin_and_send_away(void *argument)
{
    h2_owner *client = argument;
    unbegun = request(client, true);
    bly_h2_send_away(client->connection, BLY_H2_ENHANCE_YOUR_CALM, "enough");
}

/* It is not lost: it can go elsewhere. */
static void
test_a_client_begins_nothing_after_its_goaway(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, false, NULL);
    on_loop(&raw.owner, begin_and_send_away, &raw.owner);
    until_closed(&raw.owner);
    CU_ASSERT_TRUE(unbegun->unprocessed);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_FALSE(raw_read(raw.peer, &frame));
    lone_close(&raw);
}

static const CU_TestInfo tests[] = {
    {"both sides become ready", test_both_sides_become_ready},
    {"server closes on a preface that is none", test_server_closes_on_a_preface_that_is_none},
    {"client closes on a preface that is none", test_client_closes_on_a_preface_that_is_none},
    {"silent peers are dropped", test_silent_peers_are_dropped},
    {"settings end the wait for a preface", test_settings_end_the_wait_for_a_preface},
    {"peer that closes ends streams then the connection",
     test_peer_that_closes_ends_streams_then_the_connection},
    {"client hears that its connection is lost", test_client_hears_that_its_connection_is_lost},
    {"request that never left is unprocessed", test_request_that_never_left_is_unprocessed},
    {"connection closed from inside an op", test_connection_closed_from_inside_an_op},
    {"connection closed again while it closes", test_connection_closed_again_while_it_closes},
    {"streams are left alone while their connection closes",
     test_streams_are_left_alone_while_their_connection_closes},
    {"peer that breaks the rules gets GOAWAY", test_peer_that_breaks_the_rules_gets_goaway},
    {"last words are read though a write fails", test_last_words_are_read_though_a_write_fails},
    {"a write that fails ends the connection", test_a_write_that_fails_ends_the_connection},
    {"a socket that will linger is counted before its owner hears",
     test_a_socket_that_will_linger_is_counted_before_its_owner_hears},
    {"a client begins nothing after its GOAWAY", test_a_client_begins_nothing_after_its_goaway},
    {"flood of pings closes the connection", test_flood_of_pings_closes_the_connection},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/connection", tests, argc, argv);
}
