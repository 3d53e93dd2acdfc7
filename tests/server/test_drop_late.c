/* SPDX-License-Identifier: MIT */
/*
 * Calls that a worker comes to too late. Handlers take the time that the test says, on a clock of its own.
 */
#include <string.h>

#include "rpc/estimate.h"
#include "support/fixture.h"

#define TAKES BELAY_MILLISECONDS(100)
#define LITTLE BELAY_MILLISECONDS(50)

typedef struct bench {
    fixture fixture;
    uint64_t takes; /* atomic, relaxed */
    gate entered;
    gate go;
} bench;

static void
take_time(belay_call *call)
{
    bench *b = belay_call_data(call);
    __atomic_fetch_add(&b->fixture.now, __atomic_load_n(&b->takes, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static belay_code
answer(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    (void)reply;
    take_time(call);
    return BELAY_OK;
}

static belay_code
stream(belay_call *call, const Belay__Test__Note *request)
{
    (void)request;
    take_time(call);
    return BELAY_OK;
}

static belay_code
occupy(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

static void
bench_open(bench *b, bool drops)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 1, 1), BELAY_OK);
    if (drops)
        belay_server_options_set_drop_late(options, true);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "the worker is occupied");
    gate_init(&b->go, "the worker may go on");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer, .download = stream, .chat = occupy},
        .data = b,
        .server = options,
        .own_clock = true,
    });
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
}

/* Measures the method: later calls take no time, so that those which are run end in time. */
static void
measure(bench *b, int times)
{
    __atomic_store_n(&b->takes, TAKES, __ATOMIC_RELAXED);
    for (int i = 0; i < times; i++) {
        CU_ASSERT_EQUAL(finish(start_unary(&b->fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
        CU_ASSERT_EQUAL(finish(start_download(&b->fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    }
    __atomic_store_n(&b->takes, 0, __ATOMIC_RELAXED);
}

static belay_code
call_with(bench *b, uint64_t timeout_ns)
{
    return finish(start_unary(&b->fixture, NULL, timeout_ns)).code;
}

static void
test_a_call_without_enough_time_is_answered_at_once_and_never_runs(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    uint64_t started = fixture_counters(&b.fixture).handlers_started;
    ending end = finish(start_unary(&b.fixture, NULL, LITTLE)); /* the clock stands still: it does not pass */
    CU_ASSERT_EQUAL(end.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_FALSE(end.is_local);
    CU_ASSERT_STRING_EQUAL(end.message,
                           "not begun: 50000 us are left, and the method takes 100000 us or more");
    FIXTURE_AWAIT(&b.fixture, dropped_late, 1);
    FIXTURE_AWAIT(&b.fixture, dropped_in_queue, 1);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, started);
    bench_close(&b);
}

static void
test_calls_with_enough_time_or_no_deadline_run(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_EQUAL(call_with(&b, BELAY_FOREVER), BELAY_OK);
    bench_close(&b);
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_EQUAL(call_with(&b, TAKES), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_late, 0);
    bench_close(&b);
}

static void
test_a_method_that_was_hardly_called_drops_nothing(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP - 1);
    CU_ASSERT_EQUAL(call_with(&b, LITTLE), BELAY_OK);
    bench_close(&b);
}

static void
test_nothing_is_dropped_unless_asked_for(void)
{
    bench b;
    bench_open(&b, false);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_EQUAL(call_with(&b, LITTLE), BELAY_OK);
    bench_close(&b);
}

static void
test_streams_are_not_dropped(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    CU_ASSERT_EQUAL(finish(start_download(&b.fixture, NULL, LITTLE)).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_late, 0);
    bench_close(&b);
}

static void
test_the_wait_for_a_worker_counts(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    belay_call *chat = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, TAKES + LITTLE); /* enough, when it comes */
    fixture_await_queued(&b.fixture, 1);
    fixture_advance(&b.fixture, TAKES);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_late, 0);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(queued).code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(finish(chat).code, BELAY_OK);
    FIXTURE_AWAIT(&b.fixture, dropped_late, 1);
    bench_close(&b);
}

static void
test_a_method_that_has_become_faster_is_found_to_be(void)
{
    bench b;
    bench_open(&b, true);
    measure(&b, BLY_ESTIMATE_WARM_UP);
    int dropped = 0;
    while (call_with(&b, LITTLE) == BELAY_DEADLINE_EXCEEDED)
        dropped++;
    CU_ASSERT_EQUAL(dropped, BLY_ESTIMATE_PROBE - 1);
    CU_ASSERT_EQUAL(call_with(&b, LITTLE), BELAY_OK); /* one such is enough here */
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_call_without_enough_time_is_answered_at_once_and_never_runs),
        TEST(calls_with_enough_time_or_no_deadline_run),
        TEST(a_method_that_was_hardly_called_drops_nothing),
        TEST(nothing_is_dropped_unless_asked_for),
        TEST(streams_are_not_dropped),
        TEST(the_wait_for_a_worker_counts),
        TEST(a_method_that_has_become_faster_is_found_to_be),
        CU_TEST_INFO_NULL,
    };
    return suite_run("drop_late", tests, argc, argv);
}
