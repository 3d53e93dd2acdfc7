/* SPDX-License-Identifier: MIT */
/*
 * The abuse budgets: what ends a connection, with which words, and what does not.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "h2/raw.h"
#include "h2/recorder.h"
#include "support/fake_clock.h"

#include <string.h>

/* Reads on to the GOAWAY and looks at it; the connection is closed then, and the limit was told once. */
static void
check_calmed(lone *raw, belay_limit limit, const char *words)
{
    lone_expect_goaway(raw, BLY_H2_ENHANCE_YOUR_CALM, words);
    CU_ASSERT_EQUAL(raw->owner.limits[limit], 1);
}

/* The connection is as before: it answers a PING. */
static void
check_alive(lone *raw)
{
    static raw_frame frame;
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_PING, 0, &frame));
    CU_ASSERT_EQUAL(raw->owner.closed, 0);
}

/* Many frames in one piece: they are read at once, and nothing is sent between them. */
static void
send_together(lone *raw, int count, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    static uint8_t all[65536];
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += raw_put(all + length, type, flags, stream, payload, size);
    raw_write(raw->peer, all, length);
}

/* ---- frames that want an answer ---- */

static void
test_pings_by_the_hundred_end_the_connection(void)
{
    for (int is_server = 0; is_server <= 1; is_server++) {
        lone raw;
        lone_open_ready(&raw, is_server, NULL);
        send_together(&raw, 199, RAW_PING, 0, 0, "12345678", 8);
        check_alive(&raw);
        send_together(&raw, 1000, RAW_PING, 0, 0, "12345678", 8);
        check_calmed(&raw, BELAY_LIMIT_ACKS, "too many PING and SETTINGS frames");
        lone_close(&raw);
    }
}

static void
test_settings_by_the_hundred_end_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    send_together(&raw, 1000, RAW_SETTINGS, 0, 0, "", 0);
    check_calmed(&raw, BELAY_LIMIT_ACKS, "too many PING and SETTINGS frames");
    lone_close(&raw);
}

static void
test_settings_with_too_many_entries_end_the_connection(void)
{
    enum { MOST = 32 };
    static raw_frame frame;
    uint8_t entries[(MOST + 1) * 6];
    lone raw;
    for (size_t i = 0; i < sizeof entries; i += 6)
        memcpy(entries + i, "\0\4\0\0\377\377", 6);
    lone_open_ready(&raw, true, NULL);
    raw_send(raw.peer, RAW_SETTINGS, 0, 0, entries, MOST * 6);
    check_alive(&raw);
    raw_send(raw.peer, RAW_SETTINGS, 0, 0, entries, sizeof entries);
    CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT(frame.size > 8); /* with words */
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_SETTINGS], 1);
    lone_close(&raw);
}

/* ---- header blocks in many pieces ---- */

#ifdef HAVE_NGHTTP2_OPTION_SET_MAX_CONTINUATIONS
/* A request in HEADERS and `pieces` CONTINUATIONs, the last one of which has something in it. */
static void
send_in_pieces(lone *raw, uint32_t id, int pieces)
{
    uint8_t block[128];
    size_t size = raw_request(block);
    raw_send(raw->peer, RAW_HEADERS, RAW_END_STREAM, id, block, size - 1);
    for (int i = 1; i < pieces; i++)
        raw_send(raw->peer, RAW_CONTINUATION, 0, id, "", 0);
    raw_send(raw->peer, RAW_CONTINUATION, RAW_END_HEADERS, id, block + size - 1, 1);
}

static void
test_empty_continuations_end_the_connection(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    send_in_pieces(&raw, 1, 8);
    until_event(record_at(&raw.owner, 0), 'E');
    send_in_pieces(&raw, 3, 100);
    check_calmed(&raw, BELAY_LIMIT_CONTINUATIONS, "too many CONTINUATION frames");
    lone_close(&raw);
}
#endif

static void
test_a_huge_header_list_ends_the_connection(void)
{
    enum { FIELDS = 60 };
    static uint8_t block[16384];
    for (int is_server = 0; is_server <= 1; is_server++) {
        lone raw;
        lone_open_ready(&raw, is_server, NULL);
        h2_record *call = is_server ? NULL : request(&raw.owner, true);
        size_t size = is_server ? raw_request(block) : raw_response(block, "200");
        char value[4000];
        memset(value, 'x', sizeof value);
        value[sizeof value - 1] = '\0';
        /* One field of 4 KB that the table keeps: each of the many that refer to it is one byte. */
        block[size++] = 0x40;
        block[size++] = 1;
        block[size++] = 'x';
        block[size++] = 0x7f; /* the length: 127 and more */
        block[size++] = (uint8_t)(((sizeof value - 1 - 127) & 0x7f) | 0x80);
        block[size++] = (uint8_t)((sizeof value - 1 - 127) >> 7);
        memcpy(block + size, value, sizeof value - 1);
        size += sizeof value - 1;
        for (int i = 0; i < FIELDS; i++)
            block[size++] = 0x80 | 62;
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 1, block, size);
        check_calmed(&raw, BELAY_LIMIT_HEADER_LIST_HARD, "header list too large");
        if (call != NULL)
            CU_ASSERT_EQUAL(call->error, BLY_H2_CONNECTION_LOST);
        lone_close(&raw);
    }
}

/* ---- empty DATA ---- */

static void
test_empty_data_in_a_row_resets_its_stream_only(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    h2_record *other = lone_request(&raw, 1, false);
    for (int i = 0; i < 10; i++)
        raw_send(raw.peer, RAW_DATA, 0, 1, "", 0);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_EMPTY_FRAMES], 1);
    raw_send(raw.peer, RAW_DATA, RAW_END_STREAM, 3, "", 0);
    until_event(other, 'E');
    lone_close(&raw);
}

static void
test_padding_alone_is_empty_too(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    for (int i = 0; i < 10; i++)
        raw_send(raw.peer, RAW_DATA, RAW_PADDED, 1, "\3\0\0\0", 4);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_ENHANCE_YOUR_CALM);
    lone_close(&raw);
}

static void
test_data_between_empty_frames_makes_a_new_row(void)
{
    uint8_t first = pattern_at(0), second = pattern_at(1);
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *stream = lone_request(&raw, 0, false);
    send_together(&raw, 9, RAW_DATA, 0, 1, "", 0);
    raw_send(raw.peer, RAW_DATA, 0, 1, &first, 1);
    send_together(&raw, 9, RAW_DATA, 0, 1, "", 0);
    raw_send(raw.peer, RAW_DATA, RAW_END_STREAM, 1, &second, 1);
    until_event(stream, 'E');
    CU_ASSERT(events_are(stream, "HDE"));
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_EMPTY_FRAMES], 0);
    lone_close(&raw);
}

/* ---- stream errors that the peer provokes ---- */

/* Opens a stream and breaks a rule on it, so that it is reset: its window overflows. */
static void
make_reset(lone *raw, int index)
{
    uint8_t block[128];
    raw_send(raw->peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(index), block, raw_request(block));
    raw_send_number(raw->peer, RAW_WINDOW_UPDATE, lone_id(index), 0x7fffffff);
}

static void
test_provoked_resets_end_the_connection(void)
{
    enum { MOST = 100 };
    lone raw;
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.provoked_rate = 0;
    lone_open_ready(&raw, true, &options);
    for (int i = 0; i < MOST; i++)
        make_reset(&raw, i);
    check_alive(&raw);
    make_reset(&raw, MOST);
    check_calmed(&raw, BELAY_LIMIT_PROVOKED_ERRORS, "too many stream errors");
    CU_ASSERT_EQUAL(record_at(&raw.owner, 0)->error, BLY_H2_FLOW_CONTROL_ERROR);
    lone_close(&raw);
}

static void
test_provoked_resets_are_forgiven_with_time(void)
{
    static raw_frame frame;
    lone raw;
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.provoked_errors = 2;
    fake_clock_set(1000000000u);
    lone_open(&raw, true, &options, &fake_clock);
    raw_preface(raw.peer, true);
    for (int i = 0; i < 20; i++) { /* one in a tenth of a second */
        make_reset(&raw, i);
        CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(i), &frame));
        fake_clock_add(100000000u);
    }
    for (int i = 20; i < 24; i++)
        make_reset(&raw, i);
    check_calmed(&raw, BELAY_LIMIT_PROVOKED_ERRORS, "too many stream errors");
    lone_close(&raw);
}

static void
test_streams_reset_for_empty_data_count_as_provoked(void)
{
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.provoked_errors = 2;
    options.provoked_rate = 0;
    lone_open_ready(&raw, true, &options);
    for (int i = 0; i < 3; i++) {
        lone_request(&raw, i, false);
        send_together(&raw, 10, RAW_DATA, 0, lone_id(i), "", 0);
    }
    check_calmed(&raw, BELAY_LIMIT_PROVOKED_ERRORS, "too many stream errors");
    lone_close(&raw);
}

/* The peer's own resets, our cancels and our refusals: nobody did anything wrong. */
static void
test_honest_resets_are_not_counted(void)
{
    enum { EACH = 20 };
    static raw_frame frame;
    uint8_t block[128];
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.provoked_errors = 1;
    options.provoked_rate = 0;
    lone_open_ready(&raw, true, &options);
    for (int i = 0; i < EACH; i++) {
        h2_record *mine = lone_request(&raw, 2 * i, false);
        raw_send_number(raw.peer, RAW_RST_STREAM, lone_id(2 * i), BLY_H2_CANCEL);
        until_event(mine, 'C');
        reset(lone_request(&raw, 2 * i + 1, false), BLY_H2_CANCEL);
        CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(2 * i + 1), &frame));
    }
    refuse_streams(&raw.owner);
    for (int i = 2 * EACH; i < 3 * EACH; i++) {
        raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, raw_request(block));
        CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(i), &frame));
    }
    check_alive(&raw);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_PROVOKED_ERRORS], 0);
    lone_close(&raw);
}

/* ---- WINDOW_UPDATE ---- */

static const uint8_t one[] = {0, 0, 0, 1};

static void
update_window(lone *raw, int count, uint32_t stream)
{
    send_together(raw, count, RAW_WINDOW_UPDATE, 0, stream, one, sizeof one);
}

/* So many are taken, and not one more. */
static void
check_windows_left(lone *raw, int count)
{
    update_window(raw, count, 0);
    check_alive(raw);
    update_window(raw, 1, 0);
    check_calmed(raw, BELAY_LIMIT_WINDOW_UPDATES, "too many WINDOW_UPDATE frames");
}

static void
test_window_updates_by_the_thousand_end_the_connection(void)
{
    for (int is_server = 0; is_server <= 1; is_server++) {
        lone raw;
        lone_open_ready(&raw, is_server, NULL);
        check_windows_left(&raw, 1000);
        lone_close(&raw);
    }
}

/* nghttp2 ignores these without a word. */
static void
test_window_updates_for_streams_that_are_gone_count(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *stream = lone_request(&raw, 0, false);
    raw_send_number(raw.peer, RAW_RST_STREAM, 1, BLY_H2_CANCEL);
    until_event(stream, 'C');
    update_window(&raw, 1001, 1);
    check_calmed(&raw, BELAY_LIMIT_WINDOW_UPDATES, "too many WINDOW_UPDATE frames");
    lone_close(&raw);
}

static void
test_data_that_was_sent_pays_for_window_updates(void)
{
    enum { ANSWERS = 20 };
    static raw_frame frame;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.window_updates = 10;
    lone_open_ready(&raw, true, &options);
    for (int i = 0; i < ANSWERS; i++) {
        answer(lone_request(&raw, i, true), 10);
        CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_DATA, lone_id(i), &frame));
        update_window(&raw, 10, 0);
    }
    check_windows_left(&raw, 10);
    lone_close(&raw);
}

/* Opens a stream and sends messages on it, as either side; gives the DATA frame that they share. */
static void
send_messages(lone *raw, bool is_server, int count, size_t each, raw_frame *frame)
{
    h2_record *stream = is_server ? lone_request(raw, 0, true) : request(&raw->owner, false);
    if (is_server)
        respond(stream);
    send_body(stream, count * each, each);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_DATA, lone_id(0), frame));
}

/* grpc's C core gives window with each message that it answers. */
static void
test_messages_that_share_a_frame_pay_each_up_to_a_hundred_bursts(void)
{
    enum { BURST = 7, MESSAGES = 100, EACH = 10 };
    static raw_frame frame;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.window_updates = BURST;
    for (int is_server = 0; is_server <= 1; is_server++) {
        lone_open_ready(&raw, is_server, &options);
        send_messages(&raw, is_server, MESSAGES, EACH, &frame);
        CU_ASSERT_EQUAL_FATAL(frame.size, MESSAGES * EACH);
        check_windows_left(&raw, 100 * BURST);
        lone_close(&raw);
    }
}

/* Else a peer could have a large message sent byte by byte, and save up for a flood. */
static void
test_frames_of_one_message_are_saved_up_to_one_burst(void)
{
    enum { BURST = 10, FRAMES = 50 };
    static const uint8_t window_of_one[] = {0, 4, 0, 0, 0, 1};
    static raw_frame frame;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.window_updates = BURST;
    lone_open_ready(&raw, true, &options);
    raw_send(raw.peer, RAW_SETTINGS, 0, 0, window_of_one, sizeof window_of_one);
    send_messages(&raw, true, 1, 2 * FRAMES, &frame);
    for (int i = 0; i < FRAMES; i++) {
        CU_ASSERT_EQUAL_FATAL(frame.size, 1);
        update_window(&raw, 1, lone_id(0));
        CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_DATA, lone_id(0), &frame));
    }
    check_windows_left(&raw, BURST);
    lone_close(&raw);
}

/* As grpc's C core does it: each stream is given window when it is opened, and ends without DATA. Its client is honest,
 * however many of its calls fail or are cancelled, or are refused. */
static void
test_streams_pay_for_their_own_window_updates(void)
{
    enum { STREAMS = 60 };
    uint8_t block[128], bytes[256];
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.window_updates = 10;
    for (int refuses = 0; refuses <= 1; refuses++) {
        lone_open_ready(&raw, true, &options);
        if (refuses)
            refuse_streams(&raw.owner);
        for (int i = 0; i < STREAMS; i++) {
            size_t size = raw_put(bytes, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, lone_id(i), block,
                                  raw_request(block));
            size += raw_put(bytes + size, RAW_WINDOW_UPDATE, 0, lone_id(i), one, sizeof one);
            size += raw_put(bytes + size, RAW_RST_STREAM, 0, lone_id(i), "\0\0\0\10", 4);
            raw_write(raw.peer, bytes, size);
        }
        check_alive(&raw);
        CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_WINDOW_UPDATES], 0);
        update_window(&raw, 11, 0);
        check_calmed(&raw, BELAY_LIMIT_WINDOW_UPDATES, "too many WINDOW_UPDATE frames");
        lone_close(&raw);
    }
}

/* A client's server does the same. */
static void
test_requests_pay_for_window_updates_too(void)
{
    enum { CALLS = 60 };
    static raw_frame frame;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.window_updates = 10;
    lone_open_ready(&raw, false, &options);
    for (int i = 0; i < CALLS; i++) {
        request(&raw.owner, true);
        CU_ASSERT_FATAL(raw_read_until(raw.peer, RAW_HEADERS, lone_id(i), &frame));
        update_window(&raw, 1, 0);
    }
    check_alive(&raw);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_WINDOW_UPDATES], 0);
    lone_close(&raw);
}

/* ---- streams by the hundred ---- */

/* Opens and resets streams, all in one piece. */
static void
send_streams(lone *raw, int from, int count)
{
    static uint8_t all[65536];
    uint8_t block[128];
    size_t size = 0, block_size = raw_request(block);
    for (int i = from; i < from + count; i++) {
        size += raw_put(all + size, RAW_HEADERS, RAW_END_HEADERS, lone_id(i), block, block_size);
        size += raw_put(all + size, RAW_RST_STREAM, 0, lone_id(i), "\0\0\0\10", 4);
    }
    raw_write(raw->peer, all, size);
}

static void
test_a_flood_of_streams_is_read_in_small_pieces_and_goes_on(void)
{
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = 8;
    options.streams_per_read = 4;
    lone_open_ready(&raw, true, &options);
    refuse_streams(&raw.owner);
    send_streams(&raw, 0, 8);
    check_alive(&raw);
    CU_ASSERT_EQUAL(raw.owner.limits[BELAY_LIMIT_STREAMS_PER_READ], 0);
    send_streams(&raw, 8, 300);
    check_alive(&raw);
    CU_ASSERT(raw.owner.limits[BELAY_LIMIT_STREAMS_PER_READ] > 0);
    lone_close(&raw);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(pings_by_the_hundred_end_the_connection),
        TEST(settings_by_the_hundred_end_the_connection),
        TEST(settings_with_too_many_entries_end_the_connection),
#ifdef HAVE_NGHTTP2_OPTION_SET_MAX_CONTINUATIONS
        TEST(empty_continuations_end_the_connection),
#endif
        TEST(a_huge_header_list_ends_the_connection),
        TEST(empty_data_in_a_row_resets_its_stream_only),
        TEST(padding_alone_is_empty_too),
        TEST(data_between_empty_frames_makes_a_new_row),
        TEST(provoked_resets_end_the_connection),
        TEST(provoked_resets_are_forgiven_with_time),
        TEST(streams_reset_for_empty_data_count_as_provoked),
        TEST(honest_resets_are_not_counted),
        TEST(window_updates_by_the_thousand_end_the_connection),
        TEST(window_updates_for_streams_that_are_gone_count),
        TEST(data_that_was_sent_pays_for_window_updates),
        TEST(messages_that_share_a_frame_pay_each_up_to_a_hundred_bursts),
        TEST(frames_of_one_message_are_saved_up_to_one_burst),
        TEST(streams_pay_for_their_own_window_updates),
        TEST(requests_pay_for_window_updates_too),
        TEST(a_flood_of_streams_is_read_in_small_pieces_and_goes_on),
        CU_TEST_INFO_NULL,
    };
    return suite_run("h2/budget", tests, argc, argv);
}
