/* SPDX-License-Identifier: MIT */
/*
 * What is compressed, and what is not: by channel, call, server, handler and message, as far as the other
 * side takes it; and that a cancel stops it.
 */
#include <stdlib.h>
#include <string.h>

#include "rpc/call.h"
#include "support/fixture.h"
#include "support/raw_peer.h"

#define PAYLOAD 50000
#define SMALL 2000 /* a few of them fit into the window that raw peers give */
#define MESSAGES 20
#define HANDLER_SAYS_NOTHING ((belay_compression)-1)

/* A server whose handlers send back what they get. */
typedef struct desk {
    fixture f;
    Belay__Test__Note *note;       /* becomes smaller */
    belay_compression handler;     /* what handlers say */
    belay_code second;             /* what they are told when they say it after the first message */
    bool plain;                    /* handlers want the next message uncompressed */
    bool received[MESSAGES];       /* how requests came */
    int count;
} desk;

static void
note_request(desk *d, belay_call *call)
{
    d->received[d->count++ % MESSAGES] = belay_call_received_compressed(call);
}

static belay_code
echo(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    desk *d = belay_call_data(call);
    note_request(d, call);
    reply->payload = request->payload;
    belay_call_set_message_compression(call, !d->plain);
    return d->handler == HANDLER_SAYS_NOTHING ? BELAY_OK : belay_call_set_compression(call, d->handler);
}

/* Every other answer as it is. */
static belay_code
echo_all(belay_call *call)
{
    desk *d = belay_call_data(call);
    Belay__Test__Note *note;
    belay_code code = BELAY_OK;
    if (d->handler != HANDLER_SAYS_NOTHING)
        code = belay_call_set_compression(call, d->handler);
    while (code == BELAY_OK && (code = belay_test_probe_chat_recv_request(call, &note)) == BELAY_OK) {
        note_request(d, call);
        belay_call_set_message_compression(call, d->count % 2 != 0);
        code = belay_test_probe_chat_send_reply(call, note);
        d->second = belay_call_set_compression(call, BELAY_COMPRESSION_NONE);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static void
desk_open(desk *d, belay_compression channel, belay_compression server)
{
    belay_channel_options *for_channel = belay_channel_options_new();
    belay_server_options *for_server = belay_server_options_new();
    memset(d, 0, sizeof *d);
    d->handler = HANDLER_SAYS_NOTHING;
    d->note = note_new(PAYLOAD);
    CU_ASSERT_EQUAL(belay_channel_options_set_compression(for_channel, channel), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_options_set_compression(for_server, server), BELAY_OK);
    fixture_open(&d->f, &(fixture_options){.handlers = {.unary = echo, .chat = echo_all},
                                           .data = d,
                                           .server = for_server,
                                           .channel = for_channel});
    belay_channel_options_free(for_channel);
    belay_server_options_free(for_server);
}

static void
desk_close(desk *d)
{
    fixture_close(&d->f);
    free(d->note);
}

/* ---- Requests ------------------------------------------------------------------------------------------ */

static belay_call_options *
options_with(belay_compression compression)
{
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_call_options_set_compression(options, compression), BELAY_OK);
    return options;
}

static bool
is_the_note(const desk *d, const Belay__Test__Note *note)
{
    return note->payload.len == d->note->payload.len &&
           memcmp(note->payload.data, d->note->payload.data, note->payload.len) == 0;
}

/* Makes a call; tells whether its request came compressed. */
static bool
request_comes_compressed(desk *d, const belay_call_options *options)
{
    Belay__Test__Note *reply = NULL;
    d->count = 0;
    belay_code code = belay_test_probe_unary(d->f.channel, NULL, d->note, options, &reply, NULL);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT(is_the_note(d, reply));
    belay__test__note__free_unpacked(reply, NULL);
    return d->received[0];
}

static void
test_a_calls_options_go_before_its_channels(void)
{
    for (belay_compression channel = BELAY_COMPRESSION_NONE; channel <= BELAY_COMPRESSION_GZIP; channel++) {
        desk d;
        desk_open(&d, channel, BELAY_COMPRESSION_NONE);
        CU_ASSERT_EQUAL(request_comes_compressed(&d, NULL), channel != BELAY_COMPRESSION_NONE);
        for (belay_compression own = BELAY_COMPRESSION_NONE; own <= BELAY_COMPRESSION_GZIP; own++) {
            belay_call_options *options = options_with(own);
            CU_ASSERT_EQUAL(request_comes_compressed(&d, options), own != BELAY_COMPRESSION_NONE);
            belay_call_options_free(options);
        }
        desk_close(&d);
    }
}

/* Makes a call; tells whether its reply came compressed. */
static bool
reply_comes_compressed(desk *d)
{
    belay_call *call;
    Belay__Test__Note *reply;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(d->f.channel, NULL, d->note, NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(
        belay_call_recv_message(call, &belay__test__note__descriptor, (ProtobufCMessage **)&reply), BELAY_OK);
    bool compressed = belay_call_received_compressed(call);
    CU_ASSERT(is_the_note(d, reply));
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_OK);
    return compressed;
}

static void
test_a_handler_goes_before_its_server(void)
{
    for (belay_compression server = BELAY_COMPRESSION_NONE; server <= BELAY_COMPRESSION_GZIP; server++) {
        desk d;
        desk_open(&d, BELAY_COMPRESSION_NONE, server);
        CU_ASSERT_EQUAL(reply_comes_compressed(&d), server != BELAY_COMPRESSION_NONE);
        for (d.handler = BELAY_COMPRESSION_NONE; d.handler <= BELAY_COMPRESSION_GZIP; d.handler++)
            CU_ASSERT_EQUAL(reply_comes_compressed(&d), d.handler != BELAY_COMPRESSION_NONE);
        d.plain = true;
        for (d.handler = BELAY_COMPRESSION_NONE; d.handler <= BELAY_COMPRESSION_GZIP; d.handler++)
            CU_ASSERT_FALSE(reply_comes_compressed(&d));
        desk_close(&d);
    }
}

static void
test_a_channel_may_accept_none(void)
{
    desk d;
    desk_open(&d, BELAY_COMPRESSION_NONE, BELAY_COMPRESSION_GZIP);
    belay_channel *other = d.f.channel;
    belay_channel_options *options = belay_channel_options_new();
    belay_channel_options_set_accept_compression(options, false);
    d.f.channel = belay_channel_new(d.f.runtime, d.f.address, options);
    CU_ASSERT_FALSE(reply_comes_compressed(&d));
    belay_channel_free(d.f.channel);
    d.f.channel = other;
    CU_ASSERT_TRUE(reply_comes_compressed(&d));
    belay_channel_options_free(options);
    desk_close(&d);
}

/* ---- Streams ------------------------------------------------------------------------------------------- */

/* Every third request as it is, every other reply. */
static void
chat(desk *d, belay_call *call)
{
    Belay__Test__Note *reply;
    for (int i = 0; i < MESSAGES; i++) {
        belay_call_set_message_compression(call, i % 3 != 0);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_send_request(call, d->note), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(call, &reply), BELAY_OK);
        CU_ASSERT(is_the_note(d, reply));
        CU_ASSERT_EQUAL(belay_call_received_compressed(call), i % 2 == 0);
        belay__test__note__free_unpacked(reply, NULL);
    }
}

static void
test_each_message_of_a_stream_has_its_say(void)
{
    for (belay_compression compression = BELAY_COMPRESSION_DEFLATE; compression <= BELAY_COMPRESSION_GZIP;
         compression++) {
        desk d;
        desk_open(&d, compression, compression);
        belay_call *call = start_chat(&d.f, NULL, BELAY_FOREVER);
        chat(&d, call);
        CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
        for (int i = 0; i < MESSAGES; i++)
            CU_ASSERT_EQUAL(d.received[i], i % 3 != 0);
        CU_ASSERT_EQUAL(d.second, BELAY_FAILED_PRECONDITION);
        desk_close(&d);
    }
}

/* ---- The other side's word ----------------------------------------------------------------------------- */

/* more: of a second header; NULL: there is none. */
static void
call_accepting(raw_peer *client, uint32_t id, const char *accepted, const char *more)
{
    const char *fields[] = {":method", "POST", ":scheme", "http", ":path", "/belay.test.Probe/Unary",
                            ":authority", "test", "te", "trailers", "content-type", "application/grpc",
                            "grpc-accept-encoding", accepted, "grpc-accept-encoding", more, NULL};
    if (accepted == NULL)
        fields[12] = NULL;
    if (more == NULL)
        fields[14] = NULL;
    raw_headers(client, id, fields, false);
    raw_message(client, id, SMALL, true);
    CU_ASSERT(raw_await_end(client, id));
    CU_ASSERT_EQUAL(raw_of(client, id)->grpc_status, BELAY_OK);
}

static void
test_replies_are_compressed_for_clients_that_take_it(void)
{
    static const struct {
        const char *accepted, *more;
        bool gzip;
    } table[] = {{NULL, NULL, false},         {"", NULL, false},          {"identity", NULL, false},
                 {"deflate", NULL, false},    {"zstd, gzip", NULL, true}, {"gzip", NULL, true},
                 {"gzip", "deflate", true},   {"deflate", "gzip", true},  {"deflate", "identity", false},
                 {"identity,deflate,gzip", NULL, true}};
    raw_peer client;
    desk d;
    desk_open(&d, BELAY_COMPRESSION_NONE, BELAY_COMPRESSION_GZIP);
    raw_connect(&client, d.f.address, (raw_settings){0});
    for (uint32_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        call_accepting(&client, 2 * i + 1, table[i].accepted, table[i].more);
        const raw_stream *stream = raw_of(&client, 2 * i + 1);
        CU_ASSERT_STRING_EQUAL(stream->encoding, table[i].gzip ? "gzip" : "");
        CU_ASSERT_EQUAL(stream->flag, table[i].gzip);
        CU_ASSERT_EQUAL(stream->body < SMALL / 10, table[i].gzip);
    }
    raw_close(&client);
    desk_close(&d);
}

static void
test_nothing_is_said_of_compression_unless_asked_for(void)
{
    raw_peer client;
    desk d;
    desk_open(&d, BELAY_COMPRESSION_NONE, BELAY_COMPRESSION_NONE);
    raw_connect(&client, d.f.address, (raw_settings){0});
    call_accepting(&client, 1, BLY_COMPRESSION_ACCEPTED, NULL);
    CU_ASSERT_STRING_EQUAL(raw_of(&client, 1)->encoding, "");
    CU_ASSERT_STRING_EQUAL(raw_of(&client, 1)->accept_encoding, ""); /* which is free not to be told */
    CU_ASSERT_EQUAL(raw_of(&client, 1)->flag, 0);
    raw_close(&client);
    desk_close(&d);
}

/* A call that compresses, and a message that does not become smaller. */
static void
test_messages_that_would_grow_go_as_they_are(void)
{
    belay_call *call;
    Belay__Test__Note *reply;
    desk d;
    desk_open(&d, BELAY_COMPRESSION_GZIP, BELAY_COMPRESSION_GZIP);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(d.f.channel, NULL, NOTE("x"), NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(
        belay_call_recv_message(call, &belay__test__note__descriptor, (ProtobufCMessage **)&reply), BELAY_OK);
    CU_ASSERT_FALSE(d.received[0]);
    CU_ASSERT_FALSE(belay_call_received_compressed(call));
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_OK);
    desk_close(&d);
}

/* ---- Bytes --------------------------------------------------------------------------------------------- */

static void
test_bytes_are_compressed_as_messages_are(void)
{
    const void *data;
    size_t size;
    desk d;
    desk_open(&d, BELAY_COMPRESSION_DEFLATE, BELAY_COMPRESSION_GZIP);
    size_t packed_size = belay__test__note__get_packed_size(d.note);
    uint8_t *packed = malloc(packed_size);
    belay__test__note__pack(d.note, packed);
    belay_call *call = start_chat(&d.f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_send(call, packed, packed_size), BELAY_OK);
    CU_ASSERT_EQUAL(belay_call_send(call, NULL, 0), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_call_recv(call, &data, &size), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(size, packed_size);
    CU_ASSERT_EQUAL(memcmp(data, packed, size), 0);
    CU_ASSERT_TRUE(belay_call_received_compressed(call));
    CU_ASSERT_EQUAL_FATAL(belay_call_recv(call, &data, &size), BELAY_OK);
    CU_ASSERT_EQUAL(size, 0);
    CU_ASSERT_FALSE(belay_call_received_compressed(call));
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_TRUE(d.received[0]);
    CU_ASSERT_FALSE(d.received[1]);
    free(packed);
    desk_close(&d);
}

/* ---- Cancelling ---------------------------------------------------------------------------------------- */

/* A message of a call that has been cancelled is neither compressed nor inflated: whichever thread was at
 * it asks between pieces. */
static void
test_a_cancelled_call_does_no_more_work(void)
{
    static const uint8_t zeros[PAYLOAD];
    const char *words = NULL;
    desk d;
    desk_open(&d, BELAY_COMPRESSION_GZIP, BELAY_COMPRESSION_NONE);
    belay_context *context = belay_context_new(d.f.runtime);
    belay_call *call = start_chat(&d.f, context, BELAY_FOREVER);
    bly_bytes *frame = bly_call_frame_compressed(call, zeros, sizeof zeros);
    CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
    bly_bytes *message = bly_bytes_new(frame->size - BLY_FRAME_PREFIX);
    memcpy(message->data, frame->data + BLY_FRAME_PREFIX, message->size);
    call->compression.in = BELAY_COMPRESSION_GZIP;
    CU_ASSERT_EQUAL_FATAL(bly_call_inflate(call, &message, &words), BELAY_OK);
    CU_ASSERT_EQUAL(message->size, sizeof zeros);
    bly_bytes_free(message);

    message = bly_bytes_new(frame->size - BLY_FRAME_PREFIX);
    memcpy(message->data, frame->data + BLY_FRAME_PREFIX, message->size);
    belay_cancel(context, "enough");
    CU_ASSERT_EQUAL(bly_call_inflate(call, &message, &words), BELAY_CANCELLED);
    CU_ASSERT_PTR_NULL(message);
    CU_ASSERT_PTR_NULL(bly_call_frame_compressed(call, zeros, sizeof zeros));
    CU_ASSERT_EQUAL(belay_call_send(call, zeros, sizeof zeros), BELAY_CANCELLED);
    bly_bytes_free(frame);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    belay_context_unref(context);
    desk_close(&d);
}

/* ---- What is no compression ---------------------------------------------------------------------------- */

static void
test_what_is_no_compression_is_refused(void)
{
    const belay_compression none = (belay_compression)3, gzip = BELAY_COMPRESSION_GZIP;
    belay_channel_options *channel = belay_channel_options_new();
    belay_server_options *server = belay_server_options_new();
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_EQUAL(belay_channel_options_set_compression(channel, none), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_compression(server, none), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_options_set_compression(options, none), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_channel_options_set_compression(NULL, gzip), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_compression(NULL, gzip), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_options_set_compression(NULL, gzip), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_call_set_compression(NULL, gzip), BELAY_INVALID_ARGUMENT);
    belay_channel_options_free(channel);
    belay_server_options_free(server);
    belay_call_options_free(options);

    desk d;
    desk_open(&d, BELAY_COMPRESSION_NONE, BELAY_COMPRESSION_NONE);
    belay_call *call = start_chat(&d.f, NULL, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_call_set_compression(call, BELAY_COMPRESSION_GZIP), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    desk_close(&d);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"a_calls_options_go_before_its_channels", test_a_calls_options_go_before_its_channels},
        {"a_handler_goes_before_its_server", test_a_handler_goes_before_its_server},
        {"a_channel_may_accept_none", test_a_channel_may_accept_none},
        {"each_message_of_a_stream_has_its_say", test_each_message_of_a_stream_has_its_say},
        {"replies_are_compressed_for_clients_that_take_it",
         test_replies_are_compressed_for_clients_that_take_it},
        {"nothing_is_said_of_compression_unless_asked_for",
         test_nothing_is_said_of_compression_unless_asked_for},
        {"messages_that_would_grow_go_as_they_are", test_messages_that_would_grow_go_as_they_are},
        {"bytes_are_compressed_as_messages_are", test_bytes_are_compressed_as_messages_are},
        {"a_cancelled_call_does_no_more_work", test_a_cancelled_call_does_no_more_work},
        {"what_is_no_compression_is_refused", test_what_is_no_compression_is_refused},
        CU_TEST_INFO_NULL,
    };
    return suite_run("rpc/compression", tests, argc, argv);
}
