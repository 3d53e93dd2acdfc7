/* SPDX-License-Identifier: MIT */
/*
 * The graceful end, from both sides.
 */
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"
#include "support/fake_clock.h"

#define SECOND 1000000000ull
#define LAST_STREAM 0x7fffffffu

/* ---- two connections of ours ---- */

static void
test_idle_server_drains(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    drain(&both.server);
    until_closed(&both.server);
    until_closed(&both.client);
    CU_ASSERT(both.client.goaways >= 1);
    CU_ASSERT_EQUAL(both.client.goaway_error, BLY_H2_NO_ERROR);
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_PEER);
    pair_close(&both);
}

static bool
has_goaway(void *argument)
{
    const h2_owner *owner = argument;
    return owner->goaways > 0;
}

static void
test_streams_end_before_a_drained_server_closes(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    drain(&both.server);
    drain(&both.server); /* no matter */
    until(&both.client, has_goaway, &both.client, "the client was told");
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    answer(served, 1000);
    until_closed(&both.server);
    until_closed(&both.client);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT(events_are(call, "LRDTEC"));
    CU_ASSERT(call->error == BLY_H2_NO_ERROR && call->body_size == 1000);
    pair_close(&both);
}

static void
test_idle_client_drains(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    drain(&both.client);
    until_closed(&both.client);
    until_closed(&both.server);
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_US);
    CU_ASSERT_STRING_EQUAL(both.client.detail, "drained");
    pair_close(&both);
}

static void
test_streams_end_before_a_drained_client_closes(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    drain(&both.client);
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    until(&both.server, has_goaway, &both.server, "the server was told");
    answer(served, 1000);
    until_closed(&both.client);
    until_closed(&both.server);
    CU_ASSERT(events_are(call, "LRDTEC"));
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_US);
    pair_close(&both);
}

/* ---- a client by hand ---- */

static void
test_streams_are_taken_until_the_last_goaway(void)
{
    static raw_frame frame;
    uint8_t block[128];
    uint8_t ping[8];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), LAST_STREAM);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame)); /* after it: the answer shows that it was read */
    memcpy(ping, frame.payload, sizeof ping);
    h2_record *served = lone_request(&raw, 0, true);
    raw_send(raw.peer, RAW_PING, RAW_ACK, 0, ping, sizeof ping);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_NO_ERROR);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 3, block, raw_request(block)); /* too late */
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 3, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
    CU_ASSERT_EQUAL(raw.owner.count, 1);
    answer(served, 10);
    until_closed(&raw.owner);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_US);
    lone_close(&raw);
}

/* A server that has sent its last GOAWAY, and stays for the sake of one stream that its client has not ended. */
static h2_record *
drain_but_for_one(lone *raw, const bly_h2_options *options)
{
    static raw_frame frame;
    uint8_t ping[8];
    lone_open_ready(raw, true, options);
    h2_record *served = lone_request(raw, 0, false);
    drain(&raw->owner);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_PING, 0, &frame));
    memcpy(ping, frame.payload, sizeof ping);
    raw_send(raw->peer, RAW_PING, RAW_ACK, 0, ping, sizeof ping);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    return served;
}

static void
test_late_streams_are_refused_once_and_their_rest_is_ignored(void)
{
    static raw_frame frame;
    uint8_t block[128];
    unsigned int resets = 0;
    lone raw;
    h2_record *served = drain_but_for_one(&raw, NULL);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 3, block, raw_request(block));
    raw_send(raw.peer, RAW_DATA, 0, 3, "abc", 3);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 3, block, raw_field(block, "x", "y"));
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 5, block, raw_request(block));
    raw_send_number(raw.peer, RAW_RST_STREAM, 5, BLY_H2_CANCEL);
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    do {
        CU_ASSERT_FATAL(raw_read(raw.peer, &frame));
        CU_ASSERT_NOT_EQUAL(frame.type, RAW_GOAWAY);
        if (frame.type == RAW_RST_STREAM) {
            CU_ASSERT_EQUAL(frame.stream, 3 + 2 * resets++);
            CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
        }
    } while (frame.type != RAW_PING);
    CU_ASSERT(resets == 2 || raw_read_until(raw.peer, RAW_RST_STREAM, 3 + 2 * resets, &frame));
    CU_ASSERT(!has_event(served, 'C'));
    CU_ASSERT_EQUAL(raw.owner.count, 1);
    lone_close(&raw);
}

static void
nothing(void *argument)
{
    (void)argument;
}

/* Padded, with a priority, in single bytes, and the block in two frames: nghttp2 learns of the stream late. */
static void
test_late_streams_that_come_in_pieces_are_refused(void)
{
    static raw_frame frame;
    uint8_t block[160] = {2, 0, 0, 0, 0, 15}, bytes[400]; /* padding, and RFC 7540's priority */
    lone raw;
    drain_but_for_one(&raw, NULL);
    size_t half = 6 + raw_field(block + 6, ":method", "POST");
    size_t size = raw_put(bytes, RAW_HEADERS, RAW_PADDED | 0x20, 3, block, half + 2);
    size += raw_put(bytes + size, RAW_CONTINUATION, RAW_END_HEADERS, 3, block, raw_field(block, ":path", "/s/m"));
    for (size_t i = 0; i < size; i++) {
        raw_write(raw.peer, bytes + i, 1);
        bly_loop_call(raw.loop, nothing, NULL);
    }
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 3, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
    lone_close(&raw);
}

/* What a late stream puts into the table of HPACK is what others refer to. */
static void
test_headers_of_late_streams_are_decoded(void)
{
    static raw_frame frame;
    static const uint8_t indexed[] = {0x40, 3, 'k', 'e', 'y', 5, 'v', 'a', 'l', 'u', 'e'};
    static const uint8_t newest_entry[] = {0x80 | 62};
    uint8_t block[160];
    lone raw;
    h2_record *served = drain_but_for_one(&raw, NULL);
    size_t size = raw_request(block);
    memcpy(block + size, indexed, sizeof indexed);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 3, block, size + sizeof indexed);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, newest_entry, sizeof newest_entry);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 3, &frame));
    until_event(served, 'E');
    CU_ASSERT(fields_are(served, ":method=POST;:scheme=http;:path=/s/m;:authority=test;key=value;"));
    answer(served, 10);
    until_closed(&raw.owner);
    CU_ASSERT(events_are(served, "HTELC"));
    lone_close(&raw);
}

/* So many an honest client may have under way when the last GOAWAY leaves. */
static void
test_as_many_late_streams_as_may_be_open_are_forgiven(void)
{
    static raw_frame frame;
    uint8_t block[128];
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 20;
    options.provoked_errors = 3;
    options.provoked_rate = 0;
    lone raw;
    h2_record *served = drain_but_for_one(&raw, &options);
    size_t size = raw_request(block);
    for (int i = 1; i <= 20; i++)
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, size);
    for (int i = 1; i <= 20; i++) {
        CU_ASSERT_FATAL(raw_read(raw.peer, &frame));
        CU_ASSERT(frame.type == RAW_RST_STREAM && frame.stream == lone_id(i));
    }
    CU_ASSERT(!has_event(served, 'C'));
    for (int i = 21; i <= 24; i++)
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, size);
    CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    lone_close(&raw);
}

static void
test_a_flood_of_late_streams_ends_the_connection(void)
{
    static raw_frame frame;
    uint8_t block[128];
    lone raw;
    drain_but_for_one(&raw, NULL);
    size_t size = raw_request(block);
    for (int i = 1; i <= 2000 && raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, size); i++)
        continue;
    CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_PROVOKED_ERRORS], 1);
    lone_close(&raw);
}

static void
test_drain_waits_a_second_for_its_ping(void)
{
    static raw_frame frame;
    lone raw;
    fake_clock_set(SECOND);
    lone_open(&raw, true, NULL, &fake_clock);
    raw_preface(raw.peer, true);
    h2_record *served = lone_request(&raw, 0, false);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), LAST_STREAM);
    fake_clock_set(2 * SECOND);
    bly_timer_check(raw.loop);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    CU_ASSERT(!has_event(served, 'C'));
    lone_close(&raw);
}

static void
test_connection_closed_while_it_drains(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    lone_close(&raw); /* the timer goes with it */
}

static const CU_TestInfo tests[] = {
    {"idle server drains", test_idle_server_drains},
    {"streams end before a drained server closes", test_streams_end_before_a_drained_server_closes},
    {"idle client drains", test_idle_client_drains},
    {"streams end before a drained client closes", test_streams_end_before_a_drained_client_closes},
    {"streams are taken until the last GOAWAY", test_streams_are_taken_until_the_last_goaway},
    {"late streams are refused once and their rest is ignored",
     test_late_streams_are_refused_once_and_their_rest_is_ignored},
    {"late streams that come in pieces are refused", test_late_streams_that_come_in_pieces_are_refused},
    {"headers of late streams are decoded", test_headers_of_late_streams_are_decoded},
    {"as many late streams as may be open are forgiven", test_as_many_late_streams_as_may_be_open_are_forgiven},
    {"a flood of late streams ends the connection", test_a_flood_of_late_streams_ends_the_connection},
    {"drain waits a second for its PING", test_drain_waits_a_second_for_its_ping},
    {"connection closed while it drains", test_connection_closed_while_it_drains},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/drain", tests, argc, argv);
}
