/* SPDX-License-Identifier: MIT */
/*
 * Calls without a worker: answered on the I/O thread by a function of the library's own, never by a program's. For
 * services that must answer when every worker is busy, and whose calls may stand open by the thousand.
 *
 * The attendant has a turn whenever something may have changed: at the beginning, for messages, at the end of
 * input, when frames have left, and when bly_attended_ask() asked for it. A turn does what can be done at once and
 * returns; it never blocks. It runs in the call's task, not inside nghttp2.
 */
#ifndef BLY_RPC_ATTENDED_H
#define BLY_RPC_ATTENDED_H

#include "rpc/server_call.h"

/* The largest message that such a call takes: the I/O thread unpacks it, and inflates it if it is compressed.
 * Answers are not compressed. */
#define BLY_ATTENDED_LIMIT (64u << 10)

struct bly_attendant {
    /* const */
    /* I/O thread, no lock held. Not called any more once it has finished the call, or the call was cancelled. */
    void (*turn)(bly_server_call *server, void *data);
    /* The call is over, finished or cancelled: forget it. I/O thread, no lock held. NULL: nothing to forget. */
    void (*left)(bly_server_call *server, void *data);
};

/* Asks for a turn. Any thread that knows that the call is not over; the call's lock not held. */
void bly_attended_ask(belay_call *call);

/* ---- In a turn, I/O thread ---- */

/* Takes the next message; BELAY_UNAVAILABLE: none has come yet; BELAY_END_OF_STREAM: none will; otherwise how the call
 * has ended. */
belay_code bly_attended_receive(bly_server_call *server, const ProtobufCMessageDescriptor *descriptor,
                                ProtobufCMessage **message);

/* Whether a message may be sent now: a client that does not read is given no more. */
bool bly_attended_has_room(bly_server_call *server);

/* Whether all that was sent has left. */
bool bly_attended_is_idle(bly_server_call *server);

/* Sends a message, whatever waits; BELAY_RESOURCE_EXHAUSTED without memory. */
belay_code bly_attended_send(bly_server_call *server, const ProtobufCMessage *message);

/* Ends the call with a status; `reply`: of a method that answers with one message. The attendant has left then. */
void bly_attended_finish(bly_server_call *server, belay_code code, const ProtobufCMessage *reply);

/* ---- For server_call.c, I/O thread ---- */

static inline bool
bly_attended_is(const bly_server_call *server)
{
    return server->registration != NULL && server->registration->attendant != NULL;
}

/* After the headers: sets bounds to what the I/O thread may have to do for the call. */
void bly_attended_admit(bly_server_call *server);

/* The call's task: before it looks into the mailbox. */
void bly_attended_task(bly_server_call *server);

#endif
