/* SPDX-License-Identifier: MIT */
/*
 * What peers may say about streams: limits, refusals, GOAWAY, informational responses.
 */
#include "h2/raw.h"
#include "h2/recorder.h"

#include <string.h>

/* ---- refusals and limits ---- */

static void
test_refused_streams_are_unprocessed(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    refuse_streams(&both.server);
    h2_record *call = request(&both.client, false);
    send_body(call, 1000, 1000);
    until_event(call, 'C');
    CU_ASSERT(events_are(call, "C"));
    CU_ASSERT(call->error == BLY_H2_REFUSED_STREAM && call->by_peer && call->unprocessed);
    CU_ASSERT_EQUAL(both.server.count, 0);
    pair_close(&both);
}

static bool
has_available(void *argument)
{
    const h2_owner *owner = argument;
    return owner->available > 0;
}

static void
look_at_available(void *argument)
{
    const h2_owner *owner = argument;
    CU_ASSERT_EQUAL(owner->available, 0);
}

static void
test_client_keeps_to_the_peers_limit(void)
{
    bly_h2_options options;
    pair both;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 2;
    pair_open(&both, &options, NULL);
    h2_record *first = request(&both.client, true);
    CU_ASSERT_PTR_NOT_NULL(request(&both.client, true));
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    on_loop(&both.client, look_at_available, &both.client);
    respond_only(record_at(&both.server, 0));
    until(&both.client, has_available, &both.client, "another stream may be opened");
    CU_ASSERT(events_are(first, "LREC"));
    CU_ASSERT_PTR_NOT_NULL(request(&both.client, true));
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    record_at(&both.server, 2);
    pair_close(&both);
}

static void
test_streams_over_a_limit_that_the_peer_cannot_know_are_refused(void)
{
    static raw_frame frame;
    uint8_t block[128];
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 1;
    lone_open(&raw, true, &options, NULL);
    raw_preface(raw.peer, true);
    for (int i = 0; i < 3; i++) /* before it reads our SETTINGS */
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 3, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 5, &frame));
    CU_ASSERT(events_are(record_at(&raw.owner, 0), "H"));
    CU_ASSERT_EQUAL(raw.owner.count, 1);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS], 2);
    lone_close(&raw);
}

/* The number that is said is the one that holds, and one more costs the peer nothing but that one. */
static void
test_streams_over_a_limit_that_the_peer_knows_are_refused(void)
{
    static raw_frame frame;
    static const uint8_t said[] = {0, 3, 0, 0, 0, 2};
    uint8_t block[128];
    bly_h2_options options;
    lone raw;
    bool found = false;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 2;
    lone_open(&raw, true, &options, NULL);
    raw_preface(raw.peer, true);
    CU_ASSERT(raw_read_until(raw.peer, RAW_SETTINGS, 0, &frame)); /* and so acknowledged */
    for (size_t i = 0; i + sizeof said <= frame.size; i += sizeof said)
        found |= memcmp(frame.payload + i, said, sizeof said) == 0;
    CU_ASSERT(found);
    h2_record *first = lone_request(&raw, 0, false);
    h2_record *second = lone_request(&raw, 1, true);
    for (int i = 2; i < 5; i++) {
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
        CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(i), &frame));
        CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
    }
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS], 3);
    CU_ASSERT_EQUAL(raw.owner.count, 2);
    answer(second, 10);
    CU_ASSERT(raw_read_until(raw.peer, RAW_DATA, lone_id(1), &frame));
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, lone_id(1), &frame)); /* the trailers: there is room for one */
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(5), block, raw_request(block));
    until_event(record_at(&raw.owner, 2), 'H');
    CU_ASSERT(!has_event(first, 'C'));
    lone_close(&raw);
}

/* A server that lets a client have so many streams, and knows that the client has heard of it. */
static void
open_with_streams(lone *raw, bly_h2_options *options, uint32_t streams)
{
    static raw_frame frame;
    bly_h2_options_defaults(options);
    options->max_concurrent_streams = streams;
    lone_open_ready(raw, true, options);
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8); /* the SETTINGS are acknowledged when it is answered */
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_PING, 0, &frame));
}

/* All at once, so that nothing is sent between them. */
static void
flood_with_requests(lone *raw, int first)
{
    enum { STREAMS = 400 };
    static uint8_t all[STREAMS * 160];
    uint8_t block[128];
    size_t size = 0;
    for (int i = first; i < first + STREAMS; i++)
        size += raw_put(all + size, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
    raw_write(raw->peer, all, size);
}

static void
expect_to_be_calmed(lone *raw)
{
    static raw_frame frame;
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
}

/* Each is refused until the budget is spent, and nghttp2 has not spoken before. */
static void
test_a_flood_of_streams_over_the_limit_is_calmed(void)
{
    bly_h2_options options;
    lone raw;
    open_with_streams(&raw, &options, 1);
    flood_with_requests(&raw, 0);
    expect_to_be_calmed(&raw);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.count, 1);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_PROVOKED_ERRORS], 1);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS], options.provoked_errors + 1);
    lone_close(&raw);
}

/* Of a peer that has not heard of the number, and goes so far over it that nghttp2 refuses by itself. */
static void
test_streams_that_nghttp2_refuses_are_counted(void)
{
    static raw_frame frame;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 1;
    options.provoked_errors = 5;
    lone_open(&raw, true, &options, NULL);
    raw_preface(raw.peer, true);
    flood_with_requests(&raw, 0);
    CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(399), &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_REFUSED_STREAM);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS], 399);
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    lone_close(&raw);
}

/* Streams that are refused for another reason take as much room, until their reset has left. */
static void
test_refused_streams_count_as_open(void)
{
    static raw_frame frame;
    uint8_t block[128];
    bly_h2_options options;
    lone raw;
    open_with_streams(&raw, &options, 2);
    refuse_streams(&raw.owner);
    for (int round = 0; round < 2; round++) { /* room comes back */
        for (int i = 2 * round; i < 2 * round + 2; i++)
            raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
        CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(2 * round + 1), &frame));
    }
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS], 0);
    flood_with_requests(&raw, 4);
    expect_to_be_calmed(&raw);
    lone_close(&raw);
}

/* nghttp2 gives none for these. */
static void
test_goaway_gives_a_reason(void)
{
    static const uint8_t beyond_the_table[] = {0xff, 0xff, 0x7f};
    lone raw;
    for (int is_server = 0; is_server < 2; is_server++) {
        lone_open_ready(&raw, is_server, NULL);
        raw_send(raw.peer, RAW_PING, 0, 0, "1234567", 7);
        lone_expect_goaway(&raw, BLY_H2_FRAME_SIZE_ERROR, "a frame that is larger or smaller than its type");
        lone_close(&raw);
    }
    lone_open_ready(&raw, true, NULL);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, beyond_the_table, sizeof beyond_the_table);
    lone_expect_goaway(&raw, BLY_H2_COMPRESSION_ERROR,
                       "headers that cannot be decoded, or one of more than 64 KiB");
    lone_close(&raw);
}

static void
test_no_preface_is_told(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    lone raw;
    lone_open(&raw, true, NULL, NULL);
    raw_write(raw.peer, request, sizeof request - 1);
    lone_expect_goaway(&raw, BLY_H2_PROTOCOL_ERROR, "no preface of HTTP/2");
    lone_close(&raw);
}

static void
send_limit(lone *raw, uint8_t limit)
{
    uint8_t settings[] = {0, 3, 0, 0, 0, limit};
    raw_send(raw->peer, RAW_SETTINGS, 0, 0, settings, sizeof settings);
}

static bool
has_limit_of_one(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection->peer_limit == 1;
}

static void
test_raised_limit_is_announced(void)
{
    lone raw;
    lone_open_ready(&raw, false, NULL);
    send_limit(&raw, 1);
    until(&raw.owner, has_limit_of_one, &raw.owner, "the limit has come");
    CU_ASSERT_PTR_NOT_NULL(request(&raw.owner, true));
    CU_ASSERT_PTR_NULL(request(&raw.owner, true));
    send_limit(&raw, 2);
    until(&raw.owner, has_available, &raw.owner, "another stream may be opened");
    CU_ASSERT_PTR_NOT_NULL(request(&raw.owner, true));
    lone_close(&raw);
}

/* ---- GOAWAY ---- */

static void
send_goaway(lone *raw, uint32_t last, uint32_t error, const char *words)
{
    uint8_t payload[64] = {(uint8_t)(last >> 24), (uint8_t)(last >> 16), (uint8_t)(last >> 8), (uint8_t)last,
                           0, 0, 0, (uint8_t)error};
    memcpy(payload + 8, words, strlen(words));
    raw_send(raw->peer, RAW_GOAWAY, 0, 0, payload, 8 + strlen(words));
}

static void
send_response(lone *raw, uint32_t id)
{
    uint8_t block[128];
    raw_send(raw->peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, id, block, raw_response(block, "200"));
}

static void
test_streams_above_goaways_last_are_unprocessed_and_the_others_go_on(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, false, NULL);
    h2_record *first = request(&raw.owner, true);
    h2_record *second = request(&raw.owner, true);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 3, &frame));
    send_goaway(&raw, 1, BLY_H2_NO_ERROR, "so\nlong");
    until_event(second, 'C');
    CU_ASSERT(second->error == BLY_H2_REFUSED_STREAM && second->unprocessed);
    CU_ASSERT(!has_event(first, 'C'));
    CU_ASSERT_EQUAL(raw.owner.goaways, 1);
    CU_ASSERT_STRING_EQUAL(raw.owner.goaway_words, "so?long");
    CU_ASSERT_PTR_NULL(request(&raw.owner, true));
    send_response(&raw, 1);
    until_closed(&raw.owner);
    CU_ASSERT(events_are(first, "LREC"));
    CU_ASSERT_EQUAL(first->error, BLY_H2_NO_ERROR);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PEER);
    lone_close(&raw);
}

static h2_record *refused_call; /* by the next function: I/O thread, then the test */

static void
remember_closed(h2_record *stream, char event)
{
    if (event == 'C' && refused_call == NULL)
        refused_call = stream;
}

static void
test_goaway_with_an_error_says_why(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, false, NULL);
    call_at_events(&raw.owner, remember_closed);
    h2_record *call = request(&raw.owner, true);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame));
    send_goaway(&raw, 0, BLY_H2_ENHANCE_YOUR_CALM, "too_many_pings");
    until_closed(&raw.owner);
    CU_ASSERT_PTR_EQUAL(refused_call, call);
    CU_ASSERT(call->unprocessed);
    CU_ASSERT_EQUAL(raw.owner.goaway_error, BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT_STRING_EQUAL(raw.owner.goaway_words, "too_many_pings");
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw.owner.detail, "too_many_pings"));
    lone_close(&raw);
}

/* As grpc-go does: the number would be one of its own streams. It is no abuse, and nothing to warn of. */
static void
test_a_client_that_leaves_with_its_own_last_stream_has_left(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    send_goaway(&raw, INT32_MAX, BLY_H2_NO_ERROR, "client transport shutdown");
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PEER);
    lone_close(&raw);
}

/* ---- responses ---- */

static void
test_informational_responses_come_before_the_final_one(void)
{
    static raw_frame frame;
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, false, NULL);
    h2_record *call = request(&raw.owner, true);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame));
    for (int i = 0; i < 2; i++)
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, block, raw_response(block, "103"));
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, block, raw_response(block, "200"));
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, block,
             raw_field(block, "grpc-status", "0"));
    until_event(call, 'C');
    CU_ASSERT(events_are(call, "LIRTEC"));
    CU_ASSERT(fields_are(call, ":status=103;:status=103;:status=200;grpc-status=0;"));
    lone_close(&raw);
}

static void
test_spaces_around_values_are_kept(void)
{
    static raw_frame frame;
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, false, NULL);
    h2_record *call = request(&raw.owner, true);
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, 1, &frame));
    size_t size = raw_response(block, "200");
    size += raw_field(block + size, "grpc-message", " spaced ");
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, block, size);
    until_event(call, 'C');
    CU_ASSERT(fields_are(call, ":status=200;grpc-message= spaced ;"));
    lone_close(&raw);
}

static void
test_malformed_messages_are_stream_errors(void)
{
    static raw_frame frame;
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    size_t size = raw_field(block, "no-method", "at all");
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, block, size);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_PROTOCOL_ERROR);
    h2_record *first = record_at(&raw.owner, 0);
    until_event(first, 'C');
    CU_ASSERT(events_are(first, "C"));
    CU_ASSERT(first->error == BLY_H2_PROTOCOL_ERROR && !first->by_peer);
    lone_request(&raw, 1, true); /* the connection goes on */
    lone_close(&raw);
}

static void
test_data_after_a_reset_is_ignored(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *served = lone_request(&raw, 0, false);
    reset(served, BLY_H2_CANCEL);
    raw_send(raw.peer, RAW_DATA, RAW_END_STREAM, 1, "late", 4);
    raw_send_number(raw.peer, RAW_RST_STREAM, 1, BLY_H2_CANCEL);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HC"));
    lone_request(&raw, 1, true);
    lone_close(&raw);
}

static void
test_many_resets_are_no_abuse(void)
{
    enum { RESETS = 1500 }; /* nghttp2 would stop at 1000 */
    static raw_frame frame;
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    refuse_streams(&raw.owner);
    for (int i = 0; i < RESETS; i++) {
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
        raw_send_number(raw.peer, RAW_RST_STREAM, lone_id(i), BLY_H2_CANCEL);
    }
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    lone_close(&raw);
}

/* Each of these streams is answered with a reset that the peer does not read. */
static void
test_a_peer_that_reads_no_answers_is_given_up(void)
{
    enum { STREAMS = 40000 }; /* many times what may wait */
    uint8_t block[128];
    bool is_taken = true;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_narrow(&raw);
    refuse_streams(&raw.owner);
    for (int i = 0; i < STREAMS && is_taken; i++)
        is_taken = raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block)) &&
                   raw_send_number(raw.peer, RAW_RST_STREAM, lone_id(i), BLY_H2_CANCEL);
    CU_ASSERT_FALSE_FATAL(is_taken);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw.owner.detail, "does not read"));
    lone_close(&raw);
}

/* ---- numbers of streams ---- */

static void
skip_to_the_last_number(void *argument)
{
    h2_owner *owner = argument;
    CU_ASSERT_FALSE(bly_h2_connection_is_spent(owner->connection));
    CU_ASSERT_EQUAL(nghttp2_session_set_next_stream_id(owner->connection->session, INT32_MAX), 0);
    CU_ASSERT_FALSE(bly_h2_connection_is_spent(owner->connection));
}

static void
look_whether_spent(void *argument)
{
    const h2_owner *owner = argument;
    CU_ASSERT_TRUE(bly_h2_connection_is_spent(owner->connection));
}

static void
test_a_connection_is_spent_after_the_last_number(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, false, NULL);
    on_loop(&raw.owner, skip_to_the_last_number, &raw.owner);
    h2_record *last = request(&raw.owner, true);
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    on_loop(&raw.owner, look_whether_spent, &raw.owner);
    CU_ASSERT_PTR_NULL(request(&raw.owner, true));
    CU_ASSERT(raw_read_until(raw.peer, RAW_HEADERS, INT32_MAX, &frame));
    send_response(&raw, INT32_MAX);
    until_event(last, 'C');
    CU_ASSERT(events_are(last, "LREC"));
    lone_close(&raw);
}

static const CU_TestInfo tests[] = {
    {"refused streams are unprocessed", test_refused_streams_are_unprocessed},
    {"client keeps to the peer's limit", test_client_keeps_to_the_peers_limit},
    {"streams over a limit that the peer cannot know are refused",
     test_streams_over_a_limit_that_the_peer_cannot_know_are_refused},
    {"streams over a limit that the peer knows are refused", test_streams_over_a_limit_that_the_peer_knows_are_refused},
    {"a flood of streams over the limit is calmed", test_a_flood_of_streams_over_the_limit_is_calmed},
    {"streams that nghttp2 refuses are counted", test_streams_that_nghttp2_refuses_are_counted},
    {"refused streams count as open", test_refused_streams_count_as_open},
    {"GOAWAY gives a reason", test_goaway_gives_a_reason},
    {"no preface is told", test_no_preface_is_told},
    {"raised limit is announced", test_raised_limit_is_announced},
    {"streams above GOAWAY's last are unprocessed and the others go on",
     test_streams_above_goaways_last_are_unprocessed_and_the_others_go_on},
    {"GOAWAY with an error says why", test_goaway_with_an_error_says_why},
    {"a client that leaves with its own last stream has left",
     test_a_client_that_leaves_with_its_own_last_stream_has_left},
    {"informational responses come before the final one",
     test_informational_responses_come_before_the_final_one},
    {"spaces around values are kept", test_spaces_around_values_are_kept},
    {"malformed messages are stream errors", test_malformed_messages_are_stream_errors},
    {"data after a reset is ignored", test_data_after_a_reset_is_ignored},
    {"many resets are no abuse", test_many_resets_are_no_abuse},
    {"a peer that reads no answers is given up", test_a_peer_that_reads_no_answers_is_given_up},
    {"a connection is spent after the last number", test_a_connection_is_spent_after_the_last_number},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/session", tests, argc, argv);
}
