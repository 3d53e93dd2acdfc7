/* SPDX-License-Identifier: MIT */
/*
 * Messages that are written from where they lie: they stay until the kernel has what was put together of them, and
 * no longer, whatever happens to their streams meanwhile.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define MOST_STREAMS 40

/* ---- what the peer has read ---- */

typedef struct reading {
    size_t body[MOST_STREAMS]; /* by stream; all of it right */
    bool ended[MOST_STREAMS];
    bool is_wrong;
} reading;

static void
note_frame(reading *read, const raw_frame *frame)
{
    size_t index = frame->stream / 2;
    if (frame->stream == 0 || index >= MOST_STREAMS)
        return;
    for (size_t i = 0; frame->type == RAW_DATA && i < frame->size; i++)
        read->is_wrong |= frame->payload[i] != pattern_at(read->body[index] + i);
    read->body[index] += frame->type == RAW_DATA ? frame->size : 0;
    read->ended[index] |= frame->type == RAW_HEADERS && (frame->flags & RAW_END_STREAM);
}

/* Reads on until a frame of that type comes for that stream; PING's is 0. */
static void
read_until(lone *raw, reading *read, uint8_t type, uint32_t stream)
{
    static raw_frame frame;
    do {
        CU_ASSERT_FATAL(raw_read(raw->peer, &frame));
        note_frame(read, &frame);
    } while (frame.type != type || frame.stream != stream);
}

static void
read_to_the_end(lone *raw, reading *read, int index)
{
    while (!read->ended[index])
        read_until(raw, read, RAW_HEADERS, lone_id(index));
}

static void
ping(lone *raw, reading *read)
{
    raw_send(raw->peer, RAW_PING, 0, 0, "12345678", 8);
    read_until(raw, read, RAW_PING, 0);
}

/* ---- answers ---- */

typedef struct answer_arguments {
    h2_record *stream;
    size_t size;
    size_t piece;
} answer_arguments;

static void
answer_now(void *argument)
{
    const answer_arguments *wanted = argument;
    respond(wanted->stream);
    send_body(wanted->stream, wanted->size, wanted->piece);
    end_body(wanted->stream);
}

/* In messages of that size. */
static void
answer_with(h2_record *stream, size_t size, size_t piece)
{
    on_loop(stream->owner, answer_now, &(answer_arguments){stream, size, piece});
}

static bool
is_stuck(void *argument)
{
    const h2_owner *owner = argument;
    return bly_h2_pieces_has_rest(&owner->connection->output.pieces);
}

/* A server that has begun with one message, most of which the kernel does not take. */
static h2_record *
open_stuck(lone *raw)
{
    lone_open_wide(raw);
    lone_narrow(raw);
    h2_record *served = lone_request(raw, 0, true);
    answer_with(served, 2 * MIB, 2 * MIB);
    until(&raw->owner, is_stuck, &raw->owner, "the socket is full");
    return served;
}

static bool
holds_nothing(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection->output.pieces.held.first == NULL;
}

/* ---- whole messages ---- */

static void
test_message_of_many_writes_arrives(void)
{
    lone raw;
    reading read = {0};
    h2_record *served = open_stuck(&raw);
    CU_ASSERT(events_are(served, "HE"));
    read_to_the_end(&raw, &read, 0);
    CU_ASSERT(!read.is_wrong && read.body[0] == 2 * MIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HELC"));
    until(&raw.owner, holds_nothing, &raw.owner, "nothing is held");
    lone_close(&raw);
}

static void
test_messages_of_all_sizes_arrive_in_order(void)
{
    static const size_t pieces[] = {1, 100, 4095, 4096, 4097, 16383, 16384, 16385, 50000, 262144, 300000};
    lone raw;
    reading read = {0};
    lone_open_wide(&raw);
    for (int i = 0; i < (int)(sizeof pieces / sizeof *pieces); i++) {
        size_t size = pieces[i] < 100 ? 3000 : 900 * KIB + 1;
        answer_with(lone_request(&raw, i, true), size, pieces[i]);
        read_to_the_end(&raw, &read, i);
        CU_ASSERT_EQUAL(read.body[i], size);
    }
    CU_ASSERT_FALSE(read.is_wrong);
    lone_close(&raw);
}

static void
answer_all(void *argument)
{
    lone *raw = argument;
    for (int i = 0; i < raw->owner.count; i++)
        answer_with(raw->owner.records[i], 30 * KIB + (size_t)i * 501, 200 + (size_t)i * 997);
}

static void
test_streams_are_gathered_into_one_write(void)
{
    lone raw;
    reading read = {0};
    lone_open_wide(&raw);
    for (int i = 0; i < MOST_STREAMS; i++)
        lone_request(&raw, i, true);
    on_loop(&raw.owner, answer_all, &raw);
    for (int i = 0; i < MOST_STREAMS; i++)
        read_to_the_end(&raw, &read, i);
    for (int i = 0; i < MOST_STREAMS; i++)
        CU_ASSERT_EQUAL(read.body[i], 30 * KIB + (size_t)i * 501);
    CU_ASSERT_FALSE(read.is_wrong);
    for (int i = 0; i < MOST_STREAMS; i++) {
        until_event(raw.owner.records[i], 'C');
        CU_ASSERT(events_are(raw.owner.records[i], "HELC"));
    }
    lone_close(&raw);
}

/* Windows that cut a message into pieces of all kinds. */
static void
test_flow_control_cuts_a_message_anywhere(void)
{
    static const uint32_t windows[] = {1, 4096, 5000, 100, 4095, 20000, 16384, 3, 30000};
    lone raw;
    reading read = {0};
    size_t open = 65535;
    lone_open_ready(&raw, true, NULL);
    raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 0, 1 << 30);
    h2_record *served = lone_request(&raw, 0, true);
    answer_with(served, 400 * KIB, 150 * KIB);
    for (size_t i = 0; open < 400 * KIB; i++) {
        while (read.body[0] < open)
            read_until(&raw, &read, RAW_DATA, 1);
        CU_ASSERT_EQUAL(read.body[0], open);
        uint32_t more = windows[i % (sizeof windows / sizeof *windows)];
        raw_send_number(raw.peer, RAW_WINDOW_UPDATE, 1, more);
        open += more;
    }
    read_to_the_end(&raw, &read, 0);
    CU_ASSERT(!read.is_wrong && read.body[0] == 400 * KIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HELC"));
    lone_close(&raw);
}

/* ---- streams that end while the kernel has not got what was put together ---- */

static void
test_reset_lets_what_was_put_together_leave(void)
{
    lone raw;
    reading read = {0};
    h2_record *served = open_stuck(&raw);
    reset(served, BLY_H2_CANCEL);
    read_until(&raw, &read, RAW_RST_STREAM, 1);
    CU_ASSERT(!read.is_wrong && read.body[0] > 0 && read.body[0] < 2 * MIB);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    until(&raw.owner, holds_nothing, &raw.owner, "nothing is held");
    lone_close(&raw);
}

static void
test_peers_reset_lets_what_was_put_together_leave(void)
{
    lone raw;
    reading read = {0};
    h2_record *served = open_stuck(&raw);
    raw_send_number(raw.peer, RAW_RST_STREAM, 1, BLY_H2_CANCEL);
    until_event(served, 'C'); /* and its memory is gone */
    ping(&raw, &read);
    CU_ASSERT(!read.is_wrong && read.body[0] > 0 && read.body[0] < 2 * MIB);
    CU_ASSERT(events_are(served, "HEC"));
    until(&raw.owner, holds_nothing, &raw.owner, "nothing is held");
    lone_close(&raw);
}

static void
test_connection_closes_with_a_message_half_written(void)
{
    lone raw;
    h2_record *served = open_stuck(&raw);
    close_connection(&raw.owner);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    lone_close(&raw);
}

static void
test_connection_breaks_with_a_message_half_written(void)
{
    lone raw;
    h2_record *served = open_stuck(&raw);
    shutdown(raw.peer, SHUT_RDWR);
    until_event(served, 'C');
    CU_ASSERT(events_are(served, "HEC"));
    CU_ASSERT_EQUAL(served->error, BLY_H2_CONNECTION_LOST);
    lone_close(&raw);
}

/* The first stream is delivered by the write that has part of the second one's message. */
static void
reset_second(h2_record *stream, char event)
{
    h2_owner *owner = stream->owner;
    if (event == 'L' && stream == owner->records[0])
        reset(owner->records[1], BLY_H2_CANCEL);
}

static void
answer_both(void *argument)
{
    lone *raw = argument;
    answer_with(raw->owner.records[0], 100, 100);
    answer_with(raw->owner.records[1], 2 * MIB, 2 * MIB);
}

static void
test_reset_by_the_op_that_a_write_calls(void)
{
    lone raw;
    reading read = {0};
    lone_open_wide(&raw);
    lone_request(&raw, 0, true);
    h2_record *second = lone_request(&raw, 1, true);
    call_at_events(&raw.owner, reset_second);
    on_loop(&raw.owner, answer_both, &raw);
    read_until(&raw, &read, RAW_RST_STREAM, 3);
    CU_ASSERT(!read.is_wrong && read.body[0] == 100 && read.body[1] > 0 && read.body[1] < 2 * MIB);
    until_event(second, 'C');
    CU_ASSERT(events_are(second, "HEC"));
    until(&raw.owner, holds_nothing, &raw.owner, "nothing is held");
    lone_close(&raw);
}

static const CU_TestInfo tests[] = {
    {"message of many writes arrives", test_message_of_many_writes_arrives},
    {"messages of all sizes arrive in order", test_messages_of_all_sizes_arrive_in_order},
    {"streams are gathered into one write", test_streams_are_gathered_into_one_write},
    {"flow control cuts a message anywhere", test_flow_control_cuts_a_message_anywhere},
    {"reset lets what was put together leave", test_reset_lets_what_was_put_together_leave},
    {"peer's reset lets what was put together leave", test_peers_reset_lets_what_was_put_together_leave},
    {"connection closes with a message half written", test_connection_closes_with_a_message_half_written},
    {"connection breaks with a message half written", test_connection_breaks_with_a_message_half_written},
    {"reset by the op that a write calls", test_reset_by_the_op_that_a_write_calls},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/large", tests, argc, argv);
}
