/* SPDX-License-Identifier: MIT */
/*
 * What connections of one loop leave to each other.
 */
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

/* ---- the tests ---- */

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
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/turns", tests, argc, argv);
}
