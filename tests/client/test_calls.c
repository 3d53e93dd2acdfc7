/* SPDX-License-Identifier: MIT */
/*
 * The four kinds of call through the generated stubs, and what their functions refuse.
 */
#include <string.h>

#include "support/fixture.h"

static belay_code
unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    reply->number = request->number + 1;
    reply->text = belay_printf(call, "%s, %s", request->text, belay_call_method(call));
    return BELAY_OK;
}

/* Adds up the numbers, and tells how many there were. */
static belay_code
upload(belay_call *call, Belay__Test__Note *reply)
{
    Belay__Test__Note *request;
    belay_code code;
    int count = 0;
    while ((code = belay_test_probe_upload_recv_request(call, &request)) == BELAY_OK) {
        reply->number += request->number;
        count++;
    }
    reply->text = belay_printf(call, "%d", count);
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

/* As many as the request's number says. */
static belay_code
download(belay_call *call, const Belay__Test__Note *request)
{
    Belay__Test__Note reply = BELAY__TEST__NOTE__INIT;
    for (reply.number = 0; reply.number < request->number; reply.number++) {
        belay_code code = belay_test_probe_download_send_reply(call, &reply);
        if (code != BELAY_OK)
            return code;
    }
    return BELAY_OK;
}

/* Sends back what comes; ends by itself at the text "stop". */
static belay_code
chat(belay_call *call)
{
    Belay__Test__Note *request;
    belay_code code;
    while ((code = belay_test_probe_chat_recv_request(call, &request)) == BELAY_OK) {
        if (strcmp(request->text, "stop") == 0)
            return BELAY_OK;
        code = belay_test_probe_chat_send_reply(call, request);
        if (code != BELAY_OK)
            return code;
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static const belay_test_probe_handlers all = {
    .unary = unary, .upload = upload, .download = download, .chat = chat};

static void
open_with(fixture *f, belay_test_probe_handlers handlers)
{
    fixture_open(f, &(fixture_options){.handlers = handlers});
}

static Belay__Test__Note
numbered(int64_t number)
{
    Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
    note.number = number;
    return note;
}

/* ---- Unary --------------------------------------------------------------------------------------- */

static void
test_a_unary_call_gives_its_reply(void)
{
    fixture f;
    open_with(&f, all);
    Belay__Test__Note request = numbered(41);
    Belay__Test__Note *reply = NULL;
    belay_status *status = NULL;
    request.text = (char[]){"hello"};
    CU_ASSERT_EQUAL(belay_test_probe_unary(f.channel, NULL, &request, NULL, &reply, &status), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->number, 42);
    CU_ASSERT_STRING_EQUAL(reply->text, "hello, /belay.test.Probe/Unary");
    CU_ASSERT_EQUAL(belay_status_code(status), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "");
    CU_ASSERT_FALSE(belay_status_is_local(status));
    belay_status_free(status);
    belay__test__note__free_unpacked(reply, NULL);
    fixture_close(&f);
}

static void
test_neither_reply_nor_status_must_be_taken(void)
{
    fixture f;
    open_with(&f, all);
    CU_ASSERT_EQUAL(belay_test_probe_unary(f.channel, NULL, NOTE("x"), NULL, NULL, NULL), BELAY_OK);
    belay_call *call = start_unary(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_test_probe_unary_finish(call, NULL, NULL), BELAY_OK);
    fixture_close(&f);
}

static void
test_a_call_knows_its_method_its_peer_and_its_runtime(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_unary(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_STRING_EQUAL(belay_call_method(call), "/belay.test.Probe/Unary");
    CU_ASSERT_STRING_EQUAL(belay_call_peer(call), f.address);
    CU_ASSERT_PTR_EQUAL(belay_call_runtime(call), f.runtime);
    CU_ASSERT_STRING_EQUAL(belay_channel_target(f.channel), f.address);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

/* ---- Streams ------------------------------------------------------------------------------------- */

static void
test_an_upload_takes_many_requests_and_gives_one_reply(void)
{
    fixture f;
    open_with(&f, all);
    for (int count = 0; count <= 100; count += 50) {
        belay_call *call = start_upload(&f, NULL, BELAY_FOREVER);
        Belay__Test__Note *reply = NULL;
        for (int i = 1; i <= count; i++) {
            Belay__Test__Note request = numbered(i);
            CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, &request), BELAY_OK);
        }
        CU_ASSERT_EQUAL(belay_test_probe_upload_finish(call, &reply, NULL), BELAY_OK);
        CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
        CU_ASSERT_EQUAL(reply->number, count * (count + 1) / 2);
        belay__test__note__free_unpacked(reply, NULL);
    }
    fixture_close(&f);
}

static void
test_a_download_gives_all_replies_in_order_and_then_its_end(void)
{
    fixture f;
    open_with(&f, all);
    for (int count = 0; count <= 200; count += 100) {
        Belay__Test__Note request = numbered(count);
        Belay__Test__Note *reply = NULL;
        belay_call *call = NULL;
        belay_code code = belay_test_probe_download_start(f.channel, NULL, &request, NULL, &call);
        CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
        for (int i = 0; i < count; i++) {
            CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_recv_reply(call, &reply), BELAY_OK);
            CU_ASSERT_EQUAL(reply->number, i);
            belay__test__note__free_unpacked(reply, NULL);
        }
        reply = NULL;
        CU_ASSERT_EQUAL(belay_test_probe_download_recv_reply(call, &reply), BELAY_END_OF_STREAM);
        CU_ASSERT_EQUAL(belay_test_probe_download_recv_reply(call, &reply), BELAY_END_OF_STREAM);
        CU_ASSERT_PTR_NULL(reply);
        CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    }
    fixture_close(&f);
}

/* The generated stubs of such a method have no function for it; programs that start calls by themselves do. */
static void
test_one_reply_is_asked_of_a_stream_that_has_more(void)
{
    fixture f;
    open_with(&f, all);
    for (int replies = 0; replies <= 2; replies++) {
        belay_call *call;
        ProtobufCMessage *reply = NULL;
        belay_status *status;
        Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
        request.number = replies;
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(f.channel, NULL, &request, NULL, &call), BELAY_OK);
        belay_code code = belay_call_finish_unary(call, &reply, &status);
        CU_ASSERT_EQUAL(code, replies == 1 ? BELAY_OK : BELAY_UNIMPLEMENTED);
        CU_ASSERT_EQUAL(belay_status_code(status), code);
        CU_ASSERT_EQUAL(reply != NULL, replies == 1);
        protobuf_c_message_free_unpacked(reply, NULL);
        belay_status_free(status);
    }
    fixture_close(&f);
}

static void
test_what_is_not_received_is_dropped_at_the_finish(void)
{
    fixture f;
    open_with(&f, all);
    Belay__Test__Note request = numbered(100000); /* more than any window holds */
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(f.channel, NULL, &request, NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_a_chat_goes_both_ways(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    for (int i = 0; i < 50; i++) {
        Belay__Test__Note request = numbered(i);
        Belay__Test__Note *reply = NULL;
        CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, &request), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
        CU_ASSERT_EQUAL(reply->number, i);
        belay__test__note__free_unpacked(reply, NULL);
    }
    Belay__Test__Note *none = NULL;
    CU_ASSERT_EQUAL(belay_call_close_send(call), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_close_send(call), BELAY_OK);
    CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(call, &none), BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_a_sender_learns_that_the_server_has_ended_the_call(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    Belay__Test__Note *none = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, NOTE("stop")), BELAY_OK);
    CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(call, &none), BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, NOTE("late")), BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_messages_are_bytes_and_may_be_empty(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    const void *data = NULL;
    size_t size = 99;
    CU_ASSERT_EQUAL(belay_call_send(call, NULL, 0), BELAY_OK); /* an empty Note */
    CU_ASSERT_EQUAL(belay_call_recv(call, &data, &size), BELAY_OK);
    CU_ASSERT_EQUAL(size, 0);
    CU_ASSERT_EQUAL(belay_call_send(call, "\x18\x07", 2), BELAY_OK); /* number: 7 */
    CU_ASSERT_EQUAL(belay_call_recv(call, &data, &size), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(size, 2);
    CU_ASSERT_EQUAL(memcmp(data, "\x18\x07", 2), 0);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_bytes_that_are_no_message_are_refused(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_upload(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_send(call, "\xff\xff\xff", 3), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_INTERNAL);
    fixture_close(&f);
}

/* ---- What is refused ----------------------------------------------------------------------------- */

static void
test_a_method_without_a_handler_is_unimplemented(void)
{
    fixture f;
    open_with(&f, (belay_test_probe_handlers){.unary = unary});
    CU_ASSERT_EQUAL(finish(start_upload(&f, NULL, BELAY_FOREVER)).code, BELAY_UNIMPLEMENTED);
    CU_ASSERT_EQUAL(finish(start_download(&f, NULL, BELAY_FOREVER)).code, BELAY_UNIMPLEMENTED);
    CU_ASSERT_EQUAL(finish(start_chat(&f, NULL, BELAY_FOREVER)).code, BELAY_UNIMPLEMENTED);
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_unknown_methods_and_services_are_unimplemented(void)
{
    static const ProtobufCMessageDescriptor *const note = &belay__test__note__descriptor;
    static const belay_method methods[] = {
        {"/belay.test.Probe/Nothing", 0, note, note, NULL},
        {"/belay.test.Nothing/Unary", 0, note, note, NULL},
    };
    fixture f;
    char messages[2][256];
    open_with(&f, all);
    for (int i = 0; i < 2; i++) {
        belay_call *call = NULL;
        belay_code code = belay_call_start(f.channel, NULL, &methods[i], &NOTE("")->base, NULL, &call);
        CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
        ending end = finish(call);
        CU_ASSERT_EQUAL(end.code, BELAY_UNIMPLEMENTED);
        CU_ASSERT_FALSE(end.is_local);
        strcpy(messages[i], end.message);
    }
    CU_ASSERT_STRING_NOT_EQUAL(messages[0], messages[1]); /* which of the two is unknown */
    CU_ASSERT_EQUAL(fixture_counters(&f).calls_refused, 2);
    fixture_close(&f);
}

static void
test_a_call_that_makes_no_sense_is_not_started(void)
{
    fixture f;
    open_with(&f, all);
    const belay_method *one = &belay_test_probe_service.methods[0];
    const belay_method *many = &belay_test_probe_service.methods[1];
    const ProtobufCMessage *request = &NOTE("")->base;
    belay_call *call = NULL;
    CU_ASSERT_EQUAL(belay_call_start(f.channel, NULL, one, NULL, NULL, &call), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_start(f.channel, NULL, many, request, NULL, &call), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_start(NULL, NULL, one, request, NULL, &call), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_start(f.channel, NULL, NULL, request, NULL, &call), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_start(f.channel, NULL, one, request, NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(call);
    CU_ASSERT_EQUAL(fixture_counters(&f).children_open, 0);
    fixture_close(&f);
}

static void
test_after_the_last_message_nothing_is_sent(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *one = start_unary(&f, NULL, BELAY_FOREVER);
    belay_call *many = start_upload(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_close_send(many), BELAY_OK);
    /* Or the call has ended by then. */
    belay_code code = belay_call_send(one, "", 0);
    CU_ASSERT_TRUE(code == BELAY_FAILED_PRECONDITION || code == BELAY_END_OF_STREAM);
    code = belay_test_probe_upload_send_request(many, NOTE("late"));
    CU_ASSERT_TRUE(code == BELAY_FAILED_PRECONDITION || code == BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(finish(one).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(many).code, BELAY_OK);
    fixture_close(&f);
}

/* ---- Without waiting for the answer -------------------------------------------------------------- */

static belay_code
note_run(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    (void)reply;
    gate_open(belay_call_data(call));
    return BELAY_OK;
}

static void
test_an_abandoned_call_goes_on_by_itself(void)
{
    fixture f;
    gate ran;
    gate_init(&ran, "handler ran");
    fixture_open(&f, &(fixture_options){.handlers = {.unary = note_run}, .data = &ran});
    for (int i = 0; i < 10; i++)
        belay_call_abandon(start_unary(&f, NULL, BELAY_FOREVER));
    gate_wait_count(&ran, 10);
    FIXTURE_AWAIT(&f, children_open, 0);
    CU_ASSERT_EQUAL(fixture_counters(&f).calls_cancelled, 0);
    belay_call_abandon(NULL);
    fixture_close(&f);
    gate_fini(&ran);
}

static void
test_a_freed_call_is_cancelled(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    Belay__Test__Note *reply = NULL;
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, NOTE("here?")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
    belay__test__note__free_unpacked(reply, NULL);
    belay_call_free(call);
    FIXTURE_AWAIT(&f, calls_cancelled, 1);
    belay_call_free(NULL);
    fixture_close(&f);
}

static void
test_a_call_whose_context_has_ended_does_not_touch_the_network(void)
{
    fixture f;
    open_with(&f, all);
    belay_context *context = belay_context_new(f.runtime);
    belay_cancel(context, "before it began");
    ending cancelled = finish(start_unary(&f, context, BELAY_FOREVER));
    CU_ASSERT_EQUAL(cancelled.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(cancelled.message, "before it began");
    CU_ASSERT_TRUE(cancelled.is_local);
    ending late = finish(start_unary(&f, NULL, 0));
    CU_ASSERT_EQUAL(late.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_TRUE(late.is_local);
    fixture_settle(&f);
    CU_ASSERT_EQUAL(fixture_counters(&f).connections, 0);
    belay_context_unref(context);
    fixture_close(&f);
}

static void
test_a_reason_that_is_no_utf_8_is_made_so(void)
{
    fixture f;
    open_with(&f, all);
    belay_context *context = belay_context_new(f.runtime);
    belay_call *call = start_chat(&f, context, BELAY_FOREVER);
    belay_cancel(context, "caf\xe9!");
    CU_ASSERT_STRING_EQUAL(belay_context_reason(context), "caf\xef\xbf\xbd!");
    CU_ASSERT_STRING_EQUAL(finish(call).message, "caf\xef\xbf\xbd!");
    belay_context_unref(context);
    fixture_close(&f);
}

static void
do_nothing(void *argument)
{
    (void)argument;
}

static void
expect_no_handler(belay_call *call)
{
    CU_ASSERT_EQUAL(belay_call_add_header(call, "key", "value", 5), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_add_trailer(call, "key", "value", 5), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_send_headers(call), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_defer(call, do_nothing, NULL), BELAY_INVALID_ARGUMENT);
}

static void
test_what_only_handlers_may_do_is_refused_to_clients(void)
{
    fixture f;
    open_with(&f, all);
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    expect_no_handler(call);
    expect_no_handler(NULL);
    CU_ASSERT_EQUAL(belay_call_close_send(call), BELAY_OK); /* and the call is none the worse for it */
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_close(&f);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_unary_call_gives_its_reply),
        TEST(neither_reply_nor_status_must_be_taken),
        TEST(a_call_knows_its_method_its_peer_and_its_runtime),
        TEST(an_upload_takes_many_requests_and_gives_one_reply),
        TEST(a_download_gives_all_replies_in_order_and_then_its_end),
        TEST(one_reply_is_asked_of_a_stream_that_has_more),
        TEST(what_is_not_received_is_dropped_at_the_finish),
        TEST(a_chat_goes_both_ways),
        TEST(a_sender_learns_that_the_server_has_ended_the_call),
        TEST(messages_are_bytes_and_may_be_empty),
        TEST(bytes_that_are_no_message_are_refused),
        TEST(a_method_without_a_handler_is_unimplemented),
        TEST(unknown_methods_and_services_are_unimplemented),
        TEST(a_call_that_makes_no_sense_is_not_started),
        TEST(after_the_last_message_nothing_is_sent),
        TEST(an_abandoned_call_goes_on_by_itself),
        TEST(a_freed_call_is_cancelled),
        TEST(a_call_whose_context_has_ended_does_not_touch_the_network),
        TEST(a_reason_that_is_no_utf_8_is_made_so),
        TEST(what_only_handlers_may_do_is_refused_to_clients),
        CU_TEST_INFO_NULL,
    };
    return suite_run("calls", tests, argc, argv);
}
