/* SPDX-License-Identifier: MIT */
/*
 * Header lists: the limits on those that come, and long ones that leave.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define REQUEST_BYTES 173 /* what the fields of raw_request() count for */
#define REQUEST_FIELDS ":method=POST;:scheme=http;:path=/s/m;:authority=test;"

static void
send_request_with(lone *raw, int index, const char *const *fields, int count)
{
    uint8_t block[2048];
    size_t size = raw_request(block);
    for (int i = 0; i < count; i++)
        size += raw_field(block + size, fields[i], "0123456789");
    raw_send(raw->peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, lone_id(index), block, size);
}

static h2_record *
send_and_look(lone *raw, int index, const char *const *fields, int count)
{
    send_request_with(raw, index, fields, count);
    h2_record *stream = record_at(&raw->owner, index);
    until_event(stream, 'E');
    return stream;
}

/* ---- receiving ---- */

static void
test_list_over_its_bytes_is_cut_and_said_to_be_oversized(void)
{
    static const char *const fields[] = {"a", "b", "c"};
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.max_header_list_bytes = REQUEST_BYTES + 2 * (1 + 10 + 32);
    lone_open_ready(&raw, true, &options);
    h2_record *fits = send_and_look(&raw, 0, fields, 2);
    CU_ASSERT(!fits->oversized);
    CU_ASSERT(fields_are(fits, REQUEST_FIELDS "a=0123456789;b=0123456789;"));
    h2_record *over = send_and_look(&raw, 1, fields, 3);
    CU_ASSERT(over->oversized);
    CU_ASSERT(fields_are(over, REQUEST_FIELDS "a=0123456789;b=0123456789;"));
    CU_ASSERT(!send_and_look(&raw, 2, fields, 2)->oversized); /* each block counts by itself */
    lone_close(&raw);
}

static void
test_list_over_its_number_of_fields_is_oversized(void)
{
    static const char *const fields[] = {"a", "b"};
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.max_header_fields = 5;
    lone_open_ready(&raw, true, &options);
    CU_ASSERT(!send_and_look(&raw, 0, fields, 1)->oversized);
    h2_record *over = send_and_look(&raw, 1, fields, 2);
    CU_ASSERT(over->oversized);
    CU_ASSERT(fields_are(over, REQUEST_FIELDS "a=0123456789;"));
    lone_close(&raw);
}

/* A field of some 150 bytes that costs one byte each time it is named again. */
static size_t
bomb(uint8_t *block, size_t times)
{
    char value[121] = "";
    memset(value, 'v', sizeof value - 1);
    size_t size = raw_request(block);
    size_t field = raw_field(block + size, "bomb", value);
    block[size] = 0x40; /* with incremental indexing */
    size += field;
    memset(block + size, 0x80 | 62, times); /* the newest of the dynamic table */
    return size + times;
}

static void
check_bomb(bool is_refused)
{
    static raw_frame frame;
    uint8_t block[4096];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    if (is_refused)
        refuse_streams(&raw.owner);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, block, bomb(block, 1000));
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT(frame.size > 8 && memcmp(frame.payload + 8, "header list too large", frame.size - 8) == 0);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw.owner.detail, "header list too large"));
    CU_ASSERT_EQUAL(raw.owner.count, is_refused ? 0 : 1);
    lone_close(&raw);
}

static void
test_list_over_the_hard_limit_closes_the_connection(void)
{
    check_bomb(false);
}

/* Once: peers show the words of the last GOAWAY. */
static void
check_away_with_words(lone *raw)
{
    static raw_frame frame;
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT_FATAL(frame.size > 8);
    CU_ASSERT(memcmp(frame.payload + 8, "header list too large", frame.size - 8) == 0);
    CU_ASSERT_FALSE(raw_read(raw->peer, &frame));
    until_closed(&raw->owner);
    CU_ASSERT_EQUAL(raw->owner.limits[BELAY_LIMIT_HEADER_LIST_HARD], 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw->owner.detail, "header list too large"));
}

static void
test_goaway_for_a_list_is_sent_once_with_words(void)
{
    uint8_t block[4096];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, block, bomb(block, 1000));
    check_away_with_words(&raw);
    lone_close(&raw);
}

static void
test_list_of_a_refused_stream_is_counted_too(void)
{
    check_bomb(true);
}

static void
test_list_below_the_hard_limit_costs_only_its_stream(void)
{
    uint8_t block[4096];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, block, bomb(block, 300));
    h2_record *stream = record_at(&raw.owner, 0);
    until_event(stream, 'E');
    CU_ASSERT(stream->oversized);
    lone_request(&raw, 1, true);
    lone_close(&raw);
}

static void
test_rest_of_a_block_is_dropped_when_nobody_wants_it(void)
{
    static const char *const fields[] = {"a"};
    lone raw;
    lone_open_ready(&raw, true, NULL);
    drop_fields(&raw.owner);
    h2_record *stream = send_and_look(&raw, 0, fields, 1);
    CU_ASSERT(fields_are(stream, ""));
    CU_ASSERT(events_are(stream, "HE"));
    lone_close(&raw);
}

static void
test_block_in_pieces(void)
{
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    size_t size = raw_request(block);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_STREAM, 1, block, 10);
    raw_send(raw.peer, RAW_CONTINUATION, 0, 1, block + 10, 20);
    raw_send(raw.peer, RAW_CONTINUATION, RAW_END_HEADERS, 1, block + 30, size - 30);
    h2_record *stream = record_at(&raw.owner, 0);
    until_event(stream, 'E');
    CU_ASSERT(fields_are(stream, REQUEST_FIELDS));
    lone_close(&raw);
}

static void
test_flood_of_continuations_closes_the_connection(void)
{
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    raw_request(block);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_STREAM, 1, block, 1);
    for (int i = 0; i < 20; i++)
        raw_send(raw.peer, RAW_CONTINUATION, 0, 1, block + 1 + i, 1);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    lone_close(&raw);
}

/* ---- sending ---- */

#define MANY 40

typedef struct long_request {
    h2_owner *client;
    size_t value_size;
} long_request;

static bly_h2_header
header_of(const char *name, const char *value, size_t value_size)
{
    return (bly_h2_header){.name = name, .name_size = strlen(name), .value = value, .value_size = value_size};
}

static void
open_long_request(void *argument)
{
    static const bly_h2_header pseudo[] = {
        BLY_H2_STATIC_HEADER(":method", "POST"),
        BLY_H2_STATIC_HEADER(":scheme", "http"),
        BLY_H2_STATIC_HEADER(":path", "/s/m"),
        BLY_H2_STATIC_HEADER(":authority", "test"),
    };
    long_request *wanted = argument;
    bly_h2_header headers[4 + MANY];
    char *value = malloc(wanted->value_size);
    char names[MANY][16];
    memset(value, 'v', wanted->value_size);
    memcpy(headers, pseudo, sizeof pseudo);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "x-%d", i);
        headers[4 + i] = header_of(names[i], value, wanted->value_size);
        headers[4 + i].never_index = i % 2 == 0;
    }
    request_with(wanted->client, headers, 4 + MANY);
    memset(value, 'x', wanted->value_size); /* it was copied */
    free(value);
}

static void
test_long_list_leaves_whole(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    long_request wanted = {.client = &both.client, .value_size = 3};
    on_loop(&both.client, open_long_request, &wanted);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    char expected[2048] = REQUEST_FIELDS;
    for (int i = 0; i < MANY; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "x-%d=vvv;", i);
    CU_ASSERT(fields_are(served, expected));
    pair_close(&both);
}

static void
test_list_that_cannot_be_sent_fails_its_stream(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    long_request wanted = {.client = &both.client, .value_size = 4000};
    on_loop(&both.client, open_long_request, &wanted);
    h2_record *call = record_at(&both.client, 0);
    until_event(call, 'C');
    CU_ASSERT(call->error == BLY_H2_INTERNAL_ERROR && !call->by_peer && !call->unprocessed);
    h2_record *next = request(&both.client, true);
    respond_only(record_at(&both.server, 0));
    until_event(next, 'C');
    CU_ASSERT_EQUAL(next->error, BLY_H2_NO_ERROR);
    pair_close(&both);
}

/* One trailer of 100,000 bytes. */
static void
end_with_long_trailer(void *argument)
{
    h2_record *served = argument;
    char *value = malloc(100000);
    memset(value, 'v', 100000);
    bly_h2_header trailer = header_of("x-long", value, 100000);
    respond(served);
    send_body(served, 10, 10);
    CU_ASSERT(bly_h2_stream_end(&served->carrier->stream, &trailer, 1, true));
    free(value);
}

static void
test_trailers_that_cannot_be_sent_reset_their_stream(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    on_loop(&both.server, end_with_long_trailer, served);
    until_event(call, 'C');
    until_event(served, 'C');
    CU_ASSERT(served->error == BLY_H2_INTERNAL_ERROR && !served->by_peer);
    CU_ASSERT(call->error == BLY_H2_INTERNAL_ERROR && call->by_peer);
    CU_ASSERT(!has_event(served, 'L'));
    pair_close(&both);
}

static const CU_TestInfo tests[] = {
    {"list over its bytes is cut and said to be oversized",
     test_list_over_its_bytes_is_cut_and_said_to_be_oversized},
    {"list over its number of fields is oversized", test_list_over_its_number_of_fields_is_oversized},
    {"list over the hard limit closes the connection", test_list_over_the_hard_limit_closes_the_connection},
    {"goaway for a list is sent once with words", test_goaway_for_a_list_is_sent_once_with_words},
    {"list of a refused stream is counted too", test_list_of_a_refused_stream_is_counted_too},
    {"list below the hard limit costs only its stream", test_list_below_the_hard_limit_costs_only_its_stream},
    {"rest of a block is dropped when nobody wants it", test_rest_of_a_block_is_dropped_when_nobody_wants_it},
    {"block in pieces", test_block_in_pieces},
    {"flood of continuations closes the connection", test_flood_of_continuations_closes_the_connection},
    {"long list leaves whole", test_long_list_leaves_whole},
    {"list that cannot be sent fails its stream", test_list_that_cannot_be_sent_fails_its_stream},
    {"trailers that cannot be sent reset their stream", test_trailers_that_cannot_be_sent_reset_their_stream},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/headers", tests, argc, argv);
}
