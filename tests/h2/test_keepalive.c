/* SPDX-License-Identifier: MIT */
/*
 * Whether the other side is there, on both sides; how often a client may ask; how long connections last. Time
 * passes when the test says so.
 */
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define SECOND 1000000000ull
#define INTERVAL (10 * SECOND)
#define TIMEOUT (5 * SECOND)
#define LAST_STREAM 0x7fffffffu

static raw_frame frame;

static bly_h2_options
with_keepalive(bool without_streams)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.keepalive_ns = INTERVAL;
    options.keepalive_timeout_ns = TIMEOUT;
    options.keepalive_without_streams = without_streams;
    return options;
}

static void
open_alive(lone *raw, bool is_server, bool without_streams)
{
    bly_h2_options options = with_keepalive(without_streams);
    lone_open_timed(raw, is_server, &options);
}

/* The next PING that is a question. */
static void
expect_ping(lone *raw, uint8_t data[8])
{
    do {
        CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_PING, 0, &frame));
    } while (frame.flags & RAW_ACK);
    memcpy(data, frame.payload, 8);
}

typedef struct look {
    lone *raw;
    bool asks;
} look;

static void
look_whether_it_asks(void *argument)
{
    look *self = argument;
    self->asks = self->raw->owner.connection->keepalive_waits;
}

static bool
asks(lone *raw)
{
    look self = {.raw = raw};
    on_loop(&raw->owner, look_whether_it_asks, &self);
    return self.asks;
}

/* What was heard before counts: it may take the interval twice. */
static void
be_silent_until_asked(lone *raw, uint8_t data[8])
{
    lone_pass(raw, INTERVAL);
    if (!asks(raw))
        lone_pass(raw, INTERVAL);
    expect_ping(raw, data);
}

/* Asks for a sign of life of its own; true when it is the first PING that comes. */
static bool
was_not_asked(lone *raw)
{
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
    return raw_read_until(raw->peer, RAW_PING, 0, &frame) && (frame.flags & RAW_ACK) != 0;
}

/* ---- Questions of ours ---------------------------------------------------------------------------- */

static void
expect_silence_to_end(bool is_server)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, is_server, true);
    be_silent_until_asked(&raw, data);
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_pass(&raw, TIMEOUT);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BROKEN);
    CU_ASSERT_STRING_EQUAL(raw.owner.detail, "keepalive: no answer to a PING within 5000 ms");
    lone_close(&raw);
}

static void
test_silent_client_is_lost(void)
{
    expect_silence_to_end(true);
}

static void
test_silent_server_is_lost(void)
{
    expect_silence_to_end(false);
}

static void
test_streams_of_a_silent_peer_are_lost(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, true, false);
    h2_record *stream = lone_request(&raw, 0, true);
    be_silent_until_asked(&raw, data);
    lone_pass(&raw, TIMEOUT);
    until_event(stream, 'C');
    CU_ASSERT_EQUAL(stream->error, BLY_H2_CONNECTION_LOST);
    lone_close(&raw);
}

static void
test_answer_is_a_sign_of_life(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, true, false);
    for (int i = 0; i < 5; i++) {
        be_silent_until_asked(&raw, data);
        raw_send(raw.peer, RAW_PING, RAW_ACK, 0, data, 8);
        CU_ASSERT_TRUE(was_not_asked(&raw)); /* the answer was read */
        lone_pass(&raw, TIMEOUT);
    }
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

static void
test_anything_is_a_sign_of_life(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, true, false);
    be_silent_until_asked(&raw, data);
    CU_ASSERT_TRUE(was_not_asked(&raw));
    lone_pass(&raw, TIMEOUT);
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    be_silent_until_asked(&raw, data);
    lone_pass(&raw, TIMEOUT);
    until_closed(&raw.owner);
    lone_close(&raw);
}

/* The interval counts from the last sign of life, also when that came after a question with a long time-out. */
static void
test_a_peer_that_stops_after_a_question_is_asked_after_the_interval(void)
{
    lone raw;
    uint8_t data[8];
    bly_h2_options options = with_keepalive(false);
    options.keepalive_timeout_ns = 10 * INTERVAL;
    lone_open_timed(&raw, true, &options);
    be_silent_until_asked(&raw, data);
    CU_ASSERT_TRUE(was_not_asked(&raw));
    lone_pass(&raw, INTERVAL);
    lone_pass(&raw, INTERVAL);
    CU_ASSERT_FALSE(was_not_asked(&raw));
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

/* Looking in between shortens no time-out. */
static void
test_a_time_out_longer_than_the_interval_is_waited_for(void)
{
    lone raw;
    uint8_t data[8];
    bly_h2_options options = with_keepalive(false);
    options.keepalive_timeout_ns = 3 * INTERVAL;
    lone_open_timed(&raw, true, &options);
    be_silent_until_asked(&raw, data);
    for (int i = 0; i < 2; i++) {
        lone_pass(&raw, INTERVAL);
        CU_ASSERT_TRUE(asks(&raw));
        CU_ASSERT_EQUAL(raw.owner.closed, 0);
    }
    lone_pass(&raw, INTERVAL);
    until_closed(&raw.owner);
    CU_ASSERT_STRING_EQUAL(raw.owner.detail, "keepalive: no answer to a PING within 30000 ms");
    lone_close(&raw);
}

static void
answer_and_look(void *argument)
{
    lone *raw = argument;
    bly_h2_connection *connection = raw->owner.connection;
    raw_send(raw->peer, RAW_PING, RAW_ACK, 0, frame.payload, 8);
    bly_h2_keepalive_look(connection, connection->keepalive_at);
}

/* As after a time in which this process did not run. */
static void
test_answer_that_was_not_read_yet_counts(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, true, false);
    be_silent_until_asked(&raw, data);
    memcpy(frame.payload, data, 8);
    on_loop(&raw.owner, answer_and_look, &raw);
    CU_ASSERT_TRUE(was_not_asked(&raw));
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

static void
test_client_without_streams_does_not_ask(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, false, false);
    for (int i = 0; i < 4; i++)
        lone_pass(&raw, INTERVAL);
    CU_ASSERT_TRUE(was_not_asked(&raw));
    CU_ASSERT_PTR_NOT_NULL(request(&raw.owner, true));
    be_silent_until_asked(&raw, data);
    lone_pass(&raw, TIMEOUT);
    until_closed(&raw.owner);
    lone_close(&raw);
}

static void
test_client_asks_when_told_so(void)
{
    lone raw;
    uint8_t data[8];
    open_alive(&raw, false, true);
    be_silent_until_asked(&raw, data);
    lone_close(&raw);
}

static void
test_nobody_asks_by_default(void)
{
    lone raw;
    lone_open_timed(&raw, true, NULL);
    for (int i = 0; i < 4; i++)
        lone_pass(&raw, 3600 * SECOND);
    CU_ASSERT_TRUE(was_not_asked(&raw));
    lone_close(&raw);
}

/* ---- Questions of the peer ------------------------------------------------------------------------ */

static void
open_strict(lone *raw, bool is_server)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.ping_interval_ns = 300 * SECOND;
    options.idle_ping_interval_ns = 7200 * SECOND;
    options.ping_strikes = 2;
    lone_open_timed(raw, is_server, &options);
}

/* False when the answer is to go away. */
static bool
ping(lone *raw)
{
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
    do {
        CU_ASSERT_FATAL(raw_read(raw->peer, &frame));
    } while (frame.type != RAW_PING && frame.type != RAW_GOAWAY);
    return frame.type == RAW_PING;
}

static void
expect_sent_away(lone *raw)
{
    CU_ASSERT_FALSE(ping(raw));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT(frame.size == 8 + 14 && memcmp(frame.payload + 8, "too_many_pings", 14) == 0);
    until_closed(&raw->owner);
    CU_ASSERT_EQUAL(raw->owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
}

static void
test_third_ping_too_many_ends_the_connection(void)
{
    lone raw;
    open_strict(&raw, true);
    lone_request(&raw, 0, true);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(ping(&raw)); /* the first is none too many */
    expect_sent_away(&raw);
    lone_close(&raw);
}

static void
test_pings_at_a_distance_are_welcome(void)
{
    lone raw;
    open_strict(&raw, true);
    lone_request(&raw, 0, true);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_TRUE(ping(&raw));
        lone_pass(&raw, 300 * SECOND);
    }
    lone_close(&raw);
}

static void
test_without_streams_the_distance_is_longer(void)
{
    lone raw;
    open_strict(&raw, true);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(ping(&raw));
        lone_pass(&raw, 300 * SECOND);
    }
    expect_sent_away(&raw);
    lone_close(&raw);
}

static void
test_what_is_sent_takes_strikes_back(void)
{
    lone raw;
    open_strict(&raw, true);
    h2_record *stream = lone_request(&raw, 0, true);
    respond(stream);
    for (int i = 0; i < 10; i++) {
        send_body(stream, 10, 10);
        CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_DATA, 1, &frame));
        for (int j = 0; j < 3; j++)
            CU_ASSERT_TRUE(ping(&raw));
    }
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

static void
test_a_server_may_ask_as_it_likes(void)
{
    lone raw;
    open_strict(&raw, false);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(ping(&raw));
    lone_close(&raw);
}

/* ---- Ages ----------------------------------------------------------------------------------------- */

static void
open_mortal(lone *raw)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.age_ns = 100 * SECOND;
    options.grace_ns = 10 * SECOND;
    lone_open_timed(raw, true, &options);
}

static void
open_lazy(lone *raw)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.idle_ns = 100 * SECOND;
    lone_open_timed(raw, true, &options);
}

static void
test_idle_connection_is_told(void)
{
    lone raw;
    open_lazy(&raw);
    lone_pass(&raw, 99 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 0);
    lone_pass(&raw, SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 1);
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 2);
    lone_close(&raw);
}

static void
test_idle_time_counts_from_the_last_stream(void)
{
    lone raw;
    open_lazy(&raw);
    h2_record *stream = lone_request(&raw, 0, true);
    lone_pass(&raw, 100 * SECOND);
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 0); /* it is in use */
    answer(stream, 1);
    until_event(stream, 'C');
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 0); /* it was, a moment ago */
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.idles, 1);
    lone_close(&raw);
}

static void
test_old_connection_is_drained(void)
{
    lone raw;
    open_mortal(&raw);
    h2_record *stream = lone_request(&raw, 0, true);
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), LAST_STREAM);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    raw_send(raw.peer, RAW_PING, RAW_ACK, 0, frame.payload, 8);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_NO_ERROR);
    answer(stream, 1);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.graces, 0);
    lone_close(&raw);
}

static void
test_grace_ends(void)
{
    lone raw;
    open_mortal(&raw);
    lone_request(&raw, 0, true);
    lone_pass(&raw, 100 * SECOND);
    lone_pass(&raw, 9 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.graces, 0);
    lone_pass(&raw, SECOND);
    CU_ASSERT_EQUAL(raw.owner.graces, 1);
    lone_pass(&raw, SECOND);
    CU_ASSERT_EQUAL(raw.owner.graces, 2);
    lone_close(&raw);
}

static void
test_connection_that_drains_anyway_has_no_age(void)
{
    lone raw;
    open_mortal(&raw);
    lone_request(&raw, 0, true);
    drain(&raw.owner);
    lone_pass(&raw, 100 * SECOND);
    lone_pass(&raw, 100 * SECOND);
    CU_ASSERT_EQUAL(raw.owner.graces, 0);
    lone_close(&raw);
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_silent_client_is_lost),
    TEST(test_silent_server_is_lost),
    TEST(test_streams_of_a_silent_peer_are_lost),
    TEST(test_answer_is_a_sign_of_life),
    TEST(test_anything_is_a_sign_of_life),
    TEST(test_a_peer_that_stops_after_a_question_is_asked_after_the_interval),
    TEST(test_a_time_out_longer_than_the_interval_is_waited_for),
    TEST(test_answer_that_was_not_read_yet_counts),
    TEST(test_client_without_streams_does_not_ask),
    TEST(test_client_asks_when_told_so),
    TEST(test_nobody_asks_by_default),
    TEST(test_third_ping_too_many_ends_the_connection),
    TEST(test_pings_at_a_distance_are_welcome),
    TEST(test_without_streams_the_distance_is_longer),
    TEST(test_what_is_sent_takes_strikes_back),
    TEST(test_a_server_may_ask_as_it_likes),
    TEST(test_idle_connection_is_told),
    TEST(test_idle_time_counts_from_the_last_stream),
    TEST(test_old_connection_is_drained),
    TEST(test_grace_ends),
    TEST(test_connection_that_drains_anyway_has_no_age),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/keepalive", tests, argc, argv);
}
