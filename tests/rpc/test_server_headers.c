/* SPDX-License-Identifier: MIT */
/*
 * Requests' headers as they come on the wire, right and wrong, and the headers that answer them: what gRPC over
 * HTTP/2 says of each, and that a bad stream harms no other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"
#include "support/raw_peer.h"
#include "wire/metadata.h"

typedef struct bench {
    fixture f;
    raw_peer client;
    int runs;
    uint64_t time_left; /* of the handler's context, when it ran */
    gate go;
} bench;

/* Gives back as header and trailer what begins with "x-", then does what the text says. */
static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    const belay_metadata *list = belay_call_metadata(call);
    belay_code code = BELAY_OK;
    (void)request, (void)reply;
    b->runs++;
    b->time_left = belay_context_time_left(belay_call_context(call));
    for (size_t i = 0; code == BELAY_OK && i < belay_metadata_count(list); i++) {
        const belay_metadata_entry *entry = belay_metadata_at(list, i);
        if (strncmp(entry->key, "x-", 2) != 0)
            continue;
        code = belay_call_add_header(call, entry->key, entry->value, entry->value_size);
        if (code == BELAY_OK)
            code = belay_call_add_trailer(call, entry->key, entry->value, entry->value_size);
    }
    return code;
}

/* Ends before the client does, with whatever it has said until then. */
static belay_code
end_early(belay_call *call)
{
    const belay_metadata_entry *wanted = belay_metadata_get(belay_call_metadata(call), "code");
    int code = wanted != NULL ? atoi(wanted->value) : 0;
    if (belay_metadata_get(belay_call_metadata(call), "at-length") != NULL)
        return belay_fail(call, (belay_code)code, "%0100000d", 1);
    return code != 0 ? belay_fail(call, (belay_code)code, "early: 100 %% sure\n\xc3\xa9") : BELAY_OK;
}

/* Has its first message wait for the test. */
static belay_code
send_at_gate(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_wait(&b->go);
    belay_code code = belay_test_probe_download_send_reply(call, NOTE("now"));
    return code;
}

static void
bench_open(bench *b)
{
    static const belay_test_probe_handlers handlers = {.unary = echo, .chat = end_early, .download = send_at_gate};
    memset(b, 0, sizeof *b);
    gate_init(&b->go, "the handler may send");
    fixture_open(&b->f, &(fixture_options){.handlers = handlers, .data = b});
    raw_connect(&b->client, b->f.address, (raw_settings){0});
}

static void
bench_close(bench *b)
{
    gate_open(&b->go);
    raw_close(&b->client);
    fixture_close(&b->f);
    gate_fini(&b->go);
}

#define USUAL_FIELDS 12
static const char *const usual[USUAL_FIELDS] = {
    ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary", ":authority", "test", "te", "trailers",
    "content-type", "application/grpc",
};

/* A unary request with usual headers, but for one name: its value replaced, or (NULL) left out; and one pair more,
 * or none (NULL). */
static void
send_request(bench *b, uint32_t id, const char *name, const char *value, const char *more, const char *more_value)
{
    const char *fields[USUAL_FIELDS + 3];
    size_t count = 0;
    for (size_t i = 0; i < USUAL_FIELDS; i += 2) {
        bool changed = name != NULL && strcmp(usual[i], name) == 0;
        if (changed && value == NULL)
            continue;
        fields[count++] = usual[i];
        fields[count++] = changed ? value : usual[i + 1];
    }
    if (more != NULL) {
        fields[count++] = more;
        fields[count++] = more_value;
    }
    fields[count] = NULL;
    raw_headers(&b->client, id, fields, false);
    raw_message(&b->client, id, 0, true);
}

/* How such a request ends. */
typedef struct wanted {
    const char *name, *value, *more, *more_value; /* of send_request() */
    int http;          /* 0: HTTP/2 itself does not let it pass, RST_STREAM(PROTOCOL_ERROR) */
    int code;
    const char *words; /* a part of the message; NULL: none is looked for */
} wanted;

static void
expect_answer(bench *b, uint32_t id, const wanted *w)
{
    const raw_stream *stream = raw_of(&b->client, id);
    CU_ASSERT_TRUE(raw_await_end(&b->client, id));
    if (w->http == 0) {
        CU_ASSERT_EQUAL(stream->resets, 1);
        CU_ASSERT_EQUAL(stream->reset_code, RAW_PROTOCOL_ERROR);
        return;
    }
    CU_ASSERT_EQUAL(stream->http_status, w->http);
    CU_ASSERT_EQUAL(stream->grpc_status, w->code);
    bool is_grpc = w->http == 200;
    CU_ASSERT_EQUAL(stream->blocks, is_grpc && w->code != BELAY_OK ? 1 : 2);
    CU_ASSERT_TRUE(raw_has_field(stream, "content-type", is_grpc ? "application/grpc" : "text/plain"));
    CU_ASSERT_TRUE(is_grpc || stream->body == strlen(stream->grpc_message) + 1);
    if (w->words != NULL)
        CU_ASSERT_PTR_NOT_NULL(strstr(stream->grpc_message, w->words));
}

/* All on one connection, which goes on. */
static void
expect_answers(const wanted *table, size_t count)
{
    bench b;
    uint32_t id = 1;
    int good = 1;
    bench_open(&b);
    for (size_t i = 0; i < count; i++, id += 2) {
        const wanted *w = &table[i];
        send_request(&b, id, w->name, w->value, w->more, w->more_value);
        expect_answer(&b, id, w);
        good += w->http == 200 && w->code == BELAY_OK;
    }
    static const wanted fine = {NULL, NULL, NULL, NULL, 200, BELAY_OK, NULL};
    send_request(&b, id, NULL, NULL, NULL, NULL);
    expect_answer(&b, id, &fine);
    CU_ASSERT_EQUAL(b.runs, good);
    CU_ASSERT_EQUAL(b.client.goaways, 0);
    bench_close(&b);
}

#define EXPECT(table) expect_answers(table, sizeof(table) / sizeof(table)[0])

/* ---- The request line ------------------------------------------------------------------------------ */

static void
test_only_post_is_a_call(void)
{
    static const wanted table[] = {
        {":method", "GET", NULL, NULL, 405, BELAY_INTERNAL, "POST"},
        {":method", "PUT", NULL, NULL, 405, BELAY_INTERNAL, "POST"},
        {":method", "post", NULL, NULL, 405, BELAY_INTERNAL, "POST"},
        {":method", "POSTS", NULL, NULL, 405, BELAY_INTERNAL, "POST"},
        {":method", NULL, NULL, NULL, 0, 0, NULL},
    };
    EXPECT(table);
}

static void
test_answer_to_head_has_no_body(void)
{
    bench b;
    bench_open(&b);
    send_request(&b, 1, ":method", "HEAD", NULL, NULL);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    const raw_stream *stream = raw_of(&b.client, 1);
    CU_ASSERT_EQUAL(stream->http_status, 405);
    CU_ASSERT_EQUAL(stream->blocks, 1);
    CU_ASSERT_EQUAL(stream->body, 0);
    bench_close(&b);
}

/* Its client may have more to send, and what that breaks is told as HTTP/2 tells it. */
static void
test_what_is_no_grpc_is_answered_at_its_end(void)
{
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary",
                                         ":authority", "localhost", "content-type", "text/html", NULL};
    static const uint8_t body[20000];
    bench b;
    bench_open(&b);
    const raw_stream *stream = raw_of(&b.client, 1);
    raw_headers(&b.client, 1, fields, false);
    raw_data(&b.client, 1, body, 10, false);
    raw_sync(&b.client);
    CU_ASSERT_EQUAL(stream->blocks, 0);
    raw_data(&b.client, 1, body, 0, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(stream->http_status, 415);

    raw_headers(&b.client, 3, fields, false);
    raw_data(&b.client, 3, body, 10000, false);
    raw_data(&b.client, 3, body, 10000, false);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 3));
    CU_ASSERT_EQUAL(raw_of(&b.client, 3)->http_status, 415);

    raw_headers(&b.client, 5, fields, false);
    raw_reset(&b.client, 5, RAW_CANCEL);
    raw_sync(&b.client);
    CU_ASSERT_EQUAL(raw_of(&b.client, 5)->blocks, 0);
    bench_close(&b);
}

static void
test_a_method_that_is_not_allowed_is_told_which_is(void)
{
    bench b;
    bench_open(&b);
    send_request(&b, 1, ":method", "GET", NULL, NULL);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_TRUE(raw_has_field(raw_of(&b.client, 1), "allow", "POST"));
    bench_close(&b);
}

static void
test_a_path_names_a_service_and_a_method(void)
{
    static const wanted table[] = {
        {":path", "/belay.test.Probe/Nothing", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown method"},
        {":path", "/belay.test.Nothing/Unary", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown service"},
        {":path", "/belay.test.Probe/Unary/", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown"},
        {":path", "/belay.test.Probe", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown"},
        {":path", "/belay.test.Probe/unary", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown method"},
        {":path", "//belay.test.Probe/Unary", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown"},
        {":path", "/", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "unknown"},
        {":path", "/%\xff", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "%25%EF%BF%BD"},
    };
    EXPECT(table);
}

/* HTTP/2 looks at that first, but only where it knows the scheme. */
static void
test_a_path_without_its_slash_is_refused_before_it_is_looked_up(void)
{
    bench b;
    static const wanted no_slash = {":path", "belay.test.Probe/Unary", NULL, NULL, 0, 0, NULL};
    bench_open(&b);
    send_request(&b, 1, no_slash.name, no_slash.value, NULL, NULL);
    expect_answer(&b, 1, &no_slash);
    static const char *const odd_scheme[] = {":method", "POST", ":scheme", "grpc", ":path",
                                             "belay.test.Probe/Unary", ":authority", "test", "te", "trailers",
                                             "content-type", "application/grpc", NULL};
    raw_headers(&b.client, 3, odd_scheme, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 3));
    CU_ASSERT_EQUAL(raw_of(&b.client, 3)->grpc_status, BELAY_UNIMPLEMENTED);
    CU_ASSERT_STRING_EQUAL(raw_of(&b.client, 3)->grpc_message, "malformed path: no leading slash");
    CU_ASSERT_EQUAL(b.runs, 0);
    bench_close(&b);
}

static void
test_more_than_one_authority_is_refused(void)
{
    static const wanted table[] = {
        {NULL, NULL, "host", "other", 400, BELAY_INTERNAL, "duplicate"},
        {NULL, NULL, ":authority", "other", 0, 0, NULL},
        {":authority", NULL, "host", "test", 200, BELAY_OK, NULL}, /* what HTTP/1.1 proxies send */
    };
    EXPECT(table);
}

/* ---- What makes it gRPC ---------------------------------------------------------------------------- */

static void
test_content_types_that_are_not_grpcs_are_refused_as_http_does(void)
{
    static const wanted table[] = {
        {"content-type", "application/grpc+proto", NULL, NULL, 200, BELAY_OK, NULL},
        {"content-type", "application/grpc;charset=utf-8", NULL, NULL, 200, BELAY_OK, NULL},
        {"content-type", "Application/gRPC", NULL, NULL, 200, BELAY_OK, NULL},
        {"content-type", "application/grpc-web", NULL, NULL, 415, BELAY_INTERNAL, "content-type"},
        {"content-type", "application/grpcx", NULL, NULL, 415, BELAY_INTERNAL, "content-type"},
        {"content-type", "application/json", NULL, NULL, 415, BELAY_INTERNAL, "content-type"},
        {"content-type", "", NULL, NULL, 415, BELAY_INTERNAL, "content-type"},
        {"content-type", NULL, NULL, NULL, 415, BELAY_INTERNAL, "content-type"},
    };
    EXPECT(table);
}

/* Nothing that is wrong by gRPC's rules counts then. */
static void
test_what_is_no_grpc_is_told_first(void)
{
    static const wanted table[] = {
        {":path", "/no.Service/Method", "content-type", "text/html", 400, BELAY_INTERNAL, "content-type"},
        {":path", "/no.Service/Method", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "no.Service"},
    };
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":path", "/", ":authority", "localhost",
                                         NULL};
    EXPECT(table);
    bench b;
    bench_open(&b);
    raw_headers(&b.client, 1, fields, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->http_status, 415);
    bench_close(&b);
}

static void
test_messages_that_are_no_protobuf_are_not_implemented(void)
{
    static const wanted table[] = {
        {"content-type", "application/grpc+json", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "+json"},
        {"content-type", "application/grpc+", NULL, NULL, 200, BELAY_UNIMPLEMENTED, "protobuf"},
    };
    EXPECT(table);
}

static void
test_te_says_trailers(void)
{
    static const wanted table[] = {
        {"te", NULL, NULL, NULL, 200, BELAY_INTERNAL, "te: trailers"},
        {"te", "gzip", NULL, NULL, 0, 0, NULL},
        {NULL, NULL, "connection", "close", 0, 0, NULL},
    };
    EXPECT(table);
}

static void
test_an_encoding_that_is_unknown_is_told_which_there_are(void)
{
    bench b;
    bench_open(&b);
    send_request(&b, 1, NULL, NULL, "grpc-encoding", "snappy");
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->grpc_status, BELAY_UNIMPLEMENTED);
    CU_ASSERT_TRUE(raw_has_field(raw_of(&b.client, 1), "grpc-accept-encoding", NULL));
    bench_close(&b);
}

/* ---- Time-outs -------------------------------------------------------------------------------------- */

static void
test_malformed_timeouts_are_internal_errors(void)
{
    static const char *const timeouts[] = {"", "1", "S", "-1S", "+1S", " 1S", "1 S", "1S ", "1s", "1h", "1.5S", "0x1S",
                                           "123456789S", "1SS", "S1", "\xef\xbc\x91S", "1ms", "99999999999999999999n"};
    wanted table[sizeof timeouts / sizeof timeouts[0]];
    size_t count = sizeof timeouts / sizeof timeouts[0];
    for (size_t i = 0; i < count; i++)
        table[i] = (wanted){NULL, NULL, "grpc-timeout", timeouts[i], 200, BELAY_INTERNAL, "malformed grpc-timeout"};
    expect_answers(table, count);
}

static void
test_a_timeout_of_nothing_has_passed(void)
{
    static const wanted table[] = {
        {NULL, NULL, "grpc-timeout", "0S", 200, BELAY_DEADLINE_EXCEEDED, "deadline"},
        {NULL, NULL, "grpc-timeout", "00000000n", 200, BELAY_DEADLINE_EXCEEDED, "deadline"},
    };
    EXPECT(table);
}

#define FAR_AWAY BELAY_SECONDS(UINT32_MAX)

/* `m` are milliseconds and `M` minutes; hours without end are an end far away; without one there is none. */
static void
test_timeouts_reach_the_handler(void)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } table[] = {
        {"5M", BELAY_SECONDS(300)},        {"300000m", BELAY_SECONDS(300)}, {"00000300S", BELAY_SECONDS(300)},
        {"2H", BELAY_SECONDS(7200)},       {"99999999H", BELAY_FOREVER},       {NULL, BELAY_FOREVER},
    };
    bench b;
    uint32_t id = 1;
    bench_open(&b);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++, id += 2) {
        send_request(&b, id, NULL, NULL, table[i].text != NULL ? "grpc-timeout" : NULL, table[i].text);
        CU_ASSERT_TRUE(raw_await_end(&b.client, id));
        CU_ASSERT_EQUAL(raw_of(&b.client, id)->grpc_status, BELAY_OK);
        uint64_t least = table[i].ns > FAR_AWAY ? FAR_AWAY : table[i].ns - BELAY_SECONDS(99);
        CU_ASSERT_TRUE(b.time_left > least && b.time_left <= table[i].ns);
    }
    bench_close(&b);
}

static void
test_a_timeout_comes_once(void)
{
    static const char *const fields[] = {
        ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary", ":authority", "test", "te",
        "trailers", "content-type", "application/grpc", "grpc-timeout", "1H", "grpc-timeout", "2H", NULL};
    bench b;
    bench_open(&b);
    raw_headers(&b.client, 1, fields, false);
    raw_message(&b.client, 1, 0, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->grpc_status, BELAY_INTERNAL);
    CU_ASSERT_EQUAL(b.runs, 0);
    bench_close(&b);
}

/* ---- Metadata ---------------------------------------------------------------------------------------- */

/* What is odd but HTTP allows is passed on: empty values, tabs, bytes that are no ASCII, gRPC's names that nobody
 * knows. */
static void
test_odd_metadata_is_no_error(void)
{
    static const wanted table[] = {
        {NULL, NULL, "y-empty", "", 200, BELAY_OK, NULL},
        {NULL, NULL, "y-tab", "a\tb", 200, BELAY_OK, NULL},
        {NULL, NULL, "y-latin", "caf\xe9", 200, BELAY_OK, NULL},
        {NULL, NULL, "y-long", "0123456789012345678901234567890123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789012345678901234567890123456789",
         200, BELAY_OK, NULL},
        {NULL, NULL, "grpc-nobody-knows", "x", 200, BELAY_OK, NULL},
        {NULL, NULL, "grpc-nobody-knows-bin", "!", 200, BELAY_OK, NULL},
        {NULL, NULL, "y-empty-bin", "", 200, BELAY_OK, NULL},
        {NULL, NULL, "-bin", "AA", 200, BELAY_OK, NULL},
    };
    EXPECT(table);
}

static void
test_binary_metadata_that_cannot_be_read_fails_its_stream_only(void)
{
    static const wanted table[] = {
        {NULL, NULL, "x-bad-bin", "!", 200, BELAY_INTERNAL, "malformed base64 in x-bad-bin"},
        {NULL, NULL, "x-bad-bin", "A", 200, BELAY_INTERNAL, "malformed base64"},
        {NULL, NULL, "x-bad-bin", "AA,=", 200, BELAY_INTERNAL, "malformed base64"},
        {NULL, NULL, "x-bad-bin", "AA=A", 200, BELAY_INTERNAL, "malformed base64"},
        {NULL, NULL, "x-good-bin", "AA==", 200, BELAY_OK, NULL},
    };
    EXPECT(table);
}

/* A comma is a byte on the wire and an entry here. */
static void
test_binary_metadata_has_a_bounded_number_of_values(void)
{
    char most[BLY_METADATA_MAX_PARTS], more[BLY_METADATA_MAX_PARTS + 1];
    memset(most, ',', sizeof most);
    memset(more, ',', sizeof more);
    most[sizeof most - 1] = '\0';
    more[sizeof more - 1] = '\0';
    const wanted table[] = {
        {NULL, NULL, "x-many-bin", most, 200, BELAY_OK, NULL},
        {NULL, NULL, "x-many-bin", more, 200, BELAY_RESOURCE_EXHAUSTED, "too many values in x-many-bin"},
    };
    EXPECT(table);
}

static void
expect_back(const char *sent, const char *const *back)
{
    bench b;
    bench_open(&b);
    send_request(&b, 1, NULL, NULL, "x-echo-bin", sent);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    const raw_stream *stream = raw_of(&b.client, 1);
    CU_ASSERT_EQUAL(stream->grpc_status, BELAY_OK);
    CU_ASSERT_EQUAL(stream->blocks, 2); /* headers and trailers have it alike */
    const char *at = stream->fields;
    for (int block = 0; block < 2; block++) {
        for (size_t i = 0; back[i] != NULL; i++) {
            char line[64];
            snprintf(line, sizeof line, "x-echo-bin: %s\n", back[i]);
            at = strstr(at, line);
            CU_ASSERT_PTR_NOT_NULL_FATAL(at);
            at += strlen(line);
        }
    }
    CU_ASSERT_PTR_NULL(strstr(at, "x-echo-bin"));
    bench_close(&b);
}

static void
test_binary_metadata_is_read_padded_or_not_and_written_without(void)
{
    expect_back("q6s=", (const char *const[]){"q6s", NULL});
    expect_back("q6s", (const char *const[]){"q6s", NULL});
    expect_back("q6ur", (const char *const[]){"q6ur", NULL});
    expect_back("AA==,q6s=, q6ur,", (const char *const[]){"AA", "q6s", "q6ur", "", NULL});
}

/* Each is a pair of its own, and they stay in their order, on the way in and on both ways out. */
static void
test_metadata_keeps_its_order_and_its_duplicates(void)
{
    static const char *const fields[] = {
        ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary", ":authority", "test", "te",
        "trailers", "content-type", "application/grpc", "x-b", "1", "x-a", "2", "x-b", "1", "x-a-bin", "AA",
        "x-a", "3, 4", NULL};
    static const char echoed[] = "x-b: 1\nx-a: 2\nx-b: 1\nx-a-bin: AA\nx-a: 3, 4\n";
    bench b;
    bench_open(&b);
    raw_headers(&b.client, 1, fields, false);
    raw_message(&b.client, 1, 0, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    const char *first = strstr(raw_of(&b.client, 1)->fields, echoed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NOT_NULL(strstr(first + 1, echoed));
    bench_close(&b);
}

/* gRPC has none, but HTTP/2 does: what they say is not the call's, good or bad. */
static void
test_trailers_of_a_request_end_it_and_say_nothing(void)
{
    static const char *const trailers[] = {"x-late", "1", "x-bin", "!", "grpc-timeout", "soon", NULL};
    bench b;
    bench_open(&b);
    raw_call(&b.client, 1, "Unary", NULL, false);
    raw_message(&b.client, 1, 0, false);
    raw_headers(&b.client, 1, trailers, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->http_status, 200);
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->grpc_status, BELAY_OK);
    CU_ASSERT_FALSE(raw_has_field(raw_of(&b.client, 1), "x-late", NULL));
    CU_ASSERT_EQUAL(b.runs, 1);
    bench_close(&b);
}

/* ---- The answer ---------------------------------------------------------------------------------------- */

static void
test_an_early_error_is_one_block(void)
{
    static const char *const fields[] = {
        ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Chat", ":authority", "test", "te",
        "trailers", "content-type", "application/grpc", "code", "9", NULL};
    bench b;
    bench_open(&b);
    raw_headers(&b.client, 1, fields, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    const raw_stream *stream = raw_of(&b.client, 1);
    CU_ASSERT_EQUAL(stream->blocks, 1);
    CU_ASSERT_STRING_EQUAL(stream->fields, ":status: 200\ncontent-type: application/grpc\ngrpc-status: 9\n"
                                           "grpc-message: early: 100 %25 sure%0A%C3%A9\n");
    bench_close(&b);
}

/* Whatever was said, it is less than the code. */
static void
test_an_endless_message_is_cut_short(void)
{
    static const char *const fields[] = {
        ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Chat", ":authority", "test", "te",
        "trailers", "content-type", "application/grpc", "code", "9", "at-length", "1", NULL};
    bench b;
    bench_open(&b);
    raw_headers(&b.client, 1, fields, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    const raw_stream *stream = raw_of(&b.client, 1);
    CU_ASSERT_EQUAL(stream->resets, 0);
    CU_ASSERT_EQUAL(stream->grpc_status, BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(strspn(stream->grpc_message, "0"), sizeof stream->grpc_message - 1);
    bench_close(&b);
}

static void
test_ok_is_said(void)
{
    bench b;
    bench_open(&b);
    raw_call(&b.client, 1, "Chat", NULL, true);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_TRUE(raw_has_field(raw_of(&b.client, 1), "grpc-status", "0"));
    CU_ASSERT_FALSE(raw_has_field(raw_of(&b.client, 1), "grpc-message", NULL));
    bench_close(&b);
}

/* A status before the client has ended its side: a reset follows that says that it was no error. */
static void
test_an_end_before_the_clients_is_followed_by_a_reset_without_error(void)
{
    for (int fails = 0; fails < 2; fails++) {
        const char *const fields[] = {
            ":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Chat", ":authority", "test", "te",
            "trailers", "content-type", "application/grpc", "code", fails ? "9" : "0", NULL};
        bench b;
        bench_open(&b);
        raw_headers(&b.client, 1, fields, false);
        CU_ASSERT_TRUE(raw_await_reset(&b.client, 1));
        CU_ASSERT_TRUE(raw_of(&b.client, 1)->ended);
        CU_ASSERT_EQUAL(raw_of(&b.client, 1)->grpc_status, fails ? BELAY_FAILED_PRECONDITION : BELAY_OK);
        CU_ASSERT_EQUAL(raw_of(&b.client, 1)->reset_code, RAW_NO_ERROR);
        bench_close(&b);
    }
}

static void
test_headers_wait_for_the_first_message(void)
{
    bench b;
    bench_open(&b);
    raw_call(&b.client, 1, "Download", NULL, false);
    raw_message(&b.client, 1, 0, true);
    FIXTURE_AWAIT(&b.f, handlers_running, 1);
    raw_sync(&b.client);
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->blocks, 0);
    gate_open(&b.go);
    CU_ASSERT_TRUE(raw_await_end(&b.client, 1));
    CU_ASSERT_EQUAL(raw_of(&b.client, 1)->blocks, 2);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(only_post_is_a_call),
        TEST(answer_to_head_has_no_body),
        TEST(what_is_no_grpc_is_answered_at_its_end),
        TEST(a_method_that_is_not_allowed_is_told_which_is),
        TEST(a_path_names_a_service_and_a_method),
        TEST(a_path_without_its_slash_is_refused_before_it_is_looked_up),
        TEST(more_than_one_authority_is_refused),
        TEST(content_types_that_are_not_grpcs_are_refused_as_http_does),
        TEST(what_is_no_grpc_is_told_first),
        TEST(messages_that_are_no_protobuf_are_not_implemented),
        TEST(te_says_trailers),
        TEST(an_encoding_that_is_unknown_is_told_which_there_are),
        TEST(malformed_timeouts_are_internal_errors),
        TEST(a_timeout_of_nothing_has_passed),
        TEST(timeouts_reach_the_handler),
        TEST(a_timeout_comes_once),
        TEST(odd_metadata_is_no_error),
        TEST(binary_metadata_that_cannot_be_read_fails_its_stream_only),
        TEST(binary_metadata_has_a_bounded_number_of_values),
        TEST(binary_metadata_is_read_padded_or_not_and_written_without),
        TEST(metadata_keeps_its_order_and_its_duplicates),
        TEST(trailers_of_a_request_end_it_and_say_nothing),
        TEST(an_early_error_is_one_block),
        TEST(an_endless_message_is_cut_short),
        TEST(ok_is_said),
        TEST(an_end_before_the_clients_is_followed_by_a_reset_without_error),
        TEST(headers_wait_for_the_first_message),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server_headers", tests, argc, argv);
}
