/* SPDX-License-Identifier: MIT */
/*
 * How threads that share a futex sleep and are woken, several at a time: src/base/seat.c. README tells what is modelled
 * and how a property is stated.
 *
 * Processes: sleepers of one row, each with a seat and a word of its own, which sleep some times one after the other;
 * two wakers, each of which wakes two of them in one go. What the kernel does under its lock is one step.
 */

#define SLEEPERS 4
#define WAKERS 2
#define TIMES 2

#define FIRST_OF(waker) ((waker) * 2)
#define LAST_OF(waker) ((waker) * 2 + 1)

/* The row. */
byte wakes;
bool queued[SLEEPERS]; /* in the kernel's queue for it */

/* What is slept for: the parker's PARKED. */
bool asleep[SLEEPERS];

byte finished; /* processes that have come to their end */

inline seat_sleep(i)
{
#ifndef BUG_LOOK_BEFORE_COUNT
    seen = wakes;
    word = asleep[i];
#else
    word = asleep[i];
    seen = wakes;
#endif
    if
    :: !word -> skip
    :: else ->
        if
        :: atomic { wakes == seen -> queued[i] = true }; !queued[i]
        :: atomic { else -> skip }
        fi
    fi;
    d_step { seen = 0; word = false }
}

active [SLEEPERS] proctype sleeper()
{
    byte me = _pid;
    byte seen, times;
    bool word;
    do
    :: times == TIMES -> break
    :: else ->
        atomic { asleep[me] = true; times++ }
        do
        :: asleep[me] -> seat_sleep(me)
        :: else -> break
        od
    od;
    finished++
}

/* FUTEX_WAKE_BITSET: both bits in one step. */
inline wake_in_row(first, last)
{
#ifndef BUG_NO_COUNT
    wakes++;
#endif
    d_step { queued[first] = false; queued[last] = false }
}

active [WAKERS] proctype waker()
{
    byte me = _pid - SLEEPERS;
    byte times;
    do
    :: times == TIMES -> break
    :: else ->
        atomic { asleep[FIRST_OF(me)] && asleep[LAST_OF(me)] -> times++ }
#ifdef BUG_WAKE_BEFORE_CHANGE
        wake_in_row(FIRST_OF(me), LAST_OF(me));
#endif
        asleep[FIRST_OF(me)] = false;
        asleep[LAST_OF(me)] = false;
#ifndef BUG_WAKE_BEFORE_CHANGE
        wake_in_row(FIRST_OF(me), LAST_OF(me))
#endif
    od;
    finished++
}

/* When nobody can do anything any more, everybody was woken as often as he slept. */
active proctype observer()
{
    timeout ->
    assert(finished == SLEEPERS + WAKERS)
}
