/* SPDX-License-Identifier: MIT */
/*
 * Peers that do not take what they are sent, on a clock that stands until a test moves it.
 */
#include "h2/raw.h"
#include "h2/recorder.h"

#include "io/timer.h"
#include "support/fake_clock.h"

#define SECOND 1000000000ull
#define LARGE (300u << 10) /* more than a peer's window */

/* It has looked at what waits since the clock was moved. */
static bool
has_looked(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection == NULL || owner->connection->stall_at > bly_clock_now(&fake_clock);
}

/* Something waits, and it knows. */
static bool
expects(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection->stall_at != BLY_H2_NEVER;
}

/* So many seconds, in the steps that the looks have. */
static void
pass(lone *raw, int seconds)
{
    for (int i = 0; i < seconds; i += 5) {
        fake_clock_add(5 * SECOND);
        bly_timer_check(raw->loop);
        until(&raw->owner, has_looked, &raw->owner, "what waits was looked at");
    }
}

static void
open_waiting(lone *raw)
{
    static raw_frame frame;
    fake_clock_set(SECOND);
    lone_open(raw, true, NULL, &fake_clock);
    raw_preface(raw->peer, true);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_SETTINGS, 0, &frame));
}

static void
test_an_answer_without_a_window_is_given_up(void)
{
    static raw_frame frame;
    lone raw;
    open_waiting(&raw);
    h2_record *stuck = lone_request(&raw, 0, true);
    h2_record *open = lone_request(&raw, 1, false);
    answer(stuck, LARGE);
    lone_read_body(&raw, 1, 65535);
    until(&raw.owner, expects, &raw.owner, "the answer is known to wait");
    pass(&raw, 60);
    CU_ASSERT_FALSE(has_event(stuck, 'C'));
    pass(&raw, 30);
    until_event(stuck, 'C');
    CU_ASSERT(events_are(stuck, "HEC"));
    CU_ASSERT(stuck->error == BLY_H2_CANCEL && !stuck->by_peer);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STALL_TIME], 1);
    CU_ASSERT_FALSE(has_event(open, 'C')); /* whose handler has not returned */
    lone_close(&raw);
}

static void
test_an_answer_that_moves_is_not_given_up(void)
{
    static raw_frame frame;
    lone raw;
    open_waiting(&raw);
    h2_record *slow = lone_request(&raw, 0, true);
    answer(slow, LARGE);
    lone_read_body(&raw, 1, 65535);
    for (int i = 0; i < 10; i++) { /* a little each half minute */
        pass(&raw, 30);
        raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 0, 1000);
        raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 1, 1000);
        lone_read_body(&raw, 1, 1000);
    }
    raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 0, LARGE);
    raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 1, LARGE);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame)); /* the trailers */
    until_event(slow, 'C');
    CU_ASSERT(events_are(slow, "HELC"));
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STALL_TIME], 0);
    lone_close(&raw);
}

/* A stream whose handler has not returned may wait for as long as its deadline lets it. */
static void
test_a_stream_that_goes_on_is_not_given_up(void)
{
    lone raw;
    open_waiting(&raw);
    h2_record *stream = lone_request(&raw, 0, true);
    respond(stream);
    send_body(stream, LARGE, LARGE);
    lone_read_body(&raw, 1, 65535);
    pass(&raw, 600);
    CU_ASSERT_FALSE(has_event(stream, 'C'));
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STALL_TIME], 0);
    lone_close(&raw);
}

static void
test_a_connection_that_takes_nothing_is_closed(void)
{
    static const uint8_t initial[] = {0, 4, 0x7f, 0xff, 0, 0};
    lone raw;
    open_waiting(&raw);
    lone_narrow(&raw);
    raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 0, 0x7fff0000u - 65535);
    raw_send(raw.peer, RAW_SETTINGS, 0, 0, initial, sizeof initial);
    h2_record *stream = lone_request(&raw, 0, true);
    respond(stream);
    send_body(stream, 16u << 20, 1u << 20); /* more than the kernel takes */
    until(&raw.owner, expects, &raw.owner, "the socket is known to be full");
    pass(&raw, 55);
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    pass(&raw, 60);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BROKEN);
    CU_ASSERT_STRING_EQUAL(raw.owner.detail, "the peer reads nothing");
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STALL_TIME], 1);
    CU_ASSERT_EQUAL(stream->error, BLY_H2_CONNECTION_LOST);
    lone_close(&raw);
}

static void
test_an_idle_connection_may_rest(void)
{
    static raw_frame frame;
    lone raw;
    open_waiting(&raw);
    answer(lone_request(&raw, 0, true), 100);
    CU_ASSERT(raw_read_until(raw.peer, RAW_DATA, 1, &frame));
    pass(&raw, 600);
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    lone_close(&raw);
}

/* ---- What is kept for them meanwhile ---- */

/* A connection whose socket is full of the body of its first stream: until all `size` bytes of it are read it takes
 * no more. At most ten answers are kept. */
static h2_record *
open_full(lone *raw, bool is_server, size_t size)
{
    static const uint8_t initial[] = {0, 4, 0x7f, 0xff, 0, 0};
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.frames_waiting = 10;
    lone_open_ready(raw, is_server, &options);
    lone_narrow(raw);
    raw_send(raw->peer, RAW_SETTINGS, 0, 0, initial, sizeof initial);
    raw_send_number(raw->peer, RAW_WINDOW_UPDATE, 0, 0x7fff0000u - 65535);
    h2_record *stream = is_server ? lone_request(raw, 0, true) : request(&raw->owner, false);
    if (is_server)
        respond(stream);
    send_body(stream, size, 1u << 20);
    until(&raw->owner, expects, &raw->owner, "the socket is known to be full");
    return stream;
}

static void
test_who_asks_and_reads_no_answers_is_closed(void)
{
    uint8_t block[128];
    lone raw;
    open_full(&raw, true, 4u << 20);
    refuse_streams(&raw.owner);
    for (int i = 1; i < 30; i++)
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_STRING_EQUAL(raw.owner.detail, "the peer does not read the answers it asks for");
    lone_close(&raw);
}

/* Many requests wait while the server rests, and what it sends then ends none of them. */
static void
test_what_is_ours_to_send_is_no_answer(void)
{
    enum { CALLS = 90 };
    static raw_frame frame;
    lone raw;
    open_full(&raw, false, 4u << 20);
    for (int i = 0; i < CALLS; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(request(&raw.owner, true));
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_HEADERS, lone_id(CALLS), &frame));
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(an_answer_without_a_window_is_given_up),
        TEST(an_answer_that_moves_is_not_given_up),
        TEST(a_stream_that_goes_on_is_not_given_up),
        TEST(a_connection_that_takes_nothing_is_closed),
        TEST(an_idle_connection_may_rest),
        TEST(who_asks_and_reads_no_answers_is_closed),
        TEST(what_is_ours_to_send_is_no_answer),
        CU_TEST_INFO_NULL,
    };
    return suite_run("h2/stall", tests, argc, argv);
}
