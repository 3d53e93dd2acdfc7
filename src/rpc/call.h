/* SPDX-License-Identifier: MIT */
/*
 * The call: what both sides share. A program's thread and the I/O thread meet in its mailbox, under its
 * lock: messages that came in, frames to go out, and how the context ended.
 *
 * The program's side changes the mailbox and posts the call's task to the I/O thread (once; whatever
 * happens until the task runs is found by it). The I/O thread's side drives the HTTP/2 stream and wakes
 * the program's threads. Cancelling is just one more change of the mailbox: it may come from any thread,
 * and the stream is reset by the task, never from inside nghttp2.
 *
 * A call is referenced by its user (handler or client), by its stream while that is open, by an armed
 * deadline and by a posted task.
 *
 * Lock order: a context's lock, then a call's, then none but those that are last for everybody (pool,
 * timers, log). The program's threads are woken after the unlock.
 */
#ifndef BLY_RPC_CALL_H
#define BLY_RPC_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/call.h>
#include <belay/service.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/mutex.h"
#include "base/parker.h"
#include "base/refcount.h"
#include "cancel/context.h"
#include "h2/connection.h"
#include "io/loop.h"
#include "io/timer.h"
#include "rpc/compression.h"
#include "rpc/holding.h"
#include "rpc/runtime.h"
#include "wire/frame.h"

/* What differs between the sides. */
typedef struct bly_call_side {
    /* const */
    /* Does what the mailbox asks for. I/O thread, no lock held. */
    void (*io)(belay_call *call);
    /* The context has ended; the call's lock is held, and the context's. Whether the I/O thread has anything to
     * do about it. Any thread. */
    bool (*ended_locked)(belay_call *call);
    /* A message that was received cannot be inflated: ends the call with a code and words, which are static.
     * Receiving thread, no lock held. */
    void (*spoiled)(belay_call *call, belay_code code, const char *words);
    /* The deadline has passed. I/O thread, no lock held. */
    void (*expired)(belay_call *call);
    /* Frees what the side added, and the call. Any thread, no lock held. */
    void (*destroy)(belay_call *call);
} bly_call_side;

/* Ordered by who touches what: a worker shares the first lines of memory with the I/O thread, and each costs both a
 * transfer between processors; what is the I/O thread's alone comes last. */
struct belay_call {
    int flag; /* atomic: relaxed; the context's mirror; must be the first word (belay/call.h) */
    bly_refcount refs;

    /* const after creation (on a server: after the headers) */
    const bly_call_side *side;
    belay_runtime *runtime;
    bly_loop *loop;
    belay_context *context; /* a reference; NULL for a server's call whose headers were refused */
    bly_context_owner context_owner;
    const belay_method *method;
    bool is_server;
    uint32_t send_mark;
    uint32_t stream_window;
    bly_limit_record *limits; /* the server's or the channel's */

    bly_mutex lock;
    /* guarded by lock */
    belay_cause end_cause; /* the context's */
    belay_code end_code;   /* what waits return then */
    bool posted;           /* `task` is in the mailbox of the I/O thread */
    bool receiving;
    bool sending;
    bool in_ended;    /* no more messages will come */
    bool discards;    /* nobody receives: messages are dropped */
    bool window_due;  /* tell the I/O thread what was taken, and have it take `spent` */
    bool out_started; /* the first frame was queued: headers are closed */
    bool out_ended;   /* no more frames will follow */
    bly_bytes_queue in;  /* complete messages */
    bly_bytes_queue out; /* frames that the I/O thread has not fetched */
    size_t in_count;     /* messages in `in` */
    bly_bytes_queue sent; /* small ones that have left, on their way back to the sending thread */
    size_t out_at_io;    /* bytes that the I/O thread has, and that have not left */
    bly_parker *reader;  /* the receiving thread's while it sleeps */
    bool (*reader_ready)(const belay_call *call); /* what it sleeps for */
    bly_parker *writer;  /* the sending thread's while it sleeps */
    size_t taken;        /* bytes taken out of `in` since the I/O thread was told */
    bly_bytes_queue spent; /* small ones that were read, on their way back to the I/O thread */
    size_t spent_size;     /* what they take, nearly */

    bly_loop_task task; /* the mailbox's while posted */
    bly_held held;      /* its own headings */
    bly_call_compression compression; /* its own headings */

    /* atomic: released by the thread that has read it, acquired by whoever takes it */
    bly_bytes *read; /* a stream's last small message, or NULL */

    /* receiving thread only */
    bly_bytes *current; /* what belay_call_recv() gave out last */
    bly_arena message;  /* what belay_call_recv_message() gave out last, for a handler */

    /* I/O thread only */
    uint64_t began_ms; /* when it came to the I/O thread; const for those that the I/O thread has shown the call */
    bly_h2_stream stream;
    bly_frame_reader frames;
    bly_timer deadline_timer;
};

/* Sets up what is shared, with one reference. `receive_limit`: largest message. `limits` outlives the call. */
void bly_call_init(belay_call *call, const bly_call_side *side, bool is_server, belay_runtime *runtime,
                   bly_loop *loop, bly_limit_record *limits, uint32_t receive_limit, uint32_t send_mark,
                   uint32_t stream_window);

/* Frees what bly_call_init set up; the last step of a side's destroy. */
void bly_call_fini(belay_call *call);

void bly_call_ref(belay_call *call);
void bly_call_unref(belay_call *call);

static inline belay_call *
bly_call_of_stream(bly_h2_stream *stream)
{
    return BLY_CONTAINER_OF(stream, belay_call, stream);
}

/* Asks for a turn of the I/O thread: true when the caller must bly_call_post() after unlocking. */
bool bly_call_want_io_locked(belay_call *call);
void bly_call_post(belay_call *call);

/* Cancelled: ended by anything but its regular end. */
static inline bool
bly_call_cancelled_locked(const belay_call *call)
{
    return call->end_cause != BELAY_CAUSE_NONE && call->end_cause != BELAY_CAUSE_FINISHED;
}

/* The sleeping receiver's parker, with a reference, if what it sleeps for has come: a wake-up for less costs more
 * than all the rest of a call. NULL: nobody is to be woken. Lock held. */
bly_parker *bly_call_reader_locked(const belay_call *call);

/* Wakes a thread and gives back the reference; NULL: nothing. No lock held. */
void bly_call_wake(bly_parker *parker);

/* A frame for a message of `size` bytes, prefix filled in; NULL without memory. */
bly_bytes *bly_call_frame_new(size_t size);
bly_bytes *bly_call_frame_pack(const ProtobufCMessage *message);

/* A frame for a message, compressed; NULL when it is to go as it is. Sending thread. */
bly_bytes *bly_call_frame_compressed(const belay_call *call, const uint8_t *data, size_t size);

/* Gives the frame compressed, if the call compresses and that makes it smaller; else the same one. NULL gives
 * NULL. Sending thread. */
bly_bytes *bly_call_frame_compress(const belay_call *call, bly_bytes *frame);

/* Puts in the place of a message that came compressed what it was before. On failure it is gone; *words,
 * static, say why to people. BELAY_INTERNAL, BELAY_RESOURCE_EXHAUSTED, or the code of the context that ended
 * meanwhile. Receiving thread. */
belay_code bly_call_inflate(belay_call *call, bly_bytes **message, const char **words);

/* The same for a message of any kind, noting of which it was. */
static inline belay_code
bly_call_open_message(belay_call *call, bly_bytes **message, const char **words)
{
    call->compression.received = (*message)->compressed;
    return (*message)->compressed ? bly_call_inflate(call, message, words) : BELAY_OK;
}

/* What protobuf-c allocates with to have its messages in an arena. */
ProtobufCAllocator bly_call_allocator(bly_arena *arena);

/* Counts, and tells, that the call's peer reached a limit. Any thread. */
void bly_call_reached(const belay_call *call, belay_limit limit);

/* Whether a message of so many bytes may be sent. */
bool bly_call_may_send(const belay_call *call, size_t size);

/* Unpacks a message: in an arena, or on the heap when that is NULL. Bounded in depth and size. BELAY_OK,
 * BELAY_INTERNAL, BELAY_RESOURCE_EXHAUSTED. */
belay_code bly_call_unpack(const belay_call *call, bly_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                           const bly_bytes *bytes, ProtobufCMessage **message);

/* Whether the call is a handler's or a task's: its own, or a child call. Then it frees nothing. */
bool bly_call_is_handlers(belay_call *call);

/* ---- Receiving and sending: I/O thread ------------------------------------------------------------ */

/* Takes in body bytes, hands complete messages to the mailbox, and gives the stream's window back as far as
 * they leave room. */
bly_frame_error bly_call_take_data(belay_call *call, const uint8_t *data, size_t size, unsigned int *messages);

#define BLY_FRAME_WORDS 96

/* What a call ends with when bly_call_take_data() failed, on either side: the code, and words for people. */
belay_code bly_call_frame_status(const belay_call *call, bly_frame_error error, char words[BLY_FRAME_WORDS]);

/* No more messages come: wakes the receiver. */
void bly_call_end_input(belay_call *call);

/* Fetches the frames to send into `frames`, and frees those that have left if the sender has not come for them. */
void bly_call_fetch_out_locked(belay_call *call, bly_bytes_queue *frames);

/* What waits in the mailbox has changed. Lock held. Any thread. */
void bly_call_note_waiting_locked(belay_call *call);

/* The call holds nothing of the connection's any more. Nobody takes messages after this. */
void bly_call_leave_holding(belay_call *call);

/* Tells the stream's window again, after the program took messages, and takes those back that it has read. */
void bly_call_update_window(belay_call *call);

/* Bytes have left: wakes the sender, for whom what lies in `sent` is left if it is ahead, else freed. The `drained` of both
 * sides. */
void bly_call_drained(bly_h2_stream *stream);

/* Arms the deadline of the context, which holds a reference to the call. */
void bly_call_arm_deadline(belay_call *call);
void bly_call_disarm_deadline(belay_call *call);

/* ---- Waiting: the program's threads --------------------------------------------------------------- */

/* Takes out the next message, sleeping until there is one. The codes of belay_call_recv(). */
belay_code bly_call_receive(belay_call *call, bly_bytes **message);

/* A message that was received is of no more use. Takes it over; NULL: nothing. Receiving thread. */
void bly_call_have_read(belay_call *call, bly_bytes *message);

/* Nobody receives any more: drops what waits and what was read, and what still comes. Receiving thread; lock held. */
void bly_call_stop_receiving_locked(belay_call *call);

/* Conditions to wait for; called with the lock held. */
typedef bool (*bly_call_condition)(const belay_call *call);

bool bly_call_has_message_locked(const belay_call *call); /* or the end */
bool bly_call_has_ended_locked(const belay_call *call);

/* Sleeps as the call's receiver until a condition holds; BELAY_OK, or BELAY_FAILED_PRECONDITION while another
 * thread receives. */
belay_code bly_call_await(belay_call *call, bly_call_condition ready);

/* The same until the call has ended; drives the loop itself when that can be had (io/lend.h). unannounced: the call's
 * task was posted so, and is announced by this if nobody drives. */
belay_code bly_call_await_end(belay_call *call, bool unannounced);

#endif
