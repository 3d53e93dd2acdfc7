/* SPDX-License-Identifier: MIT */
/*
 * The limits of a server that stand above HTTP/2: each is set, reached, counted, and told.
 */
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"
#include "support/raw_peer.h"

#define KIB 1024u

typedef struct bench {
    fixture fixture;
    gate entered;
    gate go;
    gate told; /* a line of the log that names `awaited` */
    const char *awaited;
} bench;

static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    reply->payload = request->payload;
    return BELAY_OK;
}

/* Replies with as many bytes as the number says; occupies a worker before. */
static belay_code
download(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    gate_wait(&b->go);
    if (request->number == 0)
        return BELAY_OK;
    Belay__Test__Note *note = note_new((size_t)request->number);
    belay_code code = belay_test_probe_download_send_reply(call, note);
    free(note);
    return code;
}

/* Adds a lot of metadata. */
static belay_code
upload(belay_call *call, Belay__Test__Note *reply)
{
    char key[32], value[200];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        if (belay_call_add_trailer(call, key, value, sizeof value) != BELAY_OK)
            return BELAY_INTERNAL;
    }
    reply->number = 1;
    return BELAY_OK;
}

static belay_code
chat(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    return belay_sleep(belay_call_context(call), BELAY_FOREVER);
}

static const belay_test_probe_handlers handlers = {
    .unary = echo, .download = download, .upload = upload, .chat = chat};

static void
log_line(void *argument, belay_log_level level, const char *text)
{
    bench *b = argument;
    (void)level;
    if (b->awaited != NULL && strstr(text, b->awaited) != NULL)
        gate_open(&b->told);
}

/* One limit that is not the usual one. */
static void
bench_open(bench *b, belay_limit limit, uint64_t value)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 8, 8), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, limit, value), BELAY_OK);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->go, "handler may return");
    gate_init(&b->told, "the log told of the limit");
    b->awaited = belay_limit_name(limit);
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = handlers, .data = b, .server = options, .log = log_line, .log_argument = b,
        .log_all = true});
    belay_server_options_free(options);
}

/* The limit was reached so often, and the log told. */
static void
check_reached(bench *b, belay_limit limit, uint64_t times)
{
    CU_ASSERT_EQUAL(belay_server_limit_reached(b->fixture.server, limit), times);
    gate_wait(&b->told);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->go);
    gate_fini(&b->told);
}

static void
check_answers(bench *b)
{
    CU_ASSERT_EQUAL(finish(start_unary(&b->fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
}

/* ---- Options ------------------------------------------------------------------------------------- */

static void
test_every_limit_has_a_name_and_a_default_that_may_be_set(void)
{
    belay_server_options *server = belay_server_options_new();
    belay_channel_options *channel = belay_channel_options_new();
    for (int i = 0; i < BELAY_LIMITS; i++) {
        CU_ASSERT_PTR_NOT_NULL(belay_limit_name(i));
        CU_ASSERT_EQUAL(belay_server_options_set_limit(server, i, belay_limit_default(i)), BELAY_OK);
        CU_ASSERT_EQUAL(belay_channel_options_set_limit(channel, i, belay_limit_default(i)), BELAY_OK);
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(belay_limit_name(i), belay_limit_name(j));
    }
    belay_server_options_free(server);
    belay_channel_options_free(channel);
}

static void
test_defaults_are_those_that_are_documented(void)
{
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_STREAMS), 100);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_ADMITTED_CALLS), 400);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_HANDLERS), 100);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_QUEUE), 1000);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_CONNECTIONS), 10000);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_CONNECTION_BYTES), 16 * KIB * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_SERVER_BYTES), 256 * KIB * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_RECEIVE_SIZE), 4 * KIB * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_UNPACKED_SIZE), 64 * KIB * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_DEPTH), 100);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_HEADER_LIST), 16 * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_HEADER_FIELDS), 128);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_HEADER_LIST_HARD), 64 * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_PREFACE_TIME), BELAY_SECONDS(10));
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_STALL_TIME), BELAY_SECONDS(60));
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_STREAM_WINDOW), 256 * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_CONNECTION_WINDOW), KIB * KIB);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_PING_STRIKES), 2);
    CU_ASSERT_EQUAL(belay_limit_default(BELAY_LIMIT_TLS_MESSAGES), 32);
}

static void
test_what_is_no_limit_is_refused(void)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, (belay_limit)BELAY_LIMITS, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, (belay_limit)-1, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, BELAY_LIMIT_STREAMS, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, BELAY_LIMIT_DEPTH, 1001), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_limit(NULL, BELAY_LIMIT_DEPTH, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_limit(NULL, BELAY_LIMIT_DEPTH, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(belay_limit_name((belay_limit)BELAY_LIMITS));
    CU_ASSERT_EQUAL(belay_limit_default((belay_limit)BELAY_LIMITS), 0);
    belay_server_options_free(options);
}

static uint32_t
window_of_settings(const raw_frame *frame)
{
    enum { ENTRY = 6, INITIAL_WINDOW_SIZE = 4 };
    for (size_t at = 0; at + ENTRY <= frame->size; at += ENTRY) {
        if (frame->payload[at] == 0 && frame->payload[at + 1] == INITIAL_WINDOW_SIZE)
            return raw_number(frame, at + 2);
    }
    return 65535;
}

static void
check_windows(belay_limit limit, uint32_t value, uint32_t stream, uint32_t whole)
{
    static raw_frame frame;
    bench b;
    raw_peer peer;
    bench_open(&b, limit, value);
    CU_ASSERT_TRUE_FATAL(raw_connect_silent(&peer, b.fixture.address));
    CU_ASSERT_TRUE_FATAL(raw_read_until(peer.descriptor, RAW_SETTINGS, 0, &frame));
    CU_ASSERT_EQUAL(window_of_settings(&frame), stream);
    if (whole > 65535) {
        CU_ASSERT_TRUE_FATAL(raw_read_until(peer.descriptor, RAW_WINDOW_UPDATE, 0, &frame));
        CU_ASSERT_EQUAL(raw_number(&frame, 0), whole - 65535);
    }
    raw_close(&peer);
    check_answers(&b);
    bench_close(&b);
}

static void
test_windows_are_those_that_were_set(void)
{
    check_windows(BELAY_LIMIT_STREAM_WINDOW, 256 * KIB, 256 * KIB, KIB * KIB);
    check_windows(BELAY_LIMIT_STREAM_WINDOW, 1, 1, KIB * KIB);
    check_windows(BELAY_LIMIT_STREAM_WINDOW, 1u << 30, 1u << 30, KIB * KIB);
    check_windows(BELAY_LIMIT_CONNECTION_WINDOW, 65535, 256 * KIB, 65535);
    check_windows(BELAY_LIMIT_CONNECTION_WINDOW, 5 * KIB * KIB, 256 * KIB, 5 * KIB * KIB);
}

/* ---- Calls --------------------------------------------------------------------------------------- */

static void
test_a_call_too_many_for_the_queue_is_counted(void)
{
    bench b;
    bench_open(&b, BELAY_LIMIT_QUEUE, 0);
    ending end = finish(start_unary(&b.fixture, NULL, BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_QUEUE, 1);
    bench_close(&b);
}

/* Their handlers do not return, though all of them were reset. */
static void
test_a_call_too_many_of_a_connection_is_refused(void)
{
    enum { MOST = 3 };
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_ADMITTED_CALLS, MOST);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    for (uint32_t i = 0; i < MOST; i++) {
        raw_call(&peer, 2 * i + 1, "Download", NULL, false);
        raw_message(&peer, 2 * i + 1, 0, true);
        gate_wait_count(&b.entered, (int)i + 1);
        raw_reset(&peer, 2 * i + 1, RAW_CANCEL);
    }
    raw_unary(&peer, 2 * MOST + 1, NULL);
    CU_ASSERT(raw_await_reset(&peer, 2 * MOST + 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 2 * MOST + 1)->reset_code, RAW_REFUSED_STREAM);
    check_reached(&b, BELAY_LIMIT_ADMITTED_CALLS, 1);
    check_answers(&b); /* on another connection */
    gate_open(&b.go);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    fixture_settle(&b.fixture);
    raw_unary(&peer, 2 * MOST + 3, NULL);
    CU_ASSERT(raw_await_end(&peer, 2 * MOST + 3));
    CU_ASSERT_EQUAL(raw_of(&peer, 2 * MOST + 3)->grpc_status, BELAY_OK);
    raw_close(&peer);
    bench_close(&b);
}

/* All in one piece, so that they are read at once: nobody is refused for what others have cancelled before. */
static void
test_calls_that_are_reset_at_once_are_not_counted(void)
{
    enum { RESET = 100 };
    static uint8_t all[65536];
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary",
                                         ":authority", "test", "te", "trailers", "content-type", "application/grpc",
                                         NULL};
    bench b;
    raw_peer peer;
    uint8_t block[512];
    size_t size = 0, block_size = 0;
    for (const char *const *field = fields; *field != NULL; field += 2)
        block_size += raw_field(block + block_size, field[0], field[1]);
    bench_open(&b, BELAY_LIMIT_ADMITTED_CALLS, 3);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    for (uint32_t i = 0; i < RESET; i++) {
        size += raw_put(all + size, RAW_HEADERS, RAW_END_HEADERS, 2 * i + 1, block, block_size);
        size += raw_put(all + size, RAW_DATA, RAW_END_STREAM, 2 * i + 1, "\0\0\0\0\0", 5);
        size += raw_put(all + size, RAW_RST_STREAM, 0, 2 * i + 1, "\0\0\0\10", 4);
    }
    raw_write(peer.descriptor, all, size);
    raw_unary(&peer, 2 * RESET + 1, NULL);
    CU_ASSERT(raw_await_end(&peer, 2 * RESET + 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 2 * RESET + 1)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_ADMITTED_CALLS), 0);
    raw_close(&peer);
    bench_close(&b);
}

/* ---- Connections --------------------------------------------------------------------------------- */

static bool
is_open(void *argument)
{
    bench *b = argument;
    return fixture_counters(&b->fixture).connections == 0;
}

static void
test_a_connection_too_many_is_closed_at_once(void)
{
    bench b;
    raw_peer peers[2];
    bench_open(&b, BELAY_LIMIT_CONNECTIONS, 2);
    for (int i = 0; i < 2; i++)
        raw_connect(&peers[i], b.fixture.address, (raw_settings){0});
    ending end = finish(start_unary(&b.fixture, NULL, BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    gate_wait(&b.told);
    CU_ASSERT(belay_server_limit_reached(b.fixture.server, BELAY_LIMIT_CONNECTIONS) >= 1);
    raw_unary(&peers[0], 1, NULL);
    CU_ASSERT(raw_await_end(&peers[0], 1));
    CU_ASSERT_EQUAL(raw_of(&peers[0], 1)->grpc_status, BELAY_OK);
    for (int i = 0; i < 2; i++)
        raw_close(&peers[i]);
    wait_until(is_open, &b, "the server is free again");
    raw_connect(&peers[0], b.fixture.address, (raw_settings){0});
    raw_unary(&peers[0], 1, NULL);
    CU_ASSERT(raw_await_end(&peers[0], 1));
    raw_close(&peers[0]);
    bench_close(&b);
}

/* ---- Messages ------------------------------------------------------------------------------------ */

static belay_code
send_note(bench *b, size_t size)
{
    Belay__Test__Note *note = note_new(size);
    belay_code code = belay_test_probe_unary(b->fixture.channel, NULL, note, NULL, NULL, NULL);
    free(note);
    return code;
}

static void
test_a_request_that_is_too_large_ends_its_call(void)
{
    bench b;
    bench_open(&b, BELAY_LIMIT_RECEIVE_SIZE, 10 * KIB);
    CU_ASSERT_EQUAL(send_note(&b, 9 * KIB), BELAY_OK);
    CU_ASSERT_EQUAL(send_note(&b, 11 * KIB), BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_RECEIVE_SIZE, 1);
    check_answers(&b);
    bench_close(&b);
}

static void
test_a_request_that_unpacks_too_large_ends_its_call(void)
{
    bench b;
    bench_open(&b, BELAY_LIMIT_UNPACKED_SIZE, 10 * KIB);
    CU_ASSERT_EQUAL(send_note(&b, 9 * KIB), BELAY_OK);
    CU_ASSERT_EQUAL(send_note(&b, 11 * KIB), BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_UNPACKED_SIZE, 1);
    check_answers(&b);
    bench_close(&b);
}

static void
test_a_reply_that_is_too_large_is_not_sent(void)
{
    bench b;
    bench_open(&b, BELAY_LIMIT_SEND_SIZE, 10 * KIB);
    CU_ASSERT_EQUAL(send_note(&b, 9 * KIB), BELAY_OK);
    CU_ASSERT_EQUAL(send_note(&b, 11 * KIB), BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_SEND_SIZE, 1);
    Belay__Test__Note request = BELAY__TEST__NOTE__INIT;
    request.number = 11 * KIB;
    gate_open(&b.go);
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(b.fixture.channel, NULL, &request, NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_SEND_SIZE, 2);
    bench_close(&b);
}

/* ---- Headers ------------------------------------------------------------------------------------- */

#define FIELD 100u /* bytes, name and value: with what HTTP/2 adds 132 */

/* A call with so many fields more than it needs. */
static void
call_with_fields(raw_peer *peer, uint32_t id, int more)
{
    char value[FIELD];
    const char *fields[64] = {":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary",
                              ":authority", "test", "te", "trailers", "content-type", "application/grpc"};
    int count = 12;
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < more; i++) {
        fields[count++] = "x";
        fields[count++] = value;
    }
    raw_headers(peer, id, fields, false);
    raw_message(peer, id, 0, true);
}

static void
test_a_header_list_that_is_too_large_ends_its_call(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_HEADER_LIST, KIB);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    call_with_fields(&peer, 1, 0);
    call_with_fields(&peer, 3, 8);
    call_with_fields(&peer, 5, 0);
    for (uint32_t id = 1; id <= 5; id += 2)
        CU_ASSERT(raw_await_end(&peer, id));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(raw_of(&peer, 3)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(raw_of(&peer, 5)->grpc_status, BELAY_OK);
    check_reached(&b, BELAY_LIMIT_HEADER_LIST, 1);
    raw_close(&peer);
    bench_close(&b);
}

/* As some clients do: what the program adds stands before what makes it a call, which is then beyond the limit. */
static void
test_a_header_list_that_is_too_large_from_its_beginning_ends_its_call(void)
{
    char value[KIB + 1];
    const char *fields[] = {":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary", ":authority",
                            "test", "x", value, "te", "trailers", "content-type", "application/grpc", NULL};
    bench b;
    raw_peer peer;
    memset(value, 'v', KIB);
    value[KIB] = '\0';
    bench_open(&b, BELAY_LIMIT_HEADER_LIST, KIB);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    raw_headers(&peer, 1, fields, false);
    raw_message(&peer, 1, 0, true);
    CU_ASSERT(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->http_status, 200);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_HEADER_LIST, 1);
    raw_close(&peer);
    bench_close(&b);
}

static void
test_too_many_header_fields_end_their_call(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_HEADER_FIELDS, 8);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    call_with_fields(&peer, 1, 2);
    call_with_fields(&peer, 3, 3);
    CU_ASSERT(raw_await_end(&peer, 1));
    CU_ASSERT(raw_await_end(&peer, 3));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(raw_of(&peer, 3)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_HEADER_FIELDS, 1);
    raw_close(&peer);
    bench_close(&b);
}

/* The client is a peer by hand that says how much it takes; more is not sent to it. */
static void
test_what_a_client_takes_of_metadata_is_respected(void)
{
    static const uint8_t little[] = {0, 6, 0, 0, 1, 0};
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_HEADER_LIST, 16 * KIB);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    raw_send(peer.descriptor, RAW_SETTINGS, 0, 0, little, sizeof little);
    raw_sync(&peer);
    raw_call(&peer, 1, "Upload", NULL, false);
    raw_message(&peer, 1, 0, true);
    CU_ASSERT(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_RESOURCE_EXHAUSTED);
    check_reached(&b, BELAY_LIMIT_HEADER_LIST, 1);
    raw_unary(&peer, 3, NULL);
    CU_ASSERT(raw_await_end(&peer, 3));
    CU_ASSERT_EQUAL(raw_of(&peer, 3)->grpc_status, BELAY_OK);
    raw_close(&peer);
    bench_close(&b);
}

/* ---- HTTP/2's, counted on the server --------------------------------------------------------------- */

static void
test_a_flood_ends_its_connection_and_no_other(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_WINDOW_UPDATES, 10);
    belay_call *other = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    for (int i = 0; i < 11; i++)
        raw_window(&peer, 0, 1);
    CU_ASSERT(raw_await_goaway(&peer, 1));
    CU_ASSERT_EQUAL(peer.goaway_error, RAW_ENHANCE_YOUR_CALM);
    raw_await_lost(&peer);
    check_reached(&b, BELAY_LIMIT_WINDOW_UPDATES, 1);
    raw_close(&peer);
    check_answers(&b);
    belay_call_free(other);
    bench_close(&b);
}

static void
test_a_handler_hears_that_its_client_went_too_far(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_EMPTY_FRAMES, 3);
    raw_connect(&peer, b.fixture.address, (raw_settings){0});
    raw_call(&peer, 1, "Chat", NULL, false);
    gate_wait(&b.entered);
    for (int i = 0; i < 3; i++)
        raw_data(&peer, 1, "", 0, false);
    CU_ASSERT(raw_await_reset(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->reset_code, RAW_ENHANCE_YOUR_CALM);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    check_reached(&b, BELAY_LIMIT_EMPTY_FRAMES, 1);
    raw_close(&peer);
    bench_close(&b);
}

static void
test_a_connection_that_says_nothing_is_closed(void)
{
    static const char words[] = "no preface and SETTINGS in time";
    static raw_frame frame;
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_PREFACE_TIME, BELAY_MILLISECONDS(20));
    CU_ASSERT_FATAL(raw_connect_silent(&peer, b.fixture.address));
    for (frame.type = RAW_SETTINGS; frame.type != RAW_GOAWAY;) /* the server's SETTINGS are not answered */
        CU_ASSERT_FATAL(raw_read(peer.descriptor, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 4), RAW_SETTINGS_TIMEOUT);
    CU_ASSERT_EQUAL(frame.size, 8 + sizeof words - 1);
    CU_ASSERT(memcmp(frame.payload + 8, words, sizeof words - 1) == 0);
    CU_ASSERT_FALSE(raw_read(peer.descriptor, &frame));
    check_reached(&b, BELAY_LIMIT_PREFACE_TIME, 1);
    raw_close(&peer);
    bench_close(&b);
}

static void
test_an_answer_that_its_client_does_not_take_is_given_up(void)
{
    bench b;
    raw_peer peer;
    bench_open(&b, BELAY_LIMIT_STALL_TIME, BELAY_MILLISECONDS(40));
    raw_connect(&peer, b.fixture.address, (raw_settings){.has_window = true, .window = 10});
    raw_call(&peer, 1, "Unary", NULL, false);
    raw_message(&peer, 1, 1000, true);
    CU_ASSERT(raw_await_reset(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->reset_code, RAW_CANCEL);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, -1);
    FIXTURE_AWAIT(&b.fixture, calls_cancelled, 1);
    check_reached(&b, BELAY_LIMIT_STALL_TIME, 1);
    raw_close(&peer);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(every_limit_has_a_name_and_a_default_that_may_be_set),
        TEST(defaults_are_those_that_are_documented),
        TEST(what_is_no_limit_is_refused),
        TEST(windows_are_those_that_were_set),
        TEST(a_call_too_many_for_the_queue_is_counted),
        TEST(a_call_too_many_of_a_connection_is_refused),
        TEST(calls_that_are_reset_at_once_are_not_counted),
        TEST(a_connection_too_many_is_closed_at_once),
        TEST(a_request_that_is_too_large_ends_its_call),
        TEST(a_request_that_unpacks_too_large_ends_its_call),
        TEST(a_reply_that_is_too_large_is_not_sent),
        TEST(a_header_list_that_is_too_large_ends_its_call),
        TEST(a_header_list_that_is_too_large_from_its_beginning_ends_its_call),
        TEST(too_many_header_fields_end_their_call),
        TEST(what_a_client_takes_of_metadata_is_respected),
        TEST(a_flood_ends_its_connection_and_no_other),
        TEST(a_handler_hears_that_its_client_went_too_far),
        TEST(a_connection_that_says_nothing_is_closed),
        TEST(an_answer_that_its_client_does_not_take_is_given_up),
        CU_TEST_INFO_NULL,
    };
    return suite_run("limits", tests, argc, argv);
}
