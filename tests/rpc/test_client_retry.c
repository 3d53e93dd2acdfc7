/* SPDX-License-Identifier: MIT */
/*
 * Calls that no server has looked at go once more by themselves (gRFC A6, "transparent retries").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"
#include "rpc/client_scene.h"

#define REFUSED "the server refused the call before it ran"

static void
expect_unavailable(ending end)
{
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(end.message, REFUSED);
    CU_ASSERT_TRUE(end.is_local);
}

/* ---- REFUSED_STREAM ------------------------------------------------------------------------------- */

static void
test_a_refused_call_goes_once_more_over_the_same_connection(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    size_t size = raw_of(&s.server, 1)->body;
    raw_reset(&s.server, 1, RAW_REFUSED_STREAM);
    CU_ASSERT(raw_await_end(&s.server, 3));
    CU_ASSERT_EQUAL(raw_of(&s.server, 3)->body, size);
    CU_ASSERT_STRING_EQUAL(raw_of(&s.server, 3)->path, raw_of(&s.server, 1)->path);
    raw_status_only(&s.server, 3, BELAY_ABORTED, "here");
    ending end = client_finish(&s);
    CU_ASSERT_EQUAL(end.code, BELAY_ABORTED);
    CU_ASSERT_STRING_EQUAL(end.message, "here");
    client_close(&s);
}

static void
test_a_call_that_is_refused_twice_is_unavailable(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_reset(&s.server, 1, RAW_REFUSED_STREAM);
    CU_ASSERT(raw_await_end(&s.server, 3));
    raw_reset(&s.server, 3, RAW_REFUSED_STREAM);
    expect_unavailable(client_finish(&s));
    client_sync(&s);
    CU_ASSERT_EQUAL(raw_of(&s.server, 5)->blocks, 0);
    client_close(&s);
}

static void
test_a_call_that_has_an_answer_does_not_go_again(void)
{
    client_scene s;
    client_open(&s, ANSWERING, UNARY, BELAY_FOREVER);
    raw_reset(&s.server, 1, RAW_REFUSED_STREAM);
    expect_unavailable(client_finish(&s));
    client_sync(&s);
    CU_ASSERT_EQUAL(raw_of(&s.server, 3)->blocks, 0);
    client_close(&s);
}

static void
test_no_other_reset_makes_a_call_go_again(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_reset(&s.server, 1, RAW_INTERNAL_ERROR);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_INTERNAL);
    client_sync(&s);
    CU_ASSERT_EQUAL(raw_of(&s.server, 3)->blocks, 0);
    client_close(&s);
}

/* ---- GOAWAY --------------------------------------------------------------------------------------- */

static void
move_on(client_scene *s, raw_peer *second, uint32_t last)
{
    raw_goaway(&s->server, last, RAW_NO_ERROR);
    raw_accept(second, s->listener, (raw_settings){0});
}

static void
test_a_call_beyond_a_goaway_goes_over_another_connection(void)
{
    client_scene s;
    raw_peer second;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    move_on(&s, &second, 0);
    CU_ASSERT(raw_await_end(&second, 1));
    CU_ASSERT_EQUAL(raw_of(&second, 1)->body, raw_of(&s.server, 1)->body);
    raw_status_only(&second, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_ABORTED);
    raw_close(&second);
    client_close(&s);
}

static void
test_a_request_that_had_half_left_goes_whole(void)
{
    client_scene s;
    raw_peer second;
    client_open(&s, HALF_SENT, UNARY, BELAY_FOREVER);
    move_on(&s, &second, 0);
    CU_ASSERT(raw_await_end(&second, 1));
    CU_ASSERT_TRUE(raw_of(&second, 1)->body > 1000);
    raw_status_only(&second, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_ABORTED);
    raw_close(&second);
    client_close(&s);
}

static void
test_a_stream_of_requests_goes_again_and_goes_on(void)
{
    client_scene s;
    raw_peer second;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(s.call, s.large), BELAY_OK);
    size_t one = 5 + protobuf_c_message_get_packed_size(&s.large->base);
    CU_ASSERT(raw_await_body(&s.server, 1, 3 * one));
    move_on(&s, &second, 0);
    CU_ASSERT(raw_await_body(&second, 1, 3 * one));
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(s.call, s.large), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_close_send(s.call), BELAY_OK);
    CU_ASSERT(raw_await_end(&second, 1));
    CU_ASSERT_EQUAL(raw_of(&second, 1)->body, 4 * one);
    raw_status_only(&second, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_ABORTED);
    raw_close(&second);
    client_close(&s);
}

/* Its server may have kept nothing, and neither did we. */
static void
test_a_request_that_is_too_large_to_keep_does_not_go_again(void)
{
    enum { SIZE = 2 << 20 };
    client_scene s;
    client_open_idle(&s, (raw_settings){.has_window = true, .window = 4 << 20}, false);
    raw_window(&s.server, 0, 8 << 20);
    free(s.large);
    s.large = note_new(SIZE);
    s.call = client_call(&s, s.context, UNARY, BELAY_FOREVER);
    CU_ASSERT(raw_await_end(&s.server, 3));
    CU_ASSERT_TRUE(raw_of(&s.server, 3)->body > SIZE);
    raw_reset(&s.server, 3, RAW_REFUSED_STREAM);
    expect_unavailable(client_finish(&s));
    client_close(&s);
}

typedef struct move {
    belay_channel *channel;
    bly_address address;
} move;

static void
move_target(void *argument)
{
    move *self = argument;
    self->channel->address = self->address;
}

/* As a name does whose addresses change. */
static int
listen_elsewhere(client_scene *s, char address[32])
{
    move self = {.channel = s->channel};
    int listener = raw_listen(address);
    CU_ASSERT_TRUE_FATAL(bly_address_parse(address, &self.address));
    bly_loop_call(s->channel->loop, move_target, &self);
    return listener;
}

static void
test_the_peer_is_the_one_that_the_call_runs_on(void)
{
    enum { PLACES = 2 };
    client_scene s;
    raw_peer servers[PLACES];
    int listeners[PLACES];
    char addresses[PLACES][32], first[64];
    client_open(&s, WAITING, UNARY, BELAY_FOREVER);
    snprintf(first, sizeof first, "%s", belay_channel_target(s.channel));
    const char *before = belay_call_peer(s.call);
    CU_ASSERT_STRING_EQUAL(before, first);
    listeners[0] = listen_elsewhere(&s, addresses[0]);
    raw_goaway(&s.server, 1, RAW_NO_ERROR); /* the call has not left */
    raw_accept(&servers[0], listeners[0], (raw_settings){0});
    CU_ASSERT(raw_await_end(&servers[0], 1));
    const char *then = belay_call_peer(s.call);
    CU_ASSERT_STRING_EQUAL(then, addresses[0]);
    listeners[1] = listen_elsewhere(&s, addresses[1]);
    raw_goaway(&servers[0], 0, RAW_NO_ERROR);
    raw_accept(&servers[1], listeners[1], (raw_settings){0});
    CU_ASSERT(raw_await_end(&servers[1], 1));
    CU_ASSERT_STRING_EQUAL(belay_call_peer(s.call), addresses[1]);
    CU_ASSERT_STRING_EQUAL(before, first); /* they live as long as the call */
    CU_ASSERT_STRING_EQUAL(then, addresses[0]);
    raw_status_only(&servers[1], 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_ABORTED);
    for (int i = 0; i < PLACES; i++) {
        raw_close(&servers[i]);
        close(listeners[i]);
    }
    client_close(&s);
}

/* ---- What holds for all tries --------------------------------------------------------------------- */

static void
test_the_deadline_covers_all_tries(void)
{
    client_scene s;
    raw_peer second;
    client_open(&s, OPEN, UNARY, BELAY_SECONDS(1));
    CU_ASSERT_STRING_EQUAL(raw_of(&s.server, 1)->timeout, "1000000u");
    fixture_advance(&s.f, BELAY_MILLISECONDS(400));
    move_on(&s, &second, 0);
    CU_ASSERT(raw_await_end(&second, 1));
    CU_ASSERT_STRING_EQUAL(raw_of(&second, 1)->timeout, "600000u");
    fixture_advance(&s.f, BELAY_MILLISECONDS(600));
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT(raw_await_reset(&second, 1));
    raw_close(&second);
    client_close(&s);
}

static void
test_a_call_on_its_way_to_another_try_can_be_cancelled(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_goaway(&s.server, 0, RAW_NO_ERROR); /* and nobody takes the next connection */
    raw_await_lost(&s.server);
    belay_cancel(s.context, "enough");
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_CANCELLED);
    client_close(&s);
}

static void
test_a_cancelled_call_does_not_go_again(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    fixture_hold_io(&s.f);
    raw_reset(&s.server, 1, RAW_REFUSED_STREAM);
    belay_cancel(s.context, "enough");
    fixture_release_io(&s.f);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_CANCELLED);
    client_sync(&s);
    CU_ASSERT_EQUAL(raw_of(&s.server, 3)->blocks, 0);
    client_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_a_refused_call_goes_once_more_over_the_same_connection),
        TEST(test_a_call_that_is_refused_twice_is_unavailable),
        TEST(test_a_call_that_has_an_answer_does_not_go_again),
        TEST(test_no_other_reset_makes_a_call_go_again),
        TEST(test_a_call_beyond_a_goaway_goes_over_another_connection),
        TEST(test_a_request_that_had_half_left_goes_whole),
        TEST(test_a_stream_of_requests_goes_again_and_goes_on),
        TEST(test_a_request_that_is_too_large_to_keep_does_not_go_again),
        TEST(test_the_peer_is_the_one_that_the_call_runs_on),
        TEST(test_the_deadline_covers_all_tries),
        TEST(test_a_call_on_its_way_to_another_try_can_be_cancelled),
        TEST(test_a_cancelled_call_does_not_go_again),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client_retry", tests, argc, argv);
}
