/* SPDX-License-Identifier: MIT */
/*
 * What leaves, when, and what the floor above hears of it.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define KIB 1024
#define MIB (1024 * 1024)

static bool
is_stuck(void *argument)
{
    const h2_owner *owner = argument;
    return bly_h2_pieces_has_rest(&owner->connection->output.pieces);
}

/* Answers with a body of that size, and waits until the socket is full. */
static h2_record *
answer_until_stuck(lone *raw, size_t size)
{
    h2_record *served = lone_request(raw, 0, true);
    answer(served, size);
    until(&raw->owner, is_stuck, &raw->owner, "the socket is full");
    return served;
}

static bool
end_is_made(void *argument)
{
    const h2_record *stream = argument;
    return stream->carrier->stream.sent_end && !stream->carrier->stream.in_session;
}

/* The whole answer lies in the connection's own memory but for what a narrow socket took. */
static h2_record *
answer_into_a_narrow_socket(lone *raw)
{
    lone_open_wide(raw);
    lone_narrow(raw);
    h2_record *served = answer_until_stuck(raw, 40 * KIB);
    until(&raw->owner, end_is_made, served, "the answer's end is made");
    CU_ASSERT(events_are(served, "HE"));
    return served;
}

/* Reads the body of stream 1 to its end. */
static size_t
read_answer(lone *raw)
{
    static raw_frame frame;
    size_t body = 0;
    do {
        CU_ASSERT_FATAL(raw_read(raw->peer, &frame));
        bool is_right = true;
        for (size_t i = 0; frame.type == RAW_DATA && i < frame.size; i++)
            is_right &= frame.payload[i] == pattern_at(body + i);
        CU_ASSERT(is_right);
        body += frame.type == RAW_DATA ? frame.size : 0;
    } while (frame.type != RAW_HEADERS || !(frame.flags & RAW_END_STREAM));
    return body;
}

/* ---- delivered ---- */

static void
test_delivered_when_the_kernel_has_it_all(void)
{
    lone raw;
    h2_record *served = answer_into_a_narrow_socket(&raw);
    CU_ASSERT_EQUAL(read_answer(&raw), 40 * KIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT_EQUAL(served->error, BLY_H2_NO_ERROR);
    lone_close(&raw);
}

static void
test_not_delivered_when_the_connection_is_lost(void)
{
    lone raw;
    h2_record *served = answer_into_a_narrow_socket(&raw);
    shutdown(raw.peer, SHUT_RDWR);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    CU_ASSERT(served->error == BLY_H2_CONNECTION_LOST && !served->by_peer);
    lone_close(&raw);
}

static void
test_reset_of_a_stream_that_both_sides_have_ended_sends_nothing(void)
{
    static raw_frame frame;
    lone raw;
    h2_record *served = answer_into_a_narrow_socket(&raw);
    reset(served, BLY_H2_CANCEL);
    CU_ASSERT_EQUAL(read_answer(&raw), 40 * KIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HELC"));
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read(raw.peer, &frame));
    CU_ASSERT_EQUAL(frame.type, RAW_PING);
    lone_close(&raw);
}

static void
test_early_end_is_delivered_before_closed(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_wide(&raw);
    lone_narrow(&raw);
    h2_record *served = lone_request(&raw, 0, false); /* and never ends */
    answer(served, 40 * KIB);
    until(&raw.owner, is_stuck, &raw.owner, "the socket is full");
    CU_ASSERT(events_are(served, "H"));
    CU_ASSERT_EQUAL(read_answer(&raw), 40 * KIB);
    CU_ASSERT(raw_read(raw.peer, &frame));
    CU_ASSERT(frame.type == RAW_RST_STREAM && raw_number(&frame, 0) == BLY_H2_NO_ERROR);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HLC"));
    CU_ASSERT_EQUAL(served->error, BLY_H2_NO_ERROR);
    lone_close(&raw);
}

/* ---- what has left ---- */

static void
test_small_messages_are_handed_back_and_large_ones_are_not(void)
{
    lone raw;
    lone_open_wide(&raw);
    h2_record *served = lone_request(&raw, 0, true);
    respond(served);
    send_body(served, 10 * KIB, 1000); /* the last has 240 bytes */
    send_body(served, 6 * KIB, 3 * KIB); /* copied, too */
    send_body(served, 20 * KIB, 10 * KIB);
    lone_read_body(&raw, 1, 36 * KIB);
    end_body(served); /* on the loop, when all has left */
    CU_ASSERT_EQUAL(read_answer(&raw), 0);
    until_event(served, 'C');
    CU_ASSERT_EQUAL(served->handed_back, 11);
    lone_close(&raw);
}

/* ---- a full socket ---- */

static void
test_peer_resets_while_the_socket_is_full(void)
{
    lone raw;
    lone_open_wide(&raw);
    h2_record *served = answer_until_stuck(&raw, 8 * MIB);
    raw_send_number(raw.peer, RAW_RST_STREAM, 1, BLY_H2_CANCEL);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    CU_ASSERT(served->error == BLY_H2_CANCEL && served->by_peer);
    lone_close(&raw);
}

static void
test_all_arrives_after_a_full_socket(void)
{
    lone raw;
    lone_open_wide(&raw);
    h2_record *served = answer_until_stuck(&raw, 8 * MIB);
    CU_ASSERT_EQUAL(read_answer(&raw), 8 * MIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT(served->drained > 1);
    lone_close(&raw);
}

static void
test_reset_leaves_after_a_full_socket(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_wide(&raw);
    h2_record *served = answer_until_stuck(&raw, 8 * MIB);
    reset(served, BLY_H2_CANCEL);
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    CU_ASSERT(served->error == BLY_H2_CANCEL && !served->by_peer);
    lone_close(&raw);
}

static void
look_for_memory(void *argument)
{
    const h2_owner *owner = argument;
    CU_ASSERT_FALSE(bly_h2_pieces_has_rest(&owner->connection->output.pieces));
    CU_ASSERT_PTR_NULL(owner->connection->output.pieces.held.first);
}

static void
test_idle_connection_holds_no_buffer(void)
{
    lone raw;
    h2_record *served = answer_into_a_narrow_socket(&raw);
    read_answer(&raw);
    until_event(served, 'C');
    on_loop(&raw.owner, look_for_memory, &raw.owner);
    lone_close(&raw);
}

/* ---- many at once ---- */

static void
test_many_streams_share_a_connection(void)
{
    enum { STREAMS = 60, SIZE = 300 * KIB };
    pair both;
    pair_open(&both, NULL, NULL);
    tell_window(&both.client, 256 * KIB);
    tell_window(&both.server, 256 * KIB);
    for (int i = 0; i < STREAMS; i++) {
        h2_record *call = request(&both.client, false);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call);
        send_body(call, SIZE, 10 * KIB);
        end_body(call);
    }
    for (int i = 0; i < STREAMS; i++) {
        h2_record *served = record_at(&both.server, i);
        respond(served);
        send_body(served, SIZE, 100 * KIB);
        end_body(served);
    }
    for (int i = 0; i < STREAMS; i++) {
        h2_record *call = record_at(&both.client, i);
        h2_record *served = record_at(&both.server, i);
        until_event(call, 'C');
        until_event(served, 'C');
        CU_ASSERT(call->body_size == SIZE && !call->body_corrupt);
        CU_ASSERT(!served->body_corrupt && served->error == BLY_H2_NO_ERROR);
    }
    pair_close(&both);
}

static bool
has_nothing_to_do(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection->output.placed == owner->connection->output.left;
}

static void
test_whole_answer_leaves_in_one_piece(void)
{
    uint8_t bytes[1024];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *served = lone_request(&raw, 0, true);
    until(&raw.owner, has_nothing_to_do, &raw.owner, "the connection is idle");
    while (recv(raw.peer, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    answer(served, 100);
    /* Headers (with a first content-type), 9 + 100 bytes of data, trailers: no read sees a part of it. */
    ssize_t size = recv(raw.peer, bytes, sizeof bytes, 0);
    CU_ASSERT_FATAL(size > 9 + 100 + 9);
    size_t at = 0;
    int frames = 0;
    while (at + 9 <= (size_t)size) {
        at += 9 + ((size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2]);
        frames++;
    }
    CU_ASSERT_EQUAL(at, (size_t)size);
    CU_ASSERT_EQUAL(frames, 3);
    lone_close(&raw);
}

/* ---- more frames of nghttp2's own than one write has room for ---- */

#define BULK (15 * KIB)
#define BULKY 40

static void
end_all_in_bulk(void *argument)
{
    static char value[BULK];
    h2_owner *owner = argument;
    bly_h2_header trailer = {.name = "bulk", .value = value, .name_size = 4, .value_size = BULK, .never_index = true};
    memset(value, '#', BULK); /* HPACK makes nothing smaller of these */
    for (int i = 0; i < owner->count; i++) {
        respond(owner->records[i]);
        bool done = bly_h2_stream_end(&owner->records[i]->carrier->stream, &trailer, 1, true);
        CU_ASSERT_TRUE(done);
    }
}

static void
test_frame_that_has_no_room_leaves_whole(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_wide(&raw);
    for (int i = 0; i < BULKY; i++)
        lone_request(&raw, i, true);
    on_loop(&raw.owner, end_all_in_bulk, &raw.owner);
    for (int ended = 0; ended < BULKY;) {
        CU_ASSERT_FATAL(raw_read(raw.peer, &frame));
        if (frame.type != RAW_HEADERS || !(frame.flags & RAW_END_STREAM))
            continue;
        const uint8_t *last = frame.payload + frame.size - 1000; /* of one byte all */
        CU_ASSERT(frame.size > BULK && memcmp(last, last + 1, 999) == 0);
        ended++;
    }
    for (int i = 0; i < BULKY; i++)
        until_event(record_at(&raw.owner, i), 'L');
    lone_close(&raw);
}

static const CU_TestInfo tests[] = {
    {"delivered when the kernel has it all", test_delivered_when_the_kernel_has_it_all},
    {"not delivered when the connection is lost", test_not_delivered_when_the_connection_is_lost},
    {"reset of a stream that both sides have ended sends nothing",
     test_reset_of_a_stream_that_both_sides_have_ended_sends_nothing},
    {"early end is delivered before closed", test_early_end_is_delivered_before_closed},
    {"small messages are handed back and large ones are not",
     test_small_messages_are_handed_back_and_large_ones_are_not},
    {"peer resets while the socket is full", test_peer_resets_while_the_socket_is_full},
    {"all arrives after a full socket", test_all_arrives_after_a_full_socket},
    {"reset leaves after a full socket", test_reset_leaves_after_a_full_socket},
    {"idle connection holds no buffer", test_idle_connection_holds_no_buffer},
    {"many streams share a connection", test_many_streams_share_a_connection},
    {"whole answer leaves in one piece", test_whole_answer_leaves_in_one_piece},
    {"frame that has no room leaves whole", test_frame_that_has_no_room_leaves_whole},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/send", tests, argc, argv);
}
