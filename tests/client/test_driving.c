/* SPDX-License-Identifier: MIT */
/*
 * Callers that drive their connection themselves. The client has a runtime of its own, because a loop with a server is
 * not lent. Whether the loop was lent for a call depends on the threads' pace: the same is done again until it was, and
 * must come out right each time.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/loop_inside.h"
#include "rpc/runtime.h"
#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

/* What a request's number asks of the handler. Others: to answer with the next number. */
#define HANGS (-1) /* to wait until it is cancelled */
#define HOLDS (-2) /* to answer when told */
#define FRONT (-3) /* to call out, until it has driven itself */

typedef struct bench {
    fixture fixture;
    belay_runtime *runtime;
    belay_channel *channel;
    gate entered; /* by handlers that wait */
    gate go;      /* those that hold */
    int waits;    /* how many such calls there were */
} bench;

static unsigned int
loans_of(belay_runtime *runtime, unsigned int loop)
{
    return __atomic_load_n(&runtime->loops[loop]->lending.loans, __ATOMIC_RELAXED);
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

static belay_code
call_on(belay_channel *channel, belay_context *context, int64_t number, const belay_call_options *options,
        belay_status **status)
{
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT, *reply = NULL;
    request.number = number;
    belay_code code = belay_test_probe_unary(channel, context, &request, options, &reply, status);
    if (code != BELAY_OK)
        return code;
    CU_ASSERT_EQUAL(reply->number, number + 1);
    if (context == NULL) /* else it is a handler's, and goes with that */
        belay__test__note__free_unpacked(reply, NULL);
    return code;
}

/* A call that ends badly: with that code, and with these words if they are given. */
static void
expect_end(bench *b, belay_context *context, int64_t number, const belay_call_options *options, belay_code code,
           const char *words)
{
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(call_on(b->channel, context, number, options, &status), code);
    if (words != NULL)
        CU_ASSERT_STRING_EQUAL(belay_status_message(status), words);
    belay_status_free(status);
}

/* ---- Until it was lent --------------------------------------------------------------------------------- */

typedef struct quick {
    belay_runtime *runtime;
    belay_channel *channel;
    belay_context *context;
    unsigned int loop;
} quick;

static bool
is_driven_now(void *argument)
{
    quick *self = argument;
    unsigned int before = loans_of(self->runtime, self->loop);
    CU_ASSERT_EQUAL(call_on(self->channel, self->context, 1, NULL, NULL), BELAY_OK);
    return loans_of(self->runtime, self->loop) != before;
}

/* Calls until a call was driven: then the next that comes at once will be. Returns how many loans there were. */
static unsigned int
make_lent(bench *b)
{
    quick self = {b->runtime, b->channel, NULL, 0};
    wait_until(is_driven_now, &self, "a caller drives");
    return loans_of(b->runtime, 0);
}

/* Whether a caller has borrowed the loop since there were so many loans. */
static bool
is_driven_since(bench *b, unsigned int loans)
{
    return loans_of(b->runtime, 0) != loans;
}

/* ---- The server ---------------------------------------------------------------------------------------- */

static belay_code
call_out(bench *b, belay_call *call)
{
    quick self = {b->runtime, b->channel, belay_call_context(call), 0};
    wait_until(is_driven_now, &self, "a handler drives");
    return BELAY_OK;
}

static belay_code
unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    reply->number = request->number + 1;
    reply->payload = request->payload;
    switch (request->number) {
    case HANGS:
        gate_open(&b->entered);
        return belay_sleep(belay_call_context(call), BELAY_FOREVER);
    case HOLDS:
        gate_open(&b->entered);
        gate_wait_count(&b->go, b->entered.opened);
        return BELAY_OK;
    case FRONT:
        return call_out(b, call);
    default:
        return BELAY_OK;
    }
}

/* ---- The client ---------------------------------------------------------------------------------------- */

static void
client_open(bench *b)
{
    b->runtime = belay_runtime_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->runtime);
    b->channel = belay_channel_new(b->runtime, b->fixture.address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
}

static bool
nothing_is_open(void *argument)
{
    belay_runtime *runtime = argument;
    return __atomic_load_n(&runtime->calls_open, __ATOMIC_RELAXED) == 0;
}

static void
client_close(bench *b)
{
    wait_until(nothing_is_open, b->runtime, "no call is left open");
    belay_channel_free(b->channel);
    belay_runtime_unref(b->runtime);
}

static void
server_open(bench *b)
{
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "a handler waits");
    gate_init(&b->go, "a handler may go on");
    fixture_open(&b->fixture, &(fixture_options){.handlers = {.unary = unary, .chat = answer_echo}, .data = b});
}

static void
server_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
}

static void
bench_open(bench *b)
{
    server_open(b);
    client_open(b);
}

static void
bench_close(bench *b)
{
    client_close(b);
    server_close(b);
}

/* ---- One caller ---------------------------------------------------------------------------------------- */

static void
test_calls_one_after_the_other_get_their_replies(void)
{
    bench b;
    bench_open(&b);
    make_lent(&b);
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(call_on(b.channel, NULL, i, NULL, NULL), BELAY_OK);
    bench_close(&b);
}

/* More than any window holds: many turns, in both directions. */
static bool
large_messages_are_driven(void *argument)
{
    bench *b = argument;
    Belay__Test__Note *request = note_new(600u << 10), *reply = NULL;
    unsigned int loans = make_lent(b);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b->channel, NULL, request, NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL_FATAL(reply->payload.len, request->payload.len);
    CU_ASSERT_EQUAL(memcmp(reply->payload.data, request->payload.data, reply->payload.len), 0);
    belay__test__note__free_unpacked(reply, NULL);
    free(request);
    return is_driven_since(b, loans);
}

static void
test_a_driving_caller_sends_and_receives_large_messages(void)
{
    bench b;
    bench_open(&b);
    wait_until(large_messages_are_driven, &b, "a caller drives with large messages");
    bench_close(&b);
}

typedef struct canceller {
    bench *bench;
    belay_context *context;
} canceller;

static void *
cancel_when_entered(void *argument)
{
    canceller *self = argument;
    gate_wait_count(&self->bench->entered, self->bench->waits);
    belay_cancel(self->context, "enough");
    return NULL;
}

static bool
is_cancelled_while_driving(void *argument)
{
    bench *b = argument;
    canceller self = {b, belay_context_new(b->runtime)};
    pthread_t thread;
    b->waits++;
    pthread_create(&thread, NULL, cancel_when_entered, &self);
    unsigned int loans = make_lent(b);
    expect_end(b, self.context, HANGS, NULL, BELAY_CANCELLED, "enough");
    pthread_join(thread, NULL);
    belay_context_unref(self.context);
    return is_driven_since(b, loans);
}

static void
test_a_driving_caller_is_cancelled_by_another_thread(void)
{
    bench b;
    bench_open(&b);
    wait_until(is_cancelled_while_driving, &b, "a caller drives and is cancelled");
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0); /* the server has been told */
    bench_close(&b);
}

static bool
deadline_passes_while_driving(void *argument)
{
    bench *b = argument;
    belay_call_options *options = belay_call_options_new();
    belay_call_options_set_timeout(options, BELAY_MILLISECONDS(20));
    unsigned int loans = make_lent(b);
    expect_end(b, NULL, HANGS, options, BELAY_DEADLINE_EXCEEDED, NULL);
    belay_call_options_free(options);
    return is_driven_since(b, loans);
}

static void
test_a_driving_caller_notices_its_deadline(void)
{
    bench b;
    bench_open(&b);
    wait_until(deadline_passes_while_driving, &b, "a caller drives past its deadline");
    bench_close(&b);
}

static void
miss_the_contexts_deadline(bench *b)
{
    belay_context *root = belay_context_new(b->runtime);
    belay_context *context = belay_context_derive(root, BELAY_MILLISECONDS(20));
    CU_ASSERT_EQUAL(belay_sleep(context, BELAY_FOREVER), BELAY_DEADLINE_EXCEEDED);
    belay_context_unref(context);
    belay_context_unref(root);
}

static void
test_a_contexts_deadline_passes_though_nobody_drives(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < 5; i++) {
        make_lent(&b);
        miss_the_contexts_deadline(&b);
    }
    bench_close(&b);
}

static void
test_a_call_that_ended_before_it_began_ends_so(void)
{
    bench b;
    bench_open(&b);
    belay_context *context = belay_context_new(b.runtime);
    belay_call_options *late = belay_call_options_new();
    belay_cancel(context, "before it began");
    belay_call_options_set_timeout(late, 0);
    for (int i = 0; i < 20; i++) {
        make_lent(&b);
        expect_end(&b, context, 1, NULL, BELAY_CANCELLED, "before it began");
        make_lent(&b);
        expect_end(&b, NULL, 1, late, BELAY_DEADLINE_EXCEEDED, NULL);
    }
    belay_call_options_free(late);
    belay_context_unref(context);
    bench_close(&b);
}

/* ---- Connections --------------------------------------------------------------------------------------- */

/* Takes one call, and breaks the connection instead of an answer. */
static void *
break_the_connection(void *argument)
{
    int listener = *(int *)argument;
    raw_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        abort();
    raw_accept(peer, listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_headers(peer, 1));
    raw_close(peer);
    free(peer);
    return NULL;
}

static bool
connection_is_lost_while_driving(void *argument)
{
    bench *b = argument;
    char address[32];
    pthread_t thread;
    int listener = raw_listen(address);
    belay_channel *channel = belay_channel_new(b->runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    pthread_create(&thread, NULL, break_the_connection, &listener);
    unsigned int loans = make_lent(b);
    CU_ASSERT_EQUAL(call_on(channel, NULL, 1, NULL, NULL), BELAY_UNAVAILABLE);
    pthread_join(thread, NULL);
    bool driven = is_driven_since(b, loans);
    belay_channel_free(channel);
    close(listener);
    return driven;
}

/* It connects, too. */
static void
test_a_driving_caller_notices_that_its_connection_is_lost(void)
{
    bench b;
    bench_open(&b);
    wait_until(connection_is_lost_while_driving, &b, "a caller drives and loses its connection");
    CU_ASSERT_EQUAL(call_on(b.channel, NULL, 1, NULL, NULL), BELAY_OK); /* others are none the worse for it */
    bench_close(&b);
}

/* A server that ends its connection between two calls, and takes another. */
typedef struct leaving_server {
    int listener;
    gate answered; /* the first call has returned */
    gate left;     /* the GOAWAY is on its way */
} leaving_server;

static void *
leave_after_one_call(void *argument)
{
    leaving_server *server = argument;
    raw_peer *peers = calloc(2, sizeof *peers);
    if (peers == NULL)
        abort();
    raw_accept(&peers[0], server->listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_end(&peers[0], 1));
    raw_status_only(&peers[0], 1, BELAY_ABORTED, NULL);
    gate_wait(&server->answered);
    raw_goaway(&peers[0], 1, RAW_NO_ERROR);
    gate_open(&server->left);
    raw_accept(&peers[1], server->listener, (raw_settings){0});
    CU_ASSERT_TRUE(raw_await_end(&peers[1], 1));
    raw_status_only(&peers[1], 1, BELAY_NOT_FOUND, NULL);
    raw_await_lost(&peers[0]);
    raw_await_lost(&peers[1]);
    raw_close(&peers[0]);
    raw_close(&peers[1]);
    free(peers);
    return NULL;
}

static bool
server_leaves_between_driven_calls(void *argument)
{
    bench *b = argument;
    char address[32];
    pthread_t thread;
    leaving_server server = {.listener = raw_listen(address)};
    gate_init(&server.answered, "the first call has returned");
    gate_init(&server.left, "the server leaves");
    belay_channel *channel = belay_channel_new(b->runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    pthread_create(&thread, NULL, leave_after_one_call, &server);
    make_lent(b);
    CU_ASSERT_EQUAL(call_on(channel, NULL, 1, NULL, NULL), BELAY_ABORTED);
    gate_open(&server.answered);
    gate_wait(&server.left);
    unsigned int loans = loans_of(b->runtime, 0);
    CU_ASSERT_EQUAL(call_on(channel, NULL, 1, NULL, NULL), BELAY_NOT_FOUND);
    bool driven = is_driven_since(b, loans);
    belay_channel_free(channel);
    pthread_join(thread, NULL);
    gate_fini(&server.answered);
    gate_fini(&server.left);
    close(server.listener);
    return driven;
}

/* Nobody reads between the two: the second call must not be sent before its caller has. */
static void
test_a_goaway_that_came_between_two_calls_is_known_to_the_second(void)
{
    bench b;
    bench_open(&b);
    wait_until(server_leaves_between_driven_calls, &b, "a caller drives after the server has left");
    bench_close(&b);
}

static bool
connecting_fails_while_driving(void *argument)
{
    bench *b = argument;
    char address[32];
    close(raw_listen(address));
    belay_channel *channel = belay_channel_new(b->runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    unsigned int loans = make_lent(b);
    CU_ASSERT_EQUAL(call_on(channel, NULL, 1, NULL, NULL), BELAY_UNAVAILABLE);
    bool driven = is_driven_since(b, loans);
    belay_channel_free(channel);
    return driven;
}

static void
test_a_driving_caller_is_told_that_nobody_listens(void)
{
    bench b;
    bench_open(&b);
    wait_until(connecting_fails_while_driving, &b, "a caller drives and cannot connect");
    bench_close(&b);
}

/* ---- Beside a caller that drives ----------------------------------------------------------------------- */

/* A thread that makes one long call, and knows whether it drives. */
typedef struct driver {
    bench *bench;
    int64_t number;
    pthread_t thread;
    unsigned int loans; /* atomic, relaxed: before the call */
    belay_code code;
    char message[64];
} driver;

static void *
make_long_call(void *argument)
{
    driver *self = argument;
    bench *b = self->bench;
    belay_status *status = NULL;
    __atomic_store_n(&self->loans, make_lent(b), __ATOMIC_RELAXED);
    self->code = call_on(b->channel, NULL, self->number, NULL, &status);
    strncpy(self->message, belay_status_message(status), sizeof self->message - 1);
    belay_status_free(status);
    return NULL;
}

/* Returns when the call is with its handler. */
static void
driver_start(driver *self, bench *b, int64_t number)
{
    *self = (driver){.bench = b, .number = number};
    b->waits++;
    pthread_create(&self->thread, NULL, make_long_call, self);
    gate_wait_count(&b->entered, b->waits);
}

static bool
driver_drives(const driver *self)
{
    return is_driven_since(self->bench, __atomic_load_n(&self->loans, __ATOMIC_RELAXED));
}

static void
driver_end(driver *self)
{
    gate_open(&self->bench->go);
    pthread_join(self->thread, NULL);
    CU_ASSERT_EQUAL(self->code, BELAY_OK);
}

static bool
others_call_meanwhile(void *argument)
{
    bench *b = argument;
    driver self;
    driver_start(&self, b, HOLDS);
    bool drives = driver_drives(&self);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(call_on(b->channel, NULL, i, NULL, NULL), BELAY_OK);
    driver_end(&self);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(call_on(b->channel, NULL, i, NULL, NULL), BELAY_OK);
    return drives;
}

static void
test_others_get_their_replies_while_a_caller_drives_and_after(void)
{
    bench b;
    bench_open(&b);
    wait_until(others_call_meanwhile, &b, "a caller drives for others");
    bench_close(&b);
}

static void
say(belay_call *call, int times)
{
    for (int i = 0; i < times; i++) {
        Belay__Test__Note request = BELAY__TEST__NOTE__INIT, *reply = NULL;
        request.number = i;
        CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, &request), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
        CU_ASSERT_EQUAL(reply->number, i);
        belay__test__note__free_unpacked(reply, NULL);
    }
}

static belay_call *
begin_chat(bench *b)
{
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(b->channel, NULL, NULL, &call), BELAY_OK);
    return call;
}

static bool
a_chat_goes_on_meanwhile(void *argument)
{
    bench *b = argument;
    driver self;
    driver_start(&self, b, HOLDS);
    bool drives = driver_drives(&self);
    belay_call *call = begin_chat(b);
    say(call, 20);
    driver_end(&self);
    say(call, 20); /* the own thread has it now */
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    return drives;
}

static void
test_a_stream_goes_on_while_a_caller_drives_and_after(void)
{
    bench b;
    bench_open(&b);
    wait_until(a_chat_goes_on_meanwhile, &b, "a caller drives for a stream");
    bench_close(&b);
}

static void *
chat_often(void *argument)
{
    belay_call *call = begin_chat(argument);
    say(call, 200);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    return NULL;
}

static void *
call_often(void *argument)
{
    bench *b = argument;
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(call_on(b->channel, NULL, i, NULL, NULL), BELAY_OK);
    return NULL;
}

static void
test_callers_and_streams_get_on_together(void)
{
    bench b;
    pthread_t threads[4];
    bench_open(&b);
    make_lent(&b);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i < 3 ? call_often : chat_often, &b);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    make_lent(&b); /* it is lent again when all is over */
    bench_close(&b);
}

static void
test_calls_that_are_only_started_are_noticed_after_the_loop_was_lent(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < 20; i++) {
        belay_call *calls[2] = {NULL, NULL};
        size_t index;
        make_lent(&b);
        for (int k = 0; k < 2; k++)
            CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b.channel, NULL, NOTE("x"), NULL, &calls[k]), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(belay_wait_any(NULL, calls, 2, &index), BELAY_OK);
        CU_ASSERT_EQUAL(finish(calls[index]).code, BELAY_OK);
        CU_ASSERT_EQUAL(finish(calls[1 - index]).code, BELAY_OK);
    }
    bench_close(&b);
}

static void
test_a_call_that_is_abandoned_after_the_loop_was_lent_ends_by_itself(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < 20; i++) {
        belay_call *call = NULL;
        make_lent(&b);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b.channel, NULL, NOTE("x"), NULL, &call), BELAY_OK);
        belay_call_abandon(call);
        wait_until(nothing_is_open, b.runtime, "the call that nobody waits for ends");
    }
    bench_close(&b);
}

/* ---- Threads of other kinds ---------------------------------------------------------------------------- */

static void
test_a_handler_drives_the_connection_of_another_runtime(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(call_on(b.fixture.channel, NULL, FRONT, NULL, NULL), BELAY_OK);
        CU_ASSERT_EQUAL(loans_of(b.fixture.runtime, 0), 0); /* where the server is nobody drives */
    }
    fixture_await_blocked(&b.fixture, 0);
    bench_close(&b);
}

static void *
call_on_channel(void *argument)
{
    belay_channel *channel = argument;
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(call_on(channel, NULL, i, NULL, NULL), BELAY_OK);
    return NULL;
}

static void
test_each_loop_of_a_runtime_is_lent(void)
{
    bench b;
    belay_channel *channels[2];
    pthread_t threads[2];
    server_open(&b);
    belay_runtime_options *options = belay_runtime_options_new();
    CU_ASSERT_EQUAL_FATAL(belay_runtime_options_set_io_threads(options, 2), BELAY_OK);
    belay_runtime *runtime = belay_runtime_new(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    for (unsigned int i = 0; i < 2; i++) {
        channels[i] = belay_channel_new(runtime, b.fixture.address, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(channels[i]);
        wait_until(is_driven_now, &(quick){runtime, channels[i], NULL, i}, "a caller drives this loop");
    }
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, call_on_channel, channels[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    belay_channel_free(channels[0]);
    belay_channel_free(channels[1]);
    belay_runtime_unref(runtime);
    belay_runtime_options_free(options);
    server_close(&b);
}

static void
test_a_server_that_joins_the_runtime_ends_the_lending(void)
{
    bench b;
    bench_open(&b);
    make_lent(&b);
    belay_server *server = belay_server_new(b.runtime, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    unsigned int before = loans_of(b.runtime, 0);
    for (int i = 0; i < 50; i++)
        CU_ASSERT_EQUAL(call_on(b.channel, NULL, i, NULL, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(loans_of(b.runtime, 0), before);
    belay_server_free(server);
    make_lent(&b);
    bench_close(&b);
}

/* ---- The end ------------------------------------------------------------------------------------------- */

static void
test_channel_and_runtime_may_go_right_after_a_call_that_was_driven(void)
{
    bench b;
    server_open(&b);
    for (int i = 0; i < 20; i++) {
        client_open(&b);
        make_lent(&b);
        client_close(&b);
    }
    server_close(&b);
}

/* The caller is the last who has to do with its runtime then, and frees it. */
static bool
channel_goes_meanwhile(void *argument)
{
    bench *b = argument;
    driver self;
    client_open(b);
    driver_start(&self, b, HANGS);
    bool drives = driver_drives(&self);
    belay_channel_free(b->channel);
    belay_runtime_unref(b->runtime);
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(self.message, "the channel was closed");
    return drives;
}

static void
test_channel_and_runtime_may_go_while_a_caller_drives(void)
{
    bench b;
    server_open(&b);
    wait_until(channel_goes_meanwhile, &b, "a caller drives a channel that goes");
    server_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(calls_one_after_the_other_get_their_replies),
        TEST(a_driving_caller_sends_and_receives_large_messages),
        TEST(a_driving_caller_is_cancelled_by_another_thread),
        TEST(a_driving_caller_notices_its_deadline),
        TEST(a_contexts_deadline_passes_though_nobody_drives),
        TEST(a_call_that_ended_before_it_began_ends_so),
        TEST(a_driving_caller_notices_that_its_connection_is_lost),
        TEST(a_goaway_that_came_between_two_calls_is_known_to_the_second),
        TEST(a_driving_caller_is_told_that_nobody_listens),
        TEST(others_get_their_replies_while_a_caller_drives_and_after),
        TEST(a_stream_goes_on_while_a_caller_drives_and_after),
        TEST(callers_and_streams_get_on_together),
        TEST(calls_that_are_only_started_are_noticed_after_the_loop_was_lent),
        TEST(a_call_that_is_abandoned_after_the_loop_was_lent_ends_by_itself),
        TEST(a_handler_drives_the_connection_of_another_runtime),
        TEST(each_loop_of_a_runtime_is_lent),
        TEST(a_server_that_joins_the_runtime_ends_the_lending),
        TEST(channel_and_runtime_may_go_right_after_a_call_that_was_driven),
        TEST(channel_and_runtime_may_go_while_a_caller_drives),
        CU_TEST_INFO_NULL,
    };
    return suite_run("driving", tests, argc, argv);
}
