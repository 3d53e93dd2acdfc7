/* SPDX-License-Identifier: MIT */
/*
 * Admission: which calls run, wait or are refused, and on whose workers.
 */
#include "server/connection.h"

#include <string.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

typedef struct bench {
    fixture fixture;
    gate entered; /* handlers that occupy or wait */
    gate go;      /* those that occupy a worker may return */
    unsigned int causes[BELAY_CAUSE_FINISHED]; /* atomic: with which handlers have ended that wait */
} bench;

/* Occupies a worker, cancelled or not. */
static belay_code
occupy(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

static belay_code
note_cause(bench *b, belay_call *call, belay_code code)
{
    __atomic_fetch_add(&b->causes[belay_context_cause(belay_call_context(call))], 1, __ATOMIC_RELAXED);
    return code;
}

/* Waits in one of belay's waits. */
static belay_code
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    return note_cause(b, call, belay_sleep(belay_call_context(call), BELAY_FOREVER));
}

static belay_code
sleep_in_task(belay_task *task, void *argument)
{
    gate_open(argument);
    return belay_sleep(belay_task_context(task), BELAY_FOREVER);
}

/* Waits for a task that waits on another worker. */
static belay_code
wait_for_task(belay_call *call, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    gate begun;
    (void)reply;
    gate_init(&begun, "task begun");
    belay_group *group = belay_group_new(belay_call_context(call), BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, sleep_in_task, &begun);
    if (code == BELAY_OK) {
        gate_wait(&begun);
        gate_open(&b->entered);
        code = note_cause(b, call, belay_group_wait(group, NULL));
    }
    gate_fini(&begun);
    return code;
}

static const belay_test_probe_handlers handlers = {
    .unary = answer_next, .download = occupy, .upload = wait_for_task, .chat = wait_for_end};

typedef struct bounds {
    unsigned int minimum;
    unsigned int maximum;
    unsigned int queue;
    unsigned int connection_handlers;
    bool own_clock;
} bounds;

static belay_server_options *
make_options(bounds want)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, want.minimum, want.maximum), BELAY_OK);
    if (want.queue > 0)
        belay_server_options_set_queue(options, want.queue);
    if (want.connection_handlers > 0)
        belay_server_options_set_connection_handlers(options, want.connection_handlers);
    return options;
}

static void
bench_open(bench *b, bounds want)
{
    belay_server_options *options = make_options(want);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handler may return");
    memset(b->causes, 0, sizeof b->causes);
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = handlers, .data = b, .server = options, .own_clock = want.own_clock});
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
}

/* When this returns, the server has dealt with all that was sent on the channel before: it answers a method
 * that it does not know from its I/O thread, in the order of the connection. */
static void
pass_barrier(bench *b)
{
    static const ProtobufCMessageDescriptor *const note = &belay__test__note__descriptor;
    static const belay_method unknown = {"/belay.test.Probe/Nothing", 0, note, note, NULL};
    belay_channel *channel = b->fixture.channel;
    belay_code code = belay_call_unary(channel, NULL, &unknown, &NOTE("")->base, NULL, NULL, NULL);
    CU_ASSERT_EQUAL(code, BELAY_UNIMPLEMENTED);
}

/* ---- Methods ------------------------------------------------------------------------------------- */

/* A connection remembers the method that was called last. */
static void
test_the_method_called_last_is_not_taken_for_another(void)
{
    static const ProtobufCMessageDescriptor *const note = &belay__test__note__descriptor;
    static const belay_method others[] = {
        {"/belay.test.Probe/Unars", 0, note, note, NULL},
        {"/belay.test.Probe/Unar", 0, note, note, NULL},
        {"/belay.test.Probe/Unary/", 0, note, note, NULL},
    };
    bench b;
    bench_open(&b, (bounds){.minimum = 1, .maximum = 1});
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
        belay_code code = belay_call_unary(b.fixture.channel, NULL, &others[i], &NOTE("")->base, NULL, NULL, NULL);
        CU_ASSERT_EQUAL(code, BELAY_UNIMPLEMENTED);
    }
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 4);
    bench_close(&b);
}

/* ---- The queue ----------------------------------------------------------------------------------- */

static void
test_a_call_too_many_for_the_queue_is_refused(void)
{
    bench b;
    bench_open(&b, (bounds){.minimum = 1, .maximum = 1, .queue = 2});
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *first = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    belay_call *second = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 2);
    ending end = finish(start_unary(&b.fixture, NULL, BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_STRING_EQUAL(end.message, "the server's queue is full");
    CU_ASSERT_FALSE(end.is_local);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_refused, 1);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(first).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(second).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 3);
    bench_close(&b);
}

static void
test_a_call_cancelled_in_the_queue_leaves_its_place_at_once(void)
{
    bench b;
    bench_open(&b, (bounds){.minimum = 1, .maximum = 1, .queue = 1});
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    belay_call_free(queued);
    fixture_await_queued(&b.fixture, 0);
    belay_call *next = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_OK);
    belay_server_counters counters = fixture_counters(&b.fixture);
    CU_ASSERT_EQUAL(counters.handlers_started, 2);
    CU_ASSERT_EQUAL(counters.dropped_in_queue, 1);
    CU_ASSERT_EQUAL(counters.calls_refused, 0);
    bench_close(&b);
}

/* ---- Growth -------------------------------------------------------------------------------------- */

static void
test_workers_that_wait_are_replaced_up_to_the_maximum(void)
{
    enum { MAXIMUM = 4 };
    bench b;
    belay_call *waiting[MAXIMUM];
    bench_open(&b, (bounds){.minimum = 1, .maximum = MAXIMUM});
    for (int i = 0; i < MAXIMUM; i++) {
        waiting[i] = start_chat(&b.fixture, NULL, BELAY_FOREVER);
        gate_wait_count(&b.entered, i + 1);
        fixture_await_blocked(&b.fixture, (unsigned int)i + 1);
    }
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).workers, MAXIMUM);
    belay_call_free(waiting[0]);
    CU_ASSERT_EQUAL(finish(queued).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).workers, MAXIMUM);
    for (int i = 1; i < MAXIMUM; i++)
        belay_call_free(waiting[i]);
    FIXTURE_AWAIT(&b.fixture, workers, 1); /* the others have nothing to do, and leave */
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    bench_close(&b);
}

static void
test_a_fixed_pool_does_not_grow(void)
{
    bench b;
    belay_call *waiting[2];
    bench_open(&b, (bounds){.minimum = 2, .maximum = 2});
    for (int i = 0; i < 2; i++)
        waiting[i] = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait_count(&b.entered, 2);
    fixture_await_blocked(&b.fixture, 2);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).workers, 2);
    belay_call_free(waiting[0]);
    CU_ASSERT_EQUAL(finish(queued).code, BELAY_OK);
    belay_call_free(waiting[1]);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).workers, 2);
    bench_close(&b);
}

/* ---- Reserved methods ---------------------------------------------------------------------------- */

/* A server whose Unary is reserved; the rest of the bench is as always. */
static void
bench_open_reserved(bench *b, bounds want)
{
    belay_server_options *options = make_options(want);
    bench_open(b, want); /* for runtime and gates */
    belay_channel_free(b->fixture.channel);
    fixture_await_no_connection(&b->fixture);
    belay_server_free(b->fixture.server);
    belay_server *server = belay_server_new(b->fixture.runtime, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_add(server, &handlers, b), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_reserve_method(server, "/belay.test.Probe/Unary"), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    b->fixture.server = server;
    b->fixture.channel = belay_channel_new(b->fixture.runtime, belay_server_address(server, 0), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->fixture.channel);
    belay_server_options_free(options);
}

static void
test_a_reserved_method_answers_when_all_workers_are_busy(void)
{
    bench b;
    bench_open_reserved(&b, (bounds){.minimum = 1, .maximum = 1, .queue = 1, .connection_handlers = 2});
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    /* No worker, no place in the queue, no slot of the connection is left. */
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    belay_server_counters counters = fixture_counters(&b.fixture);
    CU_ASSERT_EQUAL(counters.handlers_started, 1); /* they are not counted */
    CU_ASSERT_EQUAL(counters.handlers_running, 1);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    belay_call_free(queued);
    bench_close(&b);
}

/* ---- Handlers of one connection ------------------------------------------------------------------ */

static void
occupy_all(bench *b, belay_call *calls[2])
{
    for (int i = 0; i < 2; i++)
        calls[i] = start_download(&b->fixture, NULL, BELAY_FOREVER);
    gate_wait_count(&b->entered, 2);
}

static void
test_calls_beyond_a_connections_limit_are_held_and_run_later(void)
{
    enum { HELD = 5 };
    bench b;
    belay_call *busy[2], *held[HELD];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2});
    occupy_all(&b, busy);
    for (int i = 0; i < HELD; i++)
        held[i] = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    pass_barrier(&b);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    fixture_await_queued(&b.fixture, 0); /* they take no place there */
    gate_open(&b.go);
    for (int i = 0; i < HELD; i++)
        CU_ASSERT_EQUAL(finish(held[i]).code, BELAY_OK);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(finish(busy[i]).code, BELAY_OK);
    bench_close(&b);
}

static void
test_another_connection_has_a_limit_of_its_own(void)
{
    bench b;
    belay_call *busy[2];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2});
    occupy_all(&b, busy);
    belay_channel *other = belay_channel_new(b.fixture.runtime, b.fixture.address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(belay_test_probe_unary(other, NULL, NOTE("hello"), NULL, NULL, NULL), BELAY_OK);
    belay_channel_free(other);
    gate_open(&b.go);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(finish(busy[i]).code, BELAY_OK);
    bench_close(&b);
}

static void
test_a_reset_call_counts_until_its_handler_has_returned(void)
{
    bench b;
    belay_call *busy[2];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2});
    occupy_all(&b, busy);
    belay_call *held = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    belay_call_free(busy[0]);
    belay_call_free(busy[1]);
    pass_barrier(&b);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 2); /* the resets have come */
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_running, 2);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(held).code, BELAY_OK);
    bench_close(&b);
}

static void
test_a_held_call_that_is_cancelled_never_runs(void)
{
    bench b;
    belay_call *busy[2];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2});
    occupy_all(&b, busy);
    belay_call *held = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    belay_call *next = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    pass_barrier(&b);
    belay_call_free(held);
    FIXTURE_AWAIT(&b.fixture, dropped_in_queue, 1);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_OK);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(finish(busy[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 3);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 1);
    bench_close(&b);
}

static void
test_a_held_call_whose_deadline_passes_never_runs(void)
{
    bench b;
    belay_call *busy[2];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2, .own_clock = true});
    occupy_all(&b, busy);
    belay_call *held = start_unary(&b.fixture, NULL, BELAY_SECONDS(1));
    pass_barrier(&b);
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(finish(held).code, BELAY_DEADLINE_EXCEEDED);
    FIXTURE_AWAIT(&b.fixture, dropped_in_queue, 1);
    gate_open(&b.go);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(finish(busy[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    bench_close(&b);
}

/* The connection goes while its calls are in all three states. */
static void
test_a_lost_connection_drops_held_calls_and_cancels_running_ones(void)
{
    bench b;
    belay_call *busy[2], *held[2];
    bench_open(&b, (bounds){.minimum = 4, .maximum = 4, .connection_handlers = 2});
    occupy_all(&b, busy);
    for (int i = 0; i < 2; i++)
        held[i] = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    pass_barrier(&b);
    belay_channel_free(b.fixture.channel);
    FIXTURE_AWAIT(&b.fixture, dropped_in_queue, 2);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 4);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(finish(held[i]).code, BELAY_CANCELLED);
        CU_ASSERT_EQUAL(finish(busy[i]).code, BELAY_CANCELLED);
    }
    gate_open(&b.go);
    b.fixture.channel = NULL;
    bench_close(&b);
}

/* ---- Streams that go by the dozen ---------------------------------------------------------------- */

/* More than one round of the loop tells. */
#define DOZENS (4 * BLY_SERVER_TELL_AT_ONCE + 1)

/* A peer with so many calls that wait in their handlers. */
static void
wait_by_the_dozen(bench *b, raw_peer *peer)
{
    raw_connect(peer, b->fixture.address, (raw_settings){0});
    for (uint32_t i = 0; i < DOZENS; i++)
        raw_call(peer, 2 * i + 1, "Chat", NULL, false);
    gate_wait_count(&b->entered, DOZENS);
    fixture_await_blocked(&b->fixture, DOZENS);
}

static void
test_all_handlers_of_a_lost_connection_hear_of_it(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, (bounds){.minimum = DOZENS, .maximum = DOZENS});
    wait_by_the_dozen(&b, &peer);
    raw_close(&peer);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, DOZENS);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.causes[BELAY_CAUSE_CONNECTION_LOST], __ATOMIC_RELAXED), DOZENS);
    fixture_await_no_connection(&b.fixture);
    bench_close(&b);
}

static void
test_all_handlers_that_wait_for_tasks_hear_of_a_lost_connection(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, (bounds){.minimum = 2 * DOZENS, .maximum = 2 * DOZENS});
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    for (uint32_t i = 0; i < DOZENS; i++)
        raw_call(&peer, 2 * i + 1, "Upload", NULL, false);
    gate_wait_count(&b.entered, DOZENS);
    fixture_await_blocked(&b.fixture, 2 * DOZENS);
    raw_close(&peer);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.causes[BELAY_CAUSE_CONNECTION_LOST], __ATOMIC_RELAXED), DOZENS);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, DOZENS);
    bench_close(&b);
}

static void
test_all_handlers_of_calls_that_are_reset_together_hear_of_it(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, (bounds){.minimum = DOZENS, .maximum = DOZENS});
    wait_by_the_dozen(&b, &peer);
    fixture_hold_io(&b.fixture);
    for (uint32_t i = 0; i < DOZENS; i++)
        raw_reset(&peer, 2 * i + 1, RAW_CANCEL);
    fixture_release_io(&b.fixture);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, DOZENS);
    CU_ASSERT_EQUAL(__atomic_load_n(&b.causes[BELAY_CAUSE_PEER_CANCELLED], __ATOMIC_RELAXED), DOZENS);
    raw_sync(&peer);
    raw_close(&peer);
    bench_close(&b);
}

/* Those that run give their workers back one after the other, while the last of them are still to be told. */
static void
test_a_queued_call_of_a_lost_connection_never_runs_though_others_are_told_later(void)
{
    enum { QUEUED = 10 };
    bench b;
    raw_peer peer;
    bench_open(&b, (bounds){.minimum = DOZENS, .maximum = DOZENS});
    wait_by_the_dozen(&b, &peer);
    for (uint32_t i = DOZENS; i < DOZENS + QUEUED; i++)
        raw_call(&peer, 2 * i + 1, "Chat", NULL, false);
    fixture_await_queued(&b.fixture, QUEUED);
    raw_close(&peer);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, DOZENS + QUEUED);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, DOZENS);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_in_queue, QUEUED);
    bench_close(&b);
}

/* What nobody has been told yet is told before the server goes. */
static void
test_a_server_is_freed_while_a_lost_connections_handlers_are_being_told(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, (bounds){.minimum = DOZENS, .maximum = DOZENS});
    wait_by_the_dozen(&b, &peer);
    belay_channel_free(b.fixture.channel);
    b.fixture.channel = NULL;
    fixture_hold_io(&b.fixture);
    raw_close(&peer);
    fixture_release_io(&b.fixture);
    belay_server_free(b.fixture.server);
    b.fixture.server = belay_server_new(b.fixture.runtime, NULL); /* for the fixture to free */
    unsigned int lost = __atomic_load_n(&b.causes[BELAY_CAUSE_CONNECTION_LOST], __ATOMIC_RELAXED);
    unsigned int shut = __atomic_load_n(&b.causes[BELAY_CAUSE_SHUTDOWN], __ATOMIC_RELAXED);
    CU_ASSERT_EQUAL(lost + shut, DOZENS);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(the_method_called_last_is_not_taken_for_another),
        TEST(a_call_too_many_for_the_queue_is_refused),
        TEST(a_call_cancelled_in_the_queue_leaves_its_place_at_once),
        TEST(workers_that_wait_are_replaced_up_to_the_maximum),
        TEST(a_fixed_pool_does_not_grow),
        TEST(a_reserved_method_answers_when_all_workers_are_busy),
        TEST(calls_beyond_a_connections_limit_are_held_and_run_later),
        TEST(another_connection_has_a_limit_of_its_own),
        TEST(a_reset_call_counts_until_its_handler_has_returned),
        TEST(a_held_call_that_is_cancelled_never_runs),
        TEST(a_held_call_whose_deadline_passes_never_runs),
        TEST(a_lost_connection_drops_held_calls_and_cancels_running_ones),
        TEST(all_handlers_of_a_lost_connection_hear_of_it),
        TEST(all_handlers_that_wait_for_tasks_hear_of_a_lost_connection),
        TEST(all_handlers_of_calls_that_are_reset_together_hear_of_it),
        TEST(a_queued_call_of_a_lost_connection_never_runs_though_others_are_told_later),
        TEST(a_server_is_freed_while_a_lost_connections_handlers_are_being_told),
        CU_TEST_INFO_NULL,
    };
    return suite_run("connection", tests, argc, argv);
}
