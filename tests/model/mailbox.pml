/* SPDX-License-Identifier: MIT */
/*
 * How a loop sleeps, is woken, and is lent: src/io/mailbox.c, src/io/lend.c and the parts of src/io/loop.c that
 * they rely on. README tells what is modelled and how a property is stated.
 *
 * Processes: the loop's own thread; callers that wait for an answer and may drive the loop meanwhile; posters,
 * of which the first cancels the call of the first caller; a server that begins to live on the loop (keep); the
 * network. Names are those of the code.
 */

#ifndef CALLERS /* run.sh takes these and others */
#define CALLERS 1
#define POSTERS 1
#define KEEPERS 1
#define NAPS 2 /* how often the own thread may wake by itself while it has lent the loop: twice before it sleeps on */
#endif
#define ROUNDS 2  /* of settle; the code's 8 */

#define CALL(i) (1 << (i))
#define POST(i) (1 << (CALLERS + (i)))
#define ALL_CALLS (CALL(CALLERS) - 1)
#define ALL_TASKS (CALL(CALLERS + POSTERS) - 1)

#define NOBODY 255
#define OWNER 254

/* The mailbox. A bit stands for a task. */
byte mail;
bool asleep, idle;
bool eventfd;     /* readable */
bool owner_token; /* the parker of the own thread: woken */

/* Lending. */
byte kept;
bool owner_waits;
byte loans;

/* The world. */
byte ran;      /* tasks that have run */
byte open;     /* calls under way: what `quiet` goes by */
byte in_flight; /* requests that the network has */
byte readable; /* answers that the loop has not read */
byte done;     /* calls that have ended */

/* Ghosts. */
byte driver = NOBODY;
bool in_poll, untold; /* the own thread sleeps until somebody wakes it */
byte finished;  /* processes that have come to their end */

#define is_quiet (open == 0)
#define has_mail (mail != 0)

/* ---- The mailbox -------------------------------------------------------------------------------- */

inline wake_loop()
{
    if
    :: !asleep -> skip
    :: else ->
        if
        :: atomic { asleep -> asleep = false } /* the exchange: this one writes */
#ifndef BUG_WAKE_IGNORES_IDLE
            if
            :: idle -> owner_token = true
            :: else -> eventfd = true
            fi
#else
            eventfd = true
#endif
        :: atomic { else -> skip } /* another poster writes */
        fi
    fi
}

inline post(task)
{
#ifndef BUG_LOOK_BEFORE_PUSH
    atomic { assert((mail & (task)) == 0); mail = mail | (task) }
    wake_loop()
#else
    if
    :: asleep ->
        mail = mail | (task);
        wake_loop()
    :: else -> mail = mail | (task)
    fi
#endif
}

/* ---- Driving ------------------------------------------------------------------------------------ */

/* Only the driver takes tasks out, so that running them is one step. */
inline run_mailbox(me)
{
    d_step {
        assert(driver == me);
        assert((ran & mail) == 0);
        ran = ran | mail;
        in_flight = in_flight | (mail & ALL_CALLS & ~done);
        if
        :: mail & POST(0) -> done = done | CALL(0) /* this one cancels */
        :: else -> skip
        fi;
        mail = 0
    }
}

/* Returns in `more` whether the poll must not block. */
inline settle(me, more, round)
{
    asleep = false;
    do
    :: round == ROUNDS -> atomic { more = true; round = 0; break }
    :: else ->
        atomic { run_mailbox(me); round++ }
        if
        :: has_mail -> skip
        :: else ->
            asleep = true;
#ifndef BUG_NO_SECOND_LOOK
            if
            :: atomic { !has_mail -> more = false; round = 0; break }
            :: else -> asleep = false
            fi
#else
            atomic { more = false; round = 0; break }
#endif
        fi
    od
}

/* uv_run: what is ready, after waiting for something to be unless `nowait`. A callback that finds the wake-up says
 * that the loop is up, then drains. */
inline look(me, nowait)
{
    atomic {
        assert(driver == me);
        in_poll = true
    }
    atomic {
        (nowait || eventfd || readable != 0);
        in_poll = false
    }
    if
    :: eventfd ->
        asleep = false;
        eventfd = false
    :: else -> skip
    fi;
    if
    :: readable != 0 ->
        asleep = false;
        atomic { done = done | readable; readable = 0 }
    :: else -> skip
    fi
}

/* Two branches of an `if`: the loop was to be had, or not. */
#ifndef BUG_TAKE_IN_TWO_STEPS
#define TAKEN(me) atomic { idle -> idle = false; assert(driver == NOBODY); driver = me }
#else
#define TAKEN(me) idle -> d_step { idle = false; assert(driver == NOBODY); driver = me }
#endif
#define NOT_TAKEN !idle

inline put_down(me)
{
    d_step { assert(driver == me); driver = NOBODY; idle = true };
#ifndef BUG_IDLE_BUT_NOT_ASLEEP
    asleep = true
#endif
}

/* ---- The own thread ----------------------------------------------------------------------------- */

/* park_until(): woken, or not; a bounded number of times it wakes by itself. */
inline nap(woken)
{
    if
    :: atomic { owner_token -> owner_token = false }; woken = true
    :: atomic { naps < NAPS -> naps++ }; woken = false
    fi
}

inline sleep_until_told(woken)
{
    owner_waits = true;
#ifndef BUG_OWNER_WAITS_BLIND
    if
    :: idle -> woken = false
    :: else -> untold = true; atomic { owner_token -> owner_token = false; untold = false }; woken = true
    fi
#else
    untold = true;
    atomic { owner_token -> owner_token = false; untold = false };
    woken = true
#endif
}

inline lend()
{
    atomic { before = loans; long_loan = false; wanted_back = false }
    put_down(OWNER);
    do
    :: wanted_back -> break
#ifndef BUG_LEND_BLIND
    :: !wanted_back && has_mail -> break
#endif
    :: !wanted_back && kept > 0 -> break
    :: else ->
        if
        :: long_loan -> sleep_until_told(woken)
        :: else -> nap(woken)
        fi;
        /* The code reads loans, then idle twice: here the second look is as good as the first, whose difference
         * only makes the own thread come back, or sleep until it is told. */
        d_step {
            wanted_back = woken || (loans == before && idle);
            long_loan = loans == before && !idle;
            before = loans;
            woken = false
        }
    od;
    do
    :: TAKEN(OWNER) -> break
    :: NOT_TAKEN -> sleep_until_told(woken)
    od;
    atomic { owner_waits = false; woken = false; long_loan = false; wanted_back = false; before = 0 }
}

active proctype own_thread()
{
    bool more, woken, wanted_back, long_loan;
    byte round, naps, before;
    driver = OWNER;
    do
    :: settle(OWNER, more, round);
        if
        :: !more && kept == 0 && is_quiet -> lend()
        :: look(OWNER, more)
        fi
    od
}

/* ---- Callers ------------------------------------------------------------------------------------ */

/* bly_call_start() and bly_call_await_end(): the call's task is posted unannounced; then its caller drives until it has
 * ended, or has the loop announced to, and sleeps. */
inline drive_to_end(me)
{
    loans = (loans + 1) & 3;
    look(me, true);
    do
    :: settle(me, more, round);
        if
        :: done & CALL(me) -> break
        :: else -> skip
        fi;
        look(me, more);
        if
        :: done & CALL(me) -> break
        :: else -> skip
        fi
    od
}

inline give_back(me)
{
    settle(me, more, round);
    /* timers_can_wait: by chance */
    open = open & ~CALL(me);
    hand_over = more || !is_quiet;
    if
    :: hand_over = true
    :: skip
    fi;
    put_down(me);
    d_step { hand_over = hand_over || owner_waits; owner_waits = false };
    if
    :: hand_over || kept > 0 -> owner_token = true
#ifndef BUG_GIVE_BACK_BLIND
    :: else ->
        if
        :: has_mail -> owner_token = true
        :: else -> skip
        fi
#else
    :: else -> skip
#endif
    fi
}

active [CALLERS] proctype caller()
{
    bool more, hand_over;
    byte round;
    byte me = _pid - 1;
    atomic { open = open | CALL(me); mail = mail | CALL(me) }
    if
    :: kept == 0 ->
        if
        :: TAKEN(me) ->
            drive_to_end(me);
            give_back(me);
            goto over
        :: NOT_TAKEN -> skip
        fi
    :: else -> skip
    fi;
#ifndef BUG_UNANNOUNCED
    wake_loop();
#endif
    atomic { (done & CALL(me)) -> open = open & ~CALL(me) }
over:
    finished++
}

/* ---- Others ------------------------------------------------------------------------------------- */

active [POSTERS] proctype poster()
{
    byte me = _pid - 1 - CALLERS;
    post(POST(me));
    finished++
}

#if KEEPERS
active proctype keeper()
{
    kept++;
#ifndef BUG_KEEP_BLIND
    if
    :: idle -> owner_token = true
    :: else -> skip
    fi;
#endif
    finished++
}
#endif

active proctype network()
{
end:
    do
    :: atomic { in_flight != 0 -> readable = readable | (in_flight & ~done); in_flight = 0 }
    od
}

/* When nobody can do anything any more: all that was posted has run, whoever waited has gone on, and the loop of a
 * server is driven by its own thread. */
active proctype observer()
{
    timeout ->
    assert(mail == 0);
    assert(ran == ALL_TASKS);
    assert(done == ALL_CALLS);
    assert(finished == CALLERS + POSTERS + KEEPERS);
    assert(kept == 0 || (!idle && driver == OWNER && in_poll));
    assert(!idle || !untold) /* else nobody would notice what comes from outside */
}
