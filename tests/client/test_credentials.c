/* SPDX-License-Identifier: MIT */
/*
 * Credentials of calls: when they are asked for, what is sent, and what a call without them ends with.
 */
#include <stdio.h>
#include <string.h>

#include "support/fixture.h"

typedef struct bench {
    fixture f;
    belay_call_options *options;
    char said[256];   /* what the handler was told: "key=value;..." */
    int asked;        /* the function, how often */
    char method[64];  /* for what */
    char authority[64];
    belay_code code;  /* what the function returns */
    belay_context *cancels; /* what it cancels, or NULL */
} bench;

static belay_code
note_metadata(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    const belay_metadata *list = belay_call_metadata(call);
    (void)request, (void)reply;
    for (size_t i = 0; i < belay_metadata_count(list); i++) {
        const belay_metadata_entry *entry = belay_metadata_at(list, i);
        size_t used = strlen(b->said);
        if (strcmp(entry->key, "user-agent") != 0)
            snprintf(b->said + used, sizeof b->said - used, "%s=%s;", entry->key, entry->value);
    }
    return BELAY_OK;
}

static belay_code
make_token(void *argument, const belay_credentials_request *request, belay_metadata *metadata)
{
    bench *b = argument;
    char token[32];
    snprintf(b->method, sizeof b->method, "%s", request->method);
    snprintf(b->authority, sizeof b->authority, "%s", request->authority);
    int size = snprintf(token, sizeof token, "Bearer %d", ++b->asked);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 0);
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, "authorization", token, (size_t)size), BELAY_OK);
    if (b->cancels != NULL)
        belay_cancel(b->cancels, "while it asked");
    return b->code;
}

static void
bench_open(bench *b, bool plaintext)
{
    memset(b, 0, sizeof *b);
    fixture_open(&b->f, &(fixture_options){.handlers = {.unary = note_metadata}, .data = b});
    b->options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->options);
    belay_call_options_set_credentials(b->options, make_token, b);
    belay_call_options_set_plaintext_credentials(b->options, plaintext);
}

static void
bench_close(bench *b)
{
    belay_call_options_free(b->options);
    fixture_close(&b->f);
}

static belay_code
make_call(bench *b, belay_context *context, belay_status **status)
{
    return belay_test_probe_unary(b->f.channel, context, NOTE(""), b->options, NULL, status);
}

static void
expect_local(bench *b, belay_context *context, belay_code code, const char *message)
{
    belay_status *status = NULL;
    CU_ASSERT_EQUAL(make_call(b, context, &status), code);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), message);
    CU_ASSERT_TRUE(belay_status_is_local(status));
    CU_ASSERT_STRING_EQUAL(b->said, "");
    CU_ASSERT_EQUAL(fixture_counters(&b->f).connections, 0); /* the network was not touched */
    belay_status_free(status);
}

static void
test_each_call_has_credentials_of_its_own_after_other_metadata(void)
{
    bench b;
    bench_open(&b, true);
    CU_ASSERT_EQUAL(make_call(&b, NULL, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_options_add_metadata(b.options, "key", "x", 1), BELAY_OK);
    CU_ASSERT_EQUAL(make_call(&b, NULL, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.said, "authorization=Bearer 1;key=x;authorization=Bearer 2;");
    bench_close(&b);
}

static void
test_credentials_are_made_for_a_method_and_an_authority(void)
{
    bench b;
    bench_open(&b, true);
    CU_ASSERT_EQUAL(make_call(&b, NULL, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(b.method, "/belay.test.Probe/Unary");
    CU_ASSERT_STRING_EQUAL(b.authority, b.f.address);
    bench_close(&b);
}

static void
test_credentials_do_not_go_without_tls_unless_they_may(void)
{
    bench b;
    bench_open(&b, false);
    expect_local(&b, NULL, BELAY_UNAUTHENTICATED, "credentials are not sent without TLS");
    CU_ASSERT_EQUAL(b.asked, 0);
    belay_call_options_set_credentials(b.options, NULL, NULL);
    CU_ASSERT_EQUAL(make_call(&b, NULL, NULL), BELAY_OK);
    bench_close(&b);
}

/* gRFC A54: what only servers say is not taken for their answer. */
static void
test_a_call_without_its_credentials_ends_before_it_begins(void)
{
    static const struct {
        belay_code made, told;
    } table[] = {
        {BELAY_UNAVAILABLE, BELAY_UNAVAILABLE},
        {BELAY_UNAUTHENTICATED, BELAY_UNAUTHENTICATED},
        {BELAY_PERMISSION_DENIED, BELAY_PERMISSION_DENIED},
        {BELAY_RESOURCE_EXHAUSTED, BELAY_RESOURCE_EXHAUSTED},
        {BELAY_INVALID_ARGUMENT, BELAY_INTERNAL},
        {BELAY_NOT_FOUND, BELAY_INTERNAL},
        {BELAY_ALREADY_EXISTS, BELAY_INTERNAL},
        {BELAY_FAILED_PRECONDITION, BELAY_INTERNAL},
        {BELAY_ABORTED, BELAY_INTERNAL},
        {BELAY_OUT_OF_RANGE, BELAY_INTERNAL},
        {BELAY_DATA_LOSS, BELAY_INTERNAL},
        {(belay_code)99, BELAY_UNKNOWN},
    };
    bench b;
    bench_open(&b, true);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        b.code = table[i].made;
        expect_local(&b, NULL, table[i].told, "there are no credentials for the call");
    }
    bench_close(&b);
}

/* A stream tells so to whoever receives. */
static void
test_a_stream_without_its_credentials_has_ended(void)
{
    bench b;
    const void *data;
    size_t size;
    belay_call *call;
    bench_open(&b, false);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(b.f.channel, NULL, b.options, &call), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_send(call, "", 0), BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(belay_call_recv(call, &data, &size), BELAY_UNAUTHENTICATED);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_UNAUTHENTICATED);
    bench_close(&b);
}

static void
test_a_cancelled_call_asks_for_none(void)
{
    bench b;
    bench_open(&b, true);
    belay_context *context = belay_context_new(b.f.runtime);
    b.cancels = context;
    expect_local(&b, context, BELAY_CANCELLED, "while it asked");
    CU_ASSERT_EQUAL(b.asked, 1);
    expect_local(&b, context, BELAY_CANCELLED, "while it asked");
    CU_ASSERT_EQUAL(b.asked, 1);
    belay_context_unref(context);
    bench_close(&b);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_each_call_has_credentials_of_its_own_after_other_metadata),
        TEST(test_credentials_are_made_for_a_method_and_an_authority),
        TEST(test_credentials_do_not_go_without_tls_unless_they_may),
        TEST(test_a_call_without_its_credentials_ends_before_it_begins),
        TEST(test_a_stream_without_its_credentials_has_ended),
        TEST(test_a_cancelled_call_asks_for_none),
        CU_TEST_INFO_NULL,
    };
    return suite_run("credentials", tests, argc, argv);
}
