/* SPDX-License-Identifier: MIT */
/*
 * That what the end-to-end suites stand on holds: a call of each kind through the fixture, by hand from a raw
 * client and to a raw server, and the three ways to put things in an order.
 */
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

static belay_code
answer_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    reply->text = belay_printf(call, "%s to you", request->text);
    return BELAY_OK;
}

static const fixture_options answering = {
    .handlers = {answer_unary, answer_count, answer_thrice, answer_echo},
};

static void
test_each_kind_of_call_through_the_channel(void)
{
    fixture f;
    Belay__Test__Note *reply = NULL;
    fixture_open(&f, &answering);
    belay_code code = belay_test_probe_unary(f.channel, NULL, NOTE("hello"), NULL, &reply, NULL);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->text, "hello to you");
    belay__test__note__free_unpacked(reply, NULL);

    belay_call *call = start_upload(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, NOTE("one")), BELAY_OK);
    CU_ASSERT_EQUAL(belay_test_probe_upload_send_request(call, NOTE("two")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_upload_finish(call, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, 2);
    belay__test__note__free_unpacked(reply, NULL);

    call = start_chat(&f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(call, NOTE("one")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->text, "one");
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(start_download(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    fixture_close(&f);
}

static void
test_each_kind_of_call_by_hand(void)
{
    fixture f;
    raw_peer client;
    fixture_open(&f, &answering);
    raw_connect(&client, f.address, (raw_settings){0});
    raw_unary(&client, 1, NULL);
    raw_call(&client, 3, "Upload", NULL, false);
    raw_message(&client, 3, 0, false);
    raw_message(&client, 3, 300, true);
    raw_call(&client, 5, "Download", "10S", false);
    raw_message(&client, 5, 0, true);
    raw_call(&client, 7, "Chat", NULL, true);
    for (uint32_t id = 1; id <= 7; id += 2) {
        CU_ASSERT_FATAL(raw_await_end(&client, id));
        CU_ASSERT_EQUAL(raw_of(&client, id)->http_status, 200);
        CU_ASSERT_EQUAL(raw_of(&client, id)->grpc_status, BELAY_OK);
        CU_ASSERT_EQUAL(raw_of(&client, id)->resets, 0);
    }
    CU_ASSERT_EQUAL(raw_of(&client, 5)->body, 3 * 5);
    raw_close(&client);
    fixture_close(&f);
}

static void
test_a_raw_server_answers_a_channel(void)
{
    fixture f;
    raw_peer server;
    char address[32];
    int listener = raw_listen(address);
    fixture_open(&f, &answering);
    belay_channel *channel = belay_channel_new(f.runtime, address, NULL);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE("hello"), NULL, &call), BELAY_OK);
    raw_accept(&server, listener, (raw_settings){0});
    CU_ASSERT_FATAL(raw_await_end(&server, 1));
    CU_ASSERT_STRING_EQUAL(raw_of(&server, 1)->path, "/belay.test.Probe/Unary");
    raw_status_only(&server, 1, BELAY_NOT_FOUND, "nobody here");
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(end.message, "nobody here");
    CU_ASSERT_FALSE(end.is_local);
    raw_close(&server);
    close(listener);
    belay_channel_free(channel);
    fixture_close(&f);
}

/* Held, the I/O thread takes in nothing; then all at once, in one turn. */
static void
test_the_io_thread_stands_still_while_held(void)
{
    fixture f;
    raw_peer client;
    fixture_open(&f, &answering);
    raw_connect(&client, f.address, (raw_settings){0});
    fixture_hold_io(&f);
    raw_unary(&client, 1, NULL);
    raw_reset(&client, 1, RAW_CANCEL);
    CU_ASSERT_EQUAL(fixture_counters(&f).handlers_started, 0);
    fixture_release_io(&f);
    raw_sync(&client);
    FIXTURE_AWAIT(&f, calls_cancelled, 1);
    raw_close(&client);
    fixture_close(&f);
}

static void
test_a_deadline_passes_when_the_own_clock_says_so(void)
{
    fixture f;
    fixture_options options = answering;
    options.own_clock = true;
    fixture_open(&f, &options);
    belay_context *root = belay_context_new(f.runtime);
    belay_context *context = belay_context_derive(root, BELAY_SECONDS(1));
    fixture_advance(&f, BELAY_SECONDS(1) - 1);
    CU_ASSERT_FALSE(belay_context_cancelled(context));
    fixture_advance(&f, 1);
    CU_ASSERT_EQUAL(belay_context_cause(context), BELAY_CAUSE_DEADLINE);
    belay_context_unref(context);
    belay_context_unref(root);
    fixture_close(&f);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_each_kind_of_call_through_the_channel),
        TEST(test_each_kind_of_call_by_hand),
        TEST(test_a_raw_server_answers_a_channel),
        TEST(test_the_io_thread_stands_still_while_held),
        TEST(test_a_deadline_passes_when_the_own_clock_says_so),
        CU_TEST_INFO_NULL,
    };
    return suite_run("fixture", tests, argc, argv);
}
