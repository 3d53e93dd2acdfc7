/* SPDX-License-Identifier: MIT */
/*
 * Channels: options, sharing, their end.
 */
#include "client/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/patience.h"

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go;
} bench;

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
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    return belay_sleep(belay_call_context(call), BELAY_FOREVER);
}

static const belay_test_probe_handlers handlers = {.unary = answer_next, .download = occupy, .chat = wait_for_end};

static void
bench_open(bench *b, unsigned int workers, unsigned int io_threads, bool own_clock)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, workers, 64), BELAY_OK);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handler may return");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = handlers,
        .data = b,
        .server = options,
        .io_threads = io_threads,
        .own_clock = own_clock,
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

/* ---- Making -------------------------------------------------------------------------------------- */

static void
test_a_target_that_cannot_be_read_makes_no_channel(void)
{
    static const char *const bad[] = {
        "", "localhost", "localhost:", "localhost:http", "localhost:65536", "unix:"};
    belay_runtime *runtime = belay_runtime_new(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_PTR_NULL(belay_channel_new(runtime, bad[i], NULL));
    CU_ASSERT_PTR_NULL(belay_channel_new(runtime, NULL, NULL));
    belay_channel_free(NULL);
    belay_runtime_unref(runtime);
}

static void
test_a_channel_that_was_never_used_connects_nowhere(void)
{
    bench b;
    bench_open(&b, 1, 1, false);
    fixture_settle(&b.fixture);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).connections, 0);
    bench_close(&b);
}

static void
test_the_authority_is_the_target_unless_it_is_set(void)
{
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_channel *plain = belay_channel_new(runtime, "localhost:50051", NULL);
    belay_channel *local = belay_channel_new(runtime, "unix:/run/none", NULL);
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, "a.example:443"), BELAY_OK);
    belay_channel *first = belay_channel_new(runtime, "localhost:50051", options);
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, "b.example"), BELAY_OK);
    belay_channel *second = belay_channel_new(runtime, "localhost:50051", options);
    belay_channel_options_free(options); /* they were copied */
    CU_ASSERT_STRING_EQUAL(plain->host.authority, "localhost:50051");
    CU_ASSERT_STRING_EQUAL(local->host.authority, "localhost");
    CU_ASSERT_STRING_EQUAL(first->host.authority, "a.example:443");
    CU_ASSERT_STRING_EQUAL(second->host.authority, "b.example");
    belay_channel_free(plain);
    belay_channel_free(local);
    belay_channel_free(first);
    belay_channel_free(second);
    belay_runtime_unref(runtime);
}

static void
test_an_authority_that_could_end_a_header_is_refused(void)
{
    static const char *const bad[] = {"", "a b", "a/b", "a\r\nb", "a\x01", "caf\xc3\xa9", "a?b", "a#b"};
    belay_channel_options *options = belay_channel_options_new();
    char longest[400];
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, "kept"), BELAY_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, bad[i]), BELAY_INVALID_ARGUMENT);
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, longest), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(options, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_authority(NULL, "a"), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(options->authority, "kept");
    belay_channel_options_free(options);
    belay_channel_options_free(NULL);
}

static void
test_calls_go_over_unix_sockets(void)
{
    char folder[] = "/tmp/belay-XXXXXX", path[108]; /* nearly as long as they may be */
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "unix:%s/%070d", folder, 0);
    belay_server *server = belay_server_new(NULL, NULL);
    CU_ASSERT_EQUAL(belay_test_probe_add(server, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, path, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    belay_channel *channel = belay_channel_new(belay_server_runtime(server), path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE("x"), NULL, &call), BELAY_OK);
    const void *data;
    size_t size;
    CU_ASSERT_EQUAL(belay_call_recv(call, &data, &size), BELAY_OK); /* now it has a connection */
    CU_ASSERT_STRING_EQUAL(belay_call_peer(call), path);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    belay_channel_free(channel);
    belay_server_free(server);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* ---- Many calls ---------------------------------------------------------------------------------- */

#define THREADS 8

typedef struct caller {
    belay_channel *channel;
    int first;
    int wrong;
} caller;

static void *
call_often(void *argument)
{
    caller *self = argument;
    for (int i = 0; i < 50; i++) {
        Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
        Belay__Test__Note *reply = NULL;
        request.number = self->first + i;
        if (belay_test_probe_unary(self->channel, NULL, &request, NULL, &reply, NULL) != BELAY_OK) {
            self->wrong++;
            continue;
        }
        self->wrong += reply->number != request.number + 1;
        belay__test__note__free_unpacked(reply, NULL);
    }
    return NULL;
}

static void
test_many_threads_share_a_channel(void)
{
    bench b;
    caller callers[THREADS];
    pthread_t threads[THREADS];
    bench_open(&b, 4, 1, false);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (caller){.channel = b.fixture.channel, .first = i * 1000};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(callers[i].wrong, 0);
    }
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).connections, 1);
    bench_close(&b);
}

#define STREAMS 100 /* that a server takes at a time on one connection */

/* As many calls as the connection takes, all held by their handlers or queued behind them. */
static void
fill_connection(bench *b, belay_call *calls[STREAMS])
{
    for (int i = 0; i < STREAMS; i++)
        calls[i] = start_download(&b->fixture, NULL, BELAY_FOREVER);
    gate_wait_count(&b->entered, 4);
    fixture_await_queued(&b->fixture, STREAMS - 4);
}

static void
test_calls_beyond_what_the_server_takes_wait_and_run_later(void)
{
    enum { MORE = 150 };
    bench b;
    belay_call *calls[STREAMS], *more[MORE];
    bench_open(&b, 4, 1, false);
    fill_connection(&b, calls);
    for (int i = 0; i < MORE; i++)
        more[i] = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_settle(&b.fixture);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 4);
    fixture_await_queued(&b.fixture, STREAMS - 4); /* none of them went there */
    gate_open(&b.go);
    for (int i = 0; i < STREAMS; i++)
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
    for (int i = 0; i < MORE; i++)
        CU_ASSERT_EQUAL(finish(more[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).connections, 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_refused, 0);
    bench_close(&b);
}

static void
test_a_call_that_waits_for_its_stream_can_be_cancelled(void)
{
    bench b;
    belay_call *calls[STREAMS];
    bench_open(&b, 4, 1, true);
    fill_connection(&b, calls);
    belay_call *freed = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    belay_call *cancelled = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    belay_call *late = start_unary(&b.fixture, NULL, BELAY_SECONDS(1));
    belay_call *last = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_settle(&b.fixture);
    belay_call_free(freed);
    belay_cancel(belay_call_context(cancelled), "not any more");
    CU_ASSERT_STRING_EQUAL(finish(cancelled).message, "not any more");
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(finish(late).code, BELAY_DEADLINE_EXCEEDED);
    gate_open(&b.go);
    for (int i = 0; i < STREAMS; i++)
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(last).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, STREAMS + 1); /* the three never came */
    bench_close(&b);
}

/* ---- The end ------------------------------------------------------------------------------------- */

typedef struct finisher {
    belay_call *call;
    ending end;
} finisher;

static void *
finish_in_thread(void *argument)
{
    finisher *self = argument;
    self->end = finish(self->call);
    return NULL;
}

static void
test_freeing_a_channel_ends_the_calls_of_all_threads(void)
{
    bench b;
    finisher finishers[THREADS];
    pthread_t threads[THREADS];
    bench_open(&b, 4, 2, false);
    for (int i = 0; i < THREADS; i++) {
        finishers[i] = (finisher){.call = start_chat(&b.fixture, NULL, BELAY_FOREVER)};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, finish_in_thread, &finishers[i]), 0);
    }
    gate_wait_count(&b.entered, THREADS);
    belay_channel_free(b.fixture.channel);
    b.fixture.channel = NULL;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(finishers[i].end.code, BELAY_CANCELLED);
        CU_ASSERT_STRING_EQUAL(finishers[i].end.message, "the channel was closed");
    }
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, THREADS);
    bench_close(&b);
}

static void
test_a_call_may_be_finished_long_after_its_channel_is_gone(void)
{
    bench b;
    bench_open(&b, 4, 1, false);
    belay_call *done = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_wait_headers(done), BELAY_OK);
    belay_call *open = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    belay_call *fresh = NULL;
    gate_wait(&b.entered);
    fixture_hold_io(&b.fixture); /* so that this one has not even begun */
    fresh = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_release_io(&b.fixture);
    belay_channel_free(b.fixture.channel);
    b.fixture.channel = NULL;
    belay_code code = finish(done).code;
    CU_ASSERT_TRUE(code == BELAY_OK || code == BELAY_CANCELLED);
    CU_ASSERT_EQUAL(finish(open).code, BELAY_CANCELLED);
    code = finish(fresh).code;
    CU_ASSERT_TRUE(code == BELAY_OK || code == BELAY_CANCELLED);
    bench_close(&b);
}

static void
test_a_call_of_a_live_context_leaves_it_alone_when_its_channel_goes(void)
{
    bench b;
    bench_open(&b, 4, 1, false);
    belay_context *context = belay_context_new(b.fixture.runtime);
    belay_call *call = start_chat(&b.fixture, context, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_channel_free(b.fixture.channel);
    b.fixture.channel = NULL;
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    CU_ASSERT_FALSE(belay_context_cancelled(context));
    belay_context_unref(context);
    bench_close(&b);
}

static void
test_an_abandoned_call_ends_with_its_channel(void)
{
    bench b;
    bench_open(&b, 4, 1, false);
    belay_call_abandon(start_chat(&b.fixture, NULL, BELAY_FOREVER));
    gate_wait(&b.entered);
    belay_channel_free(b.fixture.channel);
    b.fixture.channel = NULL;
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    FIXTURE_AWAIT(&b.fixture, children_open, 0);
    bench_close(&b);
}

/* ---- Other processes ----------------------------------------------------------------------------- */

/* What a forked child is told when it uses its parent's channel: its exit status. */
static int
code_in_child(belay_runtime *runtime, belay_channel *channel)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(patience_seconds(10)); /* a call that is not refused has nobody who answers it */
        Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
        bool has_context = belay_context_new(runtime) != NULL;
        belay_code code = belay_test_probe_unary(channel, NULL, &request, NULL, NULL, NULL);
        _exit(has_context ? BELAY_OK : (int)code);
    }
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_a_forked_child_is_refused_and_its_parent_goes_on(void)
{
    bench b;
    bench_open(&b, 1, 1, false);
    CU_ASSERT_EQUAL(code_in_child(b.fixture.runtime, b.fixture.channel), BELAY_INVALID_ARGUMENT);
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, &request, NULL, NULL, NULL), BELAY_OK);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_target_that_cannot_be_read_makes_no_channel),
        TEST(a_channel_that_was_never_used_connects_nowhere),
        TEST(the_authority_is_the_target_unless_it_is_set),
        TEST(an_authority_that_could_end_a_header_is_refused),
        TEST(calls_go_over_unix_sockets),
        TEST(many_threads_share_a_channel),
        TEST(calls_beyond_what_the_server_takes_wait_and_run_later),
        TEST(a_call_that_waits_for_its_stream_can_be_cancelled),
        TEST(freeing_a_channel_ends_the_calls_of_all_threads),
        TEST(a_call_may_be_finished_long_after_its_channel_is_gone),
        TEST(a_call_of_a_live_context_leaves_it_alone_when_its_channel_goes),
        TEST(an_abandoned_call_ends_with_its_channel),
        TEST(a_forked_child_is_refused_and_its_parent_goes_on),
        CU_TEST_INFO_NULL,
    };
    return suite_run("channel", tests, argc, argv);
}
