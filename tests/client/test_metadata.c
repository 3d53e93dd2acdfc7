/* SPDX-License-Identifier: MIT */
/*
 * Metadata on its way: request headers, headers of the answer, trailers.
 */
#include <stdio.h>
#include <string.h>

#include "support/fixture.h"

typedef struct bench {
    fixture fixture;
    gate go;
    char user[64];
    char order[64];
    unsigned char binary[8];
    size_t binary_size;
    char agent[64];
    bool has_reserved;
    belay_code second_send; /* of headers, and so on: what must be refused */
    belay_code late_header;
    belay_code bad_key;
} bench;

static const unsigned char bytes[] = {0, ',', 0xff, '\n', 'x'};

static void
copy_value(char *to, size_t size, const belay_metadata *list, const char *key)
{
    const belay_metadata_entry *entry = belay_metadata_get(list, key);
    snprintf(to, size, "%s", entry != NULL ? entry->value : "");
}

/* Writes down what the request's metadata is. */
static belay_code
note_request(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    const belay_metadata *list = belay_call_metadata(call);
    (void)request;
    copy_value(b->user, sizeof b->user, list, "user");
    copy_value(b->agent, sizeof b->agent, list, "user-agent");
    for (size_t i = 0; i < belay_metadata_count(list); i++) {
        const belay_metadata_entry *entry = belay_metadata_at(list, i);
        if (strcmp(entry->key, "order") == 0)
            strncat(b->order, entry->value, sizeof b->order - strlen(b->order) - 1);
        b->has_reserved |= entry->key[0] == ':' || strncmp(entry->key, "grpc-", 5) == 0 ||
                           strcmp(entry->key, "te") == 0 || strcmp(entry->key, "content-type") == 0;
    }
    const belay_metadata_entry *binary = belay_metadata_get(list, "key-bin");
    if (binary != NULL && binary->value_size <= sizeof b->binary) {
        memcpy(b->binary, binary->value, binary->value_size);
        b->binary_size = binary->value_size;
    }
    reply->number = (int64_t)belay_metadata_count(list);
    return BELAY_OK;
}

static belay_code
add_both(belay_call *call)
{
    belay_code code = belay_call_add_header(call, "first", "1", 1);
    if (code == BELAY_OK)
        code = belay_call_add_header(call, "first", "2", 1);
    if (code == BELAY_OK)
        code = belay_call_add_header(call, "header-bin", bytes, sizeof bytes);
    if (code == BELAY_OK)
        code = belay_call_add_trailer(call, "last", "9", 1);
    if (code == BELAY_OK)
        code = belay_call_add_trailer(call, "trailer-bin", bytes, sizeof bytes);
    return code;
}

/* Sends its headers before it has a message. */
static belay_code
send_early(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    belay_code code = add_both(call);
    if (code == BELAY_OK)
        code = belay_call_send_headers(call);
    b->second_send = belay_call_send_headers(call);
    b->late_header = belay_call_add_header(call, "late", "x", 1);
    b->bad_key = belay_call_add_trailer(call, "grpc-status", "0", 1);
    gate_wait(&b->go);
    return code == BELAY_OK ? belay_test_probe_download_send_reply(call, NOTE("after")) : code;
}

/* Its headers leave with the first message. */
static belay_code
send_late(belay_call *call)
{
    bench *b = belay_call_data(call);
    belay_code code = add_both(call);
    if (code == BELAY_OK)
        code = belay_test_probe_chat_send_reply(call, NOTE("first"));
    b->late_header = belay_call_add_header(call, "late", "x", 1);
    b->second_send = belay_call_send_headers(call);
    return code;
}

/* Fails before anything was sent: one block with status and trailers. */
static belay_code
fail_at_once(belay_call *call, Belay__Test__Note *reply)
{
    (void)reply;
    belay_code code = belay_call_add_trailer(call, "last", "9", 1);
    return code == BELAY_OK ? belay_fail(call, BELAY_ABORTED, "no") : code;
}

static void
bench_open(bench *b)
{
    memset(b, 0, sizeof *b);
    gate_init(&b->go, "handler may send");
    static const belay_test_probe_handlers handlers = {
        .unary = note_request, .download = send_early, .chat = send_late, .upload = fail_at_once};
    fixture_open(&b->fixture, &(fixture_options){.handlers = handlers, .data = b});
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->go);
}

static belay_call_options *
options_with(const char *key, const void *value, size_t size)
{
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, key, value, size), BELAY_OK);
    return options;
}

/* ---- Requests ------------------------------------------------------------------------------------ */

static void
test_a_calls_metadata_reaches_the_handler(void)
{
    bench b;
    bench_open(&b);
    belay_call_options *options = options_with("user", "ada lovelace", 12);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "key-bin", bytes, sizeof bytes), BELAY_OK);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.fixture.channel, NULL, NOTE(""), options, NULL, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.user, "ada lovelace");
    CU_ASSERT_EQUAL_FATAL(b.binary_size, sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(b.binary, bytes, sizeof bytes), 0);
    CU_ASSERT_EQUAL(strncmp(b.agent, "grpc-c-belay/", 13), 0);
    CU_ASSERT_FALSE(b.has_reserved);
    belay_call_options_free(options);
    bench_close(&b);
}

static void
test_the_contexts_metadata_goes_before_the_calls_in_order(void)
{
    bench b;
    bench_open(&b);
    belay_metadata *list = belay_metadata_new();
    CU_ASSERT_EQUAL(belay_metadata_add(list, "order", "a", 1), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_add(list, "order", "b", 1), BELAY_OK);
    belay_context *root = belay_context_new(b.fixture.runtime);
    CU_ASSERT_EQUAL(belay_context_set_metadata(root, list), BELAY_OK);
    belay_metadata_free(list);
    belay_context *child = belay_context_derive(root, BELAY_FOREVER);
    belay_call_options *options = options_with("order", "c", 1);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "order", "d", 1), BELAY_OK);
    belay_channel *channel = b.fixture.channel;
    CU_ASSERT_EQUAL(belay_test_probe_unary(channel, child, NOTE(""), options, NULL, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.order, "abcd");
    /* One options object serves any number of calls. */
    CU_ASSERT_EQUAL(belay_test_probe_unary(channel, NULL, NOTE(""), options, NULL, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.order, "abcdcd");
    belay_call_options_free(options);
    belay_context_unref(child);
    belay_context_unref(root);
    bench_close(&b);
}

static void
test_options_may_be_freed_once_the_call_is_started(void)
{
    bench b;
    bench_open(&b);
    belay_call_options *options = options_with("user", "grace", 5);
    belay_call *call = NULL;
    fixture_hold_io(&b.fixture); /* so that nothing of it has left */
    belay_code code = belay_test_probe_unary_start(b.fixture.channel, NULL, NOTE(""), options, &call);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    belay_call_options_free(options);
    fixture_release_io(&b.fixture);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.user, "grace");
    bench_close(&b);
}

static void
test_metadata_that_cannot_be_sent_is_refused(void)
{
    static const char *const keys[] = {
        "", "Upper", "with space", "grpc-x", ":path", "te", "content-type", "a\n"};
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, keys[i], "x", 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "ascii", "\n", 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "ascii", "\xc3\xa9", 2), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(NULL, "key", "x", 1), BELAY_INVALID_ARGUMENT);
    belay_call_options_free(options);
}

/* ---- Answers ------------------------------------------------------------------------------------- */

static void
assert_headers(const belay_metadata *headers)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(headers);
    CU_ASSERT_EQUAL(belay_metadata_count(headers), 3);
    CU_ASSERT_STRING_EQUAL(belay_metadata_at(headers, 0)->value, "1");
    CU_ASSERT_STRING_EQUAL(belay_metadata_get(headers, "first")->value, "2"); /* the last of them */
    const belay_metadata_entry *binary = belay_metadata_get(headers, "header-bin");
    CU_ASSERT_PTR_NOT_NULL_FATAL(binary);
    CU_ASSERT_EQUAL_FATAL(binary->value_size, sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(binary->value, bytes, sizeof bytes), 0);
}

static void
assert_trailers(const belay_metadata *trailers)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(trailers);
    CU_ASSERT_EQUAL(belay_metadata_count(trailers), 2);
    CU_ASSERT_STRING_EQUAL(belay_metadata_get(trailers, "last")->value, "9");
    const belay_metadata_entry *binary = belay_metadata_get(trailers, "trailer-bin");
    CU_ASSERT_PTR_NOT_NULL_FATAL(binary);
    CU_ASSERT_EQUAL_FATAL(binary->value_size, sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(binary->value, bytes, sizeof bytes), 0);
}

static void
test_headers_come_before_the_first_message(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    Belay__Test__Note *reply = NULL;
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_OK); /* the handler has sent no message yet */
    assert_headers(belay_call_metadata(call));
    gate_open(&b.go);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_recv_reply(call, &reply), BELAY_OK);
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_OK); /* they stay there */
    CU_ASSERT_EQUAL(belay_call_finish(call, &status), BELAY_OK);
    assert_trailers(belay_status_trailers(status));
    belay_status_free(status);
    CU_ASSERT_EQUAL(b.second_send, BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(b.late_header, BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(b.bad_key, BELAY_INVALID_ARGUMENT);
    bench_close(&b);
}

static void
test_headers_leave_with_the_first_message(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    Belay__Test__Note *reply = NULL;
    belay_status *status = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
    belay__test__note__free_unpacked(reply, NULL);
    assert_headers(belay_call_metadata(call));
    CU_ASSERT_EQUAL(belay_call_finish(call, &status), BELAY_OK);
    assert_trailers(belay_status_trailers(status));
    belay_status_free(status);
    CU_ASSERT_EQUAL(b.late_header, BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(b.second_send, BELAY_FAILED_PRECONDITION);
    bench_close(&b);
}

static void
test_before_the_headers_have_come_there_are_none(void)
{
    bench b;
    bench_open(&b);
    fixture_hold_io(&b.fixture);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_PTR_NULL(belay_call_metadata(call));
    fixture_release_io(&b.fixture);
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL(belay_call_metadata(call));
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    bench_close(&b);
}

static void
test_an_early_failure_has_trailers_and_no_headers(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_END_OF_STREAM);
    CU_ASSERT_PTR_NULL(belay_call_metadata(call));
    CU_ASSERT_EQUAL(belay_test_probe_upload_finish(call, NULL, &status), BELAY_ABORTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(belay_status_trailers(status));
    CU_ASSERT_STRING_EQUAL(belay_metadata_get(belay_status_trailers(status), "last")->value, "9");
    belay_status_free(status);
    bench_close(&b);
}

static void
test_nothing_of_the_trailers_is_used_after_a_cancel(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_download(&b.fixture, NULL, BELAY_FOREVER);
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_OK);
    belay_cancel(belay_call_context(call), "mine");
    gate_open(&b.go);
    CU_ASSERT_EQUAL(belay_call_wait_headers(call), BELAY_OK); /* they had come */
    CU_ASSERT_EQUAL(belay_call_finish(call, &status), BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "mine");
    CU_ASSERT_PTR_NULL(belay_status_trailers(status));
    CU_ASSERT_TRUE(belay_status_is_local(status));
    belay_status_free(status);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_calls_metadata_reaches_the_handler),
        TEST(the_contexts_metadata_goes_before_the_calls_in_order),
        TEST(options_may_be_freed_once_the_call_is_started),
        TEST(metadata_that_cannot_be_sent_is_refused),
        TEST(headers_come_before_the_first_message),
        TEST(headers_leave_with_the_first_message),
        TEST(before_the_headers_have_come_there_are_none),
        TEST(an_early_failure_has_trailers_and_no_headers),
        TEST(nothing_of_the_trailers_is_used_after_a_cancel),
        CU_TEST_INFO_NULL,
    };
    return suite_run("metadata", tests, argc, argv);
}
