/* SPDX-License-Identifier: MIT */
/*
 * The health service over real sockets: what is answered, who is told of changes, and that none of it needs a worker.
 */
#include <belay/health.h>

#include <stdlib.h>
#include <string.h>

#include "services/grpc/health/v1/health.belay.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

static gate entered, may_end;

/* Unary: keeps its worker. */
static belay_code
occupy(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call, (void)request, (void)reply;
    gate_open(&entered);
    gate_wait(&may_end);
    return BELAY_OK;
}

static void
configure(belay_server *server)
{
    CU_ASSERT_EQUAL_FATAL(belay_health_add(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_health_add(server), BELAY_ALREADY_EXISTS);
}

static void
open_fixture_with(fixture *f, fixture_options options)
{
    gate_init(&entered, "a handler runs");
    gate_init(&may_end, "the handler may end");
    options.handlers.unary = occupy;
    options.configure = configure;
    fixture_open(f, &options);
}

static void
open_fixture(fixture *f)
{
    open_fixture_with(f, (fixture_options){.data = NULL});
}

static void
close_fixture(fixture *f)
{
    fixture_close(f);
    gate_fini(&entered);
    gate_fini(&may_end);
}

/* ---- Client's side ---------------------------------------------------------------------------------- */

static belay_code
check(fixture *f, const char *service, int *status)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *reply = NULL;
    request.service = (char *)service;
    belay_code code = grpc_health_v1_health_check(f->channel, NULL, &request, NULL, &reply, NULL);
    if (code == BELAY_OK) {
        *status = (int)reply->status;
        grpc__health__v1__health_check_response__free_unpacked(reply, NULL);
    }
    return code;
}

static belay_call *
watch_by(belay_channel *channel, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    belay_call *call = NULL;
    request.service = (char *)service;
    CU_ASSERT_EQUAL_FATAL(grpc_health_v1_health_watch_start(channel, NULL, &request, NULL, &call), BELAY_OK);
    return call;
}

/* The next status, or -1 with the code that the call ended with. */
static int
next(belay_call *call, belay_code *code)
{
    Grpc__Health__V1__HealthCheckResponse *reply = NULL;
    *code = grpc_health_v1_health_watch_recv_reply(call, &reply);
    if (*code != BELAY_OK)
        return -1;
    int status = (int)reply->status;
    grpc__health__v1__health_check_response__free_unpacked(reply, NULL);
    return status;
}

static void
expect_next(belay_call *call, int status)
{
    belay_code code;
    CU_ASSERT_EQUAL(next(call, &code), status);
    CU_ASSERT_EQUAL(code, BELAY_OK);
}

static void
set(fixture *f, const char *service, belay_health status)
{
    CU_ASSERT_EQUAL(belay_health_set(f->server, service, status), BELAY_OK);
}

/* ---- Check and List ---------------------------------------------------------------------------------- */

static void
test_check_tells_what_was_set_and_not_found_for_the_rest(void)
{
    fixture f;
    int status = -1;
    open_fixture(&f);
    CU_ASSERT_EQUAL(check(&f, "", &status), BELAY_OK);
    CU_ASSERT_EQUAL(status, SERVING);
    CU_ASSERT_EQUAL(check(&f, "a.B", &status), BELAY_NOT_FOUND);
    set(&f, "a.B", BELAY_HEALTH_NOT_SERVING);
    CU_ASSERT_EQUAL(check(&f, "a.B", &status), BELAY_OK);
    CU_ASSERT_EQUAL(status, NOT_SERVING);
    set(&f, "a.B", BELAY_HEALTH_SERVING);
    CU_ASSERT_EQUAL(check(&f, "a.B", &status), BELAY_OK);
    CU_ASSERT_EQUAL(status, SERVING);
    close_fixture(&f);
}

/* The I/O threads answer, and they do not compress. */
static void
test_answers_of_a_server_that_compresses_are_not_compressed(void)
{
    fixture f;
    int status = -1;
    belay_code code;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL(belay_server_options_set_compression(options, BELAY_COMPRESSION_GZIP), BELAY_OK);
    open_fixture_with(&f, (fixture_options){.server = options});
    belay_server_options_free(options);
    CU_ASSERT_EQUAL(check(&f, "", &status), BELAY_OK);
    CU_ASSERT_EQUAL(status, SERVING);
    belay_call *call = watch_by(f.channel, "");
    CU_ASSERT_EQUAL(next(call, &code), SERVING);
    CU_ASSERT_FALSE(belay_call_received_compressed(call));
    belay_call_free(call);
    close_fixture(&f);
}

static void
test_list_tells_of_all_that_were_set_and_of_no_others(void)
{
    fixture f;
    belay_code code;
    open_fixture(&f);
    set(&f, "a.B", BELAY_HEALTH_NOT_SERVING);
    belay_call *call = watch_by(f.channel, "only.watched");
    CU_ASSERT_EQUAL(next(call, &code), SERVICE_UNKNOWN);
    Grpc__Health__V1__HealthListRequest request = GRPC__HEALTH__V1__HEALTH_LIST_REQUEST__INIT;
    Grpc__Health__V1__HealthListResponse *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(grpc_health_v1_health_list(f.channel, NULL, &request, NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(reply->n_statuses, 2);
    for (size_t i = 0; i < 2; i++) {
        bool whole = reply->statuses[i]->key[0] == '\0';
        CU_ASSERT_TRUE(whole || strcmp(reply->statuses[i]->key, "a.B") == 0);
        CU_ASSERT_EQUAL((int)reply->statuses[i]->value->status, (int)(whole ? SERVING : NOT_SERVING));
    }
    grpc__health__v1__health_list_response__free_unpacked(reply, NULL);
    belay_call_free(call);
    close_fixture(&f);
}

static void
test_nothing_can_be_set_without_the_service_or_to_what_is_no_status(void)
{
    fixture f;
    belay_server *bare = belay_server_new(NULL, NULL);
    CU_ASSERT_EQUAL(belay_health_set(bare, "", BELAY_HEALTH_SERVING), BELAY_FAILED_PRECONDITION);
    belay_server_free(bare);
    open_fixture(&f);
    CU_ASSERT_EQUAL(belay_health_set(f.server, "", (belay_health)3), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_health_set(f.server, NULL, BELAY_HEALTH_SERVING), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_health_set(NULL, "", BELAY_HEALTH_SERVING), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_health_add(f.server), BELAY_FAILED_PRECONDITION);
    close_fixture(&f);
}

/* ---- Watch -------------------------------------------------------------------------------------------- */

static void
test_watch_tells_the_status_and_each_change(void)
{
    fixture f;
    open_fixture(&f);
    belay_call *call = watch_by(f.channel, "");
    expect_next(call, SERVING);
    set(&f, "", BELAY_HEALTH_SERVING); /* no change: nothing is sent */
    set(&f, "", BELAY_HEALTH_NOT_SERVING);
    expect_next(call, NOT_SERVING);
    set(&f, "", BELAY_HEALTH_SERVING);
    expect_next(call, SERVING);
    belay_call_free(call);
    close_fixture(&f);
}

static void
test_watch_of_an_unknown_service_stays_open_until_it_is_known(void)
{
    fixture f;
    open_fixture(&f);
    belay_call *call = watch_by(f.channel, "a.B");
    expect_next(call, SERVICE_UNKNOWN);
    set(&f, "a.B", BELAY_HEALTH_SERVING);
    expect_next(call, SERVING);
    belay_call_free(call);
    close_fixture(&f);
}

/* Names that peers make up are kept apart; each hears of its own only, whoever has left before. */
static void
test_one_of_many_unknown_services_becomes_known(void)
{
    enum { NAMES = 50, KNOWN = 20 };
    fixture f;
    char name[32];
    int status = -1;
    belay_call *calls[NAMES];
    open_fixture(&f);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "a.B%d", i / 2); /* two of each */
        calls[i] = watch_by(f.channel, name);
        expect_next(calls[i], SERVICE_UNKNOWN);
    }
    for (int i = 0; i < NAMES; i += 10)
        belay_call_free(calls[i]);
    snprintf(name, sizeof name, "a.B%d", KNOWN / 2);
    CU_ASSERT_EQUAL(check(&f, name, &status), BELAY_NOT_FOUND);
    set(&f, name, BELAY_HEALTH_SERVING);
    CU_ASSERT_EQUAL(check(&f, name, &status), BELAY_OK);
    expect_next(calls[KNOWN + 1], SERVING);
    set(&f, name, BELAY_HEALTH_NOT_SERVING);
    expect_next(calls[KNOWN + 1], NOT_SERVING);
    set(&f, "a.B0", BELAY_HEALTH_NOT_SERVING);
    expect_next(calls[1], NOT_SERVING);
    for (int i = 0; i < NAMES; i++) {
        if (i % 10 != 0)
            belay_call_free(calls[i]);
    }
    close_fixture(&f);
}

static void
test_a_name_that_is_too_long_to_keep_is_refused(void)
{
    fixture f;
    belay_code code;
    char name[2048];
    open_fixture(&f);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    belay_call *call = watch_by(f.channel, name);
    CU_ASSERT_EQUAL(next(call, &code), -1);
    CU_ASSERT_EQUAL(code, BELAY_INVALID_ARGUMENT);
    belay_call_free(call);
    close_fixture(&f);
}

static void
test_health_answers_when_every_worker_is_busy_and_is_not_counted(void)
{
    fixture f;
    int status = -1;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL_FATAL(belay_server_options_set_workers(options, 1, 1), BELAY_OK);
    open_fixture_with(&f, (fixture_options){.server = options});
    belay_call *busy = start_unary(&f, NULL, BELAY_FOREVER);
    gate_wait(&entered);
    belay_call *queued = start_unary(&f, NULL, BELAY_FOREVER);
    fixture_await_queued(&f, 1);
    belay_call *watches[8]; /* more than there are reserved workers */
    for (int i = 0; i < 8; i++) {
        watches[i] = watch_by(f.channel, "");
        expect_next(watches[i], SERVING);
    }
    CU_ASSERT_EQUAL(check(&f, "", &status), BELAY_OK);
    CU_ASSERT_EQUAL(status, SERVING);
    CU_ASSERT_EQUAL(fixture_counters(&f).handlers_started, 1);
    for (int i = 0; i < 8; i++)
        belay_call_free(watches[i]);
    gate_open(&may_end);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(queued).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&f).calls_cancelled, 0);
    belay_server_options_free(options);
    close_fixture(&f);
}

#define CROWD_CHANNELS 20
#define CROWD_EACH 100

/* What is left is looked for by the fixture: each watch has gone with its call, or its connection. */
static void
test_thousands_watch_and_are_told_and_leave(void)
{
    fixture f;
    belay_channel *channels[CROWD_CHANNELS];
    belay_call **calls = calloc(CROWD_CHANNELS * CROWD_EACH, sizeof *calls);
    open_fixture(&f);
    for (int i = 0; i < CROWD_CHANNELS * CROWD_EACH; i++) {
        if (i % CROWD_EACH == 0)
            channels[i / CROWD_EACH] = belay_channel_new(f.runtime, f.address, NULL);
        calls[i] = watch_by(channels[i / CROWD_EACH], "a.B");
    }
    for (int i = 0; i < CROWD_CHANNELS * CROWD_EACH; i++)
        expect_next(calls[i], SERVICE_UNKNOWN);
    set(&f, "a.B", BELAY_HEALTH_SERVING);
    for (int i = 0; i < CROWD_CHANNELS * CROWD_EACH; i++)
        expect_next(calls[i], SERVING);
    for (int i = 0; i < CROWD_CHANNELS * CROWD_EACH; i++)
        belay_call_free(calls[i]);
    for (int i = 0; i < CROWD_CHANNELS; i++)
        belay_channel_free(channels[i]);
    free(calls);
    close_fixture(&f);
}

/* ---- The drain ------------------------------------------------------------------------------------------ */

static void *
drain(void *argument)
{
    fixture *f = argument;
    CU_ASSERT_EQUAL(belay_server_drain(f->server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    return NULL;
}

/* With an endless grace time: the drain does not wait for those who watch. */
static void
test_a_drain_tells_who_watches_and_ends_the_watch(void)
{
    fixture f;
    pthread_t thread;
    belay_code code;
    open_fixture(&f);
    set(&f, "a.B", BELAY_HEALTH_SERVING);
    belay_call *whole = watch_by(f.channel, ""), *one = watch_by(f.channel, "a.B");
    belay_call *unknown = watch_by(f.channel, "c.D");
    expect_next(whole, SERVING);
    expect_next(one, SERVING);
    expect_next(unknown, SERVICE_UNKNOWN);
    pthread_create(&thread, NULL, drain, &f);
    belay_call *calls[] = {whole, one, unknown};
    for (int i = 0; i < 3; i++) {
        expect_next(calls[i], NOT_SERVING);
        CU_ASSERT_EQUAL(next(calls[i], &code), -1);
        CU_ASSERT_EQUAL(code, BELAY_UNAVAILABLE);
        belay_call_free(calls[i]);
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(belay_health_set(f.server, "", BELAY_HEALTH_SERVING), BELAY_FAILED_PRECONDITION);
    close_fixture(&f);
}

/* What an empty request for Watch looks like on the wire, and how many bytes tell of a status that is not 0. */
#define TOLD 7

static void
raw_watch(raw_peer *peer, uint32_t id)
{
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":authority", "a",
                                         ":path", "/grpc.health.v1.Health/Watch",
                                         "content-type", "application/grpc", "te", "trailers", NULL};
    raw_headers(peer, id, fields, false);
    raw_data(peer, id, "\0\0\0\0\0", 5, true);
    CU_ASSERT_TRUE(raw_await_body(peer, id, TOLD));
}

static void
test_who_watches_is_told_before_the_goaway(void)
{
    fixture f;
    raw_peer peer;
    pthread_t thread;
    open_fixture(&f);
    raw_connect(&peer, f.address, (raw_settings){.has_window = false});
    raw_watch(&peer, 1);
    pthread_create(&thread, NULL, drain, &f);
    CU_ASSERT_TRUE(raw_await_goaway(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, 2 * TOLD);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_UNAVAILABLE);
    CU_ASSERT_TRUE(raw_of(&peer, 1)->ended);
    raw_await_lost(&peer);
    raw_close(&peer);
    pthread_join(thread, NULL);
    close_fixture(&f);
}

/* Changes after that find nobody; the fixture looks for what is left. */
static void
test_a_watch_goes_with_its_reset_or_its_connection(void)
{
    fixture f;
    raw_peer peer;
    open_fixture(&f);
    raw_connect(&peer, f.address, (raw_settings){.has_window = false});
    raw_watch(&peer, 1);
    raw_watch(&peer, 3);
    raw_reset(&peer, 1, RAW_CANCEL);
    raw_sync(&peer);
    set(&f, "", BELAY_HEALTH_NOT_SERVING);
    CU_ASSERT_TRUE(raw_await_body(&peer, 3, 2 * TOLD));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, TOLD);
    raw_break(&peer);
    fixture_await_no_connection(&f);
    set(&f, "", BELAY_HEALTH_SERVING);
    close_fixture(&f);
}

/* No window: only what is the status once there is some is sent. */
static void
test_a_slow_reader_learns_of_the_last_status(void)
{
    fixture f;
    raw_peer peer;
    open_fixture(&f);
    raw_connect(&peer, f.address, (raw_settings){.has_window = false});
    raw_watch(&peer, 1);
    raw_set_window(&peer, TOLD); /* which is spent: nothing more may be sent */
    set(&f, "", BELAY_HEALTH_NOT_SERVING);
    fixture_settle(&f); /* it waits for the window */
    for (int i = 0; i < 1000; i++) {
        set(&f, "", i % 2 == 0 ? BELAY_HEALTH_UNKNOWN : BELAY_HEALTH_SERVING);
        fixture_settle(&f);
    }
    raw_sync(&peer);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, TOLD);
    raw_window(&peer, 1, 1 << 20);
    CU_ASSERT_TRUE(raw_await_body(&peer, 1, 3 * TOLD));
    raw_sync(&peer);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, 3 * TOLD);
    raw_close(&peer);
    close_fixture(&f);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"check tells what was set", test_check_tells_what_was_set_and_not_found_for_the_rest},
        {"a server that compresses", test_answers_of_a_server_that_compresses_are_not_compressed},
        {"list tells of all that were set", test_list_tells_of_all_that_were_set_and_of_no_others},
        {"bad arguments", test_nothing_can_be_set_without_the_service_or_to_what_is_no_status},
        {"watch tells each change", test_watch_tells_the_status_and_each_change},
        {"watch of an unknown service", test_watch_of_an_unknown_service_stays_open_until_it_is_known},
        {"a name too long to keep", test_a_name_that_is_too_long_to_keep_is_refused},
        {"every worker is busy", test_health_answers_when_every_worker_is_busy_and_is_not_counted},
        {"one of many unknown", test_one_of_many_unknown_services_becomes_known},
        {"thousands watch", test_thousands_watch_and_are_told_and_leave},
        {"a drain tells who watches", test_a_drain_tells_who_watches_and_ends_the_watch},
        {"told before the GOAWAY", test_who_watches_is_told_before_the_goaway},
        {"a watch goes with its stream", test_a_watch_goes_with_its_reset_or_its_connection},
        {"a slow reader", test_a_slow_reader_learns_of_the_last_status},
        CU_TEST_INFO_NULL,
    };
    return suite_run("health", tests, argc, argv);
}
