/* SPDX-License-Identifier: MIT */
#include "h2/frames.h"

#include <string.h>

#include <nghttp2/nghttp2.h>

#define PREFACE_SIZE NGHTTP2_CLIENT_MAGIC_LEN
#define NUMBER_SIZE 4
#define LARGEST_HEAD BLY_H2_RESET_SIZE /* with the number that some frames begin with, of a reset all there is */

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
length_of(const uint8_t *head)
{
    return number_at(head) >> 8;
}

/* ---- From head to head ------------------------------------------------------------------------------- */

/* Some are looked at with the number that they begin with. */
static size_t
size_of(const uint8_t *head)
{
    bool has_number = head[3] == NGHTTP2_PRIORITY || head[3] == NGHTTP2_RST_STREAM;
    return has_number && length_of(head) >= NUMBER_SIZE ? LARGEST_HEAD : BLY_H2_FRAME_HEAD;
}

/* Takes what is there of a head that a read has cut; false when that is not all. */
static bool
complete(bly_h2_frames *frames, const uint8_t *data, size_t size, size_t *at)
{
    size_t wanted = frames->have < BLY_H2_FRAME_HEAD ? BLY_H2_FRAME_HEAD : size_of(frames->head);
    while (frames->have < wanted && *at < size) {
        frames->head[frames->have++] = data[(*at)++];
        if (frames->have == BLY_H2_FRAME_HEAD)
            wanted = size_of(frames->head);
    }
    return frames->have == wanted;
}

/* The next head, where it lies or put together, and *at behind it; NULL: more must come. */
static const uint8_t *
next_head(bly_h2_frames *frames, const uint8_t *data, size_t size, size_t *at)
{
    size_t step = frames->skip < size - *at ? frames->skip : size - *at;
    const uint8_t *head = frames->head;
    frames->skip -= step;
    *at += step;
    if (frames->have == 0 && size - *at >= LARGEST_HEAD) {
        head = data + *at;
        *at += size_of(head);
    } else if (!complete(frames, data, size, at)) {
        return NULL;
    }
    frames->have = 0;
    frames->skip = BLY_H2_FRAME_HEAD + length_of(head) - size_of(head);
    return head;
}

/* ---- Streams that the client has ended ----------------------------------------------------------------- */

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

/* ---- Frames ---------------------------------------------------------------------------------------------- */

/* HEADERS or DATA. */
static void
look_at_message(bly_h2_frames *frames, int32_t id, bool ends, bly_h2_verdict *verdict)
{
    if (id == 0)
        return; /* nghttp2 sees that */
    if (id > frames->newest)
        frames->newest = id;
    else if (has_ended(frames, id))
        verdict->words = "a frame for a stream that the client has ended";
    else if (has_ended(frames, -id))
        verdict->closed = id;
    if (ends && verdict->closed == 0)
        note_end(frames, id);
}

static const char *
look_at_priority(const uint8_t *head, int32_t id)
{
    if (id == 0)
        return "PRIORITY: stream_id == 0";
    if (size_of(head) == LARGEST_HEAD && id_at(head + BLY_H2_FRAME_HEAD) == id)
        return "PRIORITY: depends on itself";
    return NULL;
}

/* Returns whether it is of no stream, and may be dropped. */
static bool
look_at_reset(bly_h2_frames *frames, const uint8_t *head, int32_t id)
{
    if (id > frames->newest)
        return frames->newest != 0 && id % 2 == 1 && length_of(head) == NUMBER_SIZE && !frames->in_block;
    note_end(frames, -id);
    return false;
}

/* Returns whether the frame may be dropped. */
static bool
look_at_frame(bly_h2_frames *frames, const uint8_t *head, bly_h2_verdict *verdict)
{
    int32_t id = id_at(head + 5);
    uint8_t type = head[3], flags = head[4];
    switch (type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        verdict->error = NGHTTP2_STREAM_CLOSED;
        look_at_message(frames, id, (flags & NGHTTP2_FLAG_END_STREAM) != 0, verdict);
        break;
    case NGHTTP2_PRIORITY:
        verdict->error = NGHTTP2_PROTOCOL_ERROR;
        verdict->words = look_at_priority(head, id);
        break;
    case NGHTTP2_RST_STREAM:
        return look_at_reset(frames, head, id);
    default:
        break;
    }
    if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION)
        frames->in_block = (flags & NGHTTP2_FLAG_END_HEADERS) == 0;
    return false;
}

size_t
bly_h2_frames_look(bly_h2_frames *frames, const uint8_t *data, size_t size, bly_h2_verdict *verdict)
{
    size_t at = 0;
    const uint8_t *head;
    *verdict = (bly_h2_verdict){.words = NULL};
    while ((head = next_head(frames, data, size, &at)) != NULL) {
        bool may_drop = look_at_frame(frames, head, verdict);
        if (verdict->words != NULL)
            return size;
        if (verdict->closed != 0)
            return at;
        if (may_drop && head != frames->head) { /* all of it is here */
            verdict->dropped = LARGEST_HEAD;
            return at - LARGEST_HEAD;
        }
    }
    return size;
}

int32_t
bly_h2_frames_cancels(const bly_h2_frames *frames, const uint8_t *data, size_t size)
{
    if (size != BLY_H2_RESET_SIZE || !bly_h2_frames_is_between(frames) || frames->have != 0 || frames->in_block)
        return 0;
    bool is_reset = data[3] == NGHTTP2_RST_STREAM && length_of(data) == NUMBER_SIZE;
    return is_reset && number_at(data + BLY_H2_FRAME_HEAD) == NGHTTP2_CANCEL ? id_at(data + 5) : 0;
}
