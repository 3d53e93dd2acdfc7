/* SPDX-License-Identifier: MIT */
/*
 * What the numbers of a method say after calls of each kind. Time passes only when a test says so; the processor's time
 * is the real one, and is compared with what handlers measure themselves.
 */
#include <string.h>
#include <time.h>

#include "server/server.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

/* In the order of paths. */
enum { CHAT, DOWNLOAD, UNARY, UPLOAD, METHODS };

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go; /* handlers may return */
    uint64_t cpu_seen;     /* the handler's thread's when it began to compute after its cancel */
    uint64_t cpu_returned; /* when it returned */
} bench;

static uint64_t
own_cpu(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Ignores whatever is done to its call. */
static belay_code
wait_to_go(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

/* Cancels itself and goes on computing. */
static belay_code
compute_on(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    (void)request;
    (void)reply;
    b->cpu_seen = own_cpu();
    belay_cancel(belay_call_context(call), "enough");
    while (own_cpu() < b->cpu_seen + BELAY_MILLISECONDS(5))
        continue;
    b->cpu_returned = own_cpu();
    return BELAY_CANCELLED;
}

/* Says what processor time its thread has used. */
static belay_code
tell_cpu(belay_call *call)
{
    Belay__Test__Note reply = BELAY__TEST__NOTE__INIT;
    reply.number = (int64_t)own_cpu();
    return belay_call_send_message(call, &reply.base);
}

static void
bench_open(bench *b)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 1, 1), BELAY_OK);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handlers may return");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = compute_on, .download = wait_to_go, .chat = tell_cpu},
        .data = b,
        .server = options,
        .own_clock = true,
    });
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    gate_open(&b->go);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
}

static belay_method_stats
stats_of(const bench *b, size_t method)
{
    belay_method_stats stats;
    CU_ASSERT_EQUAL_FATAL(belay_server_method_stats(b->fixture.server, method, &stats, sizeof stats), BELAY_OK);
    return stats;
}

static uint64_t
cancelled_in_all(const belay_method_stats *stats)
{
    uint64_t all = 0;
    for (unsigned int i = 0; i < BELAY_METHOD_CAUSES; i++)
        all += stats->cancelled[i];
    return all;
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

static void
test_methods_are_listed_in_the_order_of_their_paths(void)
{
    static const char *const paths[] = {"/belay.test.Probe/Chat", "/belay.test.Probe/Download",
                                        "/belay.test.Probe/Unary", "/belay.test.Probe/Upload"};
    bench b;
    bench_open(&b);
    CU_ASSERT_EQUAL_FATAL(belay_server_method_count(b.fixture.server), METHODS);
    for (size_t i = 0; i < METHODS; i++) {
        belay_method_stats stats = stats_of(&b, i);
        CU_ASSERT_STRING_EQUAL(stats.path, paths[i]);
        CU_ASSERT_EQUAL(stats.handlers_started, 0);
        CU_ASSERT_EQUAL(stats.handling.count, 0);
    }
    bench_close(&b);
}

static void
test_what_cannot_be_read_leaves_the_result_alone(void)
{
    bench b;
    belay_method_stats stats;
    bench_open(&b);
    memset(&stats, 0x5a, sizeof stats);
    CU_ASSERT_EQUAL(belay_server_method_stats(b.fixture.server, METHODS, &stats, sizeof stats), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_server_method_stats(NULL, 0, &stats, sizeof stats), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_method_stats(b.fixture.server, 0, NULL, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_method_count(NULL), 0);
    /* A program that knows fewer fields. */
    CU_ASSERT_EQUAL(belay_server_method_stats(b.fixture.server, 0, &stats,
                                              offsetof(belay_method_stats, dropped_in_queue)), BELAY_OK);
    CU_ASSERT_EQUAL(stats.handlers_started, 0);
    CU_ASSERT_EQUAL(stats.dropped_in_queue, UINT64_C(0x5a5a5a5a5a5a5a5a));
    bench_close(&b);
}

/* ---- Calls ------------------------------------------------------------------------------------------ */

static void
test_a_call_that_ends_well_counts_its_handling_time(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(stats_of(&b, DOWNLOAD).handlers_started, 1);
    CU_ASSERT_EQUAL(stats_of(&b, DOWNLOAD).handling.count, 0);
    fixture_advance(&b.fixture, 3000);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    belay_method_stats stats = stats_of(&b, DOWNLOAD);
    CU_ASSERT_EQUAL(stats.handling.count, 1);
    CU_ASSERT_EQUAL(stats.handling.sum_ns, 3000);
    CU_ASSERT_EQUAL(stats.handling.max_ns, 3000);
    CU_ASSERT_EQUAL(stats.handling.buckets[2], 1);
    CU_ASSERT_EQUAL(stats.after_cancel.count, 0);
    CU_ASSERT_EQUAL(stats.after_cancel_cpu.count, 0);
    CU_ASSERT_EQUAL(cancelled_in_all(&stats), 0);
    CU_ASSERT_EQUAL(stats_of(&b, CHAT).handlers_started, 0);
    bench_close(&b);
}

static void
test_the_time_from_cancel_to_return_is_measured(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_MILLISECONDS(2));
    belay_call_free(call);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    CU_ASSERT_EQUAL(stats_of(&b, DOWNLOAD).after_cancel.count, 0);
    fixture_advance(&b.fixture, BELAY_MILLISECONDS(5));
    gate_open(&b.go);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    belay_method_stats stats = stats_of(&b, DOWNLOAD);
    CU_ASSERT_EQUAL(stats.after_cancel.count, 1);
    CU_ASSERT_EQUAL(stats.after_cancel.sum_ns, BELAY_MILLISECONDS(5));
    CU_ASSERT_EQUAL(stats.after_cancel.max_ns, BELAY_MILLISECONDS(5));
    CU_ASSERT_EQUAL(stats.handling.sum_ns, BELAY_MILLISECONDS(7));
    CU_ASSERT_EQUAL(stats.cancelled[BELAY_CAUSE_PEER_CANCELLED], 1);
    CU_ASSERT_EQUAL(cancelled_in_all(&stats), 1);
    bench_close(&b);
}

/* The handler's own readings are inside of what is measured, and what its thread had in all, later, is outside. */
static void
test_the_processor_time_after_a_cancel_is_measured(void)
{
    bench b;
    Belay__Test__Note *note = NULL;
    bench_open(&b);
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_CANCELLED);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    belay_method_stats stats = stats_of(&b, UNARY);
    CU_ASSERT_EQUAL(stats.cancelled[BELAY_CAUSE_APPLICATION], 1);
    CU_ASSERT_EQUAL_FATAL(stats.after_cancel_cpu.count, 1);
    CU_ASSERT_EQUAL(stats.after_cancel_cpu.max_ns, stats.after_cancel_cpu.sum_ns);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &note), BELAY_OK);
    CU_ASSERT_TRUE(stats.after_cancel_cpu.sum_ns < (uint64_t)note->number - b.cpu_seen);
    /* It was cancelled a moment after its first reading: that much is its own and not measured. */
    CU_ASSERT_TRUE(stats.after_cancel_cpu.sum_ns > 0);
    belay__test__note__free_unpacked(note, NULL);
    belay_call_free(call);
    bench_close(&b);
}

static void
test_a_deadline_counts_as_such(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_MILLISECONDS(10));
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_MILLISECONDS(10));
    CU_ASSERT_EQUAL(finish(call).code, BELAY_DEADLINE_EXCEEDED);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    belay_method_stats stats = stats_of(&b, DOWNLOAD);
    /* The caller's reset may come first. */
    CU_ASSERT_EQUAL(stats.cancelled[BELAY_CAUSE_DEADLINE] + stats.cancelled[BELAY_CAUSE_PEER_CANCELLED], 1);
    CU_ASSERT_EQUAL(cancelled_in_all(&stats), 1);
    bench_close(&b);
}

static void
test_a_call_dropped_from_the_queue_counts_no_handler(void)
{
    bench b;
    bench_open(&b);
    belay_call *running = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    belay_call_free(queued);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    belay_method_stats stats = stats_of(&b, UNARY);
    CU_ASSERT_EQUAL(stats.dropped_in_queue, 1);
    CU_ASSERT_EQUAL(stats.cancelled[BELAY_CAUSE_PEER_CANCELLED], 1);
    CU_ASSERT_EQUAL(stats.handlers_started, 0);
    CU_ASSERT_EQUAL(stats.after_cancel.count, 0);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(running).code, BELAY_OK);
    bench_close(&b);
}

/* The message does not fit into the peer's window, and the status waits behind it. */
static void
test_an_answer_that_is_never_taken_counts_as_cancelled_but_not_for_its_handler(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b);
    raw_connect(&peer, b.fixture.address, (raw_settings){.has_window = true, .window = 0});
    raw_call(&peer, 1, "Chat", NULL, true);
    FIXTURE_AWAIT(&b.fixture, handlers_started, 1);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    fixture_settle(&b.fixture);
    belay_method_stats stats = stats_of(&b, CHAT);
    CU_ASSERT_EQUAL(stats.handling.count, 1);
    CU_ASSERT_EQUAL(cancelled_in_all(&stats), 0);
    raw_reset(&peer, 1, RAW_CANCEL);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    stats = stats_of(&b, CHAT);
    CU_ASSERT_EQUAL(stats.cancelled[BELAY_CAUSE_PEER_CANCELLED], 1);
    CU_ASSERT_EQUAL(cancelled_in_all(&stats), 1);
    CU_ASSERT_EQUAL(stats.after_cancel.count, 0);
    raw_close(&peer);
    bench_close(&b);
}

static void
test_what_the_watchdog_reports_counts_for_its_method(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call_free(call);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(stats_of(&b, DOWNLOAD).handlers_ignoring_cancel, 1);
    CU_ASSERT_EQUAL(stats_of(&b, UPLOAD).handlers_ignoring_cancel, 0);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(methods_are_listed_in_the_order_of_their_paths),
        TEST(what_cannot_be_read_leaves_the_result_alone),
        TEST(a_call_that_ends_well_counts_its_handling_time),
        TEST(the_time_from_cancel_to_return_is_measured),
        TEST(the_processor_time_after_a_cancel_is_measured),
        TEST(a_deadline_counts_as_such),
        TEST(a_call_dropped_from_the_queue_counts_no_handler),
        TEST(an_answer_that_is_never_taken_counts_as_cancelled_but_not_for_its_handler),
        TEST(what_the_watchdog_reports_counts_for_its_method),
        CU_TEST_INFO_NULL,
    };
    return suite_run("metrics", tests, argc, argv);
}
