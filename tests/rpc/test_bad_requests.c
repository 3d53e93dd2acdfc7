/* SPDX-License-Identifier: MIT */
/*
 * Requests that are none: each gets its answer, and the other calls of its connection go on.
 */
#include <string.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    reply->number = request->number;
    return BELAY_OK;
}

#define METHOD ":method", "POST"
#define SCHEME ":scheme", "http"
#define PATH ":path", "/belay.test.Probe/Unary"
#define AUTHORITY ":authority", "test"
#define TE "te", "trailers"
#define TYPE "content-type", "application/grpc"

/* With these before them, the type alone is beyond the limit of the list (16 KiB), or the rest of the call's headers is. */
#define ALMOST_ALL 16100
static char almost_all[ALMOST_ALL + 1];
static char too_much[ALMOST_ALL + 61];

static void
fill(char *value, size_t size)
{
    memset(value, 'v', size - 1);
    value[size - 1] = '\0';
}

typedef struct bad {
    const char *what;
    const char *fields[24];
    int http;            /* 0: the stream is reset with PROTOCOL_ERROR by HTTP/2 itself */
    int status;          /* of gRPC */
    const char *message; /* a part of it, or NULL */
} bad;

static const bad bads[] = {
    {"no slash", {METHOD, SCHEME, ":path", "belay.test.Probe/Unary", AUTHORITY, TE, TYPE}, 0, -1, NULL},
    {"no path", {METHOD, SCHEME, AUTHORITY, TE, TYPE}, 0, -1, NULL},
    {"unknown method", {METHOD, SCHEME, ":path", "/belay.test.Probe/None", AUTHORITY, TE, TYPE}, 200,
     BELAY_UNIMPLEMENTED, "unknown method"},
    {"slash alone", {METHOD, SCHEME, ":path", "/", AUTHORITY, TE, TYPE}, 200, BELAY_UNIMPLEMENTED, NULL},
    {"GET", {":method", "GET", SCHEME, PATH, AUTHORITY, TE, TYPE}, 405, BELAY_INTERNAL, "POST"},
    {"two authorities", {METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY, TE, TYPE}, 0, -1, NULL},
    {"two hosts", {METHOD, SCHEME, PATH, TE, TYPE, "host", "a", "host", "b"}, 0, -1, NULL},
    {"authority and host", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "host", "other"}, 400, BELAY_INTERNAL,
     "duplicate"},
    {"another type", {METHOD, SCHEME, PATH, AUTHORITY, TE, "content-type", "text/html"}, 415, BELAY_INTERNAL, NULL},
    {"a type like gRPC's", {METHOD, SCHEME, PATH, AUTHORITY, TE, "content-type", "application/grpcx"}, 415,
     BELAY_INTERNAL, NULL},
    {"no type", {METHOD, SCHEME, PATH, AUTHORITY, TE}, 415, BELAY_INTERNAL, NULL},
    {"no te", {METHOD, SCHEME, PATH, AUTHORITY, TYPE}, 200, BELAY_INTERNAL, "te"},
    {"another te", {METHOD, SCHEME, PATH, AUTHORITY, "te", "gzip", TYPE}, 0, -1, NULL},
    {"a time without a unit", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "grpc-timeout", "100"}, 200, BELAY_INTERNAL,
     "grpc-timeout"},
    {"a time with a sign", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "grpc-timeout", "-1S"}, 200, BELAY_INTERNAL,
     "grpc-timeout"},
    {"a time of nine digits", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "grpc-timeout", "123456789S"}, 200,
     BELAY_INTERNAL, "grpc-timeout"},
    {"no base64", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "x-bin", "!!!!"}, 200, BELAY_INTERNAL, "base64"},
    {"a list that leaves no room for the type", {METHOD, SCHEME, PATH, AUTHORITY, "x-large", almost_all, TE, TYPE}, 200,
     BELAY_RESOURCE_EXHAUSTED, "header list too large"},
    {"a list too large before the rest", {METHOD, SCHEME, PATH, AUTHORITY, "x-large", too_much, TE, TYPE}, 200,
     BELAY_RESOURCE_EXHAUSTED, "header list too large"},
    {"a header of HTTP/1", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "connection", "close"}, 0, -1, NULL},
    {"an upper case name", {METHOD, SCHEME, PATH, AUTHORITY, TE, TYPE, "X-Key", "1"}, 0, -1, NULL},
};

#define BADS (sizeof bads / sizeof bads[0])

/* One message more there and back. */
static void
check_beside(raw_peer *peer, size_t *echoed)
{
    raw_message(peer, 1, 10, false);
    *echoed += 17;
    CU_ASSERT_FATAL(raw_await_body(peer, 1, *echoed));
}

static void
check_answer(const raw_stream *stream, const bad *request)
{
    bool right;
    if (request->http == 0) {
        right = stream->resets == 1 && stream->reset_code == RAW_PROTOCOL_ERROR;
    } else {
        right = stream->http_status == request->http && stream->grpc_status == request->status;
        if (request->message != NULL)
            right &= strstr(stream->grpc_message, request->message) != NULL;
    }
    if (!right)
        printf("%s: HTTP %d, gRPC %d \"%s\", resets %u (%u)\n", request->what, stream->http_status,
               stream->grpc_status, stream->grpc_message, stream->resets, (unsigned int)stream->reset_code);
    CU_ASSERT(right);
}

static void
test_bad_requests_are_answered_and_harm_nobody_else(void)
{
    fixture f;
    raw_peer peer;
    size_t echoed = 0;
    fill(almost_all, sizeof almost_all);
    fill(too_much, sizeof too_much);
    fixture_open(&f, &(fixture_options){.handlers = {.unary = echo, .chat = answer_echo}});
    raw_connect(&peer, f.address, (raw_settings){0});
    raw_call(&peer, 1, "Chat", NULL, false);
    check_beside(&peer, &echoed);
    for (size_t i = 0; i < BADS; i++) {
        uint32_t id = 3 + 2 * (uint32_t)i;
        raw_headers(&peer, id, bads[i].fields, true);
        CU_ASSERT_FATAL(raw_await_end(&peer, id));
        check_answer(raw_of(&peer, id), &bads[i]);
        check_beside(&peer, &echoed);
    }
    raw_data(&peer, 1, "", 0, true);
    CU_ASSERT(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(peer.goaways, 0);
    raw_close(&peer);
    CU_ASSERT_EQUAL(fixture_counters(&f).handlers_started, 1);
    fixture_close(&f);
}

/* ---- Messages ------------------------------------------------------------------------------------ */

/* Notes in one another, `depth` in all, in their frame. Returns the size. */
static size_t
nest(uint8_t to[512], unsigned int depth)
{
    enum { INNER = 0x22, END = 512 };
    size_t at = END;
    for (unsigned int i = 1; i < depth; i++) {
        size_t size = END - at;
        if (size >= 0x80)
            to[--at] = (uint8_t)(size >> 7);
        to[--at] = (uint8_t)(size >= 0x80 ? 0x80 | (size & 0x7f) : size);
        to[--at] = INNER;
    }
    size_t size = END - at;
    memmove(to + 5, to + at, size);
    memcpy(to, (uint8_t[]){0, 0, 0, (uint8_t)(size >> 8), (uint8_t)size}, 5);
    return 5 + size;
}

/* As the request of a method that takes one, and in a stream: there it is the handler who receives it. */
static void
check_message(raw_peer *peer, uint32_t *id, const uint8_t *frame, size_t size, belay_code code, const char *words)
{
    static const char *const methods[] = {"Unary", "Upload", "Chat"};
    for (size_t i = 0; i < 3; i++, *id += 2) {
        raw_call(peer, *id, methods[i], NULL, false);
        raw_data(peer, *id, frame, size, true);
        CU_ASSERT_FATAL(raw_await_end(peer, *id));
        CU_ASSERT_EQUAL(raw_of(peer, *id)->grpc_status, (int)code);
        CU_ASSERT_STRING_EQUAL(raw_of(peer, *id)->grpc_message, words);
    }
}

static void
test_bad_messages_are_told_and_harm_nobody_else(void)
{
    enum { MOST = 100 };
    fixture f;
    raw_peer peer;
    uint8_t frame[512];
    uint32_t id = 3;
    size_t echoed = 0;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL(belay_server_options_set_limit(options, BELAY_LIMIT_DEPTH, MOST), BELAY_OK);
    fixture_open(&f, &(fixture_options){
        .handlers = {.unary = echo, .upload = answer_count, .chat = answer_echo}, .server = options});
    raw_connect(&peer, f.address, (raw_settings){0});
    raw_call(&peer, 1, "Chat", NULL, false);
    check_beside(&peer, &echoed);
    check_message(&peer, &id, (const uint8_t *)"\0\0\0\0\3\xff\xff\xff", 8, BELAY_INTERNAL,
                  "the request is no belay.test.Note");
    check_beside(&peer, &echoed);
    check_message(&peer, &id, frame, nest(frame, MOST), BELAY_OK, "");
    CU_ASSERT_EQUAL(belay_server_limit_reached(f.server, BELAY_LIMIT_DEPTH), 0);
    check_message(&peer, &id, frame, nest(frame, MOST + 1), BELAY_RESOURCE_EXHAUSTED,
                  "the request is too large to unpack");
    CU_ASSERT_EQUAL(belay_server_limit_reached(f.server, BELAY_LIMIT_DEPTH), 3);
    check_beside(&peer, &echoed);
    raw_close(&peer);
    fixture_close(&f);
    belay_server_options_free(options);
}

/* Passes over what is bad, and ends with the same code for a reason of its own. */
static belay_code
pass_over(belay_call *call)
{
    Belay__Test__Note *note;
    belay_code code;
    while ((code = belay_test_probe_chat_recv_request(call, &note)) == BELAY_OK || code == BELAY_INTERNAL)
        continue;
    return BELAY_INTERNAL;
}

static void
test_bad_messages_that_were_passed_over_are_not_told(void)
{
    fixture f;
    raw_peer peer;
    fixture_open(&f, &(fixture_options){.handlers = {.chat = pass_over}});
    raw_connect(&peer, f.address, (raw_settings){0});
    raw_call(&peer, 1, "Chat", NULL, false);
    raw_data(&peer, 1, "\0\0\0\0\3\xff\xff\xff", 8, true);
    CU_ASSERT_FATAL(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_INTERNAL);
    CU_ASSERT_STRING_EQUAL(raw_of(&peer, 1)->grpc_message, "");
    raw_close(&peer);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"bad_requests_are_answered_and_harm_nobody_else", test_bad_requests_are_answered_and_harm_nobody_else},
        {"bad_messages_are_told_and_harm_nobody_else", test_bad_messages_are_told_and_harm_nobody_else},
        {"bad_messages_that_were_passed_over_are_not_told", test_bad_messages_that_were_passed_over_are_not_told},
        CU_TEST_INFO_NULL,
    };
    return suite_run("bad_requests", tests, argc, argv);
}
