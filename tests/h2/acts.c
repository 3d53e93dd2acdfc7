/* SPDX-License-Identifier: MIT */
/*
 * Acts on connections and streams, done on their loop.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "h2/recorder.h"

typedef struct owner_habits {
    h2_owner *recorder;
    bool refuse;
    bool drop;
    bool hears_cancels;
    uint32_t window;
    void (*on_event)(h2_record *stream, char event);
} owner_habits;

static void
add_habits(void *argument)
{
    const owner_habits *habits = argument;
    h2_owner *recorder = habits->recorder;
    recorder->refuse |= habits->refuse;
    recorder->drop |= habits->drop;
    recorder->hears_cancels |= habits->hears_cancels;
    if (habits->window > 0)
        recorder->window = habits->window;
    if (habits->on_event != NULL)
        recorder->on_event = habits->on_event;
}

void
refuse_streams(h2_owner *recorder)
{
    on_loop(recorder, add_habits, &(owner_habits){.recorder = recorder, .refuse = true});
}

void
drop_fields(h2_owner *recorder)
{
    on_loop(recorder, add_habits, &(owner_habits){.recorder = recorder, .drop = true});
}

void
hear_cancels(h2_owner *recorder)
{
    on_loop(recorder, add_habits, &(owner_habits){.recorder = recorder, .hears_cancels = true});
}

void
tell_window(h2_owner *recorder, uint32_t window)
{
    on_loop(recorder, add_habits, &(owner_habits){.recorder = recorder, .window = window});
}

void
call_at_events(h2_owner *recorder, void (*function)(h2_record *stream, char event))
{
    on_loop(recorder, add_habits, &(owner_habits){.recorder = recorder, .on_event = function});
}

typedef struct act_arguments {
    h2_record *record;
    h2_owner *recorder;
    bool end;
    size_t size;
    size_t piece;
    uint32_t number;
} act_arguments;

static h2_record *
open_stream(h2_owner *client, const bly_h2_header *headers, size_t count, bool at_end)
{
    if (client->connection == NULL)
        return NULL;
    h2_record *stream = recorder_add(client);
    if (bly_h2_stream_open(client->connection, &stream->carrier->stream, headers, count, at_end))
        return stream;
    client->count--;
    free(stream->carrier);
    free(stream);
    return NULL;
}

h2_record *
request_with(h2_owner *client, const bly_h2_header *headers, size_t count)
{
    return open_stream(client, headers, count, true);
}

static void
request_now(void *argument)
{
    static const bly_h2_header headers[] = {
        BLY_H2_STATIC_HEADER(":method", "POST"),
        BLY_H2_STATIC_HEADER(":scheme", "http"),
        BLY_H2_STATIC_HEADER(":path", "/s/m"),
        BLY_H2_STATIC_HEADER(":authority", "test"),
    };
    act_arguments *act = argument;
    act->record = open_stream(act->recorder, headers, 4, act->end);
}

h2_record *
request(h2_owner *client, bool at_end)
{
    act_arguments act = {.recorder = client, .end = at_end};
    on_loop(client, request_now, &act);
    return act.record;
}

static const bly_h2_header response_headers[] = {
    BLY_H2_STATIC_HEADER(":status", "200"),
    BLY_H2_STATIC_HEADER("content-type", "application/grpc"),
};

static const bly_h2_header status_only[] = {
    BLY_H2_STATIC_HEADER(":status", "200"),
    BLY_H2_STATIC_HEADER("grpc-status", "12"),
};

static void
respond_now(void *argument)
{
    act_arguments *act = argument;
    if (act->record->carrier == NULL)
        return;
    bly_h2_stream *stream = &act->record->carrier->stream;
    bool done = act->end ? bly_h2_stream_respond_only(stream, status_only, 2)
                         : bly_h2_stream_respond(stream, response_headers, 2);
    BLY_ASSERT(done);
}

void
respond(h2_record *stream)
{
    on_loop(stream->owner, respond_now, &(act_arguments){.record = stream});
}

void
respond_only(h2_record *stream)
{
    on_loop(stream->owner, respond_now, &(act_arguments){.record = stream, .end = true});
}

static void
send_now(void *argument)
{
    act_arguments *act = argument;
    h2_record *record = act->record;
    bly_bytes_queue queue;
    bly_bytes_queue_init(&queue);
    while (act->size > 0) {
        bly_bytes *bytes = bly_bytes_new(act->size < act->piece ? act->size : act->piece);
        for (size_t i = 0; i < bytes->size; i++)
            bytes->data[i] = pattern_at(record->sent_size + i);
        record->sent_size += bytes->size;
        act->size -= bytes->size;
        bly_bytes_queue_push(&queue, bytes);
    }
    if (record->carrier != NULL)
        bly_h2_stream_write(&record->carrier->stream, &queue);
    bly_bytes_queue_clear(&queue);
}

void
send_body(h2_record *stream, size_t size, size_t piece)
{
    on_loop(stream->owner, send_now, &(act_arguments){.record = stream, .size = size, .piece = piece});
}

static void
end_now(void *argument)
{
    act_arguments *act = argument;
    char name[] = "grpc-status";
    char value[] = "0";
    bly_h2_header trailer = {.name = name, .value = value, .name_size = 11, .value_size = 1};
    if (act->record->carrier == NULL)
        return;
    bool done = bly_h2_stream_end(&act->record->carrier->stream, &trailer, 1, true);
    memset(name, 'x', sizeof name - 1); /* it was copied */
    BLY_ASSERT(done);
}

void
end_body(h2_record *stream)
{
    on_loop(stream->owner, end_now, &(act_arguments){.record = stream});
}

static void
answer_now(void *argument)
{
    const act_arguments *act = argument;
    respond(act->record);
    send_body(act->record, act->size, 64 * 1024);
    end_body(act->record);
}

void
answer(h2_record *stream, size_t size)
{
    on_loop(stream->owner, answer_now, &(act_arguments){.record = stream, .size = size});
}

static void
reset_now(void *argument)
{
    act_arguments *act = argument;
    if (act->record->carrier == NULL)
        return;
    bly_h2_stream_reset(&act->record->carrier->stream, act->number);
    BLY_ASSERT(act->record->carrier != NULL); /* closed does not come before it returns */
}

void
reset(h2_record *stream, uint32_t error)
{
    on_loop(stream->owner, reset_now, &(act_arguments){.record = stream, .number = error});
}

static void
set_window_now(void *argument)
{
    act_arguments *act = argument;
    if (act->record->carrier != NULL)
        bly_h2_stream_set_window(&act->record->carrier->stream, act->number);
}

void
set_window(h2_record *stream, uint32_t window)
{
    on_loop(stream->owner, set_window_now, &(act_arguments){.record = stream, .number = window});
}


static void
drain_now(void *argument)
{
    h2_owner *recorder = argument;
    if (recorder->connection != NULL)
        bly_h2_connection_drain(recorder->connection);
}

void
drain(h2_owner *recorder)
{
    on_loop(recorder, drain_now, recorder);
}

static void
keep_now(void *argument)
{
    const act_arguments *act = argument;
    if (act->record->carrier != NULL)
        bly_h2_stream_keep(&act->record->carrier->stream, act->size);
}

void
keep(h2_record *stream, size_t limit)
{
    on_loop(stream->owner, keep_now, &(act_arguments){.record = stream, .size = limit});
}
