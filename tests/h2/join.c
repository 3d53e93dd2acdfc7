/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing what the suites of h2 talk to.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "h2/raw.h"
#include "h2/recorder.h"
#include "io/loop_inside.h"

typedef struct open_arguments {
    h2_owner *recorder;
    bly_stream *stream;
    bool is_server;
    const bly_h2_options *options;
} open_arguments;

static void
open_now(void *argument)
{
    open_arguments *opening = argument;
    bly_h2_options defaults;
    bly_h2_options_defaults(&defaults);
    h2_owner *recorder = opening->recorder;
    recorder->connection =
        bly_h2_connection_new(recorder->loop, opening->stream, opening->is_server,
                              opening->options != NULL ? opening->options : &defaults, &recorder_ops, recorder,
                              NULL);
    BLY_ASSERT(recorder->connection != NULL);
}

static void
recorder_open(h2_owner *recorder, bly_loop *loop, bly_stream *stream, bool is_server,
              const bly_h2_options *options)
{
    open_arguments opening = {recorder, stream, is_server, options};
    memset(recorder, 0, sizeof *recorder);
    recorder->loop = loop;
    on_loop(recorder, open_now, &opening);
}

static void
close_now(void *argument)
{
    h2_owner *recorder = argument;
    if (recorder->connection != NULL)
        bly_h2_connection_close(recorder->connection, "closed by the test");
}

void
close_connection(h2_owner *recorder)
{
    on_loop(recorder, close_now, recorder);
}

/* Closes the connection if that has not happened, and frees the records. */
static void
recorder_close(h2_owner *recorder)
{
    close_connection(recorder);
    CU_ASSERT_EQUAL(recorder->closed, 1);
    for (int i = 0; i < recorder->count; i++) {
        CU_ASSERT_PTR_NULL(recorder->records[i]->carrier);
        CU_ASSERT_PTR_NULL(strchr(recorder->records[i]->events, '!'));
        CU_ASSERT_PTR_NOT_NULL(strchr(recorder->records[i]->events, 'C'));
        free(recorder->records[i]);
    }
}

static bool
is_ready(void *argument)
{
    h2_owner *recorder = argument;
    return recorder->readied > 0 && recorder->connection->settings_acknowledged;
}

void
pair_open(pair *both, const bly_h2_options *server_options, const bly_h2_options *client_options)
{
    bly_stream *streams[2];
    both->server_loop = bly_loop_new("test-server", &bly_clock_monotonic);
    both->client_loop = bly_loop_new("test-client", &bly_clock_monotonic);
    CU_ASSERT_FATAL(both->server_loop != NULL && both->client_loop != NULL);
    int failed = bly_stream_pair(both->server_loop, &streams[0], both->client_loop, &streams[1]);
    CU_ASSERT_FATAL(failed == 0);
    recorder_open(&both->server, both->server_loop, streams[0], true, server_options);
    recorder_open(&both->client, both->client_loop, streams[1], false, client_options);
    until(&both->client, is_ready, &both->client, "the client's connection is ready");
    until(&both->server, is_ready, &both->server, "the server's connection is ready");
}

void
pair_close(pair *both)
{
    recorder_close(&both->client);
    recorder_close(&both->server);
    bly_loop_free(both->client_loop);
    bly_loop_free(both->server_loop);
}

/* The loop is there. */
static void
lone_join(lone *raw, bool is_server, const bly_h2_options *options)
{
    int ends[2];
    struct timeval patience = {.tv_sec = 30};
    int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    CU_ASSERT_FATAL(raw->loop != NULL && failed == 0);
    raw->ours = ends[0];
    raw->peer = ends[1];
    setsockopt(raw->peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bly_stream *stream = bly_stream_new(raw->loop, ends[0], "raw");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    recorder_open(&raw->owner, raw->loop, stream, is_server, options);
}

void
lone_open(lone *raw, bool is_server, const bly_h2_options *options, const bly_clock *clock)
{
    raw->loop = bly_loop_new("test-lone", clock != NULL ? clock : &bly_clock_monotonic);
    raw->is_guest = false;
    lone_join(raw, is_server, options);
}

static void
lone_make_ready(lone *raw, bool is_server)
{
    static raw_frame frame;
    if (!is_server)
        raw_read_magic(raw->peer);
    raw_preface(raw->peer, is_server);
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_SETTINGS, 0, &frame));
    until(&raw->owner, is_ready, &raw->owner, "the connection is ready");
}

void
lone_open_ready(lone *raw, bool is_server, const bly_h2_options *options)
{
    lone_open(raw, is_server, options, NULL);
    lone_make_ready(raw, is_server);
}

/* ---- a clock that stands until a test moves it ---- */

static uint64_t still_now = 1000000000u; /* atomic, release and acquire */

static uint64_t
read_still(void *argument)
{
    (void)argument;
    return __atomic_load_n(&still_now, __ATOMIC_ACQUIRE);
}

static const bly_clock still_clock = {read_still, NULL};

void
lone_open_timed(lone *raw, bool is_server, const bly_h2_options *options)
{
    lone_open(raw, is_server, options, &still_clock);
    lone_make_ready(raw, is_server);
}

static bool
has_looked(void *argument)
{
    return !bly_timers_want_look(argument);
}

static void
nothing(void *argument)
{
    (void)argument;
}

void
lone_pass(lone *raw, uint64_t ns)
{
    __atomic_add_fetch(&still_now, ns, __ATOMIC_ACQ_REL);
    bly_timer_check(raw->loop);
    wait_until(has_looked, raw->loop, "the loop looks at its timers");
    bly_loop_call(raw->loop, nothing, NULL);
}

void
lone_open_wide(lone *raw)
{
    static const uint8_t initial[] = {0, 4, 0x7f, 0xff, 0, 0};
    lone_open_ready(raw, true, NULL);
    raw_send_number(raw->peer, RAW_WINDOW_UPDATE, 0, 0x7fff0000u - 65535);
    raw_send(raw->peer, RAW_SETTINGS, 0, 0, initial, sizeof initial);
}

void
lone_open_beside(lone *raw, const lone *host)
{
    raw->loop = host->loop;
    raw->is_guest = true;
    lone_join(raw, true, NULL);
    lone_make_ready(raw, true);
}

void
lone_narrow(lone *raw)
{
    int size = 4096;
    int failed = setsockopt(raw->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    CU_ASSERT_EQUAL_FATAL(failed, 0);
}

uint32_t
lone_id(int index)
{
    return (uint32_t)index * 2 + 1;
}

h2_record *
lone_request(lone *raw, int index, bool at_end)
{
    uint8_t block[128];
    uint8_t flags = RAW_END_HEADERS | (at_end ? RAW_END_STREAM : 0);
    raw_send(raw->peer, RAW_HEADERS, flags, lone_id(index), block, raw_request(block));
    h2_record *stream = record_at(&raw->owner, index);
    until_event(stream, 'H');
    return stream;
}

void
lone_close(lone *raw)
{
    recorder_close(&raw->owner);
    close(raw->peer); /* before the loop, which would wait for it while the connection's socket lingers */
    if (!raw->is_guest)
        bly_loop_free(raw->loop);
}

void
lone_read_body(lone *raw, uint32_t id, size_t size)
{
    static raw_frame frame;
    while (size > 0) {
        CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_DATA, id, &frame));
        CU_ASSERT_FATAL(frame.size <= size);
        size -= frame.size;
    }
}

void
lone_expect_goaway(lone *raw, uint32_t error, const char *words)
{
    static raw_frame frame;
    CU_ASSERT_FATAL(raw_read_until(raw->peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), error);
    CU_ASSERT_EQUAL(frame.size, 8 + strlen(words));
    CU_ASSERT(memcmp(frame.payload + 8, words, strlen(words)) == 0);
    until_closed(&raw->owner);
    CU_ASSERT_EQUAL(raw->owner.reason, BLY_H2_CLOSED_BY_PROTOCOL);
}
