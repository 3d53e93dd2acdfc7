/* SPDX-License-Identifier: MIT */
/*
 * Resets of streams that were never begun: which are no matter, and which end the connection.
 */
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"

static raw_frame frame;

static void
reset_by_peer(lone *raw, uint32_t id)
{
    raw_send_number(raw->peer, RAW_RST_STREAM, id, BLY_H2_CANCEL);
}

static void
expect_alive(lone *raw)
{
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT_TRUE(raw_read_until(raw->peer, RAW_PING, 0, &frame));
    CU_ASSERT_EQUAL(raw->owner.closed, 0);
}

static void
expect_the_end(lone *raw, uint32_t error)
{
    CU_ASSERT_TRUE(raw_read_until(raw->peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), error);
    until_closed(&raw->owner);
    lone_close(raw);
}

static void
test_reset_beyond_the_last_stream_is_no_matter(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *first = lone_request(&raw, 0, true);
    reset_by_peer(&raw, 3);
    reset_by_peer(&raw, 7);
    expect_alive(&raw);
    answer(first, 10);
    until_event(first, 'C');
    CU_ASSERT(events_are(first, "HELC"));
    lone_close(&raw);
}

/* As grpc's C core does it: the number is left out. */
static void
test_streams_after_it_are_served(void)
{
    uint8_t block[128], bytes[512];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, true);
    size_t size = raw_put(bytes, RAW_RST_STREAM, 0, 3, "\0\0\0\10", 4);
    size += raw_put(bytes + size, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 5, block, raw_request(block));
    size += raw_put(bytes + size, RAW_RST_STREAM, 0, 7, "\0\0\0\10", 4);
    size += raw_put(bytes + size, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 9, block, raw_request(block));
    CU_ASSERT_TRUE(raw_write(raw.peer, bytes, size));
    until_event(record_at(&raw.owner, 1), 'E');
    until_event(record_at(&raw.owner, 2), 'E');
    expect_alive(&raw);
    lone_close(&raw);
}

static void
test_reset_of_a_stream_that_is_there_is_one(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *first = lone_request(&raw, 0, false);
    reset_by_peer(&raw, 1);
    until_event(first, 'C');
    CU_ASSERT(first->by_peer && first->error == BLY_H2_CANCEL);
    lone_close(&raw);
}

static void
test_reset_before_any_stream_ends_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    reset_by_peer(&raw, 1);
    expect_the_end(&raw, BLY_H2_PROTOCOL_ERROR);
}

static void
test_reset_of_a_number_of_ours_ends_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    reset_by_peer(&raw, 2);
    expect_the_end(&raw, BLY_H2_PROTOCOL_ERROR);
}

static void
test_reset_of_the_connection_ends_it(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    reset_by_peer(&raw, 0);
    expect_the_end(&raw, BLY_H2_PROTOCOL_ERROR);
}

static void
test_reset_of_a_wrong_size_ends_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    raw_send(raw.peer, RAW_RST_STREAM, 0, 3, "\0\0\0\10\0", 5);
    expect_the_end(&raw, BLY_H2_FRAME_SIZE_ERROR);
}

static void
test_reset_inside_a_header_block_ends_the_connection(void)
{
    uint8_t block[128];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    raw_send(raw.peer, RAW_HEADERS, 0, 3, block, raw_request(block));
    reset_by_peer(&raw, 5);
    expect_the_end(&raw, BLY_H2_PROTOCOL_ERROR);
}

/* Frames in pieces of all sizes are followed. */
static void
test_reads_that_cut_frames_lose_nothing(void)
{
    enum { STREAMS = 40 };
    uint8_t block[128], bytes[STREAMS * 160];
    for (size_t piece = 1; piece < 30; piece++) {
        lone raw;
        size_t size = 0;
        lone_open_ready(&raw, true, NULL);
        for (uint32_t i = 0; i < STREAMS; i++) {
            size += raw_put(bytes + size, RAW_HEADERS, RAW_END_HEADERS, lone_id((int)i), block, raw_request(block));
            size += raw_put(bytes + size, RAW_DATA, RAW_END_STREAM, lone_id((int)i), "\0\37>", 3);
        }
        for (size_t at = 0; at < size; at += piece)
            CU_ASSERT_TRUE(raw_write(raw.peer, bytes + at, size - at < piece ? size - at : piece));
        for (int i = 0; i < STREAMS; i++)
            until_event(record_at(&raw.owner, i), 'E');
        reset_by_peer(&raw, lone_id(STREAMS));
        expect_alive(&raw);
        lone_close(&raw);
    }
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_reset_beyond_the_last_stream_is_no_matter),
    TEST(test_streams_after_it_are_served),
    TEST(test_reset_of_a_stream_that_is_there_is_one),
    TEST(test_reset_before_any_stream_ends_the_connection),
    TEST(test_reset_of_a_number_of_ours_ends_the_connection),
    TEST(test_reset_of_the_connection_ends_it),
    TEST(test_reset_of_a_wrong_size_ends_the_connection),
    TEST(test_reset_inside_a_header_block_ends_the_connection),
    TEST(test_reads_that_cut_frames_lose_nothing),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/gate", tests, argc, argv);
}
