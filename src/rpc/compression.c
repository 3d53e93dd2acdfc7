/* SPDX-License-Identifier: MIT */
#include "rpc/compression.h"

#include "base/assert.h"
#include "rpc/attended.h"
#include "rpc/call.h"
#include "rpc/server_call.h"

bool
bly_call_compression_take(bly_call_compression *compression, const char *value, size_t size)
{
    compression->in_is_unknown = !bly_compression_parse(value, size, &compression->in);
    return !compression->in_is_unknown;
}

/* A client call that has ended well is not cancelled: its last messages are still there to be received. */
static bool
is_cancelled(const void *argument)
{
    const belay_call *call = argument;
    belay_cause cause = belay_context_cause(call->context);
    return cause != BELAY_CAUSE_NONE && cause != BELAY_CAUSE_FINISHED;
}

/* What is compressed may not have come to the I/O thread, which watches the deadline. */
static bool
is_of_no_use(const void *argument)
{
    const belay_call *call = argument;
    return belay_cancelled(call) || belay_context_time_left(call->context) == 0;
}

bly_bytes *
bly_call_frame_compressed(const belay_call *call, const uint8_t *data, size_t size)
{
    bly_compression_stop stop = {is_of_no_use, call};
    BLY_ASSERT(!bly_loop_is_current(call->loop));
    bly_bytes *frame = bly_compress(call->compression.out, data, size, BLY_FRAME_PREFIX, stop);
    if (frame != NULL)
        bly_frame_prefix(frame->data, true, (uint32_t)(frame->size - BLY_FRAME_PREFIX));
    return frame;
}

bly_bytes *
bly_call_frame_compress(const belay_call *call, bly_bytes *frame)
{
    if (frame == NULL || !bly_call_compression_is_on(&call->compression))
        return frame;
    bly_bytes *compressed =
        bly_call_frame_compressed(call, frame->data + BLY_FRAME_PREFIX, frame->size - BLY_FRAME_PREFIX);
    if (compressed == NULL)
        return frame;
    bly_bytes_free(frame);
    return compressed;
}

static belay_code
code_of(const belay_call *call, bly_inflate_result result, const char **words)
{
    switch (result) {
    case BLY_INFLATED:
        return BELAY_OK;
    case BLY_INFLATE_TOO_LARGE:
        *words = "the message is over the limit once it is decompressed";
        return BELAY_RESOURCE_EXHAUSTED;
    case BLY_INFLATE_NO_MEMORY:
        *words = "no memory for the decompressed message";
        return BELAY_RESOURCE_EXHAUSTED;
    case BLY_INFLATE_STOPPED:
        *words = "the call was cancelled";
        return belay_context_code(call->context);
    default:
        *words = "the message's compressed data is malformed";
        return BELAY_INTERNAL;
    }
}

belay_code
bly_call_inflate(belay_call *call, bly_bytes **message, const char **words)
{
    bly_bytes *compressed = *message, *inflated = NULL;
    bly_compression_stop stop = {is_cancelled, call};
    /* It does what is small by rule, for calls without a worker. */
    BLY_ASSERT(call->frames.limit <= BLY_ATTENDED_LIMIT || !bly_loop_is_current(call->loop));
    bly_inflate_result result = bly_inflate(call->compression.in, compressed->data, compressed->size,
                                            call->frames.limit, stop, &inflated);
    bly_bytes_free(compressed);
    *message = inflated;
    return code_of(call, result, words);
}

/* ---- What programs ask for --------------------------------------------------------------------------- */

belay_code
belay_call_set_compression(belay_call *call, belay_compression compression)
{
    if (call == NULL || !call->is_server || !bly_compression_is_valid(compression))
        return BELAY_INVALID_ARGUMENT;
    bly_server_call *server = bly_server_call_of(call);
    bly_mutex_lock(&call->lock);
    bool left = server->headers_due || call->out_started;
    bly_mutex_unlock(&call->lock);
    if (left)
        return BELAY_FAILED_PRECONDITION;
    bly_call_compression_choose(&call->compression, compression);
    return BELAY_OK;
}

void
belay_call_set_message_compression(belay_call *call, bool compress)
{
    call->compression.plain = !compress;
}

bool
belay_call_received_compressed(const belay_call *call)
{
    return call->compression.received;
}
