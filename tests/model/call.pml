/* SPDX-License-Identifier: MIT */
/*
 * The life of one server call: src/cancel/context.c, src/rpc/call.c, server_call.c, handler.c, receive.c,
 * src/server/connection.c and the queue of src/pool/pool.c. README tells what is modelled and how a property is
 * stated.
 *
 * Processes: the I/O thread, to which everything from outside happens (headers, end of the request, reset, lost
 * connection, deadline, drain, its own posted task); one worker with its handler; and a canceller on a thread of its
 * own, the application or an operator. Names are those of the code.
 */

#ifndef STREAM /* run.sh takes both: whether the method takes a stream of requests */
#define STREAM 0
#endif

#define NONE 0
#define PEER 1 /* also the regular end of a stream: then the call has ended before */
#define LOST 2
#define DEADLINE 3
#define SHUTDOWN 4
#define APPLICATION 5
#define LIMIT 6
#define FINISHED 7

#define RECEIVING 0
#define WAITING 1
#define RUNNING 2
#define OVER 3

/* The context. */
bool context_lock;
byte context_refs;
byte cause;
bool flag, settled, owner, wait_listed;

/* The call: by its lock. */
bool call_lock;
byte refs = 2; /* the stream's and the connection's */
byte run_state;
byte end_cause;
bool in_ended, reader, posted, over_due, final_ready, out;

/* The pool's queue, by its lock; whoever has only this lock takes one step. */
bool queued;
bool busy; /* no worker is free */

bool mail;  /* the call's task is in the mailbox of the loop */
bool token; /* the parker of the handler's thread: woken */

/* The deadline's timer: by the heap's lock, one step each. */
bool timer;

/* What may happen, chosen once; what may not, does not until all has come to rest. */
bool window_open, breaks, drains, cancels, silent;

/* I/O thread only. */
bool headers, received_end, open = true, dispatched, held, batched, has_slot;
bool status_sent, cancel_handled, outcome_known, after_flush, is_gone, is_over;
bool unsent;         /* replies that wait for window */
bool status_on_wire; /* what HTTP/2 has of it */
bool reset_sent, delivered;
bool cancelling;     /* the peer's cancel has gone ahead: the stream is yet to be closed for it */
byte closed;         /* why the stream has gone; the call is yet to hear of it */
bool linked = true;  /* in the connection's list */
bool drained, offered;

/* Ghosts. */
byte ends, runs, slots, phase;
bool destroyed, parked, offer_call, offer_context;

/* ---- Locks and references ------------------------------------------------------------------------ */

inline lock(which) { atomic { !which -> which = true } }
inline unlock(which) { which = false }
inline lock_call() { atomic { !call_lock -> call_lock = true; assert(!destroyed) } }

inline ref()
{
    d_step { assert(!destroyed && refs > 0); refs++ }
}

inline unref()
{
    d_step { assert(!destroyed && refs > 0); refs--; last = (refs == 0) };
    if
    :: last ->
        last = false;
        /* bly_context_leave(): the only reference needs no lock. */
#ifndef BUG_OWNER_LET_GO_EARLY
        if
        :: context_refs > 1 ->
            lock(context_lock);
            owner = false;
            unlock(context_lock)
        :: else -> skip
        fi;
#endif
        d_step {
            destroyed = true;
            if
            :: context_refs > 0 -> context_refs--
            :: else -> skip
            fi
        }
    :: else -> skip
    fi
}

/* Lock held. The task's reference. */
inline want_io(post)
{
    d_step {
        post = !posted;
        if
#ifndef BUG_NO_TASK_REFERENCE
        :: post -> posted = true; refs++
#else
        :: post -> posted = true
#endif
        :: else -> skip
        fi
    }
}

inline post_if(post)
{
    if
    :: post -> atomic { assert(!mail); mail = true; post = false }
    :: else -> skip
    fi
}

inline over_locked()
{
    d_step {
        assert(run_state == WAITING || run_state == RUNNING);
        run_state = OVER;
        over_due = true
    }
}

/* bly_pool_remove(): with the call's lock held. */
inline dequeue_locked()
{
#if defined BUG_LEFT_IN_THE_QUEUE
    skip
#elif !defined BUG_REMOVE_IN_TWO_STEPS
    if
    :: atomic { run_state == WAITING && queued -> queued = false; over_locked() }
    :: else -> skip
    fi
#else
    if
    :: run_state == WAITING && queued -> queued = false; over_locked()
    :: else -> skip
    fi
#endif
}

/* ---- How the context ends ------------------------------------------------------------------------ */

inline context_ended(why)
{
    lock_call();
#ifdef BUG_WAKE_BEFORE_THE_STATE
    wake_reader = reader;
    unlock(call_lock);
    if
    :: wake_reader -> token = true; wake_reader = false
    :: else -> skip
    fi;
    lock_call();
    end_cause = why;
#else
    atomic { end_cause = why; wake_reader = reader };
#endif
    dequeue_locked();
    if
    :: why != FINISHED -> want_io(post)
    :: else -> skip
    fi;
    unlock(call_lock);
    post_if(post);
    if
    :: wake_reader -> atomic { token = true; wake_reader = false }
    :: else -> skip
    fi
}

inline end_context(why, won)
{
    won = false;
    if
#ifndef BUG_OWNER_LET_GO_EARLY
    :: settled -> skip
#else
    :: flag -> skip
#endif
    :: else ->
#ifdef BUG_TWO_WINNERS
        if
        :: cause != NONE -> skip
        :: else ->
            lock(context_lock);
#else
        lock(context_lock);
        if
        :: cause != NONE -> unlock(context_lock)
        :: else ->
#endif
            ends++;
            assert(ends == 1);
#ifndef BUG_FLAG_BEFORE_THE_CAUSE
            cause = why;
            flag = true;
#else
            flag = true;
            cause = why;
#endif
            wake_wait = wait_listed;
            if
            :: owner -> context_ended(why)
            :: else -> skip
            fi;
            atomic { settled = true; unlock(context_lock) };
            if
            :: wake_wait -> atomic { token = true; wake_wait = false }
            :: else -> skip
            fi;
            won = true
        fi
    fi
}

/* ---- The I/O thread: what it sends ----------------------------------------------------------------- */

#ifndef BUG_SENDS_AFTER_A_CANCEL
#define usable (open && !reset_sent && !cancelling)
#else
#define usable (open && !reset_sent)
#endif

inline h2_end()
{
    if
    :: usable -> assert(!status_on_wire && !cancelling); status_on_wire = true
    :: else -> skip
    fi;
    status_sent = true
}

inline h2_reset()
{
    if
    :: usable -> assert(!cancelling); reset_sent = true; unsent = false
    :: else -> skip
    fi
}

inline know_outcome()
{
    d_step {
        if
        :: !outcome_known ->
            outcome_known = true;
            if
            :: timer -> timer = false; assert(refs > 1); refs--
            :: else -> skip
            fi
        :: else -> skip
        fi
    }
}

#define tells (cause == DEADLINE || cause == SHUTDOWN || cause == APPLICATION || cause == LIMIT)

#ifndef BUG_STATUS_TWICE
#define has_news (open && !status_sent && tells)
#else
#define has_news (open && tells)
#endif

inline send_cancel()
{
    d_step {
        if
        :: has_news && unsent -> assert(!after_flush); after_flush = true; refs++
        :: has_news && !unsent -> h2_end()
        :: else -> skip
        fi
    }
}

inline send_cancel_after_flush()
{
    d_step {
        after_flush = false;
        if
        :: has_news && unsent -> h2_reset()
        :: has_news && !unsent -> h2_end()
        :: else -> skip
        fi
    };
    unref()
}

/* ---- The I/O thread: the posted task ---------------------------------------------------------------- */

inline forget_if_done()
{
    if
    :: is_gone && (!dispatched || is_over) ->
        atomic { assert(linked); linked = false };
        unref()
    :: else -> skip
    fi
}

inline tell_over()
{
    d_step {
        assert(!is_over);
        is_over = true;
        if
        :: has_slot -> assert(slots > 0); has_slot = false; slots--
        :: else -> skip
        fi
    };
    forget_if_done();
    unref()
}

inline mark_over()
{
    atomic {
        lock_call();
        over_locked();
        over_due = false;
        unlock(call_lock)
    }
}

inline handle_cancel(over)
{
    if
    :: cancel_handled -> skip
    :: else ->
        atomic { cancel_handled = true; know_outcome() };
        if
        :: held -> held = false; mark_over(); over = true
        :: batched -> batched = false; mark_over(); over = true
#ifndef BUG_WITHDRAWN_FROM_THE_BATCH_ONLY
        :: dispatched && !held && !batched ->
            lock_call();
            dequeue_locked();
            over = over || over_due;
            over_due = false;
            unlock(call_lock)
        :: else -> skip
#else
        :: else -> skip
#endif
        fi;
        send_cancel()
    fi
}

inline transmit(final, frames)
{
    d_step {
        if
        :: frames && !window_open -> unsent = usable
        :: else -> skip
        fi;
        if
        :: final && !status_sent -> h2_end()
        :: else -> skip
        fi
    }
}

inline io_task()
{
    lock_call();
#ifndef BUG_POSTED_UNTIL_DONE
    atomic {
        posted = false;
        cancelled = (end_cause != NONE && end_cause != FINISHED);
        final = final_ready;
        frames = out;
        out = false;
        over = over_due;
        over_due = false;
        unlock(call_lock)
    };
#else
    atomic {
        cancelled = (end_cause != NONE && end_cause != FINISHED);
        final = final_ready;
        frames = out;
        out = false;
        over = over_due;
        over_due = false;
        unlock(call_lock)
    };
    lock_call();
    posted = false;
    unlock(call_lock);
#endif
    if
    :: cancelled -> handle_cancel(over)
    :: else ->
        if
        :: open -> transmit(final, frames)
        :: else -> skip
        fi
    fi;
    if
    :: over -> tell_over()
    :: else -> skip
    fi;
    unref();
    atomic { cancelled = false; final = false; frames = false; over = false }
}

/* ---- The I/O thread: the stream --------------------------------------------------------------------- */

inline dispatch(whole)
{
    atomic {
        lock_call();
        run_state = WAITING;
        in_ended = whole;
        dispatched = true;
        refs++;
        unlock(call_lock)
    };
    if
    :: held = true
    :: atomic { batched = true; has_slot = true; slots++ }
    fi
}

inline headers_done()
{
    atomic {
        headers = true;
        owner = true;
        context_refs = 1;
        if
        :: timer = true; refs++
        :: skip
        fi
    };
    if
    :: STREAM -> dispatch(false)
    :: else -> skip
    fi
}

inline end_of_request()
{
    received_end = true;
    if
    :: flag -> skip /* wants_input() */
    :: !flag && STREAM ->
        lock_call();
        in_ended = true;
        wake_reader = reader;
        unlock(call_lock);
        if
        :: wake_reader -> token = true; wake_reader = false
        :: else -> skip
        fi
    :: else -> dispatch(true)
    fi
}

inline hear_of_closed()
{
    end_context(closed, won);
    atomic { won = false; closed = NONE; know_outcome(); is_gone = true };
    forget_if_done();
    unref()
}

inline expired()
{
    end_context(DEADLINE, won);
    if
    :: won || outcome_known -> won = false
    :: else -> atomic { know_outcome(); h2_reset() }
    fi;
    unref()
}

/* The queue is full. */
inline refuse()
{
    mark_over();
    d_step {
        if
        :: open && !status_sent -> h2_end()
        :: else -> skip
        fi
    };
    know_outcome();
    end_context(LIMIT, won);
    won = false;
    tell_over()
}

/* What holds whenever everything has come to rest. */
inline look_at_rest()
{
    assert(!mail && !batched && !after_flush && closed == NONE && !context_lock && !call_lock);
    if
    :: flag ->
        assert(settled && cause != NONE);
        assert(!parked);              /* no handler sleeps on */
        assert(!queued && !held);     /* and none waits to be run */
        assert(!dispatched || is_over);
        assert(!open || status_sent || reset_sent) /* the client knows */
    :: else -> skip
    fi
}

active proctype io_thread()
{
    bool won, post, last, wake_reader, wake_wait, cancelled, final, frames, over;
    atomic {
        if :: window_open = true :: STREAM -> skip fi; /* only streams have replies on their way */
        if :: busy = true :: skip fi;
        if :: breaks = true :: drains = true :: breaks = true; drains = true :: silent = true :: skip fi;
        if :: cancels = true :: skip fi
    };
    do
    :: atomic { mail -> mail = false }; io_task()
    :: !headers && open -> headers_done()
    :: headers && open && !received_end && !silent -> end_of_request()
#if !AHEAD
    :: breaks && headers && open -> atomic { closed = PEER; open = false; unsent = false }
#else
    /* Before nghttp2 has closed the stream for it. */
    :: breaks && headers && open && !cancelling -> cancelling = true; end_context(PEER, won); won = false
    :: cancelling && open && !after_flush -> atomic { closed = PEER; open = false; unsent = false }
#endif
    :: breaks && headers && open -> atomic { closed = LOST; open = false; unsent = false }
    :: closed != NONE -> hear_of_closed()
    :: atomic { timer -> timer = false }; expired()
    :: after_flush -> send_cancel_after_flush()
    /* The end of a turn: the batch goes to the pool. */
    :: batched ->
        batched = false;
        if
        :: queued = true
        :: !STREAM -> refuse()
        fi
    :: held && slots == 0 -> atomic { held = false; batched = true; has_slot = true; slots++ }
    /* The kernel has taken the status. */
    :: open && status_on_wire && !unsent && !delivered && !reset_sent -> atomic { delivered = true; know_outcome() }
    :: open && delivered && received_end -> atomic { closed = PEER; open = false }
    :: open && reset_sent -> atomic { closed = PEER; open = false }
    :: drains && headers && linked && !drained -> drained = true; end_context(SHUTDOWN, won); won = false
    /* A canceller learns of the call, by a census or from the handler. */
    :: cancels && headers && linked && !offered ->
        offered = true;
        if
        :: ref(); offer_call = true
        :: context_refs++; offer_context = true
        fi
    :: atomic { timeout && phase == 0 -> look_at_rest(); phase = 1; busy = false }
    :: atomic { timeout && phase == 1 -> look_at_rest(); phase = 2; closed = (open -> LOST : NONE); open = false;
           unsent = false }
    :: atomic { timeout && phase == 2 -> look_at_rest(); break }
    od;
    assert(destroyed && refs == 0 && context_refs == 0 && slots == 0 && !linked && !queued && !timer);
    assert(ends == 1 && runs <= 1)
}

/* ---- The worker ------------------------------------------------------------------------------------- */

/* Returns `runs_it`. */
inline begin(runs_it)
{
    atomic {
        lock_call();
#ifndef BUG_CLAIM_WITHOUT_A_LOOK
        runs_it = (end_cause == NONE);
#else
        runs_it = true;
#endif
        if
        :: runs_it ->
            assert(end_cause == NONE); /* never when it was cancelled before */
            run_state = RUNNING;
            runs++;
            assert(runs == 1)
        :: else -> over_locked(); want_io(post)
        fi;
        unlock(call_lock)
    };
    post_if(post)
}

inline park()
{
    parked = true;
    atomic { token -> token = false; parked = false }
}

#define recv_ready (end_cause != NONE || in_ended)

inline recv()
{
    lock_call();
    if
    :: recv_ready -> skip
    :: else ->
#ifdef BUG_SLEEPS_ON_WHAT_IT_SAW
        unlock(call_lock);
        reader = true;
        park();
        lock_call();
#else
        reader = true;
        do
        :: recv_ready -> break
        :: else ->
            unlock(call_lock);
            park();
            lock_call()
        od;
#endif
        reader = false
    fi;
    assert(end_cause == NONE || flag); /* the flag is up before a wait returns cancelled */
    unlock(call_lock)
}

/* A wait for nothing but the end of the context. */
inline wait_for_end()
{
#ifdef BUG_WAIT_LOOKS_BEFORE_IT_IS_LISTED
    listed = !flag;
    if
    :: listed ->
        lock(context_lock);
        wait_listed = true;
        unlock(context_lock);
        park();
#else
    lock(context_lock);
    atomic { listed = (cause == NONE); wait_listed = listed; unlock(context_lock) };
    if
    :: listed ->
        do
        :: flag -> break
        :: else -> park()
        od;
#endif
        lock(context_lock);
        atomic { wait_listed = false; listed = false; unlock(context_lock) }
    :: else -> skip
    fi
}

inline handler()
{
    if
    :: skip
    :: !STREAM -> wait_for_end()
    :: !STREAM -> end_context(APPLICATION, won)
    :: STREAM -> recv()
    :: STREAM -> lock_call(); /* sends a reply */
        if
        :: end_cause == NONE -> out = true; want_io(post)
        :: else -> skip
        fi;
        unlock(call_lock);
        post_if(post)
    fi;
    /* Looks at its flag, and at the cause if that is up: now and once more at its end. */
    if
    :: flag -> atomic { seen = cause; assert(seen != NONE) }
    :: else -> skip
    fi
}

inline handler_ends()
{
    end_context(FINISHED, won);
    assert(seen == NONE || (cause == seen && !won));
    atomic {
        lock_call();
        final_ready = won;
        over_locked();
        want_io(post);
        unlock(call_lock)
    };
    post_if(post)
}

active proctype worker()
{
    bool won, post, wake_reader, wake_wait, runs_it, listed;
    byte seen;
end:
    do
    :: atomic { queued && !busy -> queued = false };
        begin(runs_it);
        if
        :: runs_it -> handler(); handler_ends()
        :: else -> skip
        fi;
        atomic { won = false; runs_it = false; seen = NONE }
    od
}

/* ---- A canceller ------------------------------------------------------------------------------------ */

active proctype canceller()
{
    bool won, post, last, wake_reader, wake_wait;
end:
    if
    :: atomic { offer_call -> offer_call = false }; end_context(APPLICATION, won); unref()
    :: atomic { offer_context -> offer_context = false }; end_context(APPLICATION, won); context_refs--
    fi
}
