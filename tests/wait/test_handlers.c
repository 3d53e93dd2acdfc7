/* SPDX-License-Identifier: MIT */
/*
 * Handlers that are blocked in each of the waits: whatever ends their call releases them, and meanwhile
 * others run in their place.
 */
#include <belay/belay.h>

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

typedef enum blocked_in {
    DESCRIPTOR,
    CANCEL_DESCRIPTOR, /* in a poll() of the program's own */
    COND,
    PROCESS,
    WAITS,
    REMOVAL,  /* of a callback that runs, and needs a worker itself */
    ITS_RETURN /* the same, left to the handler's end */
} blocked_in;

typedef struct bench {
    fixture fixture;
    blocked_in what;
    int ends[2]; /* of a pipe to which nobody writes */
    pthread_mutex_t mutex;
    belay_cond *cond; /* which nobody signals */
    gate called; /* the callback was */
    gate returned;
    belay_code called_back; /* what the callback's own call ended with; after the server's end */
    /* of the handler that was blocked */
    belay_code code;
    belay_cause cause;
} bench;

static belay_code
poll_cancel_descriptor(belay_call *call)
{
    belay_context *own = belay_call_context(call);
    struct pollfd entry = {.events = POLLIN};
    belay_code code = belay_cancel_fd(own, &entry.fd);
    if (code != BELAY_OK)
        return code;
    belay_blocking_begin(call);
    while (poll(&entry, 1, -1) < 0 && errno == EINTR)
        continue;
    belay_blocking_end(call);
    return belay_context_code(own);
}

static belay_code
wait_on_cond(bench *b, belay_context *own)
{
    pthread_mutex_lock(&b->mutex);
    belay_code code = belay_cond_wait(b->cond, &b->mutex, own, BELAY_FOREVER);
    pthread_mutex_unlock(&b->mutex);
    return code;
}

static void
call_server(belay_context *context, void *argument)
{
    bench *b = argument;
    (void)context;
    gate_open(&b->called);
    b->called_back = finish(start_unary(&b->fixture, NULL, BELAY_SECONDS(30))).code;
}

static belay_code
cancel_itself(bench *b, belay_context *own)
{
    belay_cancel_callback *callback = NULL;
    belay_code code = belay_on_cancel(own, call_server, b, b->what == REMOVAL ? &callback : NULL);
    if (code != BELAY_OK)
        return code;
    belay_cancel(own, "enough");
    gate_wait(&b->called);
    (void)belay_cancel_callback_remove(callback);
    return belay_context_code(own);
}

static belay_code
block(bench *b, belay_call *call)
{
    static const char *const forever[] = {"sleep", "100000", NULL};
    belay_context *own = belay_call_context(call);
    belay_process_result *result;
    switch (b->what) {
    case DESCRIPTOR:
        return belay_wait_fd(own, b->ends[0], POLLIN, BELAY_FOREVER, NULL);
    case CANCEL_DESCRIPTOR:
        return poll_cancel_descriptor(call);
    case COND:
        return wait_on_cond(b, own);
    case PROCESS:
        return belay_process_run(own, forever, NULL, &result);
    case REMOVAL:
    case ITS_RETURN:
        return cancel_itself(b, own);
    case WAITS:
        break;
    }
    return BELAY_INTERNAL;
}

static belay_code
chat(belay_call *call)
{
    bench *b = belay_call_data(call);
    b->code = block(b, call);
    b->cause = belay_context_cause(belay_call_context(call));
    gate_open(&b->returned);
    return b->code;
}

/* One worker at rest, two at most. */
static void
bench_open(bench *b, blocked_in what, bool own_clock)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 1, 2), BELAY_OK);
    b->what = what;
    b->code = BELAY_OK;
    b->called_back = BELAY_UNKNOWN;
    b->cause = BELAY_CAUSE_NONE;
    CU_ASSERT_EQUAL_FATAL(pipe(b->ends), 0);
    pthread_mutex_init(&b->mutex, NULL);
    b->cond = belay_cond_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->cond);
    gate_init(&b->called, "the callback runs");
    gate_init(&b->returned, "the blocked handler was released");
    fixture_open(&b->fixture, &(fixture_options){.handlers = {.unary = answer_next, .chat = chat},
                                                 .data = b,
                                                 .server = options,
                                                 .own_clock = own_clock});
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* no child is left */
    gate_fini(&b->called);
    gate_fini(&b->returned);
    belay_cond_free(b->cond);
    pthread_mutex_destroy(&b->mutex);
    close(b->ends[0]);
    close(b->ends[1]);
}

static void
expect_release(bench *b, belay_code code, belay_cause cause)
{
    gate_wait(&b->returned);
    CU_ASSERT_EQUAL(b->code, code);
    CU_ASSERT_EQUAL(b->cause, cause);
}

static void
test_a_clients_cancel_releases_it(void)
{
    for (blocked_in what = 0; what < WAITS; what++) {
        bench b;
        bench_open(&b, what, false);
        belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
        fixture_await_blocked(&b.fixture, 1);
        belay_call_free(call);
        expect_release(&b, BELAY_CANCELLED, BELAY_CAUSE_PEER_CANCELLED);
        bench_close(&b);
    }
}

static void
test_a_deadline_releases_it(void)
{
    for (blocked_in what = 0; what < WAITS; what++) {
        bench b;
        bench_open(&b, what, true);
        belay_call *call = start_chat(&b.fixture, NULL, BELAY_SECONDS(5));
        fixture_await_blocked(&b.fixture, 1);
        fixture_advance(&b.fixture, BELAY_SECONDS(6));
        CU_ASSERT_EQUAL(finish(call).code, BELAY_DEADLINE_EXCEEDED);
        gate_wait(&b.returned);
        /* The client's reset may be faster than the server's own timer. */
        CU_ASSERT_EQUAL(b.code, b.cause == BELAY_CAUSE_DEADLINE ? BELAY_DEADLINE_EXCEEDED : BELAY_CANCELLED);
        CU_ASSERT_TRUE(b.cause == BELAY_CAUSE_DEADLINE || b.cause == BELAY_CAUSE_PEER_CANCELLED);
        bench_close(&b);
    }
}

static void
test_the_servers_deadline_releases_it_with_its_code(void)
{
    for (blocked_in what = 0; what < WAITS; what++) {
        bench b;
        raw_peer client;
        bench_open(&b, what, true);
        raw_connect(&client, b.fixture.address, (raw_settings){0});
        raw_call(&client, 1, "Chat", "5S", false);
        fixture_await_blocked(&b.fixture, 1);
        fixture_advance(&b.fixture, BELAY_SECONDS(6));
        expect_release(&b, BELAY_DEADLINE_EXCEEDED, BELAY_CAUSE_DEADLINE);
        raw_close(&client);
        bench_close(&b);
    }
}

static void
test_a_lost_connection_releases_it(void)
{
    for (blocked_in what = 0; what < WAITS; what++) {
        bench b;
        raw_peer client;
        bench_open(&b, what, false);
        raw_connect(&client, b.fixture.address, (raw_settings){0});
        raw_call(&client, 1, "Chat", NULL, false);
        fixture_await_blocked(&b.fixture, 1);
        raw_break(&client);
        expect_release(&b, BELAY_CANCELLED, BELAY_CAUSE_CONNECTION_LOST);
        bench_close(&b);
    }
}

static void
test_another_worker_runs_in_its_place(void)
{
    for (blocked_in what = 0; what < WAITS; what++) {
        bench b;
        bench_open(&b, what, false);
        belay_call *blocked = start_chat(&b.fixture, NULL, BELAY_FOREVER);
        fixture_await_blocked(&b.fixture, 1);
        CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
        belay_call_free(blocked);
        expect_release(&b, BELAY_CANCELLED, BELAY_CAUSE_PEER_CANCELLED);
        bench_close(&b);
    }
}

static void
test_a_callback_that_is_waited_for_finds_another_worker(void)
{
    for (blocked_in what = REMOVAL; what <= ITS_RETURN; what++) {
        bench b;
        bench_open(&b, what, false);
        CU_ASSERT_EQUAL(finish(start_chat(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_CANCELLED);
        expect_release(&b, BELAY_CANCELLED, BELAY_CAUSE_APPLICATION);
        bench_close(&b);
        CU_ASSERT_EQUAL(b.called_back, BELAY_OK);
    }
}

/* ---- What a process leaves in a handler's hands ---------------------------------------------------- */

static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    const char *const argv[] = {"printf", "%s", request->text, NULL};
    belay_process_result *result;
    belay_code code = belay_process_run(belay_call_context(call), argv, NULL, &result);
    if (code != BELAY_OK)
        return code;
    reply->text = (char *)result->output; /* the call's: nothing to free, which the sanitizers see */
    return BELAY_OK;
}

static void
test_a_result_in_a_handler_is_the_calls(void)
{
    fixture f;
    Belay__Test__Note *reply = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = echo}});
    belay_code code = belay_test_probe_unary(f.channel, NULL, NOTE("hear"), NULL, &reply, NULL);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->text, "hear");
    belay__test__note__free_unpacked(reply, NULL);
    fixture_close(&f);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_clients_cancel_releases_it),
        TEST(a_deadline_releases_it),
        TEST(the_servers_deadline_releases_it_with_its_code),
        TEST(a_lost_connection_releases_it),
        TEST(another_worker_runs_in_its_place),
        TEST(a_callback_that_is_waited_for_finds_another_worker),
        TEST(a_result_in_a_handler_is_the_calls),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/handlers", tests, argc, argv);
}
