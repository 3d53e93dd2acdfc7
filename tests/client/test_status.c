/* SPDX-License-Identifier: MIT */
/*
 * What a call ends with, and to whom the status belongs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"

/* What a percent-encoding, a printf and a header could trip over. */
#define MESSAGE "gr\xc3\xb6\xc3\x9f" "er, 100% \xe6\x97\xa5\xe6\x9c\xac\n\t\"x\" %d \x7f"

/* request->number: what to end with; text "plain": without a message, "mismatch": with another code's. */
static belay_code
end_with(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    belay_code code = (belay_code)request->number;
    reply->number = 1;
    if (strcmp(request->text, "plain") == 0)
        return code;
    if (strcmp(request->text, "mismatch") == 0) {
        (void)belay_fail(call, BELAY_NOT_FOUND, "not what is returned");
        return code;
    }
    return belay_fail(call, code, "%s", MESSAGE);
}

static belay_code
call_for(fixture *f, int64_t code, const char *text, belay_status **status)
{
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    char words[16];
    snprintf(words, sizeof words, "%s", text);
    request.number = code;
    request.text = words;
    return belay_test_probe_unary(f->channel, NULL, &request, NULL, NULL, status);
}

static void
test_all_codes_arrive_with_their_messages(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = end_with}});
    for (int code = BELAY_CANCELLED; code <= BELAY_UNAUTHENTICATED; code++) {
        belay_status *status = NULL;
        CU_ASSERT_EQUAL(call_for(&f, code, "", &status), code);
        CU_ASSERT_EQUAL(belay_status_code(status), code);
        CU_ASSERT_STRING_EQUAL(belay_status_message(status), MESSAGE);
        CU_ASSERT_FALSE(belay_status_is_local(status));
        belay_status_free(status);
    }
    CU_ASSERT_EQUAL(call_for(&f, BELAY_OK, "plain", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&f).calls_cancelled, 0); /* an error is no cancel */
    fixture_close(&f);
}

static void
test_a_code_without_a_message_has_an_empty_one(void)
{
    static const char *const texts[] = {"plain", "mismatch"};
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = end_with}});
    for (int i = 0; i < 2; i++) {
        belay_status *status = NULL;
        CU_ASSERT_EQUAL(call_for(&f, BELAY_DATA_LOSS, texts[i], &status), BELAY_DATA_LOSS);
        CU_ASSERT_STRING_EQUAL(belay_status_message(status), "");
        belay_status_free(status);
    }
    fixture_close(&f);
}

static void
test_what_is_no_status_is_unknown(void)
{
    static const int64_t codes[] = {17, 99, -1, BELAY_END_OF_STREAM};
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = {.unary = end_with}});
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        CU_ASSERT_EQUAL(call_for(&f, codes[i], "plain", NULL), BELAY_UNKNOWN);
    fixture_close(&f);
}

static void
test_no_status_counts_as_ok(void)
{
    CU_ASSERT_EQUAL(belay_status_code(NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_status_message(NULL), "");
    CU_ASSERT_PTR_NULL(belay_status_trailers(NULL));
    CU_ASSERT_FALSE(belay_status_is_local(NULL));
    belay_status_free(NULL);
}

/* ---- Handlers that call -------------------------------------------------------------------------- */

typedef struct bench {
    fixture inner;
    fixture outer;
} bench;

static belay_code
inner_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    reply->text = belay_printf(call, "for %s", request->text);
    if (strcmp(request->text, "fail") != 0)
        return BELAY_OK;
    belay_code code = belay_call_add_trailer(call, "last", "9", 1);
    return code == BELAY_OK ? belay_fail(call, BELAY_NOT_FOUND, "no such thing") : code;
}

static belay_code
inner_download(belay_call *call, const Belay__Test__Note *request)
{
    (void)request;
    for (int i = 0; i < 3; i++) {
        belay_code code = belay_test_probe_download_send_reply(call, NOTE("several"));
        if (code != BELAY_OK)
            return code;
    }
    return BELAY_OK;
}

/* With the handler's own context, on its thread: reply and status are the handler's call's. */
static belay_code
own_context(belay_call *call, belay_channel *channel, const char *text, Belay__Test__Note *reply)
{
    Belay__Test__Note *answer = NULL;
    belay_status *status = NULL;
    belay_code code =
        belay_test_probe_unary(channel, belay_call_context(call), NOTE(text), NULL, &answer, &status);
    if (code == BELAY_OK) {
        reply->text = answer->text;
        return BELAY_OK;
    }
    belay_status_free(status); /* does nothing: it is read below */
    bool has_trailer = belay_metadata_get(belay_status_trailers(status), "last") != NULL;
    return belay_fail(call, code, "%s%s", belay_status_message(status), has_trailer ? "!" : "?");
}

/* With any other context they are the caller's. */
static belay_code
derived_context(belay_call *call, belay_channel *channel, const char *text, Belay__Test__Note *reply)
{
    Belay__Test__Note *answer = NULL;
    belay_status *status = NULL;
    belay_context *derived = belay_context_derive(belay_call_context(call), BELAY_FOREVER);
    if (derived == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = belay_test_probe_unary(channel, derived, NOTE(text), NULL, &answer, &status);
    if (code == BELAY_OK) {
        reply->text = belay_printf(call, "%s", answer->text);
        belay__test__note__free_unpacked(answer, NULL);
    } else {
        (void)belay_fail(call, code, "%s", belay_status_message(status));
    }
    belay_status_free(status);
    belay_context_unref(derived);
    return code;
}

/* A stream of the handler's own context, read in part and left to the handler's end. */
static belay_code
left_open(belay_call *call, belay_channel *channel, Belay__Test__Note *reply)
{
    Belay__Test__Note *answer = NULL;
    belay_call *child = NULL;
    belay_code code =
        belay_test_probe_download_start(channel, belay_call_context(call), NOTE(""), NULL, &child);
    if (code == BELAY_OK)
        code = belay_test_probe_download_recv_reply(child, &answer);
    if (code == BELAY_OK)
        reply->text = answer->text;
    return code;
}

typedef struct errand {
    belay_channel *channel;
    belay_context *context;
    Belay__Test__Note *answer;
    belay_status *status;
    belay_code code;
} errand;

static void *
run_errand(void *argument)
{
    errand *self = argument;
    self->code = belay_test_probe_unary(self->channel, self->context, NOTE("fail"), NULL, &self->answer,
                                        &self->status);
    return NULL;
}

/* The handler's own context on another thread: what comes is that thread's. */
static belay_code
other_thread(belay_call *call, belay_channel *channel)
{
    errand self = {.channel = channel, .context = belay_call_context(call)};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_errand, &self) != 0)
        return BELAY_RESOURCE_EXHAUSTED;
    pthread_join(thread, NULL);
    (void)belay_fail(call, self.code, "%s", belay_status_message(self.status));
    belay_status_free(self.status);
    return self.code;
}

static belay_code
outer_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    belay_channel *channel = b->inner.channel;
    switch (request->number) {
    case 1:
        return own_context(call, channel, request->text, reply);
    case 2:
        return derived_context(call, channel, request->text, reply);
    case 3:
        return left_open(call, channel, reply);
    default:
        return other_thread(call, channel);
    }
}

static void
bench_open(bench *b)
{
    fixture_open(&b->inner, &(fixture_options){
        .handlers = {.unary = inner_unary, .download = inner_download}});
    fixture_open(&b->outer, &(fixture_options){
        .handlers = {.unary = outer_unary}, .data = b, .runtime = b->inner.runtime});
}

static void
bench_close(bench *b)
{
    fixture_close(&b->outer);
    fixture_close(&b->inner);
}

/* Asks the outer server; gives the reply's text, or the status's message. */
static belay_code
ask(bench *b, int64_t way, const char *text, char said[64])
{
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    Belay__Test__Note *reply = NULL;
    belay_status *status = NULL;
    char words[16];
    snprintf(words, sizeof words, "%s", text);
    request.number = way;
    request.text = words;
    belay_code code = belay_test_probe_unary(b->outer.channel, NULL, &request, NULL, &reply, &status);
    snprintf(said, 64, "%s", code == BELAY_OK ? reply->text : belay_status_message(status));
    if (code == BELAY_OK)
        belay__test__note__free_unpacked(reply, NULL);
    belay_status_free(status);
    return code;
}

static void
test_with_its_own_context_a_handler_frees_nothing(void)
{
    bench b;
    char said[64];
    bench_open(&b);
    CU_ASSERT_EQUAL(ask(&b, 1, "you", said), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(said, "for you");
    CU_ASSERT_EQUAL(ask(&b, 1, "fail", said), BELAY_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(said, "no such thing!");
    bench_close(&b);
}

static void
test_with_another_context_a_handler_frees_what_it_gets(void)
{
    bench b;
    char said[64];
    bench_open(&b);
    CU_ASSERT_EQUAL(ask(&b, 2, "you", said), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(said, "for you");
    CU_ASSERT_EQUAL(ask(&b, 2, "fail", said), BELAY_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(said, "no such thing");
    bench_close(&b);
}

static void
test_a_child_call_left_open_goes_with_the_handler(void)
{
    bench b;
    char said[64];
    bench_open(&b);
    CU_ASSERT_EQUAL(ask(&b, 3, "", said), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(said, "several");
    bench_close(&b);
}

static void
test_on_another_thread_the_results_are_that_threads(void)
{
    bench b;
    char said[64];
    bench_open(&b);
    CU_ASSERT_EQUAL(ask(&b, 4, "", said), BELAY_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(said, "no such thing");
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(all_codes_arrive_with_their_messages),
        TEST(a_code_without_a_message_has_an_empty_one),
        TEST(what_is_no_status_is_unknown),
        TEST(no_status_counts_as_ok),
        TEST(with_its_own_context_a_handler_frees_nothing),
        TEST(with_another_context_a_handler_frees_what_it_gets),
        TEST(a_child_call_left_open_goes_with_the_handler),
        TEST(on_another_thread_the_results_are_that_threads),
        CU_TEST_INFO_NULL,
    };
    return suite_run("status", tests, argc, argv);
}
