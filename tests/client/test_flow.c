/* SPDX-License-Identifier: MIT */
/*
 * Large messages, and flow control: who waits for whom, and what wakes them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/call.h"
#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define LIMIT (4u << 20) /* the default, on both sides */
#define CHUNK (16u << 10)
#define CHUNKS 256
#define EMPTY 500000
#define SMALL 1000
#define MANY 5000
#define FEW 40 /* small ones; the peer needs no more window for them */
#define MOST_SPENT (128u << 10)
#define QUIET_SPENT 8192u

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go;          /* slow handlers may receive */
    int sent;         /* atomic, relaxed: messages that a download's sends accepted */
    belay_code ended; /* what its send said at last */
    gate returned;
    belay_call *receiving; /* atomic, relaxed: a receiving handler's, there before it has entered */
    size_t most_spent; /* bytes on their way back, at most, as the receiving handler saw */
} bench;

static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    reply->payload = request->payload;
    reply->number = (int64_t)request->payload.len;
    return BELAY_OK;
}

static void
look_at_spent(bench *b, belay_call *call)
{
    bly_mutex_lock(&call->lock);
    if (call->spent.total > b->most_spent)
        b->most_spent = call->spent.total;
    bly_mutex_unlock(&call->lock);
}

/* Receives nothing until it may; then all. */
static belay_code
receive_late(belay_call *call, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    const void *data;
    size_t size;
    belay_code code;
    __atomic_store_n(&b->receiving, call, __ATOMIC_RELAXED);
    gate_open(&b->entered);
    gate_wait(&b->go);
    while ((code = belay_call_recv(call, &data, &size)) == BELAY_OK) {
        reply->number++;
        look_at_spent(b, call);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

/* Sends as fast as it may. */
static belay_code
send_much(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    Belay__Test__Note *note = note_new(CHUNK);
    belay_code code = BELAY_OK;
    (void)request;
    gate_open(&b->entered);
    for (int i = 0; i < CHUNKS && code == BELAY_OK; i++) {
        code = belay_test_probe_download_send_reply(call, note);
        if (code == BELAY_OK)
            __atomic_add_fetch(&b->sent, 1, __ATOMIC_RELAXED);
    }
    free(note);
    b->ended = code;
    gate_open(&b->returned);
    return code;
}

static const belay_test_probe_handlers handlers = {
    .unary = echo, .chat = answer_echo, .upload = receive_late, .download = send_much};

static void
bench_open_with(bench *b, const belay_channel_options *channel, unsigned int workers, bool own_clock)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, workers, 64), BELAY_OK);
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "slow handler may receive");
    gate_init(&b->returned, "sending handler returned");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = handlers, .data = b, .server = options, .channel = channel, .own_clock = own_clock});
    belay_server_options_free(options);
}

static void
bench_open(bench *b)
{
    bench_open_with(b, NULL, 4, false);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
    gate_fini(&b->returned);
}

/* ---- Size ---------------------------------------------------------------------------------------- */

/* A Note that takes exactly `size` bytes on the wire; at least 2 MiB, so that its length takes four bytes. */
static Belay__Test__Note *
note_of_wire_size(size_t size)
{
    Belay__Test__Note *note = note_new(size - 5);
    CU_ASSERT_EQUAL(belay__test__note__get_packed_size(note), size);
    return note;
}

static void
test_a_unary_message_may_be_as_large_as_the_limit(void)
{
    bench b;
    bench_open(&b);
    /* The reply says its size besides, in five bytes. */
    Belay__Test__Note *request = note_of_wire_size(LIMIT - 5);
    Belay__Test__Note *reply = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, request, NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(belay__test__note__get_packed_size(reply), LIMIT);
    CU_ASSERT_EQUAL_FATAL(reply->payload.len, request->payload.len);
    CU_ASSERT_EQUAL(memcmp(reply->payload.data, request->payload.data, reply->payload.len), 0);
    belay__test__note__free_unpacked(reply, NULL);
    free(request);
    /* So may the request; its reply is too large by what it adds. */
    request = note_of_wire_size(LIMIT);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, request, NULL, NULL, NULL),
                    BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    free(request);
    bench_close(&b);
}

static void
test_a_request_over_the_limit_is_refused_by_the_server(void)
{
    bench b;
    bench_open(&b);
    Belay__Test__Note *request = note_of_wire_size(LIMIT + 1);
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, request, NULL, NULL, &status),
                    BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_FALSE(belay_status_is_local(status));
    CU_ASSERT_STRING_EQUAL(belay_status_message(status),
                           "message of 4194305 bytes is over the limit of 4194304");
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 0);
    belay_status_free(status);
    free(request);
    bench_close(&b);
}

static void
test_a_reply_over_the_channels_limit_is_refused_here(void)
{
    bench b;
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_channel_options_set_max_receive_size(options, 1000);
    bench_open_with(&b, options, 4, false);
    belay_channel_options_free(options);
    Belay__Test__Note *request = note_new(2000);
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, request, NULL, NULL, &status),
                    BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_TRUE(belay_status_is_local(status));
    belay_status_free(status);
    /* Small ones pass. */
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    free(request);
    bench_close(&b);
}

static void
test_large_messages_stream_both_ways(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    Belay__Test__Note *note = note_of_wire_size(LIMIT);
    for (int i = 0; i < 4; i++) {
        Belay__Test__Note *reply = NULL;
        CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, note), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
        CU_ASSERT_EQUAL(reply->payload.len, note->payload.len);
        belay__test__note__free_unpacked(reply, NULL);
    }
    free(note);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    bench_close(&b);
}

static void
test_a_message_over_the_limit_ends_a_stream(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    Belay__Test__Note *note = note_of_wire_size(LIMIT + 1);
    Belay__Test__Note *reply = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, note), BELAY_OK); /* accepted, no more */
    CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_RESOURCE_EXHAUSTED);
    free(note);
    bench_close(&b);
}

/* ---- Clients that send --------------------------------------------------------------------------- */

typedef struct sender {
    belay_call *call;
    pthread_t thread;
    int sent; /* atomic, relaxed */
    belay_code code;
} sender;

static void
send_many(sender *self, int count, size_t size)
{
    Belay__Test__Note *note = note_new(size);
    self->code = BELAY_OK;
    for (int i = 0; i < count && self->code == BELAY_OK; i++) {
        self->code = belay_test_probe_upload_send_request(self->call, note);
        if (self->code == BELAY_OK)
            __atomic_add_fetch(&self->sent, 1, __ATOMIC_RELAXED);
    }
    free(note);
}

static void *
send_chunks(void *argument)
{
    send_many(argument, CHUNKS, CHUNK);
    return NULL;
}

static void *
send_empty(void *argument)
{
    send_many(argument, EMPTY, 0);
    return NULL;
}

static void *
send_small(void *argument)
{
    send_many(argument, MANY, SMALL);
    return NULL;
}

static void *
send_few(void *argument)
{
    send_many(argument, FEW, SMALL);
    return NULL;
}

static bool
is_stuck(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool stuck = call->sending && call->writer != NULL;
    bly_mutex_unlock(&call->lock);
    return stuck;
}

static void
sender_start_with(sender *self, belay_call *call, void *(*run)(void *))
{
    *self = (sender){.call = call};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&self->thread, NULL, run, self), 0);
}

static void
sender_start(sender *self, belay_call *call)
{
    sender_start_with(self, call, send_chunks);
}

/* A sender is asleep for a moment whenever the I/O thread is slower; once all has gone that the server takes
 * without its handler, it stays so over a round trip. */
static void
await_stuck(bench *b, sender *self)
{
    int before;
    do {
        before = __atomic_load_n(&self->sent, __ATOMIC_RELAXED);
        wait_until(is_stuck, self->call, "the sender sleeps");
        CU_ASSERT_EQUAL(finish(start_unary(&b->fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    } while (!is_stuck(self->call) || __atomic_load_n(&self->sent, __ATOMIC_RELAXED) != before);
}

/* The handler has received so many messages. */
static void
finish_upload(sender *self, int64_t count)
{
    Belay__Test__Note *reply = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_upload_finish(self->call, &reply, NULL), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->number, count);
    belay__test__note__free_unpacked(reply, NULL);
}

static void
test_a_slow_handler_blocks_its_sender_until_it_receives(void)
{
    bench b;
    sender self;
    bench_open(&b);
    sender_start(&self, start_upload(&b.fixture, NULL, BELAY_FOREVER));
    gate_wait(&b.entered);
    await_stuck(&b, &self);
    CU_ASSERT_TRUE(__atomic_load_n(&self.sent, __ATOMIC_RELAXED) < CHUNKS / 4);
    gate_open(&b.go);
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_OK);
    CU_ASSERT_EQUAL(self.sent, CHUNKS);
    finish_upload(&self, CHUNKS);
    bench_close(&b);
}

/* They have no bytes to count, and take memory all the same. */
static void
test_empty_messages_fill_a_window_too(void)
{
    bench b;
    sender self;
    bench_open(&b);
    sender_start_with(&self, start_upload(&b.fixture, NULL, BELAY_FOREVER), send_empty);
    gate_wait(&b.entered);
    await_stuck(&b, &self);
    CU_ASSERT_TRUE(__atomic_load_n(&self.sent, __ATOMIC_RELAXED) < EMPTY / 2);
    gate_open(&b.go);
    pthread_join(self.thread, NULL);
    finish_upload(&self, EMPTY);
    bench_close(&b);
}

static bool
has_little_spent(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool little = call->spent.total < QUIET_SPENT + SMALL;
    bly_mutex_unlock(&call->lock);
    return little;
}

/* To the I/O thread, which makes the next: but no more than a call may keep while that is busy. */
static void
test_small_messages_go_back_when_they_are_read(void)
{
    bench b;
    sender self;
    bench_open(&b);
    sender_start_with(&self, start_upload(&b.fixture, NULL, BELAY_FOREVER), send_small);
    gate_wait(&b.entered);
    await_stuck(&b, &self); /* a window full of them is there */
    fixture_hold_io(&b.fixture);
    gate_open(&b.go);
    fixture_await_blocked(&b.fixture, 1);
    CU_ASSERT(b.most_spent > MOST_SPENT / 10 * 9);
    CU_ASSERT(b.most_spent < MOST_SPENT + SMALL);
    fixture_release_io(&b.fixture);
    pthread_join(self.thread, NULL);
    finish_upload(&self, MANY);
    bench_close(&b);
}

/* Nothing comes that the I/O thread could take it with. */
static void
test_a_quiet_stream_keeps_little_of_what_was_read(void)
{
    bench b;
    sender self;
    bench_open(&b);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    sender_start_with(&self, call, send_few);
    gate_wait(&b.entered);
    belay_call *receiving = __atomic_load_n(&b.receiving, __ATOMIC_RELAXED);
    fixture_await_messages(receiving, FEW);
    fixture_hold_io(&b.fixture);
    gate_open(&b.go);
    fixture_await_blocked(&b.fixture, 1);
    CU_ASSERT_FALSE(has_little_spent(receiving));
    fixture_release_io(&b.fixture);
    wait_until(has_little_spent, receiving, "the I/O thread has taken what was read");
    pthread_join(self.thread, NULL);
    finish_upload(&self, FEW);
    bench_close(&b);
}

static void
test_large_messages_do_not_go_back(void)
{
    bench b;
    sender self;
    bench_open(&b);
    sender_start(&self, start_upload(&b.fixture, NULL, BELAY_FOREVER));
    gate_open(&b.go);
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(belay_test_probe_upload_finish(self.call, NULL, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(b.most_spent, 0);
    bench_close(&b);
}

static void
test_a_cancel_wakes_a_blocked_sender(void)
{
    bench b;
    sender self;
    bench_open(&b);
    sender_start(&self, start_upload(&b.fixture, NULL, BELAY_FOREVER));
    await_stuck(&b, &self);
    belay_cancel(belay_call_context(self.call), "enough");
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    ending end = finish(self.call);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "enough");
    gate_open(&b.go);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    bench_close(&b);
}

static void
test_a_deadline_wakes_a_blocked_sender(void)
{
    bench b;
    sender self;
    bench_open_with(&b, NULL, 4, true);
    sender_start(&self, start_upload(&b.fixture, NULL, BELAY_SECONDS(5)));
    await_stuck(&b, &self);
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(finish(self.call).code, BELAY_DEADLINE_EXCEEDED);
    gate_open(&b.go);
    bench_close(&b);
}

/* To a server that gives no window: what sleeps there does not wake up. */
static void
test_one_thread_at_a_time_sends(void)
{
    bench b;
    sender self;
    raw_peer peer;
    char address[32];
    belay_call *call = NULL;
    bench_open(&b);
    int listener = raw_listen(address);
    belay_channel *channel = belay_channel_new(b.fixture.runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_upload_start(channel, NULL, NULL, &call), BELAY_OK);
    raw_accept(&peer, listener, (raw_settings){.has_window = true, .window = 0});
    sender_start(&self, call);
    wait_until(is_stuck, call, "the sender sleeps");
    CU_ASSERT_EQUAL(belay_call_send(call, "", 0), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_call_close_send(call), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_TRUE(is_stuck(call)); /* it was not disturbed */
    belay_cancel(belay_call_context(call), NULL);
    pthread_join(self.thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    raw_close(&peer);
    close(listener);
    belay_channel_free(channel);
    bench_close(&b);
}

/* Together they have filled the connection's window several times over. */
static void
test_slow_handlers_never_stop_their_connections_other_calls(void)
{
    enum { SLOW = 8 };
    bench b;
    sender slow[SLOW];
    bench_open_with(&b, NULL, SLOW + 4, false);
    for (int i = 0; i < SLOW; i++)
        sender_start(&slow[i], start_upload(&b.fixture, NULL, BELAY_FOREVER));
    gate_wait_count(&b.entered, SLOW);
    for (int i = 0; i < SLOW; i++)
        await_stuck(&b, &slow[i]);
    Belay__Test__Note *large = note_new(1u << 20);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, large, NULL, NULL, NULL), BELAY_OK);
        CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    }
    free(large);
    gate_open(&b.go);
    for (int i = 0; i < SLOW; i++) {
        pthread_join(slow[i].thread, NULL);
        CU_ASSERT_EQUAL(slow[i].code, BELAY_OK);
        CU_ASSERT_EQUAL(finish(slow[i].call).code, BELAY_OK);
    }
    bench_close(&b);
}

/* ---- Handlers that send -------------------------------------------------------------------------- */

/* Nobody receives: the handler sleeps in its send, and stays so over a round trip. */
static void
await_handler_stuck(bench *b)
{
    int before;
    do {
        before = __atomic_load_n(&b->sent, __ATOMIC_RELAXED);
        fixture_await_blocked(&b->fixture, 1);
        CU_ASSERT_EQUAL(finish(start_unary(&b->fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    } while (__atomic_load_n(&b->sent, __ATOMIC_RELAXED) != before);
}

static void
test_a_slow_client_blocks_the_handler_until_it_receives(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    const void *data;
    size_t size;
    int received = 0;
    gate_wait(&b.entered);
    await_handler_stuck(&b);
    CU_ASSERT_TRUE(__atomic_load_n(&b.sent, __ATOMIC_RELAXED) < CHUNKS / 4);
    while (belay_call_recv(call, &data, &size) == BELAY_OK)
        received++;
    CU_ASSERT_EQUAL(received, CHUNKS);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(b.ended, BELAY_OK);
    bench_close(&b);
}

static void
test_a_clients_cancel_wakes_a_handler_that_sends(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    await_handler_stuck(&b);
    belay_call_free(call);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.ended, BELAY_CANCELLED);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_unary_message_may_be_as_large_as_the_limit),
        TEST(a_request_over_the_limit_is_refused_by_the_server),
        TEST(a_reply_over_the_channels_limit_is_refused_here),
        TEST(large_messages_stream_both_ways),
        TEST(a_message_over_the_limit_ends_a_stream),
        TEST(a_slow_handler_blocks_its_sender_until_it_receives),
        TEST(empty_messages_fill_a_window_too),
        TEST(small_messages_go_back_when_they_are_read),
        TEST(a_quiet_stream_keeps_little_of_what_was_read),
        TEST(large_messages_do_not_go_back),
        TEST(a_cancel_wakes_a_blocked_sender),
        TEST(a_deadline_wakes_a_blocked_sender),
        TEST(one_thread_at_a_time_sends),
        TEST(slow_handlers_never_stop_their_connections_other_calls),
        TEST(a_slow_client_blocks_the_handler_until_it_receives),
        TEST(a_clients_cancel_wakes_a_handler_that_sends),
        CU_TEST_INFO_NULL,
    };
    return suite_run("flow", tests, argc, argv);
}
