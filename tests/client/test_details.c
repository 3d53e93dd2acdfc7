/* SPDX-License-Identifier: MIT */
/*
 * Rich errors from a handler to its caller, and what a server that is wrong about them gets its caller.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/fixture.h"
#include "support/raw_peer.h"

/* request->number: what to return. The text is the message; "nothing": without one. */
static belay_code
fail_in_detail(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    belay_code code = (belay_code)request->number;
    (void)reply;
    if (belay_call_add_detail(call, &NOTE("first")->base) != BELAY_OK ||
        belay_call_add_packed_detail(call, "example.com/some.Type", "\0\1", 2) != BELAY_OK ||
        belay_call_add_detail(call, &NOTE("third")->base) != BELAY_OK ||
        belay_call_add_trailer(call, "other", "x", 1) != BELAY_OK)
        return BELAY_DATA_LOSS;
    return strcmp(request->text, "nothing") == 0 ? code : belay_fail(call, code, "%s", request->text);
}

static belay_code
call_for(fixture *f, int64_t code, const char *text, belay_status **status)
{
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    char words[64];
    snprintf(words, sizeof words, "%s", text);
    request.number = code;
    request.text = words;
    return belay_test_probe_unary(f->channel, NULL, &request, NULL, NULL, status);
}

static void
expect_note(const belay_status *status, size_t index, const char *text)
{
    belay_detail detail;
    ProtobufCMessage *message;
    CU_ASSERT_EQUAL_FATAL(belay_status_detail_at(status, index, &detail), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(detail.type_url, "type.googleapis.com/belay.test.Note");
    CU_ASSERT_EQUAL_FATAL(belay_detail_unpack(&detail, &belay__test__note__descriptor, NULL, &message), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(((Belay__Test__Note *)message)->text, text);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void
test_details_arrive_with_every_code(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = fail_in_detail}});
    for (int code = BELAY_CANCELLED; code <= BELAY_UNAUTHENTICATED; code++) {
        static const char *const texts[] = {"nothing", "caf\xc3\xa9, 100 %\n", "no \xff utf-8"};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            belay_status *status = NULL;
            CU_ASSERT_EQUAL(call_for(&f, code, texts[i], &status), code);
            CU_ASSERT_FALSE(belay_status_is_local(status));
            CU_ASSERT_EQUAL(belay_status_detail_count(status), 3);
            expect_note(status, 0, "first");
            expect_note(status, 2, "third");
            belay_detail detail;
            CU_ASSERT_EQUAL_FATAL(belay_status_detail_at(status, 1, &detail), BELAY_OK);
            CU_ASSERT_STRING_EQUAL(detail.type_url, "example.com/some.Type");
            CU_ASSERT_EQUAL(detail.value_size, 2);
            CU_ASSERT_PTR_NOT_NULL(belay_metadata_get(belay_status_trailers(status), "other"));
            belay_status_free(status);
        }
    }
    fixture_close(&f);
}

static void
test_ok_has_no_details(void)
{
    fixture f;
    belay_status *status = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = fail_in_detail}});
    CU_ASSERT_EQUAL(call_for(&f, BELAY_OK, "nothing", &status), BELAY_OK);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
    CU_ASSERT_PTR_NULL(belay_metadata_get(belay_status_trailers(status), "grpc-status-details-bin"));
    belay_status_free(status);
    fixture_close(&f);
}

/* What is no code becomes UNKNOWN, in the details too. */
static void
test_details_agree_with_a_code_that_was_none(void)
{
    fixture f;
    belay_status *status = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = fail_in_detail}});
    CU_ASSERT_EQUAL(call_for(&f, 99, "nothing", &status), BELAY_UNKNOWN);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 3);
    belay_status_free(status);
    fixture_close(&f);
}

/* ---- What is refused ------------------------------------------------------------------------------ */

static belay_code
add_what_cannot_be(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    static uint8_t much[5000];
    Belay__Test__Note large = BELAY__TEST__NOTE__INIT;
    (void)request, (void)reply;
    large.payload.data = much;
    large.payload.len = sizeof much;
    bool refused = belay_call_add_detail(call, &large.base) == BELAY_RESOURCE_EXHAUSTED &&
                   belay_call_add_packed_detail(call, "a/b", much, sizeof much) == BELAY_RESOURCE_EXHAUSTED &&
                   belay_call_add_packed_detail(call, "no slash", "", 0) == BELAY_INVALID_ARGUMENT &&
                   belay_call_add_packed_detail(call, NULL, "", 0) == BELAY_INVALID_ARGUMENT &&
                   belay_call_add_packed_detail(call, "a/b", NULL, 1) == BELAY_INVALID_ARGUMENT &&
                   belay_call_add_packed_detail(NULL, "a/b", "", 0) == BELAY_INVALID_ARGUMENT &&
                   belay_call_add_detail(call, NULL) == BELAY_INVALID_ARGUMENT &&
                   belay_call_add_trailer(call, "grpc-status-details-bin", "", 0) == BELAY_INVALID_ARGUMENT;
    return refused ? belay_fail(call, BELAY_ABORTED, "all") : BELAY_OK;
}

static void
test_details_that_cannot_be_sent_are_refused(void)
{
    fixture f;
    belay_status *status = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = add_what_cannot_be}});
    CU_ASSERT_EQUAL(call_for(&f, 0, "", &status), BELAY_ABORTED);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
    belay_status_free(status);
    belay_call *call = start_unary(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_add_detail(call, &NOTE("")->base), BELAY_INVALID_ARGUMENT);
    finish(call);
    fixture_close(&f);
}

/* ---- Handlers that pass them on -------------------------------------------------------------------- */

/* Calls the other method with its own context: the status lives in the call. */
static belay_code
pass_on(belay_call *call, const Belay__Test__Note *request)
{
    belay_channel *channel = *(belay_channel **)belay_call_data(call);
    belay_status *status = NULL;
    belay_code code = belay_test_probe_unary(channel, belay_call_context(call), request, NULL, NULL, &status);
    belay_detail detail;
    for (size_t i = 0; belay_status_detail_at(status, i, &detail) == BELAY_OK; i++) {
        if (belay_call_add_packed_detail(call, detail.type_url, detail.value, detail.value_size) != BELAY_OK)
            return BELAY_DATA_LOSS;
    }
    belay_status_free(status);
    if (request->text[0] != '\0' && belay_test_probe_download_send_reply(call, NOTE("first")) != BELAY_OK)
        return BELAY_DATA_LOSS;
    return belay_fail(call, code, "passed on");
}

/* text: not empty when the handler is to send a message before. */
static void
expect_passed_on(const char *text)
{
    fixture f;
    belay_channel *channel = NULL;
    belay_status *status = NULL;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = fail_in_detail, .download = pass_on}, .data = &channel});
    channel = f.channel;
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    request.number = BELAY_OUT_OF_RANGE;
    request.text = (char *)text;
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(f.channel, NULL, &request, NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_finish(call, &status), BELAY_OUT_OF_RANGE);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 3);
    expect_note(status, 2, "third");
    belay_status_free(status);
    fixture_close(&f);
}

static void
test_a_handler_passes_details_on(void)
{
    expect_passed_on("");
}

static void
test_details_come_after_messages_too(void)
{
    expect_passed_on("something");
}

/* ---- Servers that are wrong ------------------------------------------------------------------------ */

/* A call to a server that answers with that in its trailers. */
static belay_code
call_answered_with(const char *grpc_status, const char *details, belay_status **status)
{
    char address[32];
    fixture f;
    raw_peer server;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = fail_in_detail}});
    int listener = raw_listen(address);
    belay_channel *channel = belay_channel_new(f.runtime, address, NULL);
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE(""), NULL, &call), BELAY_OK);
    raw_accept(&server, listener, (raw_settings){0});
    CU_ASSERT(raw_await_end(&server, 1));
    const char *const fields[] = {":status", "200", "content-type", "application/grpc", "grpc-status", grpc_status,
                                  "grpc-message", "words", "grpc-status-details-bin", details, NULL};
    raw_headers(&server, 1, fields, true);
    belay_code code = belay_call_finish(call, status);
    raw_close(&server);
    belay_channel_free(channel);
    close(listener);
    fixture_close(&f);
    return code;
}

static void
test_details_of_another_code_end_the_call_with_internal(void)
{
    static const char not_found[] = "CAUSA29uZRoFCgN4L3k"; /* code 5 */
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(call_answered_with("5", not_found, &status), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 1);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "words");
    belay_status_free(status);
    CU_ASSERT_EQUAL(call_answered_with("6", not_found, &status), BELAY_INTERNAL);
    CU_ASSERT_TRUE(belay_status_is_local(status));
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "the status and its details have different codes");
    belay_status_free(status);
    CU_ASSERT_EQUAL(call_answered_with("0", not_found, NULL), BELAY_INTERNAL);
}

static void
test_details_that_cannot_be_read_leave_the_status_alone(void)
{
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(call_answered_with("5", "////", &status), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "words");
    belay_status_free(status);
    CU_ASSERT_EQUAL(call_answered_with("5", "no base64!", NULL), BELAY_INTERNAL);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_details_arrive_with_every_code),
        TEST(test_ok_has_no_details),
        TEST(test_details_agree_with_a_code_that_was_none),
        TEST(test_details_that_cannot_be_sent_are_refused),
        TEST(test_a_handler_passes_details_on),
        TEST(test_details_come_after_messages_too),
        TEST(test_details_of_another_code_end_the_call_with_internal),
        TEST(test_details_that_cannot_be_read_leave_the_status_alone),
        CU_TEST_INFO_NULL,
    };
    return suite_run("details", tests, argc, argv);
}
