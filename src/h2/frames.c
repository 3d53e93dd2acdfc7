/* SPDX-License-Identifier: MIT */
#include "h2/frames.h"

#include <string.h>

#include <nghttp2/nghttp2.h>

#define PREFACE_SIZE NGHTTP2_CLIENT_MAGIC_LEN
#define HEAD_SIZE 9
#define HEAD_AND_PRIORITY_SIZE 13

void
bly_h2_frames_init(bly_h2_frames *frames)
{
    memset(frames, 0, sizeof *frames);
    frames->skip = PREFACE_SIZE;
}

static uint32_t
number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int32_t
id_at(const uint8_t *bytes)
{
    return (int32_t)(number_at(bytes) & 0x7fffffff);
}

static size_t
length_of(const bly_h2_frames *frames)
{
    return number_at(frames->head) >> 8;
}

/* How much of the frame is looked at, as far as that is known. */
static size_t
wanted_size(const bly_h2_frames *frames)
{
    bool is_priority = frames->have >= HEAD_SIZE && frames->head[3] == NGHTTP2_PRIORITY && length_of(frames) >= 4;
    return is_priority ? HEAD_AND_PRIORITY_SIZE : HEAD_SIZE;
}

/* ---- Streams that the client has ended ---- */

static bool
has_ended(const bly_h2_frames *frames, int32_t id)
{
    bool found = false;
    for (unsigned int i = 0; i < BLY_H2_ENDED; i++)
        found |= frames->ended[i] == id;
    return found;
}

static void
note_end(bly_h2_frames *frames, int32_t id)
{
    frames->ended[frames->next++ % BLY_H2_ENDED] = id;
}

/* HEADERS or DATA. */
static bool
is_wrong(bly_h2_wrong *wrong, uint32_t error, int32_t stream, const char *words)
{
    *wrong = (bly_h2_wrong){error, stream, words};
    return true;
}

/* HEADERS or DATA. What comes behind a reset harms its own stream alone. */
static bool
look_at_message(bly_h2_frames *frames, int32_t id, bool ends, bly_h2_wrong *wrong)
{
    if (id == 0)
        return false; /* nghttp2 sees that */
    if (id > frames->newest)
        frames->newest = id;
    else if (has_ended(frames, -id))
        return is_wrong(wrong, NGHTTP2_STREAM_CLOSED, id, "a frame for a stream that the client has reset");
    else if (has_ended(frames, id))
        return is_wrong(wrong, NGHTTP2_STREAM_CLOSED, 0, "a frame for a stream that the client has ended");
    if (ends)
        note_end(frames, id);
    return false;
}

static bool
look_at_priority(const bly_h2_frames *frames, int32_t id, bly_h2_wrong *wrong)
{
    if (id == 0)
        return is_wrong(wrong, NGHTTP2_PROTOCOL_ERROR, 0, "PRIORITY: stream_id == 0");
    if (frames->have == HEAD_AND_PRIORITY_SIZE && id_at(frames->head + HEAD_SIZE) == id)
        return is_wrong(wrong, NGHTTP2_PROTOCOL_ERROR, 0, "PRIORITY: depends on itself");
    return false;
}

static bool
look_at_frame(bly_h2_frames *frames, bly_h2_wrong *wrong)
{
    int32_t id = id_at(frames->head + 5);
    switch (frames->head[3]) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        return look_at_message(frames, id, (frames->head[4] & NGHTTP2_FLAG_END_STREAM) != 0, wrong);
    case NGHTTP2_RST_STREAM:
        note_end(frames, -id);
        return false;
    case NGHTTP2_PRIORITY:
        return look_at_priority(frames, id, wrong);
    default:
        return false;
    }
}

/* Takes bytes off for the frame's head; true when it is complete. */
static bool
collect(bly_h2_frames *frames, const uint8_t **data, size_t *size)
{
    size_t step = frames->skip < *size ? frames->skip : *size;
    frames->skip -= step;
    *data += step;
    *size -= step;
    step = wanted_size(frames) - frames->have;
    step = step < *size ? step : *size;
    memcpy(frames->head + frames->have, *data, step);
    frames->have += step;
    *data += step;
    *size -= step;
    return frames->have == wanted_size(frames);
}

bool
bly_h2_frames_look(bly_h2_frames *frames, const uint8_t **data, size_t *size, bly_h2_wrong *wrong)
{
    while (*size > 0) {
        if (!collect(frames, data, size))
            continue;
        bool found = look_at_frame(frames, wrong);
        frames->skip = HEAD_SIZE + length_of(frames) - frames->have;
        frames->have = 0;
        if (found)
            return true;
    }
    return false;
}
