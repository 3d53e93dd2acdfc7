/* SPDX-License-Identifier: MIT */
/*
 * Messages that go out: from the thread that sends to the stream's queue. A sender sleeps while more than
 * the mark waits; it is woken when half of it has left, so that it comes back for more than one message.
 */
#include <string.h>

#include <belay/call.h>

#include "pool/pool.h"
#include "rpc/call.h"

/* ---- I/O thread ----------------------------------------------------------------------------------- */

void
bly_call_fetch_out_locked(belay_call *call, bly_bytes_queue *frames)
{
    BLY_ASSERT_HELD(&call->lock);
    call->out_at_io += call->out.total;
    bly_bytes_queue_splice(frames, &call->out);
    if (call->writer == NULL)
        bly_bytes_queue_clear(&call->sent);
}

/* Of what has left a sender makes its next frames, if it is ahead: if it sleeps until there is room, or has queued more
 * since the last fetch. What it has not come for by the next one is freed then: a stream that rests holds none. */
static void
hand_back_locked(belay_call *call, bly_h2_stream *stream)
{
    if (call->writer != NULL || call->out.first != NULL)
        bly_bytes_queue_splice(&call->sent, &stream->sent);
}

/* Takes note of what has left; the parker of a sender that has slept for it, or NULL. */
static bly_parker *
note_room_locked(belay_call *call, const bly_h2_stream *stream)
{
    call->out_at_io = stream->out.total;
    bool has_room = call->out_at_io + call->out.total <= call->send_mark / 2;
    return call->writer != NULL && has_room ? bly_parker_ref(call->writer) : NULL;
}

void
bly_call_drained(bly_h2_stream *stream)
{
    belay_call *call = bly_call_of_stream(stream);
    if (!stream->out_ended) { /* else nobody sends any more */
        bly_mutex_lock(&call->lock);
        hand_back_locked(call, stream);
        bly_parker *writer = note_room_locked(call, stream);
        bly_mutex_unlock(&call->lock);
        bly_call_wake(writer);
    }
    bly_bytes_queue_clear(&stream->sent);
}

/* ---- The sending thread ----------------------------------------------------------------------------- */

static bool
has_room_locked(const belay_call *call, size_t size)
{
    size_t waiting = call->out.total + call->out_at_io;
    return waiting == 0 || waiting + size <= call->send_mark;
}

/* BELAY_OK when a message of this size may be queued now. Lock held, dropped while asleep. */
static belay_code
wait_for_room_locked(belay_call *call, size_t size)
{
    bly_parker *parker = NULL;
    belay_code code = BELAY_OK;
    for (;;) {
        if (call->end_cause != BELAY_CAUSE_NONE)
            code = bly_call_cancelled_locked(call) ? call->end_code : BELAY_END_OF_STREAM;
        else if (call->out_ended)
            code = BELAY_FAILED_PRECONDITION;
        if (code != BELAY_OK || has_room_locked(call, size))
            break;
        if (parker == NULL && (parker = bly_parker_current()) == NULL) {
            code = BELAY_RESOURCE_EXHAUSTED;
            break;
        }
        call->writer = parker;
        bly_mutex_unlock(&call->lock);
        bly_pool_blocked_in(call->is_server ? BLY_POOL_IN_SEND : BLY_POOL_IN_CHILD);
        bly_parker_park(parker);
        bly_pool_blocked_end();
        bly_mutex_lock(&call->lock);
    }
    call->writer = NULL;
    return code;
}

/* Queues a frame, which is taken over whatever comes of it. */
static belay_code
send_frame(belay_call *call, bly_bytes *frame)
{
    bool post = false;
    bly_bytes_queue sent;
    bly_bytes_queue_init(&sent);
    belay_code code = BELAY_FAILED_PRECONDITION;
    if (!bly_call_may_send(call, frame->size - BLY_FRAME_PREFIX)) {
        bly_bytes_free(frame);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    bly_mutex_lock(&call->lock);
    if (!call->sending) {
        call->sending = true;
        code = wait_for_room_locked(call, frame->size);
        if (code == BELAY_OK) {
            bly_bytes_queue_push(&call->out, frame);
            frame = NULL;
            call->out_started = true;
            post = bly_call_want_io_locked(call);
        }
        bly_bytes_queue_splice(&sent, &call->sent);
        call->sending = false;
    }
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    bly_bytes_queue_clear(&sent);
    bly_bytes_free(frame);
    return code;
}

static bly_bytes *
copy_frame(const void *data, size_t size)
{
    bly_bytes *frame = bly_call_frame_new(size);
    if (frame != NULL && size > 0)
        memcpy(frame->data + BLY_FRAME_PREFIX, data, size);
    return frame;
}

belay_code
belay_call_send(belay_call *call, const void *data, size_t size)
{
    if (call == NULL || (data == NULL && size > 0))
        return BELAY_INVALID_ARGUMENT;
    bly_bytes *frame = NULL;
    if (bly_call_compression_is_on(&call->compression))
        frame = bly_call_frame_compressed(call, data, size);
    if (frame == NULL)
        frame = copy_frame(data, size);
    return frame != NULL ? send_frame(call, frame) : BELAY_RESOURCE_EXHAUSTED;
}

belay_code
belay_call_send_message(belay_call *call, const ProtobufCMessage *message)
{
    if (call == NULL || message == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_bytes *frame = bly_call_frame_compress(call, bly_call_frame_pack(message));
    return frame != NULL ? send_frame(call, frame) : BELAY_RESOURCE_EXHAUSTED;
}
