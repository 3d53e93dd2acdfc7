/* SPDX-License-Identifier: MIT */
/*
 * Compressed messages that are not what they should be, on either side: bombs, garbage, encodings that nobody
 * knows, flags without an encoding. The call ends with a clear status; the connection's other calls go on.
 */
#include <stdlib.h>
#include <string.h>

#include "rpc/client_scene.h"
#include "wire/compression.h"
#include "wire/frame.h"

#define BOMB (5u << 20) /* over the limit of 4 MiB */

static const bly_compression_stop never = {NULL, NULL};

/* A message in its frame, as a peer sends it. To be freed. */
typedef struct frame {
    uint8_t *data;
    size_t size;
} frame;

static frame
frame_of(const void *message, size_t size)
{
    frame made = {malloc(5 + size), 5 + size};
    bly_frame_prefix(made.data, true, (uint32_t)size);
    memcpy(made.data + 5, message, size);
    return made;
}

static frame
garbage(void)
{
    return frame_of("garbage", 7);
}

static frame
bomb(void)
{
    uint8_t *zeros = calloc(BOMB, 1);
    bly_bytes *compressed = bly_compress(BELAY_COMPRESSION_GZIP, zeros, BOMB, 0, never);
    frame made = frame_of(compressed->data, compressed->size);
    bly_bytes_free(compressed);
    free(zeros);
    return made;
}

/* A Note, compressed. */
static frame
good(void)
{
    Belay__Test__Note *note = note_new(1000);
    size_t size = belay__test__note__get_packed_size(note);
    uint8_t *packed = malloc(size);
    belay__test__note__pack(note, packed);
    bly_bytes *compressed = bly_compress(BELAY_COMPRESSION_GZIP, packed, size, 0, never);
    frame made = frame_of(compressed->data, compressed->size);
    bly_bytes_free(compressed);
    free(packed);
    free(note);
    return made;
}

static const struct {
    frame (*make)(void);
    int code;
    const char *message;
} faults[] = {
    {garbage, BELAY_INTERNAL, "the message's compressed data is malformed"},
    {bomb, BELAY_RESOURCE_EXHAUSTED, "the message is over the limit once it is decompressed"},
};

#define FAULTS (sizeof faults / sizeof faults[0])

/* ---- Requests ------------------------------------------------------------------------------------------ */

typedef struct desk {
    fixture f;
    raw_peer client;
    int runs;
    gate received;
    gate go;
    belay_code code; /* what the handler's receive said */
    belay_cause cause;
} desk;

static belay_code
run_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    desk *d = belay_call_data(call);
    d->runs++;
    reply->number = (int64_t)request->payload.len;
    if (belay_call_received_compressed(call))
        return BELAY_OK;
    return belay_fail(call, BELAY_ABORTED, "not compressed");
}

/* Deaf after the first request. */
static belay_code
run_chat(belay_call *call)
{
    desk *d = belay_call_data(call);
    Belay__Test__Note *note;
    d->code = belay_test_probe_chat_recv_request(call, &note);
    d->cause = belay_context_cause(belay_call_context(call));
    gate_open(&d->received);
    gate_wait(&d->go);
    return BELAY_OK;
}

static void
desk_open(desk *d)
{
    memset(d, 0, sizeof *d);
    gate_init(&d->received, "the handler has received");
    gate_init(&d->go, "the handler may return");
    fixture_open(&d->f, &(fixture_options){.handlers = {.unary = run_unary, .chat = run_chat}, .data = d});
    raw_connect(&d->client, d->f.address, (raw_settings){0});
}

static void
desk_close(desk *d)
{
    gate_open(&d->go);
    raw_close(&d->client);
    fixture_close(&d->f);
    gate_fini(&d->received);
    gate_fini(&d->go);
}

/* encoding: NULL for none. */
static void
call_with(desk *d, uint32_t id, const char *method, const char *encoding)
{
    char path[64];
    snprintf(path, sizeof path, "/belay.test.Probe/%s", method);
    const char *fields[] = {":method", "POST", ":scheme", "http", ":path", path, ":authority", "test",
                            "te", "trailers", "content-type", "application/grpc",
                            "grpc-encoding", encoding, NULL};
    if (encoding == NULL)
        fields[12] = NULL;
    raw_headers(&d->client, id, fields, false);
}

static void
send_and_free(raw_peer *peer, uint32_t id, frame made, bool end)
{
    raw_data(peer, id, made.data, made.size, end);
    free(made.data);
}

static void
expect_status(desk *d, uint32_t id, int code, const char *message)
{
    CU_ASSERT(raw_await_end(&d->client, id));
    CU_ASSERT_EQUAL(raw_of(&d->client, id)->grpc_status, code);
    if (message != NULL)
        CU_ASSERT_STRING_EQUAL(raw_of(&d->client, id)->grpc_message, message);
}

static void
expect_good_call(desk *d, uint32_t id)
{
    int before = d->runs;
    call_with(d, id, "Unary", "gzip");
    send_and_free(&d->client, id, good(), true);
    expect_status(d, id, BELAY_OK, NULL);
    CU_ASSERT_EQUAL(d->runs, before + 1);
    CU_ASSERT_STRING_EQUAL(raw_of(&d->client, id)->accept_encoding, BLY_COMPRESSION_ACCEPTED);
}

static void
test_unary_request_that_cannot_be_inflated_never_reaches_its_handler(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        desk d;
        desk_open(&d);
        call_with(&d, 1, "Unary", "gzip");
        send_and_free(&d.client, 1, faults[i].make(), true);
        expect_status(&d, 1, faults[i].code, faults[i].message);
        CU_ASSERT_EQUAL(d.runs, 0);
        expect_good_call(&d, 3);
        desk_close(&d);
    }
}

/* The handler's receive says so, and the client is told while the handler still runs. */
static void
test_stream_request_that_cannot_be_inflated_ends_the_call_at_once(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        desk d;
        desk_open(&d);
        call_with(&d, 1, "Chat", "gzip");
        send_and_free(&d.client, 1, faults[i].make(), false);
        expect_status(&d, 1, faults[i].code, faults[i].message);
        gate_wait(&d.received);
        CU_ASSERT_EQUAL(d.code, faults[i].code);
        CU_ASSERT_EQUAL(d.cause, BELAY_CAUSE_LIMIT);
        expect_good_call(&d, 3);
        desk_close(&d);
    }
}

static void
test_unknown_encoding_of_a_request_is_told_what_there_is(void)
{
    static const char *const encodings[] = {"zstd", "GZIP", "gzip,deflate", "", "x-gzip"};
    desk d;
    desk_open(&d);
    for (uint32_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        uint32_t id = 2 * i + 1;
        call_with(&d, id, "Unary", encodings[i]);
        expect_status(&d, id, BELAY_UNIMPLEMENTED, NULL);
        CU_ASSERT_STRING_EQUAL(raw_of(&d.client, id)->accept_encoding, BLY_COMPRESSION_ACCEPTED);
    }
    CU_ASSERT_EQUAL(d.runs, 0);
    expect_good_call(&d, 99);
    desk_close(&d);
}

static void
test_compressed_flag_without_encoding_is_internal(void)
{
    static const char *const encodings[] = {NULL, "identity"};
    desk d;
    desk_open(&d);
    for (uint32_t i = 0; i < 2; i++) {
        call_with(&d, 2 * i + 1, "Unary", encodings[i]);
        send_and_free(&d.client, 2 * i + 1, good(), true);
        expect_status(&d, 2 * i + 1, BELAY_INTERNAL, "compressed message without grpc-encoding");
    }
    CU_ASSERT_EQUAL(d.runs, 0);
    expect_good_call(&d, 99);
    desk_close(&d);
}

/* A single byte at a time. */
static void
test_compressed_request_in_single_bytes(void)
{
    desk d;
    desk_open(&d);
    call_with(&d, 1, "Unary", "gzip");
    frame made = good();
    for (size_t i = 0; i < made.size; i++)
        raw_data(&d.client, 1, made.data + i, 1, i == made.size - 1);
    free(made.data);
    expect_status(&d, 1, BELAY_OK, NULL);
    CU_ASSERT_EQUAL(d.runs, 1);
    desk_close(&d);
}

/* ---- Replies ------------------------------------------------------------------------------------------- */

/* encoding: NULL for none. */
static void
respond_with(client_scene *s, const char *encoding)
{
    const char *fields[] = {":status", "200", "content-type", "application/grpc",
                            "grpc-encoding", encoding, NULL};
    if (encoding == NULL)
        fields[4] = NULL;
    raw_headers(&s->server, s->id, fields, false);
}

static void
expect_end(client_scene *s, int code, const char *message)
{
    ending end = client_finish(s);
    CU_ASSERT_EQUAL(end.code, code);
    CU_ASSERT_TRUE(end.is_local);
    CU_ASSERT_STRING_EQUAL(end.message, message);
}

static void
test_requests_say_what_replies_may_be(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    CU_ASSERT_STRING_EQUAL(heard(&s)->accept_encoding, BLY_COMPRESSION_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(heard(&s)->encoding, "");
    CU_ASSERT_EQUAL(heard(&s)->flag, 0);
    client_close(&s);
}

/* It has ended well as far as the server is concerned. */
static void
test_unary_reply_that_cannot_be_inflated_fails_the_call(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        respond_with(&s, "gzip");
        send_and_free(&s.server, 1, faults[i].make(), false);
        raw_status(&s.server, 1, BELAY_OK, NULL);
        belay_status *status = NULL;
        Belay__Test__Note *reply = NULL;
        CU_ASSERT_EQUAL(belay_test_probe_unary_finish(s.call, &reply, &status), faults[i].code);
        CU_ASSERT_STRING_EQUAL(belay_status_message(status), faults[i].message);
        CU_ASSERT_PTR_NULL(reply);
        belay_status_free(status);
        s.call = NULL;
        client_close(&s);
    }
}

static void
test_stream_reply_that_cannot_be_inflated_resets_the_stream(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        client_scene s;
        Belay__Test__Note *note;
        client_open(&s, OPEN, CHAT, BELAY_FOREVER);
        respond_with(&s, "gzip");
        send_and_free(&s.server, 1, faults[i].make(), false);
        send_and_free(&s.server, 1, good(), false);
        CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(s.call, &note), faults[i].code);
        CU_ASSERT(raw_await_reset(&s.server, 1));
        CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_CANCEL);
        CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(s.call, &note), faults[i].code);
        expect_end(&s, faults[i].code, faults[i].message);
        client_sync(&s);
        CU_ASSERT_EQUAL(heard(&s)->resets, 1);
        client_close(&s);
    }
}

/* The server's status does not make the messages good that were before it, or those that were after. */
static void
test_stream_that_ended_well_with_a_bad_message_has_not(void)
{
    client_scene s;
    Belay__Test__Note *note;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    respond_with(&s, "gzip");
    send_and_free(&s.server, 1, good(), false);
    send_and_free(&s.server, 1, garbage(), false);
    send_and_free(&s.server, 1, good(), false);
    raw_status(&s.server, 1, BELAY_OK, NULL);
    client_sync(&s);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(s.call, &note), BELAY_OK);
    CU_ASSERT_EQUAL(note->payload.len, 1000);
    CU_ASSERT_TRUE(belay_call_received_compressed(s.call));
    belay__test__note__free_unpacked(note, NULL);
    CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(s.call, &note), BELAY_INTERNAL);
    CU_ASSERT_EQUAL(belay_test_probe_chat_recv_reply(s.call, &note), BELAY_INTERNAL);
    expect_end(&s, BELAY_INTERNAL, faults[0].message);
    client_close(&s);
}

/* Unknown encodings do not matter before a message is compressed. */
static void
test_compressed_reply_of_no_known_encoding_is_internal(void)
{
    static const struct {
        const char *encoding;
        const char *message;
    } table[] = {
        {NULL, "compressed message without grpc-encoding"},
        {"identity", "compressed message without grpc-encoding"},
        {"zstd", "compressed message with an unknown grpc-encoding"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        client_scene s;
        Belay__Test__Note *note;
        client_open(&s, OPEN, CHAT, BELAY_FOREVER);
        respond_with(&s, table[i].encoding);
        raw_message(&s.server, 1, 10, false);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(s.call, &note), BELAY_OK);
        CU_ASSERT_FALSE(belay_call_received_compressed(s.call));
        belay__test__note__free_unpacked(note, NULL);
        send_and_free(&s.server, 1, good(), false);
        expect_end(&s, BELAY_INTERNAL, table[i].message);
        client_close(&s);
    }
}

/* In trailers the header means nothing. */
static void
test_encoding_in_trailers_changes_nothing(void)
{
    static const char *const trailers[] = {"grpc-status", "0", "grpc-encoding", "deflate", NULL};
    client_scene s;
    Belay__Test__Note *note;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    respond_with(&s, "gzip");
    send_and_free(&s.server, 1, good(), false);
    raw_headers(&s.server, 1, trailers, true);
    client_sync(&s);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(s.call, &note), BELAY_OK);
    belay__test__note__free_unpacked(note, NULL);
    CU_ASSERT_EQUAL(client_finish(&s).code, BELAY_OK);
    client_close(&s);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"unary_request_that_cannot_be_inflated_never_reaches_its_handler",
         test_unary_request_that_cannot_be_inflated_never_reaches_its_handler},
        {"stream_request_that_cannot_be_inflated_ends_the_call_at_once",
         test_stream_request_that_cannot_be_inflated_ends_the_call_at_once},
        {"unknown_encoding_of_a_request_is_told_what_there_is",
         test_unknown_encoding_of_a_request_is_told_what_there_is},
        {"compressed_flag_without_encoding_is_internal", test_compressed_flag_without_encoding_is_internal},
        {"compressed_request_in_single_bytes", test_compressed_request_in_single_bytes},
        {"requests_say_what_replies_may_be", test_requests_say_what_replies_may_be},
        {"unary_reply_that_cannot_be_inflated_fails_the_call",
         test_unary_reply_that_cannot_be_inflated_fails_the_call},
        {"stream_reply_that_cannot_be_inflated_resets_the_stream",
         test_stream_reply_that_cannot_be_inflated_resets_the_stream},
        {"stream_that_ended_well_with_a_bad_message_has_not",
         test_stream_that_ended_well_with_a_bad_message_has_not},
        {"compressed_reply_of_no_known_encoding_is_internal",
         test_compressed_reply_of_no_known_encoding_is_internal},
        {"encoding_in_trailers_changes_nothing", test_encoding_in_trailers_changes_nothing},
        CU_TEST_INFO_NULL,
    };
    return suite_run("rpc/compression_faults", tests, argc, argv);
}
