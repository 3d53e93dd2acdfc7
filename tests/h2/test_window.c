/* SPDX-License-Identifier: MIT */
/*
 * Flow control: what stream.c tells the peer it may send, and what session.c gives back for the connection.
 */
#include "h2/raw.h"
#include "h2/recorder.h"

#define KIB 1024
#define MIB (1024 * 1024)

/* ---- between two connections of ours ---- */

static void
send_both_ways(pair *both, size_t size, size_t piece)
{
    h2_record *call = request(&both->client, false);
    h2_record *served = record_at(&both->server, 0);
    respond(served);
    send_body(call, size, piece);
    end_body(call);
    until_event(served, 'E');
    send_body(served, size, piece);
    end_body(served);
    until_event(call, 'C');
    until_event(served, 'C');
    CU_ASSERT(served->body_size == size && !served->body_corrupt);
    CU_ASSERT(call->body_size == size && !call->body_corrupt);
    CU_ASSERT(served->error == BLY_H2_NO_ERROR && call->error == BLY_H2_NO_ERROR);
}

static void
test_large_messages_pass_through_a_window_that_follows(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    tell_window(&both.server, 256 * KIB);
    tell_window(&both.client, 256 * KIB);
    send_both_ways(&both, 4 * MIB, 4 * MIB);
    pair_close(&both);
}

static void
test_large_messages_pass_at_once_through_a_window_of_their_size(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    tell_window(&both.server, 4 * MIB);
    tell_window(&both.client, 4 * MIB);
    send_both_ways(&both, 4 * MIB, 4 * MIB);
    pair_close(&both);
}

static void
test_tiny_windows(void)
{
    bly_h2_options options;
    pair both;
    bly_h2_options_defaults(&options);
    options.stream_window = 10;
    options.connection_window = 65535;
    pair_open(&both, &options, &options);
    tell_window(&both.server, 10);
    tell_window(&both.client, 10);
    send_both_ways(&both, 20000, 777);
    pair_close(&both);
}

static void
test_window_of_one_byte(void)
{
    bly_h2_options options;
    pair both;
    bly_h2_options_defaults(&options);
    options.stream_window = 1;
    pair_open(&both, &options, &options);
    tell_window(&both.server, 1);
    tell_window(&both.client, 1);
    send_both_ways(&both, 500, 100);
    pair_close(&both);
}

static void
test_streams_that_nobody_reads_leave_the_connection_to_others(void)
{
    enum { STUCK = 8 }; /* their windows are twice the connection's */
    pair both;
    pair_open(&both, NULL, NULL);
    for (int i = 0; i < STUCK; i++) {
        h2_record *call = request(&both.client, false);
        send_body(call, MIB, MIB);
    }
    for (int i = 0; i < STUCK; i++)
        until_body(record_at(&both.server, i), 256 * KIB);
    h2_record *call = request(&both.client, false);
    send_body(call, 100 * KIB, KIB);
    end_body(call);
    until_event(record_at(&both.server, STUCK), 'E');
    pair_close(&both);
}

static void
test_data_of_streams_that_were_reset_is_given_back(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    for (int i = 0; i < 12; i++) { /* 3 MiB on a connection's window of 1 MiB */
        h2_record *call = request(&both.client, false);
        h2_record *served = record_at(&both.server, i);
        send_body(call, 256 * KIB, KIB);
        reset(served, BLY_H2_CANCEL);
        until_event(call, 'C');
    }
    h2_record *call = request(&both.client, false);
    send_body(call, 256 * KIB, KIB);
    until_body(record_at(&both.server, 12), 256 * KIB);
    pair_close(&both);
}

/* ---- what a peer by hand sees ---- */

static h2_record *
open_with_window(lone *raw, uint32_t window)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.stream_window = window;
    lone_open_ready(raw, true, &options);
    return lone_request(raw, 0, false);
}

/* Sends a PING; adds up the increments for stream 1 that come before its answer. Increments leave after PING
 * acknowledgements of the same turn, so two rounds are made. */
static uint32_t
window_given(lone *raw, int *frames)
{
    static raw_frame frame;
    uint32_t sum = 0;
    *frames = 0;
    for (int round = 0; round < 2; round++) {
        raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
        while (raw_read(raw->peer, &frame) && frame.type != RAW_PING) {
            if (frame.type == RAW_WINDOW_UPDATE && frame.stream == 1) {
                sum += raw_number(&frame, 0);
                ++*frames;
            }
        }
    }
    return sum;
}

static void
send_data(lone *raw, size_t start, size_t size, uint8_t flags)
{
    static uint8_t data[16384];
    for (size_t i = 0; i < size; i++)
        data[i] = pattern_at(start + i);
    raw_send(raw->peer, RAW_DATA, flags, 1, data, size);
}

static void
test_window_is_raised_once(void)
{
    int frames;
    lone raw;
    h2_record *served = open_with_window(&raw, 10000);
    set_window(served, 10000); /* what it has */
    set_window(served, 5000);  /* less */
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 0);
    set_window(served, 30000);
    set_window(served, 30000);
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 20000);
    CU_ASSERT_EQUAL(frames, 1);
    lone_close(&raw);
}

static void
test_small_differences_are_not_worth_a_frame(void)
{
    int frames;
    lone raw;
    h2_record *served = open_with_window(&raw, 10000);
    tell_window(&raw.owner, 10000);
    send_data(&raw, 0, 4000, 0);
    until_body(served, 4000);
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 0);
    send_data(&raw, 4000, 1000, 0);
    until_body(served, 5000);
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 5000);
    CU_ASSERT_EQUAL(frames, 1);
    lone_close(&raw);
}

static void
test_no_window_for_a_stream_that_has_ended(void)
{
    int frames;
    lone raw;
    h2_record *served = open_with_window(&raw, 10000);
    send_data(&raw, 0, 9000, RAW_END_STREAM);
    until_event(served, 'E');
    set_window(served, 100000);
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 0);
    lone_close(&raw);
}

static void
test_more_than_the_window_is_a_reset(void)
{
    static raw_frame frame;
    lone raw;
    h2_record *served = open_with_window(&raw, 1000);
    send_data(&raw, 0, 1001, 0);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_FLOW_CONTROL_ERROR);
    until_event(served, 'C');
    CU_ASSERT(served->error == BLY_H2_FLOW_CONTROL_ERROR && !served->by_peer);
    lone_close(&raw);
}

static void
test_all_that_was_allowed_is_taken(void)
{
    int frames;
    lone raw;
    h2_record *served = open_with_window(&raw, 1000);
    set_window(served, 3000);
    CU_ASSERT_EQUAL(window_given(&raw, &frames), 2000);
    send_data(&raw, 0, 3000, RAW_END_STREAM);
    until_event(served, 'E');
    CU_ASSERT(events_are(served, "HDE"));
    CU_ASSERT(!served->body_corrupt);
    lone_close(&raw);
}

/* One byte of data in a frame of 101: whoever counted only the data would let the peer run dry. */
static void
send_padded(lone *raw, int times)
{
    uint8_t frame[102] = {100};
    for (int i = 0; i < times; i++) {
        frame[1] = pattern_at((size_t)i);
        raw_send(raw->peer, RAW_DATA, RAW_PADDED, 1, frame, sizeof frame);
    }
}

static void
test_padding_counts_and_gathers_no_window(void)
{
    int frames;
    lone raw;
    h2_record *served = open_with_window(&raw, 10200);
    tell_window(&raw.owner, 10200);
    int64_t left = 10200;
    for (int round = 0; round < 20; round++) { /* all that it may, and again */
        send_padded(&raw, 50);
        left -= 50 * 102;
        until_body(served, (size_t)(50 * (round + 1)));
        left += window_given(&raw, &frames);
        CU_ASSERT_FATAL(left >= 50 * 102);
        CU_ASSERT(left <= 10200);
    }
    lone_close(&raw);
}

static void
test_trailers_do_not_wait_for_a_window(void)
{
    static raw_frame frame;
    static const uint8_t window_of_five[] = {0, 4, 0, 0, 0, 5};
    lone raw;
    h2_record *served = open_with_window(&raw, 10000);
    raw_send(raw.peer, RAW_SETTINGS, 0, 0, window_of_five, sizeof window_of_five);
    respond(served);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame));
    send_body(served, 5, 5);
    CU_ASSERT(raw_read_until(raw.peer, RAW_DATA, 1, &frame));
    CU_ASSERT_EQUAL(frame.size, 5);
    end_body(served);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame));
    CU_ASSERT(frame.flags & RAW_END_STREAM);
    lone_close(&raw);
}

static const CU_TestInfo tests[] = {
    {"large messages pass through a window that follows",
     test_large_messages_pass_through_a_window_that_follows},
    {"large messages pass at once through a window of their size",
     test_large_messages_pass_at_once_through_a_window_of_their_size},
    {"tiny windows", test_tiny_windows},
    {"window of one byte", test_window_of_one_byte},
    {"streams that nobody reads leave the connection to others",
     test_streams_that_nobody_reads_leave_the_connection_to_others},
    {"data of streams that were reset is given back", test_data_of_streams_that_were_reset_is_given_back},
    {"window is raised once", test_window_is_raised_once},
    {"small differences are not worth a frame", test_small_differences_are_not_worth_a_frame},
    {"no window for a stream that has ended", test_no_window_for_a_stream_that_has_ended},
    {"more than the window is a reset", test_more_than_the_window_is_a_reset},
    {"all that was allowed is taken", test_all_that_was_allowed_is_taken},
    {"padding counts and gathers no window", test_padding_counts_and_gathers_no_window},
    {"trailers do not wait for a window", test_trailers_do_not_wait_for_a_window},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/window", tests, argc, argv);
}
