/* SPDX-License-Identifier: MIT */
/*
 * belay_server_run() and signals to the own process. A suite of its own: nothing else here handles any.
 */
#include <signal.h>
#include <string.h>

#include "server/server.h"
#include "support/answers.h"
#include "support/fixture.h"

typedef struct bench {
    belay_server *server;
    belay_channel *channel;
    pthread_t thread;
    belay_code code;
    gate entered;
    gate go;
    belay_cause cause;
} bench;

static belay_code
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    b->cause = belay_context_cause(belay_call_context(call));
    return code;
}

static belay_code
be_stubborn(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_open(&b->entered);
    gate_wait(&b->go);
    return BELAY_OK;
}

static belay_runtime *
make_silent_runtime(void)
{
    belay_runtime_options *options = belay_runtime_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_runtime_options_set_log(options, NULL, NULL, BELAY_LOG_ERROR);
    belay_runtime *runtime = belay_runtime_new(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    belay_runtime_options_free(options);
    return runtime;
}

static void
bench_open(bench *b, uint64_t grace_ns, uint64_t limit_ns)
{
    static const belay_test_probe_handlers handlers = {.unary = answer_next, .chat = wait_for_end,
                                                       .download = be_stubborn};
    belay_server_options *options = belay_server_options_new();
    belay_runtime *runtime = make_silent_runtime();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_server_options_set_drain(options, grace_ns, limit_ns);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "stubborn handler may return");
    b->server = belay_server_new(runtime, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->server);
    CU_ASSERT_EQUAL(belay_test_probe_add(b->server, &handlers, b), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(b->server, "127.0.0.1:0", NULL), BELAY_OK);
    b->channel = belay_channel_new(runtime, belay_server_address(b->server, 0), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    belay_runtime_unref(runtime);
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    belay_channel_free(b->channel);
    belay_server_free(b->server);
    gate_fini(&b->entered);
    gate_fini(&b->go);
}

static void *
run_in_thread(void *argument)
{
    bench *b = argument;
    b->code = belay_server_run(b->server);
    return NULL;
}

/* Starts belay_server_run(), which starts the server once it has taken over the signals: an answer tells
 * so. */
static void
bench_run(bench *b)
{
    CU_ASSERT_EQUAL_FATAL(pthread_create(&b->thread, NULL, run_in_thread, b), 0);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b->channel, NULL, NOTE("ready?"), NULL, NULL, NULL), BELAY_OK);
}

static belay_code
bench_join(bench *b)
{
    pthread_join(b->thread, NULL);
    return b->code;
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

static void
test_a_signal_ends_it_and_the_former_handlers_are_back(void)
{
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        bench b;
        struct sigaction before, after;
        sigaction(signals[i], NULL, &before);
        bench_open(&b, BELAY_FOREVER, BELAY_FOREVER);
        bench_run(&b);
        sigaction(signals[i], NULL, &after);
        CU_ASSERT_TRUE(after.sa_handler != before.sa_handler);
        CU_ASSERT_EQUAL(raise(signals[i]), 0);
        CU_ASSERT_EQUAL(bench_join(&b), BELAY_OK);
        sigaction(signals[i], NULL, &after);
        CU_ASSERT_TRUE(after.sa_handler == before.sa_handler);
        bench_close(&b);
    }
}

static void
test_calls_under_way_finish_after_the_first_signal(void)
{
    bench b;
    bench_open(&b, BELAY_FOREVER, BELAY_FOREVER);
    bench_run(&b);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(b.channel, NULL, NOTE(""), NULL, &call), BELAY_OK);
    gate_wait(&b.entered);
    raise(SIGTERM);
    wait_until(is_draining, b.server, "the drain has begun");
    gate_open(&b.go);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(bench_join(&b), BELAY_OK);
    bench_close(&b);
}

static void
test_a_second_signal_skips_the_grace_time(void)
{
    bench b;
    bench_open(&b, BELAY_FOREVER, BELAY_FOREVER);
    bench_run(&b);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(b.channel, NULL, NULL, &call), BELAY_OK);
    gate_wait(&b.entered);
    raise(SIGTERM);
    wait_until(is_draining, b.server, "the drain has begun");
    CU_ASSERT_FALSE(belay_cancelled(call));
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&b), BELAY_OK);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNAVAILABLE);
    bench_close(&b);
}

/* Faster than anybody can look between them. */
static void
test_two_signals_at_once_are_two(void)
{
    bench b;
    bench_open(&b, BELAY_FOREVER, BELAY_FOREVER);
    bench_run(&b);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(b.channel, NULL, NULL, &call), BELAY_OK);
    gate_wait(&b.entered);
    raise(SIGINT);
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&b), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
test_abandoned_handlers_are_told_by_the_code(void)
{
    bench b;
    bench_open(&b, 0, BELAY_MILLISECONDS(1));
    bench_run(&b);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(b.channel, NULL, NOTE(""), NULL, &call), BELAY_OK);
    gate_wait(&b.entered);
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&b), BELAY_DEADLINE_EXCEEDED);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
test_a_server_that_was_started_runs_on(void)
{
    bench b;
    bench_open(&b, BELAY_FOREVER, BELAY_FOREVER);
    struct sigaction before, now;
    sigaction(SIGTERM, NULL, &before);
    CU_ASSERT_EQUAL(belay_server_start(b.server), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&b.thread, NULL, run_in_thread, &b), 0);
    do /* an answer would not tell here that it runs */
        sigaction(SIGTERM, NULL, &now);
    while (now.sa_handler == before.sa_handler);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.channel, NULL, NOTE("?"), NULL, NULL, NULL), BELAY_OK);
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&b), BELAY_OK);
    bench_close(&b);
}

static void
test_one_server_runs_at_a_time(void)
{
    bench first, second;
    bench_open(&first, BELAY_FOREVER, BELAY_FOREVER);
    bench_open(&second, BELAY_FOREVER, BELAY_FOREVER);
    bench_run(&first);
    CU_ASSERT_EQUAL(belay_server_run(second.server), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_test_probe_unary(first.channel, NULL, NOTE("?"), NULL, NULL, NULL), BELAY_OK);
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&first), BELAY_OK);
    bench_run(&second); /* now it may */
    raise(SIGTERM);
    CU_ASSERT_EQUAL(bench_join(&second), BELAY_OK);
    bench_close(&first);
    bench_close(&second);
}

static void
test_what_cannot_start_does_not_run(void)
{
    struct sigaction before, after;
    sigaction(SIGTERM, NULL, &before);
    belay_server *server = belay_server_new(NULL, NULL);
    CU_ASSERT_EQUAL(belay_server_run(server), BELAY_FAILED_PRECONDITION); /* no address */
    CU_ASSERT_EQUAL(belay_server_run(NULL), BELAY_FAILED_PRECONDITION);
    sigaction(SIGTERM, NULL, &after);
    CU_ASSERT_TRUE(after.sa_handler == before.sa_handler);
    belay_server_free(server);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_signal_ends_it_and_the_former_handlers_are_back),
        TEST(calls_under_way_finish_after_the_first_signal),
        TEST(a_second_signal_skips_the_grace_time),
        TEST(two_signals_at_once_are_two),
        TEST(abandoned_handlers_are_told_by_the_code),
        TEST(a_server_that_was_started_runs_on),
        TEST(one_server_runs_at_a_time),
        TEST(what_cannot_start_does_not_run),
        CU_TEST_INFO_NULL,
    };
    return suite_run("run", tests, argc, argv);
}
