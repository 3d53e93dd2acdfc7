/* SPDX-License-Identifier: MIT */
/*
 * What a client must not send and nghttp2 lets pass, and what it does not get to see, however it is cut into pieces on
 * its way.
 */
#include "h2/frames.h"

#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define RAW_PRIORITY 2

typedef struct recording {
    uint8_t bytes[4096];
    size_t size;
} recording;

static void
begin(recording *script)
{
    script->size = strlen(MAGIC);
    memcpy(script->bytes, MAGIC, script->size);
}

/* A frame with `size` bytes in it, of which the first four are a number. */
static void
frame(recording *script, uint8_t type, uint8_t flags, uint32_t id, size_t size, uint32_t number)
{
    uint8_t payload[64] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    script->size += raw_put(script->bytes + script->size, type, flags, id, payload, size);
}

/* At all of a read, whatever of it is dropped. */
static const char *
look_at(bly_h2_frames *frames, const uint8_t *data, size_t size, uint32_t *error)
{
    bly_h2_verdict verdict = {.words = NULL};
    while (verdict.words == NULL && size > 0) {
        size_t passed = bly_h2_frames_look(frames, data, size, &verdict);
        data += passed + verdict.dropped;
        size -= passed + verdict.dropped;
    }
    *error = verdict.error;
    return verdict.words;
}

/* In pieces of every size. words: a part of what is wrong, or NULL: nothing is. */
static void
expect(const recording *script, uint32_t wanted, const char *words)
{
    for (size_t piece = 1; piece <= script->size; piece++) {
        bly_h2_frames frames;
        uint32_t error = 0;
        const char *found = NULL;
        bly_h2_frames_init(&frames);
        for (size_t at = 0; found == NULL && at < script->size; at += piece) {
            size_t rest = script->size - at;
            found = look_at(&frames, script->bytes + at, rest < piece ? rest : piece, &error);
        }
        CU_ASSERT_TRUE(words == NULL ? found == NULL : found != NULL && strstr(found, words) != NULL);
        CU_ASSERT_TRUE(words == NULL || error == wanted);
    }
}

static void
test_what_clients_may_send_is_nothing_wrong(void)
{
    recording s;
    begin(&s);
    frame(&s, RAW_SETTINGS, 0, 0, 6, 0);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 1, 20, 0);
    frame(&s, RAW_DATA, 0, 1, 30, 0);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 3, 20, 0);
    frame(&s, RAW_WINDOW_UPDATE, 0, 3, 4, 100);
    frame(&s, RAW_PRIORITY, 0, 3, 5, 1);
    frame(&s, RAW_DATA, RAW_END_STREAM, 1, 0, 0);
    frame(&s, RAW_RST_STREAM, 0, 1, 4, 8);
    frame(&s, RAW_RST_STREAM, 0, 1, 4, 8);
    frame(&s, RAW_PRIORITY, 0, 1, 5, 0);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 5, 20, 0);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 5, 20, 0);
    expect(&s, 0, NULL);
}

/* What ends the stream, and what comes then. */
static void
expect_closed(uint8_t last, uint8_t last_flags, uint8_t more)
{
    recording s;
    begin(&s);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS | (last == RAW_HEADERS ? last_flags : 0), 1, 20, 0);
    if (last != RAW_HEADERS)
        frame(&s, last, last_flags, 1, 4, 8);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 3, 20, 0);
    expect(&s, 0, NULL);
    frame(&s, more, RAW_END_HEADERS | RAW_END_STREAM, 1, 20, 0);
    expect(&s, BLY_H2_STREAM_CLOSED, "has ended");
}

static void
test_nothing_follows_on_a_stream_that_its_client_has_ended(void)
{
    static const uint8_t more[] = {RAW_DATA, RAW_HEADERS};
    for (size_t i = 0; i < sizeof more; i++) {
        expect_closed(RAW_HEADERS, RAW_END_STREAM, more[i]);
        expect_closed(RAW_DATA, RAW_END_STREAM, more[i]);
    }
}

/* That stream is told, and no other is harmed; who does it again and again is sent away. */
static void
test_what_follows_a_reset_is_an_error_of_its_stream(void)
{
    static raw_frame told;
    bly_h2_options options;
    lone raw;
    bly_h2_options_defaults(&options);
    options.provoked_errors = 3;
    options.provoked_rate = 0;
    lone_open_ready(&raw, true, &options);
    h2_record *gone = lone_request(&raw, 0, false), *other = lone_request(&raw, 1, false);
    raw_send_number(raw.peer, RAW_RST_STREAM, lone_id(0), BLY_H2_CANCEL);
    until_event(gone, 'C');
    for (int i = 0; i < 2; i++) {
        raw_send(raw.peer, RAW_DATA, RAW_END_STREAM, lone_id(0), "more", 4);
        CU_ASSERT_TRUE_FATAL(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(0), &told));
        CU_ASSERT_EQUAL(raw_number(&told, 0), BLY_H2_STREAM_CLOSED);
    }
    raw_send(raw.peer, RAW_DATA, RAW_END_STREAM, lone_id(1), "", 0);
    until_event(other, 'E');
    CU_ASSERT_EQUAL(raw.owner.closed, 0);
    uint8_t block[128], bytes[256]; /* all of it in one read */
    size_t size = raw_put(bytes, RAW_HEADERS, RAW_END_HEADERS, lone_id(2), block, raw_request(block));
    size += raw_put(bytes + size, RAW_RST_STREAM, 0, lone_id(2), "\0\0\0\10", 4);
    size += raw_put(bytes + size, RAW_DATA, 0, lone_id(2), "more", 4);
    raw_write(raw.peer, bytes, size);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_RST_STREAM, lone_id(2), &told));
    CU_ASSERT_EQUAL(raw_number(&told, 0), BLY_H2_STREAM_CLOSED);
    raw_send(raw.peer, RAW_DATA, 0, lone_id(0), "more", 4);
    CU_ASSERT_TRUE(raw_read_until(raw.peer, RAW_GOAWAY, 0, &told));
    CU_ASSERT_EQUAL(raw_number(&told, 4), BLY_H2_ENHANCE_YOUR_CALM);
    lone_close(&raw);
}

/* A number that comes to be after all is a stream as others are. */
static void
test_what_was_reset_before_it_began_may_begin(void)
{
    recording s;
    begin(&s);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 1, 20, 0);
    frame(&s, RAW_RST_STREAM, 0, 3, 4, 8);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 3, 20, 0);
    frame(&s, RAW_DATA, RAW_END_STREAM, 3, 20, 0);
    expect(&s, 0, NULL);
}

static void
test_only_resets_of_no_stream_are_dropped(void)
{
    enum { RESET = 9 + 4 };
    recording s;
    bly_h2_frames frames;
    bly_h2_verdict verdict;
    begin(&s);
    frame(&s, RAW_RST_STREAM, 0, 1, 4, 8);  /* before any stream */
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 1, 20, 0);
    frame(&s, RAW_RST_STREAM, 0, 2, 4, 8);  /* of the server's number */
    frame(&s, RAW_RST_STREAM, 0, 5, 5, 8);  /* of a wrong size */
    frame(&s, RAW_HEADERS, 0, 3, 20, 0);
    frame(&s, RAW_RST_STREAM, 0, 5, 4, 8);  /* inside a block */
    frame(&s, RAW_CONTINUATION, RAW_END_HEADERS, 3, 0, 0);
    frame(&s, RAW_RST_STREAM, 0, 3, 4, 8);
    size_t before = s.size;
    frame(&s, RAW_RST_STREAM, 0, 5, 4, 8);
    frame(&s, RAW_PING, 0, 0, 8, 0);
    bly_h2_frames_init(&frames);
    CU_ASSERT_EQUAL(bly_h2_frames_look(&frames, s.bytes, s.size, &verdict), before);
    CU_ASSERT_EQUAL(verdict.dropped, RESET);
    size_t after = before + RESET;
    CU_ASSERT_EQUAL(bly_h2_frames_look(&frames, s.bytes + after, s.size - after, &verdict), s.size - after);
    CU_ASSERT_EQUAL(verdict.dropped, 0);
}

/* Not all of them are remembered: what cannot be told is let pass. */
static void
test_streams_that_ended_long_ago_are_forgotten(void)
{
    recording s;
    begin(&s);
    for (uint32_t i = 0; i <= BLY_H2_ENDED; i++)
        frame(&s, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1 + 2 * i, 10, 0);
    frame(&s, RAW_DATA, 0, 1, 10, 0);
    expect(&s, 0, NULL);
    frame(&s, RAW_DATA, 0, 3, 10, 0);
    expect(&s, BLY_H2_STREAM_CLOSED, "has ended");
}

static void
test_priorities_are_of_another_stream(void)
{
    recording s;
    begin(&s);
    frame(&s, RAW_PRIORITY, 0, 7, 5, 0x80000000u | 7);
    expect(&s, BLY_H2_PROTOCOL_ERROR, "itself");
    begin(&s);
    frame(&s, RAW_PRIORITY, 0, 0, 5, 1);
    expect(&s, BLY_H2_PROTOCOL_ERROR, "stream_id");
}

static void
test_cancel_is_a_frame_by_itself(void)
{
    recording s, cancel = {.size = 0}, other = {.size = 0};
    bly_h2_frames frames;
    bly_h2_verdict verdict;
    frame(&cancel, RAW_RST_STREAM, 0, 1, 4, 8);
    bly_h2_frames_init(&frames);
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 0); /* a part of the preface */
    begin(&s);
    frame(&s, RAW_HEADERS, RAW_END_HEADERS, 1, 20, 0);
    bly_h2_frames_look(&frames, s.bytes, s.size, &verdict);
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 1);
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size - 1), 0);
    frame(&other, RAW_RST_STREAM, 0, 1, 4, 2);
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, other.bytes, other.size), 0);
    uint8_t head[9];
    raw_put(head, RAW_DATA, 0, 1, "", 0);
    head[2] = 13;
    bly_h2_frames_look(&frames, head, 5, &verdict); /* inside a head */
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 0);
    bly_h2_frames_look(&frames, head + 5, 4, &verdict); /* a body */
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 0);
    bly_h2_frames_look(&frames, cancel.bytes, 13, &verdict);
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 1);
    s.size = 0;
    frame(&s, RAW_HEADERS, 0, 3, 20, 0);
    bly_h2_frames_look(&frames, s.bytes, s.size, &verdict); /* inside a block */
    CU_ASSERT_EQUAL(bly_h2_frames_cancels(&frames, cancel.bytes, cancel.size), 0);
}

/* What nghttp2 reports itself: a wrong size, stream 0. */
static void
test_what_nghttp2_sees_is_left_to_it(void)
{
    recording s;
    begin(&s);
    frame(&s, RAW_PRIORITY, 0, 7, 2, 7);
    frame(&s, RAW_PRIORITY, 0, 7, 0, 7);
    frame(&s, RAW_DATA, RAW_END_STREAM, 0, 4, 0);
    frame(&s, RAW_DATA, RAW_END_STREAM, 0, 4, 0);
    expect(&s, 0, NULL);
}

static void
test_connection_ends_with_words_that_say_why(void)
{
    static raw_frame told;
    static const char words[] = "a frame for a stream that the client has ended";
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *stream = lone_request(&raw, 0, true);
    respond_only(stream);
    until_event(stream, 'C');
    raw_send(raw.peer, RAW_DATA, 0, lone_id(0), "more", 4);
    CU_ASSERT_TRUE_FATAL(raw_read_until(raw.peer, RAW_GOAWAY, 0, &told));
    CU_ASSERT_EQUAL(raw_number(&told, 0), lone_id(0));
    CU_ASSERT_EQUAL(raw_number(&told, 4), BLY_H2_STREAM_CLOSED);
    CU_ASSERT_EQUAL(told.size, 8 + strlen(words));
    CU_ASSERT(memcmp(told.payload + 8, words, strlen(words)) == 0);
    until_closed(&raw.owner);
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(raw.owner.detail, words));
    lone_close(&raw);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(what_clients_may_send_is_nothing_wrong),
        TEST(nothing_follows_on_a_stream_that_its_client_has_ended),
        TEST(what_follows_a_reset_is_an_error_of_its_stream),
        TEST(what_was_reset_before_it_began_may_begin),
        TEST(only_resets_of_no_stream_are_dropped),
        TEST(streams_that_ended_long_ago_are_forgotten),
        TEST(priorities_are_of_another_stream),
        TEST(cancel_is_a_frame_by_itself),
        TEST(what_nghttp2_sees_is_left_to_it),
        TEST(connection_ends_with_words_that_say_why),
        CU_TEST_INFO_NULL,
    };
    return suite_run("h2/frames", tests, argc, argv);
}
