/* SPDX-License-Identifier: MIT */
#include "h2/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static h2_record *
record_of(bly_h2_stream *stream)
{
    return BLY_CONTAINER_OF(stream, h2_carrier, stream)->record;
}

h2_record *
recorder_add(h2_owner *recorder)
{
    BLY_ASSERT(recorder->count < MAX_RECORDS);
    h2_record *stream = calloc(1, sizeof *stream);
    stream->owner = recorder;
    stream->carrier = calloc(1, sizeof *stream->carrier);
    stream->carrier->record = stream;
    recorder->records[recorder->count++] = stream;
    return stream;
}

uint8_t
pattern_at(size_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251);
}

/* ---- ops ---- */

static void
note(h2_record *stream, char event)
{
    size_t length = strlen(stream->events);
    if (stream->carrier == NULL)
        event = '!';
    if ((length == 0 || stream->events[length - 1] != event || event == 'C') && length < MAX_EVENTS - 1)
        stream->events[length] = event;
    if (stream->owner->on_event != NULL && stream->carrier != NULL)
        stream->owner->on_event(stream, event);
}

static bly_h2_stream *
stream_begin(void *owner, bly_h2_connection *connection)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(bly_loop_is_current(recorder->loop) && recorder->connection == connection);
    return recorder->refuse ? NULL : &recorder_add(recorder)->carrier->stream;
}

static bool
header(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size, const char *value,
       size_t value_size)
{
    h2_record *record = record_of(stream);
    size_t length = strlen(record->fields);
    (void)block;
    BLY_ASSERT(strlen(name) == name_size && strlen(value) == value_size);
    if (record->owner->drop)
        return false;
    snprintf(record->fields + length, sizeof record->fields - length, "%s=%s;", name, value);
    return true;
}

static void
headers_done(bly_h2_stream *stream, bly_h2_block block, bool oversized)
{
    h2_record *record = record_of(stream);
    record->oversized |= oversized;
    note(record, "HIRT"[block]);
}

static void
data(bly_h2_stream *stream, const uint8_t *bytes, size_t size)
{
    h2_record *record = record_of(stream);
    for (size_t i = 0; i < size; i++)
        record->body_corrupt |= bytes[i] != pattern_at(record->body_size + i);
    record->body_size += size;
    note(record, 'D');
    if (record->owner->window > 0)
        bly_h2_stream_set_window(stream, record->owner->window);
}

static void
end(bly_h2_stream *stream)
{
    note(record_of(stream), 'E');
}

static void
take_back(h2_record *record, bly_h2_stream *stream)
{
    bly_bytes_queue messages;
    bly_bytes_queue_init(&messages);
    if (bly_h2_stream_take_back(stream, &messages))
        record->kept = messages.total;
    size_t offset = 0;
    for (const bly_bytes *message = messages.first; message != NULL; message = message->next) {
        for (size_t i = 0; i < message->size; i++)
            record->kept_corrupt |= message->data[i] != pattern_at(offset + i);
        offset += message->size;
    }
    bly_bytes_queue_clear(&messages);
}

static void
cancelled(bly_h2_stream *stream)
{
    BLY_ASSERT(stream->connection->depth == 0);
    if (record_of(stream)->owner->hears_cancels)
        note(record_of(stream), 'X');
}

static void
closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed)
{
    h2_record *record = record_of(stream);
    BLY_ASSERT(!bly_link_is_linked(&stream->link) && !bly_link_is_linked(&stream->delivery_link) &&
               !bly_link_is_linked(&stream->drained_link));
    record->error = error;
    record->by_peer = by_peer;
    record->unprocessed = unprocessed;
    if (unprocessed)
        take_back(record, stream);
    note(record, 'C');
    h2_carrier *carrier = record->carrier;
    record->carrier = NULL;
    free(carrier);
}

static void
drained(bly_h2_stream *stream)
{
    h2_record *record = record_of(stream);
    bly_bytes *message;
    record->drained++;
    while ((message = bly_bytes_queue_pop(&stream->sent)) != NULL) {
        record->handed_back++;
        bly_bytes_free(message);
    }
}

static void
delivered(bly_h2_stream *stream)
{
    note(record_of(stream), 'L');
}

static void
connection_ready(void *owner, bly_h2_connection *connection)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(connection->depth == 0);
    recorder->readied++;
}

static void
streams_available(void *owner, bly_h2_connection *connection)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(connection->depth == 0 && bly_h2_connection_can_open(connection));
    recorder->available++;
}

static void
goaway(void *owner, bly_h2_connection *connection, uint32_t error, const char *words)
{
    h2_owner *recorder = owner;
    (void)connection;
    recorder->goaways++;
    recorder->goaway_error = error;
    snprintf(recorder->goaway_words, sizeof recorder->goaway_words, "%s", words);
}

static void
limit_reached(void *owner, bly_h2_connection *connection, belay_limit limit)
{
    h2_owner *recorder = owner;
    (void)connection;
    recorder->limits[limit]++;
}

static void
idle(void *owner, bly_h2_connection *connection)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(connection->depth == 0 && bly_h2_connection_stream_count(connection) == 0);
    recorder->idles++;
}

static void
grace_over(void *owner, bly_h2_connection *connection)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(connection->depth == 0 && connection->draining);
    recorder->graces++;
}

static void
connection_closed(void *owner, bly_h2_connection *connection, bly_h2_reason reason, const char *detail)
{
    h2_owner *recorder = owner;
    BLY_ASSERT(bly_h2_connection_stream_count(connection) == 0);
    recorder->closed++;
    recorder->reason = reason;
    snprintf(recorder->detail, sizeof recorder->detail, "%s", detail);
    recorder->connection = NULL;
}

const bly_h2_ops recorder_ops = {
    .stream_begin = stream_begin,
    .header = header,
    .headers_done = headers_done,
    .data = data,
    .end = end,
    .cancelled = cancelled,
    .closed = closed,
    .drained = drained,
    .delivered = delivered,
    .connection_ready = connection_ready,
    .streams_available = streams_available,
    .goaway = goaway,
    .idle = idle,
    .grace_over = grace_over,
    .limit_reached = limit_reached,
    .connection_closed = connection_closed,
};
