/* SPDX-License-Identifier: MIT */
/*
 * A client's headers as a server sees them, and a server's metadata and messages of every kind, right and wrong: what
 * the caller gets of them.
 */
#include <stdio.h>
#include <string.h>

#include "rpc/client_scene.h"
#include "wire/metadata.h"

/* ---- The request --------------------------------------------------------------------------------------- */

/* An open call with metadata of its own. */
static void
open_with(client_scene *s, belay_call_options *options)
{
    client_open_idle(s, (raw_settings){0}, false);
    belay_metadata *passed = belay_metadata_new();
    CU_ASSERT_EQUAL(belay_metadata_add(passed, "x-passed", "on", 2), BELAY_OK);
    CU_ASSERT_EQUAL(belay_context_set_metadata(s->context, passed), BELAY_OK);
    belay_metadata_free(passed);
    belay_code code = belay_test_probe_chat_start(s->channel, s->context, options, &s->call);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT(raw_await_headers(&s->server, s->id));
}

/* What HTTP/2 needs, then what defines the call, then metadata, in its order and with its duplicates. */
static void
test_request_is_in_the_order_of_the_specification(void)
{
    client_scene s;
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "x-b", "1", 1), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "x-a", " 2 ", 3), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "x-b", "1", 1), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(options, "x-c-bin", "\0\xab", 2), BELAY_OK);
    open_with(&s, options);
    belay_call_options_free(options);
    const char *fields = heard(&s)->fields;
    static const char call[] = ":method: POST\n:scheme: http\n:path: /belay.test.Probe/Chat\n:authority: 127.0.0.1:";
    static const char metadata[] = "x-passed: on\nx-b: 1\nx-a: 2\nx-b: 1\nx-c-bin: AKs\n";
    CU_ASSERT_EQUAL(strncmp(fields, call, strlen(call)), 0);
    CU_ASSERT(raw_has_field(heard(&s), "te", "trailers"));
    CU_ASSERT(raw_has_field(heard(&s), "content-type", "application/grpc"));
    size_t size = strlen(fields);
    CU_ASSERT_FATAL(size > strlen(metadata));
    CU_ASSERT_STRING_EQUAL(fields + size - strlen(metadata), metadata);
    client_close(&s);
}

/* What is left of the time, rounded up, and never nothing. */
static void
test_request_says_how_much_time_is_left(void)
{
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_SECONDS(3));
    CU_ASSERT_STRING_EQUAL(heard(&s)->timeout, "3000000u");
    client_close(&s);
    client_open(&s, OPEN, CHAT, 1);
    CU_ASSERT_STRING_EQUAL(heard(&s)->timeout, "1n");
    client_close(&s);
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    CU_ASSERT_STRING_EQUAL(heard(&s)->timeout, "");
    client_close(&s);
}

/* The last of a stream of requests is an empty DATA frame. */
static void
test_late_end_of_requests_is_an_empty_frame(void)
{
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_close_send(s.call), BELAY_OK);
    CU_ASSERT(raw_await_end(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->body, 0);
    CU_ASSERT_EQUAL(heard(&s)->blocks, 1);
    client_close(&s);
}

/* ---- The answer ---------------------------------------------------------------------------------------- */

#define ANSWER ":status", "200", "content-type", "application/grpc"

static void
expect_pair(const belay_metadata *list, size_t index, const char *key, const void *value, size_t size)
{
    const belay_metadata_entry *entry = belay_metadata_at(list, index);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_STRING_EQUAL(entry->key, key);
    CU_ASSERT_EQUAL_FATAL(entry->value_size, size);
    CU_ASSERT_EQUAL(memcmp(entry->value, value, size), 0);
}

/* Order, duplicates and binary values; nothing of what is HTTP's or gRPC's own. */
static void
expect_metadata(const belay_metadata *list)
{
    CU_ASSERT_EQUAL_FATAL(belay_metadata_count(list), 7);
    expect_pair(list, 0, "x-b", "1", 1);
    expect_pair(list, 1, "x-a", "", 0);
    expect_pair(list, 2, "x-b", "1", 1);
    expect_pair(list, 3, "x-c-bin", "\0\xab", 2);
    expect_pair(list, 4, "x-c-bin", "\xab", 1);
    expect_pair(list, 5, "server", "test", 4);
    expect_pair(list, 6, "x-odd", "caf\xe9", 4);
}

#define METADATA \
    "x-b", "1", "grpc-encoding", "identity", "x-a", "", "x-b", "1", "grpc-new", "x", "x-c-bin", "AKs=,qw", "server", \
        "test", "x-odd", "caf\xe9"

static void
test_metadata_of_the_answer_arrives_as_it_was_sent(void)
{
    static const char *const headers[] = {ANSWER, METADATA, NULL};
    static const char *const trailers[] = {METADATA, "grpc-status", "5", NULL};
    client_scene s;
    belay_status *status = NULL;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    raw_headers(&s.server, 1, headers, false);
    CU_ASSERT_EQUAL(belay_call_wait_headers(s.call), BELAY_OK);
    expect_metadata(belay_call_metadata(s.call));
    raw_headers(&s.server, 1, trailers, true);
    CU_ASSERT_EQUAL(belay_call_finish(s.call, &status), BELAY_NOT_FOUND);
    s.call = NULL;
    expect_metadata(belay_status_trailers(status));
    belay_status_free(status);
    client_close(&s);
}

static void
test_metadata_of_an_answer_in_one_block_are_trailers(void)
{
    static const char *const fields[] = {ANSWER, METADATA, "grpc-status", "5", NULL};
    client_scene s;
    belay_status *status = NULL;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    raw_headers(&s.server, 1, fields, true);
    CU_ASSERT_EQUAL(belay_call_wait_headers(s.call), BELAY_END_OF_STREAM);
    CU_ASSERT_PTR_NULL(belay_call_metadata(s.call));
    CU_ASSERT_EQUAL(belay_call_finish(s.call, &status), BELAY_NOT_FOUND);
    s.call = NULL;
    expect_metadata(belay_status_trailers(status));
    belay_status_free(status);
    client_close(&s);
}

/* Another call on the same connection goes on. */
static void
expect_bad_metadata(bool in_trailers, const char *value, belay_code code, const char *words)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    belay_call *other = client_call(&s, NULL, CHAT, BELAY_FOREVER);
    CU_ASSERT(raw_await_headers(&s.server, 3));
    if (in_trailers)
        raw_respond(&s.server, 1);
    const char *const headers[] = {ANSWER, "x-bad-bin", value, NULL};
    const char *const trailers[] = {"x-bad-bin", value, "grpc-status", "0", NULL};
    raw_headers(&s.server, 1, in_trailers ? trailers : headers, in_trailers);
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, code);
    CU_ASSERT_STRING_EQUAL(end.message, words);
    raw_status_only(&s.server, 3, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(finish(other).code, BELAY_NOT_FOUND);
    client_close(&s);
}

static void
test_binary_metadata_that_cannot_be_read_fails_its_stream_only(void)
{
    static const char *const values[] = {"!", "A", "AA=A", "AA,="};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        expect_bad_metadata(false, values[i], BELAY_INTERNAL, "malformed base64 in metadata");
        expect_bad_metadata(true, values[i], BELAY_INTERNAL, "malformed base64 in metadata");
    }
}

static void
test_too_many_values_of_binary_metadata_fail_their_stream_only(void)
{
    char commas[BLY_METADATA_MAX_PARTS + 1];
    memset(commas, ',', sizeof commas);
    commas[sizeof commas - 1] = '\0';
    expect_bad_metadata(false, commas, BELAY_RESOURCE_EXHAUSTED, "too many values in one header of metadata");
    expect_bad_metadata(true, commas, BELAY_RESOURCE_EXHAUSTED, "too many values in one header of metadata");
}

/* ---- Messages of the status ---------------------------------------------------------------------------- */

static void
test_messages_are_decoded_whatever_they_are(void)
{
    static const struct {
        const char *sent, *text;
    } table[] = {
        {"plain", "plain"},          {"%", "%"},           {"100%", "100%"},       {"%4", "%4"},
        {"%zz%41", "%zzA"},          {"%e2%98%BA", "\xe2\x98\xba"}, {"%C3", "\xef\xbf\xbd"},
        {"caf\xe9", "caf\xef\xbf\xbd"}, {"a%0Ab", "a\nb"}, {"", ""},              {"%25%32%35", "%25"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        raw_status_only(&s.server, 1, BELAY_ABORTED, table[i].sent);
        ending end = client_finish(&s);
        CU_ASSERT_EQUAL(end.code, BELAY_ABORTED);
        CU_ASSERT_STRING_EQUAL(end.message, table[i].text);
        client_close(&s);
    }
}

static void
test_content_types_of_grpc_are_taken(void)
{
    static const char *const types[] = {"application/grpc+proto", "application/grpc;x=y", "Application/GRPC"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const char *const fields[] = {":status", "200", "content-type", types[i], NULL};
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        raw_headers(&s.server, 1, fields, false);
        raw_message(&s.server, 1, 10, false);
        raw_status(&s.server, 1, BELAY_OK, NULL);
        CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_OK);
        client_close(&s);
    }
}

/* Trailers-Only is one block that ends the stream. */
static void
test_status_in_headers_that_do_not_end_the_answer_is_none(void)
{
    static const char *const fields[] = {ANSWER, "grpc-status", "9", "grpc-message", "early", NULL};
    static const char *const trailers[] = {"x-a", "1", NULL};
    for (int way = 0; way < 3; way++) {
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        raw_headers(&s.server, 1, fields, false);
        if (way == 2)
            raw_headers(&s.server, 1, trailers, true);
        else
            raw_message(&s.server, 1, 10, way == 0);
        if (way == 1)
            raw_status(&s.server, 1, BELAY_OK, NULL);
        ending end = client_finish(&s);
        CU_ASSERT_EQUAL(end.code, way == 1 ? BELAY_OK : BELAY_UNKNOWN);
        CU_ASSERT_STRING_EQUAL(end.message, way == 1 ? "" : "the server ended the call without a status");
        client_close(&s);
    }
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_request_is_in_the_order_of_the_specification),
        TEST(test_request_says_how_much_time_is_left),
        TEST(test_late_end_of_requests_is_an_empty_frame),
        TEST(test_metadata_of_the_answer_arrives_as_it_was_sent),
        TEST(test_metadata_of_an_answer_in_one_block_are_trailers),
        TEST(test_binary_metadata_that_cannot_be_read_fails_its_stream_only),
        TEST(test_too_many_values_of_binary_metadata_fail_their_stream_only),
        TEST(test_messages_are_decoded_whatever_they_are),
        TEST(test_content_types_of_grpc_are_taken),
        TEST(test_status_in_headers_that_do_not_end_the_answer_is_none),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client_headers", tests, argc, argv);
}
