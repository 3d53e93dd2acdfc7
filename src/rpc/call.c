/* SPDX-License-Identifier: MIT */
#include "rpc/call.h"

#include <stdlib.h>

#include "wire/unpack.h"

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
run_task(bly_loop_task *task)
{
    belay_call *call = BLY_CONTAINER_OF(task, belay_call, task);
    call->side->io(call);
    bly_call_unref(call);
}

bly_parker *
bly_call_reader_locked(const belay_call *call)
{
    BLY_ASSERT_HELD(&call->lock);
    return call->reader != NULL && call->reader_ready(call) ? bly_parker_ref(call->reader) : NULL;
}

void
bly_call_wake(bly_parker *parker)
{
    if (parker == NULL)
        return;
    bly_parker_wake(parker);
    bly_parker_unref(parker);
}

static void
context_ended(bly_context_owner *owner, belay_context *context)
{
    belay_call *call = BLY_CONTAINER_OF(owner, belay_call, context_owner);
    bly_parker *reader, *writer = NULL;
    bly_mutex_lock(&call->lock);
    call->end_cause = context->cause;
    call->end_code = context->code;
    reader = bly_call_reader_locked(call);
    if (call->writer != NULL)
        writer = bly_parker_ref(call->writer);
    bool post = call->side->ended_locked(call) && bly_call_want_io_locked(call);
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    bly_call_wake(reader);
    bly_call_wake(writer);
}

static void
deadline_fired(bly_timer *timer)
{
    belay_call *call = BLY_CONTAINER_OF(timer, belay_call, deadline_timer);
    call->side->expired(call);
    bly_call_unref(call);
}

void
bly_call_init(belay_call *call, const bly_call_side *side, bool is_server, belay_runtime *runtime, bly_loop *loop,
              bly_limit_record *limits, uint32_t receive_limit, uint32_t send_mark, uint32_t stream_window)
{
    bly_refcount_init(&call->refs);
    call->side = side;
    call->is_server = is_server;
    call->runtime = runtime;
    call->loop = loop;
    call->limits = limits;
    call->send_mark = send_mark;
    call->stream_window = stream_window;
    call->context_owner.ended = context_ended;
    call->task.run = run_task;
    bly_mutex_init(&call->lock);
    bly_bytes_queue_init(&call->in);
    bly_bytes_queue_init(&call->spent);
    bly_bytes_queue_init(&call->out);
    bly_bytes_queue_init(&call->sent);
    bly_frame_reader_init(&call->frames, receive_limit);
    bly_arena_init(&call->message);
    bly_timer_init(&call->deadline_timer, deadline_fired);
}

void
bly_call_fini(belay_call *call)
{
    if (call->context != NULL)
        bly_context_leave(call->context);
    bly_bytes_queue_clear(&call->in);
    bly_bytes_queue_clear(&call->spent);
    bly_bytes_queue_clear(&call->out);
    bly_bytes_queue_clear(&call->sent);
    bly_bytes_free(call->current);
    bly_bytes_free(call->read);
    bly_arena_fini(&call->message);
    bly_frame_reader_fini(&call->frames);
    bly_mutex_fini(&call->lock);
}

void
bly_call_ref(belay_call *call)
{
    bly_refcount_take(&call->refs);
}

void
bly_call_unref(belay_call *call)
{
    if (bly_refcount_release(&call->refs))
        call->side->destroy(call);
}

bool
bly_call_want_io_locked(belay_call *call)
{
    BLY_ASSERT_HELD(&call->lock);
    if (call->posted)
        return false;
    call->posted = true;
    bly_refcount_take(&call->refs);
    return true;
}

void
bly_call_post(belay_call *call)
{
    bly_loop_post(call->loop, &call->task);
}

void
bly_call_arm_deadline(belay_call *call)
{
    uint64_t deadline = belay_context_deadline(call->context);
    if (deadline == BELAY_FOREVER)
        return;
    bly_call_ref(call);
    if (bly_timer_arm(call->loop, &call->deadline_timer, deadline))
        return;
    /* A call whose deadline cannot be watched would outlive it: without memory it ends here. */
    bly_context_end(call->context, BELAY_CAUSE_LIMIT, "no memory for the deadline's timer");
    bly_call_unref(call);
}

void
bly_call_disarm_deadline(belay_call *call)
{
    if (call->context != NULL && belay_context_deadline(call->context) != BELAY_FOREVER &&
        bly_timer_disarm(call->loop, &call->deadline_timer))
        bly_call_unref(call);
}

/* ---- Limits --------------------------------------------------------------------------------------- */

void
bly_call_reached(const belay_call *call, belay_limit limit)
{
    bly_limit_reached(call->limits, limit, belay_call_peer(call));
}

bool
bly_call_may_send(const belay_call *call, size_t size)
{
    if (size <= call->limits->limits->values[BELAY_LIMIT_SEND_SIZE])
        return true;
    bly_call_reached(call, BELAY_LIMIT_SEND_SIZE);
    return false;
}

/* ---- Messages ------------------------------------------------------------------------------------- */

bly_bytes *
bly_call_frame_new(size_t size)
{
    if (size > UINT32_MAX)
        return NULL;
    bly_bytes *frame = bly_bytes_new(size + BLY_FRAME_PREFIX);
    if (frame != NULL)
        bly_frame_prefix(frame->data, false, (uint32_t)size);
    return frame;
}

bly_bytes *
bly_call_frame_pack(const ProtobufCMessage *message)
{
    bly_bytes *frame = bly_call_frame_new(protobuf_c_message_get_packed_size(message));
    if (frame != NULL)
        protobuf_c_message_pack(message, frame->data + BLY_FRAME_PREFIX);
    return frame;
}

static void *
arena_allocate(void *data, size_t size)
{
    return bly_arena_alloc(data, size);
}

static void
arena_free(void *data, void *pointer)
{
    (void)data, (void)pointer; /* with the arena */
}

ProtobufCAllocator
bly_call_allocator(bly_arena *arena)
{
    return (ProtobufCAllocator){arena_allocate, arena_free, arena};
}

belay_code
bly_call_unpack(const belay_call *call, bly_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                const bly_bytes *bytes, ProtobufCMessage **message)
{
    ProtobufCAllocator allocator = bly_call_allocator(arena);
    const bly_limits *limits = call->limits->limits;
    bly_unpack_bounds bounds = {
        .size = bly_limits_u32(limits, BELAY_LIMIT_UNPACKED_SIZE),
        .depth = bly_limits_u32(limits, BELAY_LIMIT_DEPTH),
    };
    belay_code code = bly_unpack_within(&bounds, descriptor, arena != NULL ? &allocator : NULL, bytes->data,
                                        bytes->size, message);
    if (bounds.reached == BLY_UNPACK_TOO_DEEP)
        bly_call_reached(call, BELAY_LIMIT_DEPTH);
    else if (bounds.reached == BLY_UNPACK_TOO_LARGE)
        bly_call_reached(call, BELAY_LIMIT_UNPACKED_SIZE);
    return code;
}

/* ---- What is asked of a call ------------------------------------------------------------------------ */

belay_context *
belay_call_context(const belay_call *call)
{
    return call->context;
}

belay_runtime *
belay_call_runtime(const belay_call *call)
{
    return call->runtime;
}

const char *
belay_call_method(const belay_call *call)
{
    return call->method->path;
}
