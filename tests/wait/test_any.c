/* SPDX-License-Identifier: MIT */
#include <belay/wait.h>

#include "base/mutex.h"
#include "rpc/call.h"
#include "support/fixture.h"

#define CALLS 3

/* A server whose handlers answer when their gates open. */
typedef struct bench {
    fixture fixture;
    gate entered;
    gate go[CALLS];   /* unary: by the request's number */
    gate sent;        /* download: has sent a message */
    gate may_end;     /* download */
    int cancelled;    /* atomic, relaxed: handlers that saw it */
} bench;

#define HANGS (-1) /* a request's number: answers when it is cancelled */
#define FRONT (-2) /* calls three that hang and one that answers */

static belay_call *
start_numbered(bench *b, belay_context *context, int64_t number)
{
    belay_call *call = NULL;
    Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
    note.number = number;
    belay_code code = belay_test_probe_unary_start(b->fixture.channel, context, &note, NULL, &call);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    return call;
}

static belay_code
hang(bench *b, belay_call *call)
{
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    __atomic_add_fetch(&b->cancelled, 1, __ATOMIC_RELAXED);
    return code;
}

/* One of several child calls answers; the others are left to the handler's end. */
static belay_code
front(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_context *own = belay_call_context(call);
    belay_call *children[] = {start_numbered(b, own, HANGS), start_numbered(b, own, 1),
                              start_numbered(b, own, HANGS)};
    size_t winner;
    Belay__Test__Note *answer = NULL;
    gate_wait_count(&b->entered, 4);
    gate_open(&b->go[1]);
    belay_code code = belay_wait_any(own, children, 3, &winner);
    if (code != BELAY_OK || winner != 1)
        return belay_fail(call, BELAY_INTERNAL, "code %d, winner %zu", (int)code, winner);
    code = belay_test_probe_unary_finish(children[1], &answer, NULL);
    reply->number = code == BELAY_OK ? 100 + answer->number : -1;
    return code;
}

static belay_code
unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    if (request->number == HANGS)
        return hang(b, call);
    if (request->number == FRONT)
        return front(b, call, reply);
    gate_wait(&b->go[request->number]);
    reply->number = request->number;
    return BELAY_OK;
}

static belay_code
download(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    belay_code code = belay_test_probe_download_send_reply(call, NOTE("first"));
    gate_open(&b->sent);
    gate_wait(&b->may_end);
    return code;
}

/* Counts what comes on its own call, waiting for it beside a child that hangs. */
static belay_code
upload(belay_call *call, Belay__Test__Note *reply)
{
    belay_context *own = belay_call_context(call);
    belay_call *calls[] = {start_numbered(belay_call_data(call), own, HANGS), call};
    belay_code code = BELAY_OK;
    while (code == BELAY_OK) {
        size_t index;
        Belay__Test__Note *note;
        code = belay_wait_any(own, calls, 2, &index);
        if (code != BELAY_OK || index != 1)
            return belay_fail(call, BELAY_INTERNAL, "code %d, index %zu", (int)code, index);
        code = belay_test_probe_upload_recv_request(call, &note);
        reply->number += code == BELAY_OK;
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static void
bench_open(bench *b)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, CALLS + 1, 16), BELAY_OK);
    b->cancelled = 0;
    gate_init(&b->entered, "handler entered");
    gate_init(&b->sent, "message sent");
    gate_init(&b->may_end, "download may end");
    for (int i = 0; i < CALLS; i++)
        gate_init(&b->go[i], "handler may answer");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = unary, .upload = upload, .download = download}, .data = b, .server = options});
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->sent);
    gate_fini(&b->may_end);
    for (int i = 0; i < CALLS; i++)
        gate_fini(&b->go[i]);
}

static int64_t
finish_numbered(belay_call *call)
{
    Belay__Test__Note *reply = NULL;
    if (belay_test_probe_unary_finish(call, &reply, NULL) != BELAY_OK)
        return -1;
    int64_t number = reply->number;
    belay__test__note__free_unpacked(reply, NULL);
    return number;
}

/* ---- Which one ----------------------------------------------------------------------------------- */

static void
test_the_first_answer_wins(void)
{
    bench b;
    bench_open(&b);
    belay_call *calls[CALLS];
    size_t index = 99;
    for (int i = 0; i < CALLS; i++)
        calls[i] = start_numbered(&b, NULL, i);
    gate_open(&b.go[1]);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, CALLS, &index), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(index, 1);
    CU_ASSERT_EQUAL(finish_numbered(calls[1]), 1);
    calls[1] = NULL;
    gate_open(&b.go[2]);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, CALLS, &index), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(index, 2);
    CU_ASSERT_EQUAL(finish_numbered(calls[2]), 2);
    gate_open(&b.go[0]);
    CU_ASSERT_EQUAL(finish_numbered(calls[0]), 0);
    bench_close(&b);
}

static bool
has_ended(void *call)
{
    return belay_cancelled(call);
}

static void
test_of_several_that_are_ready_the_lowest_is_told(void)
{
    bench b;
    bench_open(&b);
    belay_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) {
        calls[i] = start_numbered(&b, NULL, i);
        gate_open(&b.go[i]);
    }
    for (int i = 0; i < CALLS; i++)
        wait_until(has_ended, calls[i], "the call has ended");
    for (size_t i = 0; i < CALLS; i++) {
        size_t index = 99;
        CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, CALLS, &index), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(index, i);
        CU_ASSERT_EQUAL(finish_numbered(calls[i]), (int64_t)i);
        calls[i] = NULL;
    }
    bench_close(&b);
}

static void
test_a_cancelled_call_is_ready(void)
{
    bench b;
    bench_open(&b);
    belay_call *calls[2] = {start_numbered(&b, NULL, HANGS), start_numbered(&b, NULL, HANGS)};
    size_t index = 99;
    belay_cancel(belay_call_context(calls[1]), "enough");
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, 2, &index), BELAY_OK);
    CU_ASSERT_EQUAL(index, 1);
    ending end = finish(calls[1]);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "enough");
    belay_call_free(calls[0]);
    bench_close(&b);
}

static void
test_a_stream_is_ready_with_a_message_and_at_its_end(void)
{
    bench b;
    bench_open(&b);
    belay_call *calls[2] = {start_numbered(&b, NULL, 0), start_download(&b.fixture, NULL, BELAY_FOREVER)};
    Belay__Test__Note *note = NULL;
    size_t index = 99;
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, 2, &index), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(index, 1);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_recv_reply(calls[1], &note), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(note->text, "first");
    belay__test__note__free_unpacked(note, NULL);
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, 2, &index), BELAY_OK);
    CU_ASSERT_EQUAL(index, 1);
    CU_ASSERT_EQUAL(belay_test_probe_download_recv_reply(calls[1], &note), BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(finish(calls[1]).code, BELAY_OK);
    gate_open(&b.go[0]);
    CU_ASSERT_EQUAL(finish_numbered(calls[0]), 0);
    bench_close(&b);
}

/* ---- What ends the wait -------------------------------------------------------------------------- */

typedef struct waiter {
    belay_context *context;
    belay_call *const *calls;
    size_t count;
    size_t index;
    belay_code code;
} waiter;

static void *
wait_in_thread(void *argument)
{
    waiter *self = argument;
    self->code = belay_wait_any(self->context, self->calls, self->count, &self->index);
    return NULL;
}

/* Somebody stands as the receiver of the call. */
static bool
is_received_on(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool received_on = call->receiving && call->reader != NULL;
    bly_mutex_unlock(&call->lock);
    return received_on;
}

static void
test_the_contexts_end_cuts_it_short_and_the_calls_go_on(void)
{
    bench b;
    bench_open(&b);
    belay_context *context = belay_context_new(b.fixture.runtime);
    belay_call *calls[2] = {start_numbered(&b, NULL, 0), start_numbered(&b, NULL, 1)};
    waiter self = {.context = context, .calls = calls, .count = 2, .index = 99};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_thread, &self), 0);
    wait_until(is_received_on, calls[1], "somebody waits");
    belay_cancel(context, NULL);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(self.index, 99);
    for (int i = 0; i < 2; i++) {
        gate_open(&b.go[i]);
        CU_ASSERT_EQUAL(finish_numbered(calls[i]), i);
    }
    belay_context_unref(context);
    bench_close(&b);
}

static void
test_on_an_ended_context_nobody_waits(void)
{
    bench b;
    bench_open(&b);
    belay_context *root = belay_context_new(b.fixture.runtime);
    belay_context *expired = belay_context_derive(root, 0);
    belay_call *call = start_numbered(&b, NULL, HANGS);
    size_t index = 99;
    belay_cancel(root, NULL);
    CU_ASSERT_EQUAL(belay_wait_any(root, &call, 1, &index), BELAY_CANCELLED);
    /* Either end may have come first. */
    belay_code code = belay_wait_any(expired, &call, 1, &index);
    CU_ASSERT_TRUE(code == BELAY_DEADLINE_EXCEEDED || code == BELAY_CANCELLED);
    CU_ASSERT_EQUAL(index, 99);
    belay_call_free(call);
    belay_context_unref(expired);
    belay_context_unref(root);
    bench_close(&b);
}

static void
test_a_deadline_cuts_it_short(void)
{
    bench b;
    bench_open(&b);
    belay_context *root = belay_context_new(b.fixture.runtime);
    belay_context *limited = belay_context_derive(root, BELAY_MILLISECONDS(1));
    belay_call *call = start_numbered(&b, NULL, HANGS);
    size_t index = 99;
    CU_ASSERT_EQUAL(belay_wait_any(limited, &call, 1, &index), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(index, 99);
    belay_call_free(call);
    belay_context_unref(limited);
    belay_context_unref(root);
    bench_close(&b);
}

/* ---- Misuse -------------------------------------------------------------------------------------- */

static void
test_without_a_call_there_is_nothing_to_wait_for(void)
{
    bench b;
    bench_open(&b);
    belay_call *nothing[2] = {NULL, NULL};
    belay_call *call = start_numbered(&b, NULL, HANGS);
    size_t index = 99;
    CU_ASSERT_EQUAL(belay_wait_any(NULL, nothing, 2, &index), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, &call, 0, &index), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, NULL, 1, &index), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_wait_any(NULL, &call, 1, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(index, 99);
    belay_call_free(call);
    bench_close(&b);
}

/* A receiver too many is told, and what it had claimed on the other calls is given back. */
static void
test_one_thread_at_a_time_receives_on_a_call(void)
{
    bench b;
    bench_open(&b);
    belay_call *calls[2] = {start_numbered(&b, NULL, 0), start_numbered(&b, NULL, 1)};
    waiter self = {.calls = &calls[1], .count = 1, .index = 99};
    size_t index = 99;
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_thread, &self), 0);
    wait_until(is_received_on, calls[1], "somebody waits");
    CU_ASSERT_EQUAL(belay_wait_any(NULL, calls, 2, &index), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_call_finish(calls[1], NULL), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(index, 99);
    gate_open(&b.go[0]);
    CU_ASSERT_EQUAL(finish_numbered(calls[0]), 0);
    gate_open(&b.go[1]);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_OK);
    CU_ASSERT_EQUAL(self.index, 0);
    CU_ASSERT_EQUAL(finish_numbered(calls[1]), 1);
    bench_close(&b);
}

/* ---- In a handler -------------------------------------------------------------------------------- */

static bool
both_saw_it(void *argument)
{
    bench *b = argument;
    return __atomic_load_n(&b->cancelled, __ATOMIC_RELAXED) == 2;
}

static void
test_a_handler_takes_the_first_answer_and_its_end_cancels_the_others(void)
{
    bench b;
    bench_open(&b);
    CU_ASSERT_EQUAL(finish_numbered(start_numbered(&b, NULL, FRONT)), 101);
    wait_until(both_saw_it, &b, "the other two were cancelled");
    bench_close(&b);
}

static void
test_a_handlers_own_call_is_ready_with_a_message_and_at_its_end(void)
{
    bench b;
    Belay__Test__Note *reply = NULL;
    bench_open(&b);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, NOTE("more")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_upload_finish(call, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, 3);
    belay__test__note__free_unpacked(reply, NULL);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(the_first_answer_wins),
        TEST(of_several_that_are_ready_the_lowest_is_told),
        TEST(a_cancelled_call_is_ready),
        TEST(a_stream_is_ready_with_a_message_and_at_its_end),
        TEST(the_contexts_end_cuts_it_short_and_the_calls_go_on),
        TEST(on_an_ended_context_nobody_waits),
        TEST(a_deadline_cuts_it_short),
        TEST(without_a_call_there_is_nothing_to_wait_for),
        TEST(one_thread_at_a_time_receives_on_a_call),
        TEST(a_handler_takes_the_first_answer_and_its_end_cancels_the_others),
        TEST(a_handlers_own_call_is_ready_with_a_message_and_at_its_end),
        CU_TEST_INFO_NULL,
    };
    return suite_run("any", tests, argc, argv);
}
