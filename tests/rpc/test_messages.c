/* SPDX-License-Identifier: MIT */
/*
 * How long messages live that a handler receives: until the next one, so that a long stream does not grow its
 * handler's memory; and none beyond its end.
 */
#include "rpc/server_call.h"
#include "support/fixture.h"
#include "support/patience.h"
#include "support/raw_peer.h"

#define MESSAGES 50

static int gone; /* messages whose memory was given back; the handler's thread, read when it is over */

static void
count_gone(void *argument)
{
    (void)argument;
    gone++;
}

static belay_code
take_upload(belay_call *call, Belay__Test__Note *reply)
{
    Belay__Test__Note *note;
    belay_code code;
    gone = 0;
    while ((code = belay_test_probe_upload_recv_request(call, &note)) == BELAY_OK) {
        if (gone != reply->number++ || !bly_arena_defer(&call->message, count_gone, NULL))
            return belay_fail(call, BELAY_INTERNAL, "%d of %d messages are gone", gone, (int)reply->number);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static belay_code
give_download(belay_call *call, const Belay__Test__Note *request)
{
    belay_code code = BELAY_OK;
    for (int i = 0; i < MESSAGES && code == BELAY_OK; i++)
        code = belay_test_probe_download_send_reply(call, request);
    return code;
}

/* Downloads from its own server, with its own context. */
static belay_code
download_inside(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    fixture *f = belay_call_data(call);
    Belay__Test__Note *note;
    belay_call *child;
    belay_code code =
        belay_test_probe_download_start(f->channel, belay_call_context(call), request, NULL, &child);
    gone = 0;
    while (code == BELAY_OK && (code = belay_test_probe_download_recv_reply(child, &note)) == BELAY_OK) {
        if (gone != reply->number++ || !bly_arena_defer(&child->message, count_gone, NULL))
            return belay_fail(call, BELAY_INTERNAL, "%d of %d messages are gone", gone, (int)reply->number);
    }
    return code == BELAY_END_OF_STREAM ? belay_call_finish(child, NULL) : code;
}

static void
test_a_request_gives_way_to_the_next(void)
{
    fixture f;
    Belay__Test__Note *reply = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.upload = take_upload}});
    belay_call *call = start_upload(&f, NULL, BELAY_FOREVER);
    for (int i = 0; i < MESSAGES; i++)
        CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, NOTE("a request")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_upload_finish(call, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, MESSAGES);
    belay__test__note__free_unpacked(reply, NULL);
    fixture_close(&f);
}

static void
test_a_reply_to_a_handlers_call_gives_way_to_the_next(void)
{
    fixture f;
    Belay__Test__Note *reply = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = download_inside, .download = give_download}, .data = &f});
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary(f.channel, NULL, NOTE("go"), NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, MESSAGES);
    belay__test__note__free_unpacked(reply, NULL);
    fixture_close(&f);
}

/* ---- Replies that have left ------------------------------------------------------------------------ */

#define REPLIES 200 /* three times what may wait */
#define REPLY 1000  /* bytes of payload */
#define SOME 4      /* replies, and a part of the next */

typedef struct returns {
    gate all_sent;
    gate go;
    belay_call *call; /* atomic: released by the handler */
    bool is_blocked;  /* the handler waits for room */
    size_t count;     /* replies that lie in the call to be used again */
    const bly_bytes *some[SOME]; /* those that lay there once */
    size_t used_again;           /* of them */
} returns;

static belay_code
send_many(belay_call *call)
{
    returns *self = belay_call_data(call);
    Belay__Test__Note *reply = note_new(REPLY);
    belay_code code = BELAY_OK;
    __atomic_store_n(&self->call, call, __ATOMIC_RELEASE);
    for (int i = 0; i < REPLIES && code == BELAY_OK; i++)
        code = belay_test_probe_chat_send_reply(call, reply);
    free(reply);
    gate_open(&self->all_sent);
    gate_wait(&self->go);
    return code;
}

static void
look_at_returns(void *argument)
{
    returns *self = argument;
    belay_call *call = self->call;
    bly_mutex_lock(&call->lock);
    self->is_blocked = call->writer != NULL;
    self->count = 0;
    for (const bly_bytes *frame = call->sent.first; frame != NULL; frame = frame->next) {
        if (self->count < SOME)
            self->some[self->count] = frame;
        self->count++;
    }
    bly_mutex_unlock(&call->lock);
}

/* In what waits for the client's window. */
static void
look_for_some(void *argument)
{
    returns *self = argument;
    for (const bly_bytes *frame = self->call->stream.out.first; frame != NULL; frame = frame->next) {
        for (size_t i = 0; i < SOME; i++)
            self->used_again += self->some[i] == frame;
    }
}

static bool
is_blocked(void *argument)
{
    returns *self = argument;
    belay_call *call = __atomic_load_n(&self->call, __ATOMIC_ACQUIRE);
    if (call == NULL)
        return false;
    bly_loop_call(call->loop, look_at_returns, self);
    return self->is_blocked;
}

/* As if the sender had gone on before the last one left. */
static void
fetch_behind_a_left_over(void *argument)
{
    returns *self = argument;
    bly_bytes_queue frames;
    bly_bytes_queue_init(&frames);
    bly_mutex_lock(&self->call->lock);
    bly_bytes_queue_push(&self->call->sent, bly_bytes_new(REPLY));
    bly_call_fetch_out_locked(self->call, &frames);
    bly_mutex_unlock(&self->call->lock);
    CU_ASSERT_PTR_NULL(frames.first);
}

static bool
is_blocked_again(void *argument)
{
    return is_blocked(argument) && ((returns *)argument)->count == 0;
}

/* For a sender that is ahead, which makes the next ones of them, and only for that one: a stream that rests holds
 * none. */
static void
test_replies_that_have_left_wait_for_a_sender_that_is_ahead(void)
{
    fixture f;
    raw_peer client;
    returns self = {.call = NULL};
    gate_init(&self.all_sent, "the handler has sent");
    gate_init(&self.go, "the handler may go on");
    fixture_open(&f, &(fixture_options){.handlers = {.chat = send_many}, .data = &self});
    raw_connect(&client, f.address, (raw_settings){.has_window = true, .window = 0});
    raw_call(&client, 1, "Chat", NULL, false);
    wait_until(is_blocked, &self, "the handler waits for room");
    CU_ASSERT_EQUAL(self.count, 0);
    raw_window(&client, 1, (SOME + 1) * REPLY); /* too little for it to go on */
    CU_ASSERT(raw_await_body(&client, 1, (SOME + 1) * REPLY));
    raw_sync(&client);
    CU_ASSERT(is_blocked(&self));
    CU_ASSERT_EQUAL(self.count, SOME);
    raw_window(&client, 1, MESSAGES * REPLY);
    CU_ASSERT(raw_await_body(&client, 1, (SOME + 1 + MESSAGES) * REPLY));
    wait_until(is_blocked_again, &self, "the handler waits for room again");
    bly_loop_call(self.call->loop, look_for_some, &self);
    CU_ASSERT(is_sanitized() || self.used_again > 0);
    raw_window(&client, 0, 1 << 20);
    raw_window(&client, 1, 1 << 20);
    gate_wait(&self.all_sent);
    CU_ASSERT(raw_await_body(&client, 1, REPLIES * REPLY));
    raw_sync(&client);
    CU_ASSERT_FALSE(is_blocked(&self));
    CU_ASSERT_EQUAL(self.count, 0);
    bly_loop_call(self.call->loop, fetch_behind_a_left_over, &self);
    CU_ASSERT_FALSE(is_blocked(&self));
    CU_ASSERT_EQUAL(self.count, 0);
    gate_open(&self.go);
    CU_ASSERT(raw_await_end(&client, 1));
    CU_ASSERT_EQUAL(raw_of(&client, 1)->grpc_status, BELAY_OK);
    raw_close(&client);
    fixture_close(&f);
    gate_fini(&self.all_sent);
    gate_fini(&self.go);
}

/* ---- After the handler ----------------------------------------------------------------------------- */

typedef struct leaver {
    gate entered;
    gate go;
    belay_call *call; /* there until the client takes its answer */
    bool is_over;
    size_t waiting; /* messages that nobody will read */
} leaver;

/* Receives one of the requests, and leaves the others. */
static belay_code
leave_early(belay_call *call)
{
    leaver *self = belay_call_data(call);
    Belay__Test__Note *note;
    self->call = call;
    gate_open(&self->entered);
    gate_wait(&self->go);
    belay_code code = belay_test_probe_chat_recv_request(call, &note);
    return code == BELAY_OK ? belay_test_probe_chat_send_reply(call, NOTE("stuck")) : code;
}

static void
look_at_leaver(void *argument)
{
    leaver *self = argument;
    belay_call *call = self->call;
    bly_mutex_lock(&call->lock);
    self->is_over = bly_server_call_of(call)->run_state == BLY_RUN_OVER;
    self->waiting = call->in_count;
    if (self->is_over) {
        CU_ASSERT_EQUAL(call->in.total, 0);
        CU_ASSERT_PTR_NULL(call->in.first);
        CU_ASSERT_PTR_NULL(call->current);
    }
    bly_mutex_unlock(&call->lock);
}

static bool
is_over(void *argument)
{
    leaver *self = argument;
    bly_loop_call(self->call->loop, look_at_leaver, self);
    return self->is_over;
}

static void
test_what_a_handler_has_not_read_goes_with_it(void)
{
    fixture f;
    raw_peer client;
    leaver self = {.call = NULL};
    gate_init(&self.entered, "the handler has begun");
    gate_init(&self.go, "the handler may go on");
    fixture_open(&f, &(fixture_options){.handlers = {.chat = leave_early}, .data = &self});
    raw_connect(&client, f.address, (raw_settings){.has_window = true, .window = 0}); /* takes no answer */
    raw_call(&client, 1, "Chat", NULL, false);
    for (int i = 0; i < MESSAGES; i++)
        raw_message(&client, 1, 1000, false);
    gate_wait(&self.entered);
    raw_sync(&client);
    CU_ASSERT_FALSE(is_over(&self));
    CU_ASSERT_EQUAL(self.waiting, MESSAGES);
    gate_open(&self.go);
    wait_until(is_over, &self, "the handler has ended");
    CU_ASSERT_EQUAL(self.waiting, 0);
    raw_message(&client, 1, 1000, false); /* and nothing more is kept */
    raw_sync(&client);
    CU_ASSERT_TRUE(is_over(&self));
    CU_ASSERT_EQUAL(self.waiting, 0);
    raw_window(&client, 1, 1000);
    CU_ASSERT(raw_await_end(&client, 1));
    CU_ASSERT_EQUAL(raw_of(&client, 1)->grpc_status, BELAY_OK);
    raw_close(&client);
    fixture_close(&f);
    gate_fini(&self.entered);
    gate_fini(&self.go);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"a_request_gives_way_to_the_next", test_a_request_gives_way_to_the_next},
        {"a_reply_to_a_handlers_call_gives_way_to_the_next", test_a_reply_to_a_handlers_call_gives_way_to_the_next},
        {"replies_that_have_left_wait_for_a_sender_that_is_ahead",
         test_replies_that_have_left_wait_for_a_sender_that_is_ahead},
        {"what_a_handler_has_not_read_goes_with_it", test_what_a_handler_has_not_read_goes_with_it},
        CU_TEST_INFO_NULL,
    };
    return suite_run("rpc/messages", tests, argc, argv);
}
