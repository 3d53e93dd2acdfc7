/* SPDX-License-Identifier: MIT */
/*
 * What connections of one loop leave to each other.
 */
#include <sys/socket.h>

#include "h2/raw.h"
#include "h2/recorder.h"

#define AT_ONCE 100 /* streams that may be open */
#define FLOOD 150   /* more than that */
#define A_TURN 32

/* ---- a loop that stands still ---- */

typedef struct standstill {
    bly_loop_task task;
    gate begun;
    gate over;
} standstill;

static void
stand_still(bly_loop_task *task)
{
    standstill *standing = BLY_CONTAINER_OF(task, standstill, task);
    gate_open(&standing->begun);
    gate_wait(&standing->over);
}

/* What is sent until pause_end() lies in the sockets together. */
static void
pause_begin(standstill *standing, bly_loop *loop)
{
    gate_init(&standing->begun, "the loop stands still");
    gate_init(&standing->over, "the loop may go on");
    standing->task.run = stand_still;
    bly_loop_post(loop, &standing->task);
    gate_wait(&standing->begun);
}

static void
run_nothing(void *argument)
{
    (void)argument;
}

static void
pause_end(standstill *standing, bly_loop *loop)
{
    gate_open(&standing->over);
    bly_loop_call(loop, run_nothing, NULL); /* the task is over */
    gate_fini(&standing->begun);
    gate_fini(&standing->over);
}

/* ---- two connections on it ---- */

typedef struct neighbours {
    lone busy;
    lone quiet;
    int sent; /* requests on the busy one */
} neighbours;

static void
open_neighbours(neighbours *both)
{
    bly_h2_options options;
    bly_h2_options_defaults(&options);
    options.max_concurrent_streams = AT_ONCE;
    both->sent = 0;
    lone_open_ready(&both->busy, true, &options);
    lone_open_beside(&both->quiet, &both->busy);
}

static void
close_neighbours(neighbours *both)
{
    lone_close(&both->quiet);
    lone_close(&both->busy);
}

/* All with one write, which the socket has room for. */
static void
send_requests(neighbours *both, int count, bool and_reset)
{
    static const uint8_t cancel[] = {0, 0, 0, BLY_H2_CANCEL};
    uint8_t bytes[2 * FLOOD * 160];
    uint8_t block[128];
    size_t block_size = raw_request(block);
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        uint32_t id = lone_id(both->sent++);
        size += raw_put(bytes + size, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, id, block, block_size);
        if (and_reset)
            size += raw_put(bytes + size, RAW_RST_STREAM, 0, id, cancel, sizeof cancel);
    }
    raw_write(both->busy.peer, bytes, size);
}

/* So many requests, which the connection finds all at once. */
static void
send_together(neighbours *both, int count, bool and_reset)
{
    standstill standing;
    pause_begin(&standing, both->busy.loop);
    send_requests(both, count, and_reset);
    pause_end(&standing, both->busy.loop);
    record_at(&both->busy.owner, both->sent - 1);
}

/* I/O thread, by the quiet one's request. */
static const h2_owner *watched;
static int taken_before;

static void
count_busy(h2_record *stream, char event)
{
    (void)stream;
    if (event == 'H')
        taken_before = watched->count;
}

/* Returns how many of the busy one's new requests were taken before the quiet one had its turn. */
static int
taken_before_quiet(neighbours *both, int count, bool and_reset)
{
    standstill standing;
    int before = both->sent;
    call_at_events(&both->quiet.owner, count_busy);
    watched = &both->busy.owner;
    pause_begin(&standing, both->busy.loop);
    send_requests(both, count, and_reset);
    uint8_t block[128];
    raw_send(both->quiet.peer, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, block, raw_request(block));
    pause_end(&standing, both->busy.loop);
    until_event(record_at(&both->quiet.owner, 0), 'H');
    record_at(&both->busy.owner, both->sent - 1); /* the others came later */
    return taken_before - before;
}

static bool
is_unlimited(void *argument)
{
    const h2_owner *owner = argument;
    return owner->connection->read_limit == BLY_LOOP_BUFFER_SIZE;
}

static void
look_at_limit(void *argument)
{
    CU_ASSERT(is_unlimited(argument));
}

/* ---- cancels ---- */

/* A stream of each, and no frame under way. */
static void
open_streams(neighbours *both)
{
    open_neighbours(both);
    hear_cancels(&both->busy.owner);
    hear_cancels(&both->quiet.owner);
    lone_request(&both->busy, 0, true);
    lone_request(&both->quiet, 0, true);
}

static void
cancel(lone *from, int index)
{
    raw_send_number(from->peer, RAW_RST_STREAM, lone_id(index), BLY_H2_CANCEL);
}

/* I/O thread: the other stream, and what its peer had been sent when the first was closed. */
static h2_record *passed_to;
static int passed_peer;
static bool was_passed_on;

/* Behind the frames that a connection begins with. */
static bool
has_reset(int peer)
{
    uint8_t bytes[256];
    ssize_t size = recv(peer, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    for (ssize_t at = 0; at + BLY_H2_FRAME_HEAD <= size; at += BLY_H2_FRAME_HEAD + (bytes[at + 1] << 8 | bytes[at + 2])) {
        if (bytes[at + 3] == RAW_RST_STREAM)
            return true;
    }
    return false;
}

static void
pass_on(h2_record *stream, char event)
{
    (void)stream;
    if (event == 'X')
        reset(passed_to, BLY_H2_CANCEL);
    else if (event == 'C')
        was_passed_on = has_reset(passed_peer);
}

static void
drain_at_cancel(h2_record *stream, char event)
{
    if (event == 'X')
        drain(stream->owner);
}

static void
close_at_cancel(h2_record *stream, char event)
{
    if (event == 'X')
        bly_h2_connection_close(stream->owner->connection, "enough");
}

/* Another stream of the connection, whose peer has gone by then. */
static void
answer_another(h2_record *stream, char event)
{
    if (event == 'X')
        respond_only(record_at(stream->owner, 1));
}

static void
answer_late(h2_record *stream, char event)
{
    if (event == 'X')
        answer(stream, 100);
}

/* ---- the tests ---- */

static void
test_cancel_is_passed_on_before_its_stream_is_closed(void)
{
    neighbours both;
    open_streams(&both);
    passed_to = record_at(&both.quiet.owner, 0);
    passed_peer = both.quiet.peer;
    was_passed_on = false;
    call_at_events(&both.busy.owner, pass_on);
    cancel(&both.busy, 0);
    h2_record *stream = record_at(&both.busy.owner, 0);
    until_event(stream, 'C');
    CU_ASSERT(events_are(stream, "HEXC"));
    CU_ASSERT(was_passed_on);
    CU_ASSERT_EQUAL(stream->error, BLY_H2_CANCEL);
    CU_ASSERT(stream->by_peer);
    close_neighbours(&both);
}

static void
test_other_frames_and_codes_wait_for_their_turn(void)
{
    uint8_t bytes[64];
    static const uint8_t code[] = {0, 0, 0, BLY_H2_CANCEL};
    neighbours both;
    open_streams(&both);
    raw_send_number(both.busy.peer, RAW_RST_STREAM, lone_id(0), BLY_H2_INTERNAL_ERROR);
    until_event(record_at(&both.busy.owner, 0), 'C');
    CU_ASSERT(events_are(record_at(&both.busy.owner, 0), "HEC"));
    size_t size = raw_put(bytes, RAW_PING, 0, 0, "12345678", 8);
    size += raw_put(bytes + size, RAW_RST_STREAM, 0, lone_id(0), code, sizeof code);
    raw_write(both.quiet.peer, bytes, size);
    until_event(record_at(&both.quiet.owner, 0), 'C');
    CU_ASSERT(events_are(record_at(&both.quiet.owner, 0), "HEC"));
    close_neighbours(&both);
}

static void
test_one_cancel_a_turn_goes_ahead(void)
{
    standstill standing;
    neighbours both;
    open_streams(&both);
    pause_begin(&standing, both.busy.loop);
    cancel(&both.busy, 0);
    cancel(&both.quiet, 0);
    pause_end(&standing, both.busy.loop);
    h2_record *one = record_at(&both.busy.owner, 0), *other = record_at(&both.quiet.owner, 0);
    until_event(one, 'C');
    until_event(other, 'C');
    CU_ASSERT_EQUAL((has_event(one, 'X') ? 1 : 0) + (has_event(other, 'X') ? 1 : 0), 1);
    close_neighbours(&both);
}

/* What is done at the cancel ends the connection. */
static void
end_by_cancel(neighbours *both, void (*at_cancel)(h2_record *stream, char event))
{
    open_streams(both);
    call_at_events(&both->busy.owner, at_cancel);
    cancel(&both->busy, 0);
    until_closed(&both->busy.owner);
    CU_ASSERT(events_are(record_at(&both->busy.owner, 0), "HEXC"));
}

static void
test_connection_may_close_at_a_cancel(void)
{
    neighbours both;
    end_by_cancel(&both, close_at_cancel);
    CU_ASSERT_EQUAL(record_at(&both.busy.owner, 0)->error, BLY_H2_CONNECTION_LOST);
    close_neighbours(&both);
}

static void
test_connection_may_break_at_a_cancel(void)
{
    standstill standing;
    neighbours both;
    open_streams(&both);
    lone_request(&both.busy, 1, true);
    call_at_events(&both.busy.owner, answer_another);
    pause_begin(&standing, both.busy.loop);
    cancel(&both.busy, 0);
    shutdown(both.busy.peer, SHUT_RDWR);
    pause_end(&standing, both.busy.loop);
    until_closed(&both.busy.owner);
    CU_ASSERT(has_event(record_at(&both.busy.owner, 0), 'X'));
    CU_ASSERT(has_event(record_at(&both.busy.owner, 0), 'C'));
    close_neighbours(&both);
}

static void
test_nothing_is_sent_on_a_stream_that_is_being_cancelled(void)
{
    static raw_frame frame;
    neighbours both;
    open_streams(&both);
    call_at_events(&both.busy.owner, answer_late);
    cancel(&both.busy, 0);
    h2_record *stream = record_at(&both.busy.owner, 0);
    until_event(stream, 'C');
    CU_ASSERT(events_are(stream, "HEXC"));
    raw_send(both.busy.peer, RAW_PING, 0, 0, "12345678", 8);
    do {
        CU_ASSERT_FATAL(raw_read(both.busy.peer, &frame));
    } while (frame.stream == 0 && (frame.type != RAW_PING || frame.flags != RAW_ACK));
    CU_ASSERT_EQUAL(frame.type, RAW_PING);
    close_neighbours(&both);
}

static void
test_connection_may_be_drained_by_a_cancel(void)
{
    neighbours both;
    end_by_cancel(&both, drain_at_cancel);
    close_neighbours(&both);
}

static void
test_cancel_of_a_stream_that_is_gone_is_nothing(void)
{
    static raw_frame frame;
    neighbours both;
    open_streams(&both);
    cancel(&both.busy, 0);
    until_event(record_at(&both.busy.owner, 0), 'C');
    cancel(&both.busy, 0);
    raw_send(both.busy.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read_until(both.busy.peer, RAW_PING, 0, &frame));
    CU_ASSERT(events_are(record_at(&both.busy.owner, 0), "HEXC"));
    close_neighbours(&both);
}

static void
test_flood_leaves_turns_to_another_connection(void)
{
    neighbours both;
    open_neighbours(&both);
    send_together(&both, FLOOD, true);
    CU_ASSERT(taken_before_quiet(&both, 2 * FLOOD, true) <= 2 * A_TURN);
    for (int i = 0; i < both.sent; i++)
        until_event(record_at(&both.busy.owner, i), 'C');
    close_neighbours(&both);
}

static void
test_streams_that_may_be_open_are_taken_together(void)
{
    neighbours both;
    open_neighbours(&both);
    send_together(&both, AT_ONCE, false);
    on_loop(&both.busy.owner, look_at_limit, &both.busy.owner);
    close_neighbours(&both);
}

static void
test_connection_reads_as_much_as_before_when_its_flood_is_over(void)
{
    static raw_frame frame;
    neighbours both;
    open_neighbours(&both);
    send_together(&both, FLOOD, true);
    for (int i = 0; i < 12; i++) {
        raw_send(both.busy.peer, RAW_PING, 0, 0, "12345678", 8);
        CU_ASSERT_FATAL(raw_read_until(both.busy.peer, RAW_PING, 0, &frame));
    }
    until(&both.busy.owner, is_unlimited, &both.busy.owner, "reads are unlimited again");
    close_neighbours(&both);
}

static const CU_TestInfo tests[] = {
    {"flood leaves turns to another connection", test_flood_leaves_turns_to_another_connection},
    {"streams that may be open are taken together", test_streams_that_may_be_open_are_taken_together},
    {"connection reads as much as before when its flood is over",
     test_connection_reads_as_much_as_before_when_its_flood_is_over},
    {"cancel is passed on before its stream is closed", test_cancel_is_passed_on_before_its_stream_is_closed},
    {"other frames and codes wait for their turn", test_other_frames_and_codes_wait_for_their_turn},
    {"one cancel a turn goes ahead", test_one_cancel_a_turn_goes_ahead},
    {"connection may close at a cancel", test_connection_may_close_at_a_cancel},
    {"connection may break at a cancel", test_connection_may_break_at_a_cancel},
    {"nothing is sent on a stream that is being cancelled", test_nothing_is_sent_on_a_stream_that_is_being_cancelled},
    {"connection may be drained by a cancel", test_connection_may_be_drained_by_a_cancel},
    {"cancel of a stream that is gone is nothing", test_cancel_of_a_stream_that_is_gone_is_nothing},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/turns", tests, argc, argv);
}
