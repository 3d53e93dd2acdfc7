/* SPDX-License-Identifier: MIT */
/*
 * How long messages live that a handler receives: until the next one, so that a long stream does not grow its
 * handler's memory.
 */
#include "rpc/call.h"
#include "support/fixture.h"

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

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"a_request_gives_way_to_the_next", test_a_request_gives_way_to_the_next},
        {"a_reply_to_a_handlers_call_gives_way_to_the_next", test_a_reply_to_a_handlers_call_gives_way_to_the_next},
        CU_TEST_INFO_NULL,
    };
    return suite_run("rpc/messages", tests, argc, argv);
}
