/* SPDX-License-Identifier: MIT */
/*
 * A drain as handlers see it, and the handlers as a drain sees them.
 */
#include <stdio.h>
#include <string.h>

#include "server/server.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define WORKERS 20

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go;
    gate told; /* by belay_on_drain() */
    gate left;
    bool before; /* belay_call_draining(), then and later */
    bool after;
    bool cancelled;
    belay_code code; /* of the wait */
    bool removed_after_run;
} bench;

static belay_code
answer(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    reply->number = belay_call_draining(call);
    return BELAY_OK;
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

static belay_code
leave(bench *b)
{
    gate_open(&b->left);
    return BELAY_OK;
}

static belay_code
wait_draining(belay_call *call)
{
    bench *b = belay_call_data(call);
    b->before = belay_call_draining(call);
    gate_open(&b->entered);
    b->code = belay_wait_draining(call, NULL);
    b->after = belay_call_draining(call);
    b->cancelled = belay_cancelled(call);
    return leave(b);
}

static belay_code
wait_draining_a_moment(belay_call *call)
{
    bench *b = belay_call_data(call);
    belay_context *moment = belay_context_derive(belay_call_context(call), BELAY_MILLISECONDS(1));
    b->code = moment != NULL ? belay_wait_draining(call, moment) : BELAY_RESOURCE_EXHAUSTED;
    belay_context_unref(moment);
    b->after = belay_call_draining(call);
    b->cancelled = belay_cancelled(call);
    return leave(b);
}

static belay_code
sleep_on(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    return belay_sleep(belay_call_context(call), BELAY_FOREVER);
}

static void
note_told(belay_context *context, void *argument)
{
    bench *b = argument;
    if (belay_context_cause(context) == BELAY_CAUSE_SHUTDOWN)
        gate_open(&b->told);
}

static belay_code
be_told(belay_call *call)
{
    bench *b = belay_call_data(call);
    belay_cancel_callback *early, *callback, *late;
    if (belay_on_drain(call, note_told, b, &early) != BELAY_OK ||
        belay_on_drain(call, note_told, b, &callback) != BELAY_OK)
        return BELAY_INTERNAL;
    b->removed_after_run = belay_cancel_callback_remove(early);
    gate_open(&b->entered);
    gate_wait(&b->told);
    if (!belay_cancel_callback_remove(callback) || belay_on_drain(call, note_told, b, &late) != BELAY_OK)
        return BELAY_INTERNAL;
    gate_wait_count(&b->told, 2); /* registered after it has begun */
    (void)belay_cancel_callback_remove(late);
    return leave(b);
}

static void
bench_open(bench *b, belay_code (*chat)(belay_call *call), unsigned int workers, bool own_clock)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, workers, workers), BELAY_OK);
    belay_server_options_set_watchdog(options, 0);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "stubborn handler may return");
    gate_init(&b->told, "told of the drain");
    gate_init(&b->left, "handler left");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer, .download = be_stubborn, .chat = chat},
        .data = b,
        .server = options,
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
    gate_fini(&b->told);
    gate_fini(&b->left);
}

typedef struct drain {
    belay_server *server;
    pthread_t thread;
    belay_code code;
} drain;

static void *
drain_in_thread(void *argument)
{
    drain *self = argument;
    self->code = belay_server_drain(self->server, BELAY_FOREVER, BELAY_FOREVER);
    return NULL;
}

static void
drain_start(drain *self, belay_server *server)
{
    self->server = server;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&self->thread, NULL, drain_in_thread, self), 0);
}

static belay_code
drain_join(drain *self)
{
    pthread_join(self->thread, NULL);
    return self->code;
}

/* ---- Handlers are told --------------------------------------------------------------------------- */

static void
test_a_handler_that_waits_for_the_drain_ends_by_itself(void)
{
    bench b;
    bench_open(&b, wait_draining, 1, false);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_await_blocked(&b.fixture, 1);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(b.code, BELAY_OK);
    CU_ASSERT_FALSE(b.before);
    CU_ASSERT_TRUE(b.after);
    CU_ASSERT_FALSE(b.cancelled);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 0);
    bench_close(&b);
}

static void
test_the_end_of_the_call_cuts_the_wait_short(void)
{
    bench b;
    bench_open(&b, wait_draining, 1, false);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_await_blocked(&b.fixture, 1);
    belay_call_free(call);
    gate_wait(&b.left);
    CU_ASSERT_EQUAL(b.code, BELAY_CANCELLED);
    CU_ASSERT_FALSE(b.after);
    bench_close(&b);
}

static void
test_another_context_cuts_the_wait_short(void)
{
    bench b;
    bench_open(&b, wait_draining_a_moment, 1, false);
    CU_ASSERT_EQUAL(finish(start_chat(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    CU_ASSERT_EQUAL(b.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_FALSE(b.after);
    CU_ASSERT_FALSE(b.cancelled);
    bench_close(&b);
}

static void
test_callbacks_run_at_the_drain_and_after_it_unless_removed(void)
{
    bench b;
    bench_open(&b, be_told, 1, false);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_FALSE(b.removed_after_run);
    CU_ASSERT_EQUAL(b.told.opened, 2);
    bench_close(&b);
}

/* A raw peer that does not answer the PING holds back the final GOAWAY. */
static void
test_calls_that_come_during_the_drain_know_of_it(void)
{
    bench b;
    drain d;
    raw_peer peer;
    bench_open(&b, wait_draining, 2, true);
    raw_connect(&peer, b.fixture.address, (raw_settings){.has_window = false});
    peer.no_pong = true;
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    drain_start(&d, b.fixture.server);
    CU_ASSERT_TRUE(raw_await_goaway(&peer, 1)); /* first the clients, then the handlers */
    gate_wait(&b.left);
    raw_unary(&peer, 1, NULL);
    CU_ASSERT_TRUE(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_OK);
    /* number is 1: a prefix of 5 bytes, a tag, the value. One that is 0 would not be sent. */
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, 7);
    raw_pong(&peer);
    raw_await_lost(&peer);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(drain_join(&d), BELAY_OK);
    raw_close(&peer);
    bench_close(&b);
}

static void
test_client_calls_have_no_drain(void)
{
    bench b;
    belay_cancel_callback *callback = NULL;
    bench_open(&b, sleep_on, 1, false);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_wait_draining(call, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_wait_draining(NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_on_drain(call, note_told, &b, &callback), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_on_drain(NULL, note_told, &b, &callback), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(callback);
    belay_call_free(call);
    bench_close(&b);
}

/* ---- The end of the grace time ------------------------------------------------------------------- */

/* The moment between the end of the grace time and the cancel of a call, in which its worker becomes free. */
static void
test_no_worker_begins_a_queued_call_once_the_grace_time_is_over(void)
{
    bench b;
    bench_open(&b, sleep_on, 1, false);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    fixture_await_queued(&b.fixture, 1);
    __atomic_store_n(&b.fixture.server->draining.grace_over, 1, __ATOMIC_RELAXED);
    gate_open(&b.go);
    ending end = finish(queued);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(end.message, "server is shutting down");
    CU_ASSERT_EQUAL(finish(stubborn).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 1);
    FIXTURE_AWAIT(&b.fixture, dropped_in_queue, 1);
    bench_close(&b);
}

/* No status is cut off by a limit that is about handlers. */
static void
test_without_a_limit_all_clients_still_hear_how_their_calls_ended(void)
{
    bench b;
    belay_call *calls[WORKERS];
    bench_open(&b, sleep_on, WORKERS, false);
    for (int i = 0; i < WORKERS; i++)
        calls[i] = i == 0 ? start_download(&b.fixture, NULL, BELAY_FOREVER)
                          : start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait_count(&b.entered, WORKERS);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, 0), BELAY_DEADLINE_EXCEEDED);
    for (int i = 0; i < WORKERS; i++) {
        ending end = finish(calls[i]);
        CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
        CU_ASSERT_STRING_EQUAL(end.message, "server is shutting down");
        CU_ASSERT_FALSE(end.is_local);
    }
    gate_open(&b.go);
    bench_close(&b);
}

/* ---- Those that have not returned ---------------------------------------------------------------- */

typedef struct list {
    int count;
    belay_handler_info last;
    char method[64];
    char peer[64];
} list;

static void
note_handler(const belay_handler_info *handler, void *argument)
{
    list *to = argument;
    to->count++;
    to->last = *handler;
    snprintf(to->method, sizeof to->method, "%s", handler->method);
    snprintf(to->peer, sizeof to->peer, "%s", handler->peer);
}

static list
list_handlers(bench *b)
{
    list all = {0};
    CU_ASSERT_EQUAL(belay_server_each_handler(b->fixture.server, note_handler, &all), BELAY_OK);
    return all;
}

static void
test_handlers_that_do_not_return_are_listed(void)
{
    bench b;
    bench_open(&b, sleep_on, 1, true);
    CU_ASSERT_EQUAL(list_handlers(&b).count, 0);
    belay_call *stubborn = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *queued = start_unary(&b.fixture, NULL, BELAY_FOREVER); /* is none */
    fixture_await_queued(&b.fixture, 1);
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    list running = list_handlers(&b);
    CU_ASSERT_EQUAL(running.count, 1);
    CU_ASSERT_STRING_EQUAL(running.method, "/belay.test.Probe/Download");
    CU_ASSERT_EQUAL(strncmp(running.peer, "127.0.0.1:", 10), 0);
    CU_ASSERT_EQUAL(running.last.age_ns, BELAY_SECONDS(5));
    CU_ASSERT_EQUAL(running.last.cause, BELAY_CAUSE_NONE);
    CU_ASSERT_EQUAL(running.last.cancelled_ns, 0);

    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, 0), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(finish(stubborn).code, BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(finish(queued).code, BELAY_UNAVAILABLE);
    fixture_advance(&b.fixture, BELAY_SECONDS(2));
    list left = list_handlers(&b); /* its connection is long closed */
    CU_ASSERT_EQUAL(left.count, 1);
    CU_ASSERT_STRING_EQUAL(left.peer, running.peer);
    CU_ASSERT_EQUAL(left.last.age_ns, BELAY_SECONDS(7));
    CU_ASSERT_EQUAL(left.last.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_EQUAL(left.last.cancelled_ns, BELAY_SECONDS(2));

    gate_open(&b.go);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    CU_ASSERT_EQUAL(belay_server_drain(b.fixture.server, 0, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(list_handlers(&b).count, 0);
    CU_ASSERT_EQUAL(belay_server_each_handler(NULL, note_handler, &left), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_each_handler(b.fixture.server, NULL, NULL), BELAY_INVALID_ARGUMENT);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_handler_that_waits_for_the_drain_ends_by_itself),
        TEST(the_end_of_the_call_cuts_the_wait_short),
        TEST(another_context_cuts_the_wait_short),
        TEST(callbacks_run_at_the_drain_and_after_it_unless_removed),
        TEST(calls_that_come_during_the_drain_know_of_it),
        TEST(client_calls_have_no_drain),
        TEST(no_worker_begins_a_queued_call_once_the_grace_time_is_over),
        TEST(without_a_limit_all_clients_still_hear_how_their_calls_ended),
        TEST(handlers_that_do_not_return_are_listed),
        CU_TEST_INFO_NULL,
    };
    return suite_run("draining", tests, argc, argv);
}
