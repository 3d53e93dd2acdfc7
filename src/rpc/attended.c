/* SPDX-License-Identifier: MIT */
#include "rpc/attended.h"

void
bly_attended_ask(belay_call *call)
{
    bly_mutex_lock(&call->lock);
    bool post = bly_call_want_io_locked(call);
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
}

/* ---- In a turn ---------------------------------------------------------------------------------------- */

belay_code
bly_attended_receive(bly_server_call *server, const ProtobufCMessageDescriptor *descriptor,
                     ProtobufCMessage **message)
{
    belay_call *call = &server->call;
    bly_mutex_lock(&call->lock);
    bool ready = bly_call_has_message_locked(call);
    bly_mutex_unlock(&call->lock);
    if (!ready)
        return BELAY_UNAVAILABLE;
    return belay_call_recv_message(call, descriptor, message); /* does not wait: this is the only receiver */
}

static size_t
waiting(bly_server_call *server)
{
    belay_call *call = &server->call;
    bly_mutex_lock(&call->lock);
    size_t bytes = call->out.total + call->out_at_io;
    bly_mutex_unlock(&call->lock);
    return bytes;
}

bool
bly_attended_has_room(bly_server_call *server)
{
    return waiting(server) < server->call.send_mark;
}

bool
bly_attended_is_idle(bly_server_call *server)
{
    return waiting(server) == 0;
}

belay_code
bly_attended_send(bly_server_call *server, const ProtobufCMessage *message)
{
    belay_call *call = &server->call;
    bly_bytes *frame = bly_call_frame_pack(message);
    if (frame == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    bly_mutex_lock(&call->lock);
    bly_bytes_queue_push(&call->out, frame);
    call->out_started = true;
    bool post = bly_call_want_io_locked(call);
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return BELAY_OK;
}

void
bly_attended_finish(bly_server_call *server, belay_code code, const ProtobufCMessage *reply)
{
    const bly_registration *registration = server->registration;
    if (registration->attendant->left != NULL)
        registration->attendant->left(server, registration->data);
    bly_server_call_finish(server, 0, code, reply);
}

/* ---- The call's life ---------------------------------------------------------------------------------- */

void
bly_attended_admit(bly_server_call *server)
{
    belay_call *call = &server->call;
    if (call->frames.limit > BLY_ATTENDED_LIMIT)
        call->frames.limit = BLY_ATTENDED_LIMIT;
    bly_call_compression_choose(&call->compression, BELAY_COMPRESSION_NONE);
}

/* What is asked for from here on comes to a turn of its own. */
static bool
begin_turn(bly_server_call *server, bool *cancelled)
{
    belay_call *call = &server->call;
    bly_mutex_lock(&call->lock);
    call->posted = false;
    bool running = server->run_state == BLY_RUN_RUNNING;
    *cancelled = call->end_cause != BELAY_CAUSE_NONE;
    bly_mutex_unlock(&call->lock);
    return running;
}

void
bly_attended_task(bly_server_call *server)
{
    bool cancelled;
    if (!begin_turn(server, &cancelled))
        return;
    if (cancelled)
        bly_attended_finish(server, BELAY_CANCELLED, NULL);
    else
        server->registration->attendant->turn(server, server->registration->data);
}
