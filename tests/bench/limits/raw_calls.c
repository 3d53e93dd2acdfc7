/* SPDX-License-Identifier: MIT */
#include "bench/limits/raw_calls.h"

#include <string.h>

#define MESSAGE_HEAD 5

static bool
wait_answer(raw_connection *connection, uint32_t stream, const uint8_t *call, const uint8_t *end)
{
    int64_t limit = raw_now() + RAW_SECONDS(2);
    connection->awaited = stream;
    connection->answered = false;
    connection->answer_size = 0;
    if (!raw_send(connection, call, end))
        return false;
    while (!connection->answered && !connection->closed && raw_now() < limit)
        raw_read(connection, 50);
    return connection->answered;
}

bool
raw_hello(raw_connection *connection)
{
    uint8_t call[CALL_ROOM];
    uint32_t stream = raw_stream(connection);
    uint8_t *end = frame_call(call, stream, connection->authority, PATH_SAY_HELLO);
    end = frame_hello(end, stream);
    return wait_answer(connection, stream, call, end) && connection->answer_size != 0;
}

static uint64_t
read_varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

/* Reads the fields of a BenchRep: numbers are varints, v and v2 are eight bytes. */
static bench_reply
read_reply(const uint8_t *at, const uint8_t *end)
{
    bench_reply reply = {0};
    while (at < end) {
        uint64_t tag = read_varint(&at, end);
        if ((tag & 7) == 1 && end - at >= 8) {
            if (tag >> 3 == 2)
                memcpy(&reply.blocked, at, sizeof reply.blocked);
            at += 8;
            continue;
        }
        uint64_t value = read_varint(&at, end);
        if (tag >> 3 == 1)
            reply.ns = value;
        else if (tag >> 3 == 3)
            reply.started = value;
        else if (tag >> 3 == 4)
            reply.finished = value;
    }
    return reply;
}

bool
raw_ask(raw_connection *connection, const char *path, uint64_t id, bench_reply *reply)
{
    uint8_t call[CALL_ROOM];
    const bench_request request = {.id = id};
    uint32_t stream = raw_stream(connection);
    uint8_t *end = frame_call(call, stream, connection->authority, path);
    end = frame_bench(end, stream, &request);
    if (!wait_answer(connection, stream, call, end))
        return false;
    const uint8_t *answer_end = connection->answer + connection->answer_size;
    bool empty = connection->answer_size < MESSAGE_HEAD;
    *reply = read_reply(empty ? answer_end : connection->answer + MESSAGE_HEAD, answer_end);
    return true;
}
