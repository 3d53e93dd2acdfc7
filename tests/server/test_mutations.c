/* SPDX-License-Identifier: MIT */
/*
 * Valid frames with random changes, over a real socket, to a server and to a client: whatever comes of them, both go
 * on as if nothing had been. The changes follow from a seed: a run is like
 * the one before, but for what threads make of it.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "support/raw_peer.h"
#include "wire/random.h"

#define ROUNDS 1500
#define ROOM 8192

enum { RAW_PRIORITY = 2 };

/* ---- Chance -------------------------------------------------------------------------------------- */

static uint64_t chance_state;

static uint32_t
chance(uint32_t below)
{
    return random_next(&chance_state) % below;
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

typedef struct wire {
    uint8_t bytes[ROOM];
    size_t size;
} wire;

static void
put(wire *to, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    to->size += raw_put(to->bytes + to->size, type, flags, stream, payload, size);
}

static void
put_fields(wire *to, uint32_t stream, const char *const *fields, bool end)
{
    uint8_t block[512];
    size_t size = 0;
    for (; fields[0] != NULL; fields += 2)
        size += raw_field(block + size, fields[0], fields[1]);
    size_t half = chance(4) == 0 ? size / 2 : size;
    uint8_t flags = end ? RAW_END_STREAM : 0;
    put(to, RAW_HEADERS, flags | (half == size ? RAW_END_HEADERS : 0), stream, block, half);
    if (half < size)
        put(to, RAW_CONTINUATION, RAW_END_HEADERS, stream, block + half, size - half);
}

/* A frame of any kind that could come at any time. */
static void
put_something(wire *to, uint32_t stream)
{
    static const uint8_t four[] = {0, 0, 1, 0}, settings[] = {0, 4, 0, 0, 0x40, 0, 0, 3, 0, 0, 0, 7};
    static const uint8_t priority[] = {0, 0, 0, 0, 16}, goaway[] = {0, 0, 0, 1, 0, 0, 0, 0, 'b', 'y', 'e'};
    switch (chance(7)) {
    case 0:
        put(to, RAW_PING, 0, 0, "12345678", 8);
        break;
    case 1:
        put(to, RAW_WINDOW_UPDATE, 0, chance(2) == 0 ? 0 : stream, four, sizeof four);
        break;
    case 2:
        put(to, RAW_SETTINGS, 0, 0, settings, sizeof settings);
        break;
    case 3:
        put(to, RAW_PRIORITY, 0, stream, priority, sizeof priority);
        break;
    case 4:
        put(to, RAW_RST_STREAM, 0, stream, four, sizeof four);
        break;
    case 5:
        put(to, RAW_DATA, 0, stream, "", 0);
        break;
    default:
        put(to, RAW_GOAWAY, 0, 0, goaway, sizeof goaway);
        break;
    }
}

/* A Note with a text, in its frame. */
static void
put_message(wire *to, uint32_t stream, bool end)
{
    static const uint8_t message[] = {0, 0, 0, 0, 7, 0x0a, 5, 'h', 'e', 'l', 'l', 'o'};
    size_t cut = chance(3) == 0 ? chance(sizeof message) : 0;
    if (cut > 0)
        put(to, RAW_DATA, 0, stream, message, cut);
    put(to, RAW_DATA, end ? RAW_END_STREAM : 0, stream, message + cut, sizeof message - cut);
}

static void
put_requests(wire *to)
{
    static const char *const methods[] = {"Unary", "Upload", "Download", "Chat", "None"};
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    memcpy(to->bytes, magic, sizeof magic - 1);
    to->size = sizeof magic - 1;
    put(to, RAW_SETTINGS, 0, 0, "", 0);
    for (uint32_t i = 0, count = 1 + chance(6); i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/belay.test.Probe/%s", methods[chance(5)]);
        const char *fields[] = {":method", "POST", ":scheme", "http", ":path", path, ":authority", "test", "te",
                                "trailers", "content-type", "application/grpc", "grpc-timeout", "1S", "x-bin", "AAEC",
                                NULL};
        put_fields(to, 2 * i + 1, fields, false);
        if (chance(3) == 0)
            put_something(to, 2 * i + 1);
        put_message(to, 2 * i + 1, chance(4) != 0);
    }
}

static void
put_answer(wire *to)
{
    static const char *const headers[] = {":status", "200", "content-type", "application/grpc",
                                          "x-bin", "AAEC", NULL};
    static const char *const trailers[] = {"grpc-status", "0", "grpc-message", "fine", NULL};
    to->size = 0;
    put(to, RAW_SETTINGS, 0, 0, "", 0);
    put(to, RAW_SETTINGS, RAW_ACK, 0, "", 0);
    if (chance(3) == 0)
        put_something(to, 1);
    put_fields(to, 1, headers, false);
    if (chance(3) == 0)
        put_something(to, 1);
    put_message(to, 1, false);
    put_fields(to, 1, trailers, true);
}

/* Changes, takes out or doubles some bytes; not those of the client's magic: they would be all that is looked at. */
static void
mutate(wire *bytes, size_t from)
{
    for (uint32_t i = 0, count = chance(5); i < count && bytes->size > from + 20; i++) {
        size_t at = from + chance((uint32_t)(bytes->size - from - 16));
        size_t size = 1 + chance(15);
        switch (chance(4)) {
        case 0:
            bytes->bytes[at] ^= (uint8_t)(1u << chance(8));
            break;
        case 1:
            bytes->bytes[at] = (uint8_t)chance(256);
            break;
        case 2:
            memmove(bytes->bytes + at, bytes->bytes + at + size, bytes->size - at - size);
            bytes->size -= size;
            break;
        default:
            if (bytes->size + size > ROOM)
                break;
            memmove(bytes->bytes + at + size, bytes->bytes + at, bytes->size - at);
            bytes->size += size;
            break;
        }
    }
}

/* Reads what comes for a moment, so that the other side can go on. */
static void
read_a_little(int descriptor)
{
    static uint8_t buffer[16384];
    struct pollfd entry = {.fd = descriptor, .events = POLLIN};
    for (int i = 0; i < 4 && poll(&entry, 1, 2) > 0; i++) {
        if (recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT) <= 0)
            return;
    }
}

/* ---- A server ------------------------------------------------------------------------------------ */

static const belay_test_probe_handlers handlers = {
    .unary = answer_next, .upload = answer_count, .download = answer_thrice, .chat = answer_echo};

static void
attack_server(const fixture *f)
{
    static wire bytes;
    raw_peer peer;
    put_requests(&bytes);
    mutate(&bytes, 24);
    if (!raw_connect_silent(&peer, f->address))
        return;
    raw_write(peer.descriptor, bytes.bytes, bytes.size);
    read_a_little(peer.descriptor);
    if (chance(2) == 0)
        raw_close(&peer);
    else
        raw_break(&peer);
}

static void
test_a_server_outlives_changed_frames(void)
{
    fixture f;
    chance_state = UINT64_C(0x9e3779b97f4a7c15);
    fixture_open(&f, &(fixture_options){.handlers = handlers});
    belay_call *beside = start_chat(&f, NULL, BELAY_FOREVER);
    for (int i = 0; i < ROUNDS; i++)
        attack_server(&f);
    CU_ASSERT_EQUAL(belay_test_probe_chat_send_request(beside, NOTE("still there?")), BELAY_OK);
    Belay__Test__Note *reply;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_recv_reply(beside, &reply), BELAY_OK);
    belay__test__note__free_unpacked(reply, NULL);
    belay_call_free(beside);
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    FIXTURE_AWAIT(&f, handlers_running, 0);
    FIXTURE_AWAIT(&f, connections, 1); /* the channel's */
    fixture_close(&f);
}

/* ---- A client ------------------------------------------------------------------------------------ */

static void
attack_client(belay_runtime *runtime, int listener, const char *address)
{
    static const ProtobufCMessageDescriptor *const note = &belay__test__note__descriptor;
    static const belay_method method = {"/belay.test.Probe/Unary", 0, note, note, NULL};
    static wire bytes;
    belay_call *call;
    belay_channel *channel = belay_channel_new(runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    CU_ASSERT_EQUAL_FATAL(belay_call_start(channel, NULL, &method, &NOTE("hello")->base, NULL, &call), BELAY_OK);
    int peer = accept(listener, NULL, NULL);
    CU_ASSERT_FATAL(peer >= 0);
    put_answer(&bytes);
    mutate(&bytes, 0);
    raw_read_magic(peer);
    raw_write(peer, bytes.bytes, bytes.size);
    read_a_little(peer);
    close(peer);
    belay_code code = belay_call_finish_unary(call, NULL, NULL);
    CU_ASSERT(code >= BELAY_OK && code <= BELAY_UNAUTHENTICATED);
    belay_channel_free(channel);
}

static void
test_a_client_outlives_changed_frames(void)
{
    char address[32];
    fixture f;
    chance_state = UINT64_C(0xd1b54a32d192ed03);
    fixture_open(&f, &(fixture_options){.handlers = handlers});
    int listener = raw_listen(address);
    for (int i = 0; i < ROUNDS; i++)
        attack_client(f.runtime, listener, address);
    close(listener);
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    FIXTURE_AWAIT(&f, children_open, 0);
    fixture_close(&f);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_server_outlives_changed_frames),
        TEST(a_client_outlives_changed_frames),
        CU_TEST_INFO_NULL,
    };
    return suite_run("mutations", tests, argc, argv);
}
