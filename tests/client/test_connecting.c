/* SPDX-License-Identifier: MIT */
/*
 * Channels that connect, fail to, wait, and connect again. Time passes when the test says so.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/channel.h"
#include "h2/session.h"
#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

static const belay_test_probe_handlers handlers = {.unary = answer_next};

/* A runtime on an own clock (the fixture's), and a channel of the test's own. */
typedef struct bench {
    fixture fixture;
    belay_channel *channel;
} bench;

static void
bench_open(bench *b, const char *target)
{
    fixture_open(&b->fixture, &(fixture_options){.handlers = handlers, .own_clock = true});
    b->channel = belay_channel_new(b->fixture.runtime, target, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
}

static void
bench_close(bench *b)
{
    belay_channel_free(b->channel);
    fixture_close(&b->fixture);
}

static belay_call *
start_with(bench *b, bool wait_for_ready, uint64_t timeout_ns)
{
    belay_call *call = NULL;
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_call_options_set_wait_for_ready(options, wait_for_ready);
    belay_call_options_set_timeout(options, timeout_ns);
    belay_code code = belay_test_probe_unary_start(b->channel, NULL, NOTE("x"), options, &call);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    belay_call_options_free(options);
    return call;
}

static belay_call *
start_fast(bench *b)
{
    return start_with(b, false, BELAY_FOREVER);
}

static belay_call *
start_waiting(bench *b)
{
    return start_with(b, true, BELAY_FOREVER);
}

/* A call's failure names its target and the reason. */
static void
assert_unavailable(belay_call *call, const char *target, const char *reason)
{
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_TRUE(end.is_local);
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, target));
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, reason));
}

/* A port that refuses, and that nobody else can take: bound, and not listened on. */
static int
refuse(char address[32])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(descriptor, (struct sockaddr *)&name, length), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(descriptor, (struct sockaddr *)&name, &length), 0);
    snprintf(address, 32, "127.0.0.1:%d", ntohs(name.sin_port));
    return descriptor;
}

/* A path where a socket may come to be. */
typedef struct place {
    char folder[32];
    char target[64];
} place;

static void
place_make(place *p)
{
    strcpy(p->folder, "/tmp/belay-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->folder));
    snprintf(p->target, sizeof p->target, "unix:%s/socket", p->folder);
}

static void
place_remove(place *p)
{
    CU_ASSERT_EQUAL(rmdir(p->folder), 0);
}

static belay_server *
serve_at(belay_runtime *runtime, const char *address)
{
    belay_server *server = belay_server_new(runtime, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_add(server, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, address, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    return server;
}

/* ---- No connection to be had --------------------------------------------------------------------- */

static void
test_a_refused_connection_fails_calls_with_target_and_reason(void)
{
    bench b;
    char address[32];
    int descriptor = refuse(address);
    bench_open(&b, address);
    assert_unavailable(start_fast(&b), address, "refused");
    assert_unavailable(start_fast(&b), address, "refused"); /* at once: no other try before its time */
    bench_close(&b);
    close(descriptor);
}

static void
test_a_missing_socket_fails_calls_with_target_and_reason(void)
{
    bench b;
    place p;
    place_make(&p);
    bench_open(&b, p.target);
    assert_unavailable(start_fast(&b), p.target, "No such file");
    bench_close(&b);
    place_remove(&p);
}

static void
test_all_calls_that_wait_fail_together(void)
{
    enum { CALLS = 20 };
    bench b;
    char address[32];
    belay_call *calls[CALLS];
    int descriptor = refuse(address);
    bench_open(&b, address);
    fixture_hold_io(&b.fixture);
    for (int i = 0; i < CALLS; i++)
        calls[i] = start_fast(&b);
    fixture_release_io(&b.fixture);
    for (int i = 0; i < CALLS; i++)
        assert_unavailable(calls[i], address, "refused");
    bench_close(&b);
    close(descriptor);
}

static void
test_a_call_that_waits_for_ready_runs_when_the_server_is_there(void)
{
    bench b;
    place p;
    place_make(&p);
    bench_open(&b, p.target);
    assert_unavailable(start_fast(&b), p.target, ""); /* now it backs off */
    belay_call *waiting = start_waiting(&b);
    fixture_settle(&b.fixture);
    CU_ASSERT_FALSE(belay_cancelled(waiting));
    belay_server *server = serve_at(b.fixture.runtime, p.target);
    fixture_advance(&b.fixture, BELAY_SECONDS(2));
    CU_ASSERT_EQUAL(finish(waiting).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(start_fast(&b)).code, BELAY_OK); /* and all is well */
    belay_channel_free(b.channel);
    b.channel = NULL;
    belay_server_free(server);
    bench_close(&b);
    place_remove(&p);
}

static void
test_waiting_for_ready_outlasts_failed_attempts(void)
{
    bench b;
    place p;
    place_make(&p);
    bench_open(&b, p.target);
    belay_call *waiting = start_waiting(&b);
    for (int i = 0; i < 5; i++) {
        assert_unavailable(start_fast(&b), p.target, ""); /* an attempt has failed */
        CU_ASSERT_FALSE(belay_cancelled(waiting));
        fixture_advance(&b.fixture, BELAY_SECONDS(20));
    }
    belay_cancel(belay_call_context(waiting), "tired");
    CU_ASSERT_STRING_EQUAL(finish(waiting).message, "tired");
    bench_close(&b);
    place_remove(&p);
}

static void
test_a_deadline_passes_while_a_call_waits_for_ready(void)
{
    bench b;
    place p;
    place_make(&p);
    bench_open(&b, p.target);
    belay_call *late = start_with(&b, true, BELAY_MILLISECONDS(100));
    fixture_settle(&b.fixture);
    fixture_advance(&b.fixture, BELAY_MILLISECONDS(100));
    CU_ASSERT_EQUAL(finish(late).code, BELAY_DEADLINE_EXCEEDED);
    bench_close(&b);
    place_remove(&p);
}

static void
test_a_channel_that_goes_cancels_calls_that_wait(void)
{
    bench b;
    place p;
    place_make(&p);
    bench_open(&b, p.target);
    belay_call *waiting = start_waiting(&b);
    fixture_settle(&b.fixture);
    belay_channel_free(b.channel);
    b.channel = NULL;
    ending end = finish(waiting);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "the channel was closed");
    bench_close(&b);
    place_remove(&p);
}

/* ---- Connections that hang ------------------------------------------------------------------------ */

/* Takes the connection, and reads what clients begin with: then the channel waits for SETTINGS. */
static int
accept_silently(int listener)
{
    char preface[24];
    int descriptor = accept(listener, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    CU_ASSERT_EQUAL(recv(descriptor, preface, sizeof preface, MSG_WAITALL), (ssize_t)sizeof preface);
    return descriptor;
}

static void
test_a_deadline_passes_while_the_server_says_nothing(void)
{
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *call = start_with(&b, false, BELAY_SECONDS(1));
    int silent = accept_silently(listener);
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(finish(call).code, BELAY_DEADLINE_EXCEEDED);
    bench_close(&b);
    close(silent);
    close(listener);
}

static void
test_a_server_without_settings_is_given_up(void)
{
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *call = start_fast(&b);
    int silent = accept_silently(listener);
    fixture_settle(&b.fixture);
    fixture_advance(&b.fixture, BELAY_SECONDS(10));
    assert_unavailable(call, address, "SETTINGS");
    bench_close(&b);
    close(silent);
    close(listener);
}

static void
test_a_server_that_speaks_another_language_is_given_up(void)
{
    static const char words[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *call = start_fast(&b);
    int stranger = accept_silently(listener);
    CU_ASSERT_EQUAL(send(stranger, words, sizeof words - 1, MSG_NOSIGNAL), (ssize_t)sizeof words - 1);
    assert_unavailable(call, address, "SETTINGS");
    bench_close(&b);
    close(stranger);
    close(listener);
}

/* A listener whose queue is full: connections begin and get nowhere. */
typedef struct full_listener {
    int listener;
    int waiting[4];
} full_listener;

static void
full_listener_open(full_listener *full, char address[32])
{
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    full->listener = refuse(address);
    CU_ASSERT_EQUAL_FATAL(listen(full->listener, 0), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(full->listener, (struct sockaddr *)&name, &length), 0);
    for (int i = 0; i < 4; i++) {
        full->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CU_ASSERT_TRUE_FATAL(full->waiting[i] >= 0);
        (void)!connect(full->waiting[i], (struct sockaddr *)&name, length);
    }
}

static void
full_listener_close(full_listener *full)
{
    for (int i = 0; i < 4; i++)
        close(full->waiting[i]);
    close(full->listener);
}

static void
test_a_deadline_passes_while_connecting(void)
{
    bench b;
    full_listener full;
    char address[32];
    full_listener_open(&full, address);
    bench_open(&b, address);
    belay_call *late = start_with(&b, true, BELAY_SECONDS(1));
    belay_call *cancelled = start_fast(&b);
    fixture_settle(&b.fixture);
    belay_cancel(belay_call_context(cancelled), "no patience");
    CU_ASSERT_STRING_EQUAL(finish(cancelled).message, "no patience");
    fixture_advance(&b.fixture, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(finish(late).code, BELAY_DEADLINE_EXCEEDED);
    bench_close(&b); /* which does not wait for the connection either */
    full_listener_close(&full);
}

typedef struct patient {
    fixture *fixture;
    belay_call *call;
} patient;

static bool
has_ended_by_then(void *argument)
{
    patient *self = argument;
    fixture_advance(self->fixture, BELAY_SECONDS(20));
    return belay_cancelled(self->call);
}

/* On a busy machine a queue may take one more than it should: then it is the SETTINGS that do not come. */
static void
test_connecting_is_given_up_after_a_while(void)
{
    bench b;
    full_listener full;
    char address[32];
    full_listener_open(&full, address);
    bench_open(&b, address);
    patient self = {&b.fixture, start_fast(&b)};
    fixture_settle(&b.fixture);
    wait_until(has_ended_by_then, &self, "the attempt is given up");
    assert_unavailable(self.call, address, "");
    bench_close(&b);
    full_listener_close(&full);
}

/* ---- Connections that go ------------------------------------------------------------------------- */

static void
test_a_channel_connects_again_when_the_server_was_started_anew(void)
{
    bench b;
    bench_open(&b, "127.0.0.1:1"); /* for its runtime */
    belay_channel_free(b.channel);
    belay_server *server = serve_at(b.fixture.runtime, "127.0.0.1:0");
    char address[32];
    snprintf(address, sizeof address, "%s", belay_server_address(server, 0));
    b.channel = belay_channel_new(b.fixture.runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b.channel);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(finish(start_fast(&b)).code, BELAY_OK);
        belay_server_free(server);
        server = serve_at(b.fixture.runtime, address);
    }
    CU_ASSERT_EQUAL(finish(start_fast(&b)).code, BELAY_OK);
    belay_channel_free(b.channel);
    b.channel = NULL;
    belay_server_free(server);
    bench_close(&b);
}

static void
test_after_a_lost_connection_the_next_call_makes_another(void)
{
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    for (int i = 0; i < 2; i++) {
        raw_peer peer;
        belay_call *call = start_fast(&b);
        raw_accept(&peer, listener, (raw_settings){.has_window = false});
        CU_ASSERT_TRUE(raw_await_end(&peer, 1));
        raw_break(&peer);
        ending end = finish(call);
        CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
        CU_ASSERT_PTR_NOT_NULL(strstr(end.message, "the connection was lost: "));
        CU_ASSERT_TRUE(end.is_local);
        fixture_settle(&b.fixture);
    }
    bench_close(&b);
    close(listener);
}

static void
test_a_connection_that_is_told_to_go_serves_its_calls_while_another_takes_the_new(void)
{
    bench b;
    raw_peer old, fresh;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *first = start_fast(&b);
    raw_accept(&old, listener, (raw_settings){.has_window = false});
    CU_ASSERT_TRUE(raw_await_end(&old, 1));
    raw_goaway(&old, 1, RAW_NO_ERROR);
    raw_sync(&old);
    belay_call *second = start_fast(&b);
    raw_accept(&fresh, listener, (raw_settings){.has_window = false});
    CU_ASSERT_TRUE(raw_await_end(&fresh, 1));
    raw_status_only(&fresh, 1, BELAY_ABORTED, NULL);
    raw_status_only(&old, 1, BELAY_NOT_FOUND, NULL);
    CU_ASSERT_EQUAL(finish(second).code, BELAY_ABORTED);
    CU_ASSERT_EQUAL(finish(first).code, BELAY_NOT_FOUND);
    raw_await_lost(&old);
    raw_close(&old);
    raw_close(&fresh);
    bench_close(&b);
    close(listener);
}

/* ---- Connections that serve no call ----------------------------------------------------------------- */

/* A server that lets nobody in says both in one breath, and hangs up. */
static void
turn_away(int listener)
{
    static const uint8_t settings_and_goaway[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, /* SETTINGS */
                                                  0, 0, 8, 7, 0, 0, 0, 0, 0, /* GOAWAY */
                                                  0, 0, 0, 0, 0, 0, 0, 0};
    int descriptor = accept_silently(listener);
    CU_ASSERT(raw_write(descriptor, settings_and_goaway, sizeof settings_and_goaway));
    shutdown(descriptor, SHUT_WR);
    while (recv(descriptor, (char[64]){0}, 64, 0) > 0) /* what is not read would break the connection */
        continue;
    close(descriptor);
}

typedef struct caller {
    belay_channel *channel;
    int listener;
    bool backs_off;
    bool calls_again;
    bool is_over; /* the attempt to connect */
} caller;

static void
look_at_caller(void *argument)
{
    caller *self = argument;
    struct pollfd listener = {.fd = self->listener, .events = POLLIN};
    self->backs_off = self->channel->state == BLY_CHANNEL_BACKOFF;
    self->calls_again = poll(&listener, 1, 0) > 0;
}

static bool
has_decided(void *argument)
{
    caller *self = argument;
    bly_loop_call(self->channel->loop, look_at_caller, self);
    return self->backs_off || self->calls_again;
}

static void
look_whether_over(void *argument)
{
    caller *self = argument;
    look_at_caller(self);
    self->is_over = self->channel->state != BLY_CHANNEL_CONNECTING;
}

static bool
has_given_up(void *argument)
{
    caller *self = argument;
    bly_loop_call(self->channel->loop, look_whether_over, self);
    return self->is_over;
}

/* Turns one connection away: there is no other before its time. */
static void
expect_back_off(bench *b, int listener)
{
    caller self = {.channel = b->channel, .listener = listener};
    turn_away(listener);
    wait_until(has_decided, &self, "the channel backs off or connects");
    CU_ASSERT_TRUE(self.backs_off);
    CU_ASSERT_FALSE_FATAL(self.calls_again);
}

static void
test_a_server_that_turns_everybody_away_fails_calls(void)
{
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    for (int i = 0; i < 2; i++) {
        belay_call *call = start_fast(&b);
        expect_back_off(&b, listener);
        assert_unavailable(call, "", "before they are used");
        assert_unavailable(start_fast(&b), "", "before they are used"); /* without another connection */
        fixture_advance(&b.fixture, BELAY_SECONDS(3));
    }
    bench_close(&b);
    close(listener);
}

static void
test_a_server_that_turns_everybody_away_is_called_with_pauses(void)
{
    bench b;
    raw_peer peer;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *waiting = start_waiting(&b);
    for (int i = 0; i < 3; i++) {
        expect_back_off(&b, listener);
        CU_ASSERT_FALSE(belay_cancelled(waiting));
        fixture_advance(&b.fixture, BELAY_SECONDS(20));
    }
    raw_accept(&peer, listener, (raw_settings){.has_window = false});
    CU_ASSERT_TRUE(raw_await_end(&peer, 1));
    raw_status_only(&peer, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(waiting).code, BELAY_ABORTED);
    raw_close(&peer);
    bench_close(&b);
    close(listener);
}

/* An attempt that fails is one, also when whoever it was for has not waited for it. */
static void
test_an_attempt_that_nobody_waits_for_counts(void)
{
    bench b;
    char address[32];
    int listener = raw_listen(address);
    bench_open(&b, address);
    belay_call *gone = start_fast(&b);
    int descriptor = accept_silently(listener);
    belay_cancel(belay_call_context(gone), "no patience");
    CU_ASSERT_STRING_EQUAL(finish(gone).message, "no patience");
    fixture_settle(&b.fixture);
    caller self = {.channel = b.channel, .listener = listener};
    close(descriptor);
    wait_until(has_given_up, &self, "the attempt is over");
    CU_ASSERT_TRUE_FATAL(self.backs_off);
    assert_unavailable(start_fast(&b), address, "before it was used");
    bench_close(&b);
    close(listener);
}

/* ---- Connections whose numbers of streams are used up ------------------------------------------------ */

static nghttp2_session *
session_of(const belay_channel *channel)
{
    return channel->current->h2->session;
}

static void
leave_one_number(void *argument)
{
    CU_ASSERT_EQUAL(nghttp2_session_set_next_stream_id(session_of(argument), INT32_MAX), 0);
}

static void
look_for_new_numbers(void *argument)
{
    belay_channel *channel = argument;
    CU_ASSERT_EQUAL_FATAL(channel->state, BLY_CHANNEL_READY);
    CU_ASSERT_EQUAL(nghttp2_session_get_next_stream_id(session_of(channel)), 3);
}

/* The timeout is only there to end the test if the call finds no connection. */
static belay_call *
start_bounded(fixture *f)
{
    return start_unary(f, NULL, BELAY_SECONDS(20));
}

static void
test_calls_after_the_last_number_go_over_another_connection(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = handlers});
    CU_ASSERT_EQUAL_FATAL(finish(start_bounded(&f)).code, BELAY_OK);
    bly_loop_call(f.channel->loop, leave_one_number, f.channel);
    CU_ASSERT_EQUAL(finish(start_bounded(&f)).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(start_bounded(&f)).code, BELAY_OK);
    bly_loop_call(f.channel->loop, look_for_new_numbers, f.channel);
    fixture_close(&f);
}

static void
test_a_call_that_waits_for_a_number_goes_over_another_connection(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.handlers = handlers});
    CU_ASSERT_EQUAL_FATAL(finish(start_bounded(&f)).code, BELAY_OK);
    bly_loop_call(f.channel->loop, leave_one_number, f.channel);
    fixture_hold_io(&f);
    belay_call *last = start_bounded(&f);
    belay_call *next = start_bounded(&f);
    fixture_release_io(&f);
    CU_ASSERT_EQUAL(finish(last).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_OK);
    bly_loop_call(f.channel->loop, look_for_new_numbers, f.channel);
    fixture_close(&f);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_refused_connection_fails_calls_with_target_and_reason),
        TEST(a_missing_socket_fails_calls_with_target_and_reason),
        TEST(all_calls_that_wait_fail_together),
        TEST(a_call_that_waits_for_ready_runs_when_the_server_is_there),
        TEST(waiting_for_ready_outlasts_failed_attempts),
        TEST(a_deadline_passes_while_a_call_waits_for_ready),
        TEST(a_channel_that_goes_cancels_calls_that_wait),
        TEST(a_deadline_passes_while_the_server_says_nothing),
        TEST(a_server_without_settings_is_given_up),
        TEST(a_server_that_speaks_another_language_is_given_up),
        TEST(a_deadline_passes_while_connecting),
        TEST(connecting_is_given_up_after_a_while),
        TEST(a_channel_connects_again_when_the_server_was_started_anew),
        TEST(after_a_lost_connection_the_next_call_makes_another),
        TEST(a_connection_that_is_told_to_go_serves_its_calls_while_another_takes_the_new),
        TEST(a_server_that_turns_everybody_away_fails_calls),
        TEST(a_server_that_turns_everybody_away_is_called_with_pauses),
        TEST(an_attempt_that_nobody_waits_for_counts),
        TEST(calls_after_the_last_number_go_over_another_connection),
        TEST(a_call_that_waits_for_a_number_goes_over_another_connection),
        CU_TEST_INFO_NULL,
    };
    return suite_run("connecting", tests, argc, argv);
}
