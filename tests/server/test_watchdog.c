/* SPDX-License-Identifier: MIT */
/*
 * Handlers that ignore their cancellation, and what the log says of them.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/identity.h"
#include "base/stack.h"
#include "server/server.h"
#include "support/fixture.h"

#define WATCHED BELAY_SECONDS(1)
#define LINES 16

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go;       /* handlers may return */
    gate reported; /* a line was written */
    char lines[LINES][8192]; /* the notifier's; others read those that `reported` tells of */
    int line_count;
    belay_call *call;     /* the last handler's */
    uint64_t kernel_id;   /* its thread's */
    void *place;          /* a return address on its stack */
    const char *complaint; /* what it cancels itself for, or NULL */
} bench;

static void
take_line(void *argument, belay_log_level level, const char *text)
{
    bench *b = argument;
    CU_ASSERT_EQUAL(level, BELAY_LOG_WARNING);
    CU_ASSERT_TRUE_FATAL(b->line_count < LINES);
    snprintf(b->lines[b->line_count++], sizeof b->lines[0], "%s", text);
    gate_open(&b->reported);
}

/* Ignores whatever is done to its call. */
static belay_code
be_stubborn(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    b->call = call;
    b->kernel_id = bly_thread_identity_own()->kernel_id;
    b->place = __builtin_return_address(0);
    if (b->complaint != NULL)
        belay_cancel(belay_call_context(call), b->complaint);
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

static belay_code
ignore_in_task(belay_task *task, void *argument)
{
    bench *b = argument;
    (void)task;
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

/* Hears of its cancel as it should, and leaves a task behind that does not. */
static belay_code
leave_stubborn_task(belay_call *call, Belay__Test__Note *reply)
{
    (void)reply;
    belay_group *group = belay_group_new(belay_call_context(call), BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, ignore_in_task, belay_call_data(call));
    return code == BELAY_OK ? belay_sleep(belay_call_context(call), BELAY_FOREVER) : code;
}

static void
bench_open(bench *b, const belay_server_options *options)
{
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handlers may return");
    gate_init(&b->reported, "the watchdog has reported");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.upload = leave_stubborn_task, .download = be_stubborn},
        .data = b,
        .server = options,
        .own_clock = true,
        .log = take_line,
        .log_argument = b,
    });
}

static void
bench_close(bench *b)
{
    gate_open(&b->go);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
    gate_fini(&b->reported);
}

/* Starts a call, and cancels it when its handler runs. */
static void
start_and_cancel(bench *b)
{
    int before = b->entered.opened;
    uint64_t cancelled = fixture_counters(&b->fixture).calls_cancelled;
    belay_call *call = start_download(&b->fixture, NULL, BELAY_FOREVER);
    gate_wait_count(&b->entered, before + 1);
    belay_call_free(call);
    FIXTURE_AWAIT(&b->fixture, calls_cancelled, cancelled + 1);
}

static bool
is_armed(belay_call *call)
{
    bly_mutex_lock(&call->lock);
    bool armed = bly_server_call_of(call)->watch.armed;
    bly_mutex_unlock(&call->lock);
    return armed;
}

static void
check_says(const char *line, const char *words)
{
    if (strstr(line, words) == NULL)
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", line, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, words));
}

/* ---- The report ------------------------------------------------------------------------------------- */

static void
test_a_handler_that_ignores_its_cancel_is_reported_once(void)
{
    bench b;
    bench_open(&b, NULL);
    start_and_cancel(&b);
    fixture_advance(&b.fixture, WATCHED - 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 0);
    fixture_advance(&b.fixture, 1);
    gate_wait(&b.reported);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 1);
    fixture_advance(&b.fixture, 100 * WATCHED);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 1);
    bench_close(&b);
    CU_ASSERT_EQUAL(b.line_count, 1);
}

static void
test_the_report_names_what_is_known_of_the_call(void)
{
    bench b;
    char thread[64];
    bench_open(&b, NULL);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_MILLISECONDS(2500));
    belay_call_free(call);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    fixture_advance(&b.fixture, WATCHED);
    gate_wait(&b.reported);
    snprintf(thread, sizeof thread, " (%llu)", (unsigned long long)b.kernel_id);
    check_says(b.lines[0], "/belay.test.Probe/Download from 127.0.0.1:");
    check_says(b.lines[0], "cancelled 1.000 s ago (cause: peer cancelled)");
    check_says(b.lines[0], "called 3.500 s ago");
    check_says(b.lines[0], "thread belay-worker-");
    check_says(b.lines[0], thread);
    CU_ASSERT_PTR_NULL(strstr(b.lines[0], "stack"));
    bench_close(&b);
}

static void
test_the_report_names_cause_and_reason(void)
{
    bench b;
    bench_open(&b, NULL);
    b.complaint = "out of 100% cheese";
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, WATCHED);
    gate_wait(&b.reported);
    check_says(b.lines[0], "(cause: application, reason: \"out of 100% cheese\")");
    belay_call_free(call);
    bench_close(&b);
}

static void
test_an_expired_deadline_is_watched_as_well(void)
{
    bench b;
    bench_open(&b, NULL);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_SECONDS(5));
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    fixture_advance(&b.fixture, WATCHED);
    gate_wait(&b.reported);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 1);
    belay_call_free(call);
    bench_close(&b);
}

/* The handler is over when its tasks are: until then somebody works for nobody. */
static void
test_a_handler_whose_task_ignores_the_cancel_is_reported(void)
{
    bench b;
    bench_open(&b, NULL);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call_free(call);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    fixture_advance(&b.fixture, WATCHED);
    gate_wait(&b.reported);
    check_says(b.lines[0], "/belay.test.Probe/Upload from 127.0.0.1:");
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 1);
    bench_close(&b);
}

static void
test_each_of_many_is_reported(void)
{
    bench b;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 8, 8), BELAY_OK);
    bench_open(&b, options);
    belay_server_options_free(options);
    for (int i = 0; i < 8; i++)
        start_and_cancel(&b);
    fixture_advance(&b.fixture, WATCHED);
    gate_wait_count(&b.reported, 8);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 8);
    bench_close(&b);
    CU_ASSERT_EQUAL(b.line_count, 8);
}

/* ---- No report -------------------------------------------------------------------------------------- */

static void
test_a_handler_that_returns_in_time_is_not_reported(void)
{
    bench b;
    bench_open(&b, NULL);
    start_and_cancel(&b);
    CU_ASSERT_TRUE(is_armed(b.call));
    gate_open(&b.go);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    fixture_settle(&b.fixture);
    fixture_advance(&b.fixture, 100 * WATCHED);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 0);
    bench_close(&b);
    CU_ASSERT_EQUAL(b.line_count, 0);
}

static void
test_a_call_that_is_not_cancelled_arms_nothing(void)
{
    bench b;
    bench_open(&b, NULL);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_FALSE(is_armed(b.call));
    fixture_advance(&b.fixture, 100 * WATCHED);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    bench_close(&b);
    CU_ASSERT_EQUAL(b.line_count, 0);
}

static void
test_without_a_time_there_is_no_watchdog(void)
{
    bench b;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_server_options_set_watchdog(options, 0);
    bench_open(&b, options);
    belay_server_options_free(options);
    start_and_cancel(&b);
    CU_ASSERT_FALSE(is_armed(b.call));
    fixture_advance(&b.fixture, BELAY_SECONDS(1000));
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 0);
    bench_close(&b);
    CU_ASSERT_EQUAL(b.line_count, 0);
}

static void
test_the_time_can_be_chosen(void)
{
    bench b;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_server_options_set_watchdog(options, BELAY_SECONDS(7));
    bench_open(&b, options);
    belay_server_options_free(options);
    start_and_cancel(&b);
    fixture_advance(&b.fixture, BELAY_SECONDS(7) - 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_ignoring_cancel, 0);
    fixture_advance(&b.fixture, 1);
    gate_wait(&b.reported);
    check_says(b.lines[0], "cancelled 7.000 s ago");
    bench_close(&b);
}

/* ---- Stacks ----------------------------------------------------------------------------------------- */

static void
bench_open_with_stacks(bench *b)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(options, SIGUSR2), BELAY_OK);
    bench_open(b, options);
    belay_server_options_free(options);
}

/* A machine that is too busy to answer within the time gives a report without: then another handler is tried. */
static void
test_the_report_shows_where_the_handler_is(void)
{
    bench b;
    char place[40];
    if (!bly_stack_is_supported())
        return;
    bench_open_with_stacks(&b);
    do {
        start_and_cancel(&b);
        fixture_advance(&b.fixture, WATCHED);
        gate_wait_count(&b.reported, b.entered.opened);
    } while (strstr(b.lines[b.line_count - 1], "its stack cannot be had") != NULL && b.line_count < 4);
    snprintf(place, sizeof place, "[%p]", b.place);
    check_says(b.lines[b.line_count - 1], ", stack: ");
    check_says(b.lines[b.line_count - 1], place);
    bench_close(&b);
}

static bool
is_default(void)
{
    struct sigaction now;
    CU_ASSERT_EQUAL(sigaction(SIGUSR2, NULL, &now), 0);
    return (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
}

static void
test_the_signal_is_the_servers_only_while_it_exists(void)
{
    bench b;
    if (!bly_stack_is_supported())
        return;
    CU_ASSERT_TRUE(is_default());
    bench_open_with_stacks(&b);
    CU_ASSERT_FALSE(is_default());
    raise(SIGUSR2); /* from somebody who asks for nothing */
    bench_close(&b);
    CU_ASSERT_TRUE(is_default());
}

/* ---- Races ------------------------------------------------------------------------------------------ */

#define ROUNDS 150
#define AT_ONCE 4

static belay_code
return_soon(belay_call *call, const Belay__Test__Note *request)
{
    gate *entered = belay_call_data(call);
    (void)request;
    gate_open(entered);
    while (!belay_cancelled(call))
        sched_yield();
    return BELAY_CANCELLED;
}

/* The watchdog is so impatient that it comes while handlers return: their threads are asked when they are on
 * their way to the next call, or to their end. */
static void
test_handlers_may_return_while_they_are_reported(void)
{
    fixture f;
    gate entered;
    belay_call *calls[AT_ONCE];
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_server_options_set_watchdog(options, 1);
    if (bly_stack_is_supported())
        CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(options, SIGUSR2), BELAY_OK);
    gate_init(&entered, "handlers entered");
    fixture_open(&f, &(fixture_options){
        .handlers = {.download = return_soon},
        .data = &entered,
        .server = options,
    });
    belay_server_options_free(options);
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            calls[i] = start_download(&f, NULL, BELAY_FOREVER);
        gate_wait_count(&entered, round * AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++)
            belay_call_free(calls[i]);
    }
    FIXTURE_AWAIT(&f, calls_cancelled, ROUNDS * AT_ONCE);
    fixture_close(&f);
    gate_fini(&entered);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(a_handler_that_ignores_its_cancel_is_reported_once),
        TEST(the_report_names_what_is_known_of_the_call),
        TEST(the_report_names_cause_and_reason),
        TEST(an_expired_deadline_is_watched_as_well),
        TEST(a_handler_whose_task_ignores_the_cancel_is_reported),
        TEST(each_of_many_is_reported),
        TEST(a_handler_that_returns_in_time_is_not_reported),
        TEST(a_call_that_is_not_cancelled_arms_nothing),
        TEST(without_a_time_there_is_no_watchdog),
        TEST(the_time_can_be_chosen),
        TEST(the_report_shows_where_the_handler_is),
        TEST(the_signal_is_the_servers_only_while_it_exists),
        TEST(handlers_may_return_while_they_are_reported),
        CU_TEST_INFO_NULL,
    };
    return suite_run("watchdog", tests, argc, argv);
}
