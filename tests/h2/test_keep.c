/* SPDX-License-Identifier: MIT */
/*
 * What a client's stream has sent, kept for another try.
 */
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* A client whose peer has windows for everything. */
static void
open_client(lone *raw)
{
    static const uint8_t initial[] = {0, 4, 0x7f, 0xff, 0, 0};
    lone_open_ready(raw, false, NULL);
    raw_send_number(raw->peer, RAW_WINDOW_UPDATE, 0, 0x7fff0000u - 65535);
    raw_send(raw->peer, RAW_SETTINGS, 0, 0, initial, sizeof initial);
}

static void
refuse(lone *raw)
{
    raw_send_number(raw->peer, RAW_RST_STREAM, 1, BLY_H2_REFUSED_STREAM);
}

static void
test_what_was_sent_is_given_back(void)
{
    lone raw;
    open_client(&raw);
    h2_record *stream = request(&raw.owner, false);
    keep(stream, MIB);
    send_body(stream, 1000, 300);
    send_body(stream, 100 * KIB, 40 * KIB);
    lone_read_body(&raw, 1, 1000 + 100 * KIB);
    refuse(&raw);
    until_event(stream, 'C');
    CU_ASSERT_EQUAL(stream->kept, 1000 + 100 * KIB);
    CU_ASSERT_FALSE(stream->kept_corrupt);
    lone_close(&raw);
}

static void
test_what_has_not_left_is_given_back_whole(void)
{
    lone raw;
    lone_open_ready(&raw, false, NULL); /* a window of 64 KiB - 1 */
    h2_record *stream = request(&raw.owner, false);
    keep(stream, MIB);
    send_body(stream, 200 * KIB, 40 * KIB);
    lone_read_body(&raw, 1, 64 * KIB - 1);
    refuse(&raw);
    until_event(stream, 'C');
    CU_ASSERT_EQUAL(stream->kept, 200 * KIB);
    CU_ASSERT_FALSE(stream->kept_corrupt);
    lone_close(&raw);
}

/* The peer refuses before it has read: the kernel still gets what was put together of it. */
static void
test_what_waits_for_the_kernel_is_given_back_and_sent(void)
{
    static raw_frame frame;
    lone raw;
    open_client(&raw);
    lone_narrow(&raw);
    h2_record *stream = request(&raw.owner, false);
    keep(stream, MIB);
    send_body(stream, 600 * KIB, 200 * KIB);
    refuse(&raw);
    until_event(stream, 'C');
    CU_ASSERT_EQUAL(stream->kept, 600 * KIB);
    CU_ASSERT_FALSE(stream->kept_corrupt);
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    size_t offset = 0;
    bool is_right = true;
    do {
        CU_ASSERT_FATAL(raw_read(raw.peer, &frame));
        for (size_t i = 0; frame.type == RAW_DATA && i < frame.size; i++)
            is_right = is_right && frame.payload[i] == pattern_at(offset + i);
        offset += frame.type == RAW_DATA ? frame.size : 0;
    } while (frame.type != RAW_PING);
    CU_ASSERT_TRUE(is_right);
    CU_ASSERT_TRUE(offset < 600 * KIB);
    lone_close(&raw);
}

static void
test_too_much_is_not_kept(void)
{
    lone raw;
    open_client(&raw);
    h2_record *stream = request(&raw.owner, false);
    keep(stream, 50 * KIB);
    send_body(stream, 60 * KIB, 20 * KIB);
    lone_read_body(&raw, 1, 60 * KIB);
    refuse(&raw);
    until_event(stream, 'C');
    CU_ASSERT_TRUE(stream->unprocessed);
    CU_ASSERT_EQUAL(stream->kept, 0);
    lone_close(&raw);
}

static void
test_a_stream_that_does_not_keep_gives_nothing(void)
{
    lone raw;
    open_client(&raw);
    h2_record *stream = request(&raw.owner, false);
    send_body(stream, 1000, 1000);
    lone_read_body(&raw, 1, 1000);
    refuse(&raw);
    until_event(stream, 'C');
    CU_ASSERT_EQUAL(stream->kept, 0);
    lone_close(&raw);
}

/* By its own reset, or with the connection: whatever is kept goes with the stream. */
static void
test_a_stream_that_ends_otherwise_lets_go(void)
{
    for (int i = 0; i < 2; i++) {
        lone raw;
        open_client(&raw);
        h2_record *stream = request(&raw.owner, false);
        keep(stream, MIB);
        send_body(stream, 100 * KIB, 40 * KIB);
        lone_read_body(&raw, 1, 100 * KIB);
        if (i == 0)
            reset(stream, BLY_H2_CANCEL);
        else
            close_connection(&raw.owner);
        until_event(stream, 'C');
        CU_ASSERT_FALSE(stream->unprocessed);
        CU_ASSERT_EQUAL(stream->kept, 0);
        lone_close(&raw);
    }
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_what_was_sent_is_given_back),
    TEST(test_what_has_not_left_is_given_back_whole),
    TEST(test_what_waits_for_the_kernel_is_given_back_and_sent),
    TEST(test_too_much_is_not_kept),
    TEST(test_a_stream_that_does_not_keep_gives_nothing),
    TEST(test_a_stream_that_ends_otherwise_lets_go),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/keep", tests, argc, argv);
}
