/* SPDX-License-Identifier: MIT */
/*
 * The end of a server, seen from both sides.
 */
#include <stdio.h>
#include <string.h>

#include "server/server.h"
#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

typedef struct bench {
    belay_runtime *runtime;
    fixture fixture;
    gate entered;
    gate go;       /* stubborn handlers may return */
    gate returned; /* handlers that wait have */
    belay_cause cause; /* what the last one that waited saw */
    bool stubborn_returned;
    int complaints; /* atomic, relaxed: lines of the log that name a handler */
} bench;

/* Ignores whatever is done to its call. */
static belay_code
be_stubborn(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_open(&b->entered);
    gate_wait(&b->go);
    /* All of it is still there. */
    b->stubborn_returned = belay_alloc(call, 100) != NULL && strcmp(belay_call_peer(call), "") != 0;
    return BELAY_OK;
}

static belay_code
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    b->cause = belay_context_cause(belay_call_context(call));
    gate_open(&b->returned);
    return code;
}

static void
note_complaint(void *argument, belay_log_level level, const char *text)
{
    bench *b = argument;
    if (level == BELAY_LOG_ERROR && strstr(text, "/belay.test.Probe/Download") != NULL)
        __atomic_add_fetch(&b->complaints, 1, __ATOMIC_RELAXED);
}

static belay_runtime *
make_runtime(bench *b)
{
    belay_runtime_options *options = belay_runtime_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_runtime_options_set_log(options, note_complaint, b, BELAY_LOG_ERROR);
    belay_runtime *runtime = belay_runtime_new(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    belay_runtime_options_free(options);
    return runtime;
}

/* own_clock: what waits for time waits for ever; there is no log then. */
static void
bench_open_with(bench *b, unsigned int workers, bool own_clock)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, workers, workers), BELAY_OK);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "stubborn handler may return");
    gate_init(&b->returned, "waiting handler returned");
    b->runtime = own_clock ? NULL : make_runtime(b);
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer_next, .download = be_stubborn, .chat = wait_for_end},
        .data = b,
        .server = options,
        .runtime = b->runtime,
        .own_clock = own_clock,
    });
    belay_server_options_free(options);
}

static void
bench_open(bench *b, unsigned int workers)
{
    bench_open_with(b, workers, false);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    belay_runtime_unref(b->runtime); /* says what it has to say */
    gate_fini(&b->entered);
    gate_fini(&b->go);
    gate_fini(&b->returned);
}

static bool
is_draining(void *argument)
{
    belay_server *server = argument;
    bly_mutex_lock(&server->lock);
    bool draining = server->state == BLY_SERVER_DRAINING;
    bly_mutex_unlock(&server->lock);
    return draining;
}

/* A drain on a thread of its own, under way when drain_start() returns. */
typedef struct drain {
    belay_server *server;
    uint64_t grace_ns;
    uint64_t limit_ns;
    pthread_t thread;
    belay_code code;
} drain;

static void *
drain_in_thread(void *argument)
{
    drain *self = argument;
    self->code = belay_server_drain(self->server, self->grace_ns, self->limit_ns);
    return NULL;
}

static void
drain_start(drain *self, belay_server *server, uint64_t grace_ns, uint64_t limit_ns)
{
    *self = (drain){.server = server, .grace_ns = grace_ns, .limit_ns = limit_ns};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&self->thread, NULL, drain_in_thread, self), 0);
    wait_until(is_draining, server, "the drain has begun");
}

static belay_code
drain_join(drain *self)
{
    pthread_join(self->thread, NULL);
    return self->code;
}

/* ---- In time ------------------------------------------------------------------------------------- */

static void
test_without_connections_there_is_nothing_to_wait_for(void)
{
    bench b;
    bench_open(&b, 1);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, 0), BELAY_OK); /* once more */
    bench_close(&b);
}

static void
test_idle_connections_close(void)
{
    bench b;
    bench_open(&b, 1);
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).connections, 1);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).connections, 0);
    bench_close(&b);
}

static void
test_calls_under_way_finish_in_the_grace_time(void)
{
    bench b;
    drain d;
    bench_open(&b, 1);
    belay_call *running = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server, BELAY_FOREVER, BELAY_FOREVER);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(running).code, BELAY_OK);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 0);
    bench_close(&b);
}

static void
test_queued_calls_still_run_in_the_grace_time(void)
{
    bench b;
    drain d;
    bench_open(&b, 1);
    belay_call *running = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued[3];
    for (int i = 0; i < 3; i++)
        queued[i] = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 3);
    drain_start(&d, b.fixture.server, BELAY_FOREVER, BELAY_FOREVER);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(running).code, BELAY_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(finish(queued[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    bench_close(&b);
}

/* ---- Out of time --------------------------------------------------------------------------------- */

/* What a client gets from a server that shuts down. */
static void
assert_shut_down(belay_call *call)
{
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(end.message, "server is shutting down");
    CU_ASSERT_FALSE(end.is_local);
}

static void
test_calls_that_outlast_the_grace_time_are_cancelled_with_shutdown(void)
{
    bench b;
    bench_open(&b, 1);
    belay_call *waiting = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(b.returned.opened, 1); /* it waited for the handler */
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_SHUTDOWN);
    assert_shut_down(waiting);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 1);
    bench_close(&b);
}

static void
test_calls_queued_at_the_end_of_the_grace_time_never_run(void)
{
    bench b;
    drain d;
    bench_open(&b, 1);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    drain_start(&d, b.fixture.server, 0, BELAY_FOREVER);
    assert_shut_down(queued);
    assert_shut_down(stubborn);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_in_queue, 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 1);
    bench_close(&b);
}

static void *
free_server(void *argument)
{
    bench *b = argument;
    belay_server_free(b->fixture.server);
    return NULL;
}

static void
test_a_handler_that_ignores_its_cancel_is_reported_and_its_memory_stays(void)
{
    bench b;
    pthread_t freeing;
    bench_open(&b, 1);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, BELAY_MILLISECONDS(1)), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_running, 1);
    /* Its client knows, although the handler does not. */
    CU_ASSERT_EQUAL(finish(stubborn).code, BELAY_UNAVAILABLE);
    /* Freeing waits, however long it takes. */
    CU_ASSERT_EQUAL_FATAL(pthread_create(&freeing, NULL, free_server, &b), 0);
    gate_open(&b.go);
    pthread_join(freeing, NULL);
    CU_ASSERT_TRUE(b.stubborn_returned);
    belay_channel_free(b.fixture.channel);
    belay_runtime_unref(b.fixture.runtime);
    belay_runtime_unref(b.runtime);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.complaints, __ATOMIC_RELAXED), 1);
    gate_fini(&b.fixture.held);
    gate_fini(&b.fixture.resume);
    gate_fini(&b.entered);
    gate_fini(&b.go);
    gate_fini(&b.returned);
}

static void
test_a_drain_after_one_that_gave_up_waits_again(void)
{
    bench b;
    drain d;
    bench_open(&b, 1);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, 0), BELAY_DEADLINE_EXCEEDED);
    drain_start(&d, b.fixture.server, 0, BELAY_FOREVER);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    (void)finish(stubborn);
    bench_close(&b);
}

static void
test_a_second_drain_hurries_the_first(void)
{
    bench b;
    drain d;
    bench_open(&b, 2);
    belay_call *waiting = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server, BELAY_FOREVER, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_EQUAL(finish(waiting).code, BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
test_a_second_drain_with_more_time_does_not_slow_the_first(void)
{
    bench b;
    drain d;
    bench_open(&b, 2);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server, 0, 0);
    /* Its grace time is over, too. */
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, BELAY_FOREVER, 0), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_DEADLINE_EXCEEDED);
    gate_open(&b.go);
    (void)finish(stubborn);
    bench_close(&b);
}

/* ---- What clients are told ----------------------------------------------------------------------- */

static void
test_new_calls_of_a_channel_are_unavailable_during_a_drain(void)
{
    bench b;
    drain d;
    bench_open(&b, 2);
    belay_call *waiting = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server, BELAY_FOREVER, BELAY_FOREVER);
    /* The listener is closed first, then GOAWAY is sent: the old connection or none. */
    belay_code code;
    do {
        code = finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code;
        CU_ASSERT_TRUE(code == BELAY_OK || code == BELAY_UNAVAILABLE);
    } while (code == BELAY_OK);
    CU_ASSERT_EQUAL(code, BELAY_UNAVAILABLE);
    CU_ASSERT_FALSE(belay_cancelled(waiting)); /* the call under way goes on */
    belay_call_free(waiting);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    bench_close(&b);
}

/* By hand: what came before the answer to the drain's PING still runs; after the last GOAWAY nothing does. */
static void
test_calls_run_until_the_final_goaway_and_not_after_it(void)
{
    bench b;
    drain d;
    raw_peer peer;
    bench_open_with(&b, 4, true); /* the drain's patience does not end */
    raw_connect(&peer, b.fixture.address, (raw_settings){.has_window = false});
    raw_call(&peer, 1, "Chat", NULL, false);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server, BELAY_FOREVER, BELAY_FOREVER);
    raw_unary(&peer, 3, NULL); /* leaves before any PING is answered: raw peers answer when they read */
    CU_ASSERT_TRUE(raw_await_goaway(&peer, 2));
    CU_ASSERT_TRUE(raw_await_end(&peer, 3));
    CU_ASSERT_EQUAL(raw_of(&peer, 3)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(peer.goaway_last, 3);
    CU_ASSERT_EQUAL(peer.goaway_error, RAW_NO_ERROR);
    raw_unary(&peer, 5, NULL);
    raw_sync(&peer);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    raw_reset(&peer, 1, RAW_CANCEL);
    raw_await_lost(&peer);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_PEER_CANCELLED);
    raw_close(&peer);
    bench_close(&b);
}

/* A client that reads nothing cannot keep a server from ending. */
static void
test_a_client_that_does_not_answer_is_left(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, 1);
    raw_connect(&peer, b.fixture.address, (raw_settings){.has_window = false});
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, BELAY_FOREVER), BELAY_OK);
    raw_close(&peer);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(without_connections_there_is_nothing_to_wait_for),
        TEST(idle_connections_close),
        TEST(calls_under_way_finish_in_the_grace_time),
        TEST(queued_calls_still_run_in_the_grace_time),
        TEST(calls_that_outlast_the_grace_time_are_cancelled_with_shutdown),
        TEST(calls_queued_at_the_end_of_the_grace_time_never_run),
        TEST(a_handler_that_ignores_its_cancel_is_reported_and_its_memory_stays),
        TEST(a_drain_after_one_that_gave_up_waits_again),
        TEST(a_second_drain_hurries_the_first),
        TEST(a_second_drain_with_more_time_does_not_slow_the_first),
        TEST(new_calls_of_a_channel_are_unavailable_during_a_drain),
        TEST(calls_run_until_the_final_goaway_and_not_after_it),
        TEST(a_client_that_does_not_answer_is_left),
        CU_TEST_INFO_NULL,
    };
    return suite_run("drain", tests, argc, argv);
}
