/* SPDX-License-Identifier: MIT */
/*
 * Messages that come in: from DATA frames to the thread that receives.
 *
 * The stream's window always covers the rest of the message that is being received, so that a message up
 * to the limit arrives whatever the handler does; beyond that it is open as far as the messages that wait
 * for the handler leave room.
 */
#include <stdio.h>

#include "io/lend.h"
#include "pool/pool.h"
#include "rpc/call.h"

/* What a message that waits costs besides its bytes: else empty ones could be sent without end. */
#define MESSAGE_PRICE 32

/* So much of what was read may lie in a call; when it is more, the I/O thread is asked to take it. What it has not
 * taken then counts as waiting: it will make room by itself, while nobody would of the rest. */
#define QUIET_SPENT 8192u
#define MOST_SPENT (128u << 10)

static size_t
waiting_locked(const belay_call *call)
{
    size_t spent = call->spent_size > QUIET_SPENT ? call->spent_size - QUIET_SPENT : 0;
    return call->in.total + call->in_count * MESSAGE_PRICE + spent;
}

void
bly_call_note_waiting_locked(belay_call *call)
{
    bly_held_waiting_locked(&call->held, waiting_locked(call));
}

/* ---- I/O thread ----------------------------------------------------------------------------------- */

void
bly_call_leave_holding(belay_call *call)
{
    bly_mutex_lock(&call->lock);
    bly_held_leave_locked(&call->held);
    bly_mutex_unlock(&call->lock);
}

static void
set_window(belay_call *call, size_t waiting)
{
    if (call->stream.id == 0)
        return;
    size_t window = waiting < call->stream_window ? call->stream_window - waiting : 0;
    size_t rest = bly_frame_reader_rest(&call->frames);
    if (rest > window && bly_held_grant(&call->held, rest + call->held.partial))
        window = rest;
    bly_h2_stream_set_window(&call->stream, (uint32_t)window);
}

/* What waits is told anew: the taken no longer count. */
static void
take_spent_locked(belay_call *call, bly_bytes_queue *spent)
{
    bly_bytes_queue_splice(spent, &call->spent);
    call->spent_size = 0;
    bly_call_note_waiting_locked(call);
}

bly_frame_error
bly_call_take_data(belay_call *call, const uint8_t *data, size_t size, unsigned int *messages)
{
    bly_bytes_queue complete, spent;
    bly_bytes_queue_init(&complete);
    bly_bytes_queue_init(&spent);
    bly_frame_error error = bly_frame_reader_feed(&call->frames, data, size, &complete);
    bly_parker *reader = NULL;
    bly_held_partial(&call->held, bly_frame_reader_filled(&call->frames), bly_frame_reader_size(&call->frames));
    *messages = 0;
    for (bly_bytes *message = complete.first; message != NULL; message = message->next)
        ++*messages;

    bly_mutex_lock(&call->lock);
    if (call->end_cause != BELAY_CAUSE_NONE || call->discards) {
        /* Nobody will take them. */
        take_spent_locked(call, &complete);
        bly_mutex_unlock(&call->lock);
        bly_bytes_queue_clear(&complete);
        set_window(call, 0);
        return error;
    }
    bly_bytes_queue_splice(&call->in, &complete);
    call->in_count += *messages;
    take_spent_locked(call, &spent);
    size_t waiting = waiting_locked(call);
    if (*messages > 0)
        reader = bly_call_reader_locked(call);
    bly_mutex_unlock(&call->lock);

    bly_call_wake(reader);
    bly_bytes_queue_clear(&spent);
    if (error == BLY_FRAME_OK && !call->stream.received_end)
        set_window(call, waiting);
    return error;
}

belay_code
bly_call_frame_status(const belay_call *call, bly_frame_error error, char words[BLY_FRAME_WORDS])
{
    switch (error) {
    case BLY_FRAME_TOO_LARGE:
        bly_call_reached(call, BELAY_LIMIT_RECEIVE_SIZE);
        snprintf(words, BLY_FRAME_WORDS, "message of %u bytes is over the limit of %u",
                 (unsigned int)call->frames.announced, (unsigned int)call->frames.limit);
        return BELAY_RESOURCE_EXHAUSTED;
    case BLY_FRAME_NO_MEMORY:
        snprintf(words, BLY_FRAME_WORDS, "no memory for the message");
        return BELAY_RESOURCE_EXHAUSTED;
    case BLY_FRAME_COMPRESSED:
        snprintf(words, BLY_FRAME_WORDS, "compressed message %s grpc-encoding",
                 call->compression.in_is_unknown ? "with an unknown" : "without");
        return BELAY_INTERNAL;
    default:
        snprintf(words, BLY_FRAME_WORDS, "malformed message frame");
        return BELAY_INTERNAL;
    }
}

void
bly_call_end_input(belay_call *call)
{
    bly_bytes_queue spent;
    bly_bytes_queue_init(&spent);
    bly_mutex_lock(&call->lock);
    call->in_ended = true;
    take_spent_locked(call, &spent);
    bly_parker *reader = bly_call_reader_locked(call);
    bly_mutex_unlock(&call->lock);
    bly_call_wake(reader);
    bly_bytes_queue_clear(&spent);
}

void
bly_call_update_window(belay_call *call)
{
    bly_bytes_queue spent;
    bly_bytes_queue_init(&spent);
    bly_mutex_lock(&call->lock);
    take_spent_locked(call, &spent);
    size_t waiting = waiting_locked(call);
    bly_mutex_unlock(&call->lock);
    bly_bytes_queue_clear(&spent);
    if (call->stream.id != 0 && !call->stream.received_end)
        set_window(call, waiting);
}

/* ---- The receiving thread --------------------------------------------------------------------------- */

/* Tells the I/O thread once enough was taken that the peer could be waiting for window, or lies there to be taken. */
static bool
note_taken_locked(belay_call *call, size_t size)
{
    call->taken += size + MESSAGE_PRICE;
    bly_call_note_waiting_locked(call);
    bool window_due = call->taken >= call->stream_window / 4;
    if (call->in_ended || (!window_due && call->spent_size <= QUIET_SPENT))
        return false;
    if (window_due)
        call->taken = 0;
    call->window_due = true;
    return bly_call_want_io_locked(call);
}

bool
bly_call_has_message_locked(const belay_call *call)
{
    BLY_ASSERT_HELD(&call->lock);
    return call->in.first != NULL || call->end_cause != BELAY_CAUSE_NONE || (call->is_server && call->in_ended);
}

bool
bly_call_has_ended_locked(const belay_call *call)
{
    BLY_ASSERT_HELD(&call->lock);
    return call->end_cause != BELAY_CAUSE_NONE;
}

/* Sleeps until ready. Lock held, dropped while asleep. */
static belay_code
await_locked(belay_call *call, bly_call_condition ready)
{
    bly_parker *parker;
    if (ready(call))
        return BELAY_OK;
    if ((parker = bly_parker_current()) == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    call->reader = parker;
    call->reader_ready = ready;
    do {
        bly_mutex_unlock(&call->lock);
        bly_pool_blocked_in(call->is_server ? BLY_POOL_IN_RECV : BLY_POOL_IN_CHILD);
        bly_parker_park(parker);
        bly_pool_blocked_end();
        bly_mutex_lock(&call->lock);
    } while (!ready(call));
    call->reader = NULL;
    return BELAY_OK;
}

belay_code
bly_call_await(belay_call *call, bly_call_condition ready)
{
    belay_code code = BELAY_FAILED_PRECONDITION;
    bly_mutex_lock(&call->lock);
    if (!call->receiving) {
        call->receiving = true;
        code = await_locked(call, ready);
        call->receiving = false;
    }
    bly_mutex_unlock(&call->lock);
    return code;
}

/* ---- Driving ---------------------------------------------------------------------------------------- */

static bool
has_ended(void *argument)
{
    belay_call *call = argument;
    bly_mutex_lock(&call->lock);
    bool ended = bly_call_has_ended_locked(call);
    bly_mutex_unlock(&call->lock);
    return ended;
}

/* Instead of sleeping until the I/O thread has done it, the caller does it itself, if the loop is to be had. Whatever
 * ends the call from elsewhere posts its task, and so wakes the poll. */
static bool
drive_to_end(belay_call *call)
{
    bly_loan loan;
    if (!bly_loop_borrow(call->loop, &loan))
        return false;
    bly_pool_blocked_in(BLY_POOL_IN_CHILD);
    while (!bly_loop_turn(call->loop, has_ended, call))
        continue;
    bly_loop_give_back(call->loop, &loan);
    bly_pool_blocked_end();
    return true;
}

/* Becomes the call's receiver, unless another thread is or there is nothing to wait for. */
static bool
claim_until_end(belay_call *call)
{
    bly_mutex_lock(&call->lock);
    bool claimed = !call->receiving && !bly_call_has_ended_locked(call);
    if (claimed)
        call->receiving = true;
    bly_mutex_unlock(&call->lock);
    return claimed;
}

belay_code
bly_call_await_end(belay_call *call, bool unannounced)
{
    if (claim_until_end(call)) {
        bool driven = drive_to_end(call);
        bly_mutex_lock(&call->lock);
        call->receiving = false;
        bly_mutex_unlock(&call->lock);
        if (driven)
            return BELAY_OK;
    }
    if (unannounced)
        bly_loop_announce(call->loop);
    return bly_call_await(call, bly_call_has_ended_locked);
}

/* ---- Messages --------------------------------------------------------------------------------------- */

/* The I/O thread makes the messages, so small ones of a stream go back by the call, whose lock both take anyway. */
static bool
goes_back(const belay_call *call, const bly_bytes *message)
{
    unsigned int streams = call->is_server ? BELAY_CLIENT_STREAMING : BELAY_SERVER_STREAMING;
    return (call->method->flags & streams) != 0 && bly_bytes_is_small(message);
}

void
bly_call_have_read(belay_call *call, bly_bytes *message)
{
    if (message != NULL && goes_back(call, message))
        message = __atomic_exchange_n(&call->read, message, __ATOMIC_ACQ_REL);
    bly_bytes_free(message);
}

/* The look spares the exchange to all calls that are no streams. */
static bly_bytes *
take_read(belay_call *call)
{
    if (__atomic_load_n(&call->read, __ATOMIC_RELAXED) == NULL)
        return NULL;
    return __atomic_exchange_n(&call->read, NULL, __ATOMIC_ACQ_REL);
}

static void
give_back_locked(belay_call *call)
{
    if (call->in_ended || call->end_cause != BELAY_CAUSE_NONE || call->spent_size >= MOST_SPENT)
        return;
    bly_bytes *read = take_read(call);
    if (read == NULL)
        return;
    call->spent_size += MESSAGE_PRICE + read->size;
    bly_bytes_queue_push(&call->spent, read);
}

/* Takes the next message, or says why there is none. Ready, lock held. */
static belay_code
take_locked(belay_call *call, bly_bytes **message)
{
    if (bly_call_cancelled_locked(call))
        return call->end_code;
    *message = bly_bytes_queue_pop(&call->in);
    if (*message == NULL)
        return BELAY_END_OF_STREAM;
    call->in_count--;
    return BELAY_OK;
}

belay_code
bly_call_receive(belay_call *call, bly_bytes **message)
{
    bool post = false;
    bly_mutex_lock(&call->lock);
    if (call->receiving) {
        bly_mutex_unlock(&call->lock);
        return BELAY_FAILED_PRECONDITION;
    }
    call->receiving = true;
    give_back_locked(call);
    belay_code code = await_locked(call, bly_call_has_message_locked);
    if (code == BELAY_OK)
        code = take_locked(call, message);
    if (code == BELAY_OK)
        post = note_taken_locked(call, (*message)->size);
    call->receiving = false;
    bly_mutex_unlock(&call->lock);
    if (post)
        bly_call_post(call);
    return code;
}

void
bly_call_stop_receiving_locked(belay_call *call)
{
    BLY_ASSERT_HELD(&call->lock);
    call->discards = true;
    bly_bytes_queue_clear(&call->in);
    bly_bytes_queue_clear(&call->spent);
    bly_bytes_free(take_read(call));
    call->in_count = 0;
    call->spent_size = 0;
    bly_call_note_waiting_locked(call);
}
