/* SPDX-License-Identifier: MIT */
#include "io/lend.h"

#include <pthread.h>

#include "io/loop_inside.h"

/* So often must somebody have wanted the loop before it is lent, at a moment when nobody else waits for anything. */
#define LEND_AFTER 16

/* When a borrower left others behind, lending did not pay: so much more often. */
#define PENALTY 256

/* How long nobody drives before the own thread does. */
#define UNATTENDED_NS 2000000

/* Whether somebody has allowed it. */
static bool
is_lendable(const bly_loop *loop)
{
    return __atomic_load_n(&loop->lending.quiet, __ATOMIC_ACQUIRE) != NULL;
}

static bool
is_quiet(const bly_loop *loop)
{
    bool (*quiet)(void *argument) = __atomic_load_n(&loop->lending.quiet, __ATOMIC_ACQUIRE);
    return quiet(loop->lending.quiet_argument);
}

static bool
is_kept(const bly_loop *loop)
{
    return __atomic_load_n(&loop->lending.kept, __ATOMIC_SEQ_CST) > 0;
}

static bool
is_idle(const bly_loop *loop)
{
    return __atomic_load_n(&loop->mailbox.idle, __ATOMIC_SEQ_CST);
}

/* Timers would fire late while nobody drives. Those that are further off are seen by the own thread in time. */
static bool
timers_can_wait(bly_loop *loop)
{
    uint64_t at = bly_timers_look_at(loop);
    return at == UINT64_MAX || at > bly_clock_after(bly_clock_now(loop->clock), 2 * UNATTENDED_NS);
}

/* Takes the loop if nobody drives it. */
static bool
take(bly_loop *loop)
{
    bool idle = true;
    return __atomic_compare_exchange_n(&loop->mailbox.idle, &idle, false, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Nobody drives from here on. The mailbox says that the loop is asleep: whoever posts after this wakes the own thread;
 * whoever posted before is seen by the caller's look at the mailbox, which must follow. It is said once more, and
 * after `idle`: a poster whose task had run already may have turned it off since the loop settled. */
static void
put_down(bly_loop *loop)
{
    bly_loop_leave(loop);
    __atomic_store_n(&loop->mailbox.idle, true, __ATOMIC_SEQ_CST);
    bly_mailbox_say_asleep(&loop->mailbox);
}

/* ---- The own thread ---------------------------------------------------------------------------------- */

bool
bly_loop_may_lend(bly_loop *loop)
{
    bly_lending *lending = &loop->lending;
    if (!is_lendable(loop) || __atomic_load_n(&lending->wanted, __ATOMIC_RELAXED) < LEND_AFTER)
        return false;
    return !is_kept(loop) && loop->mailbox.owner != NULL && is_quiet(loop) && timers_can_wait(loop);
}

/* Sleeps until woken, or until it is time to look again. False: that time has come. */
static bool
sleep_unattended(bly_loop *loop, bool long_loan)
{
    if (!long_loan)
        return bly_parker_park_until(loop->mailbox.owner, bly_clock_after(bly_clock_now(&bly_clock_monotonic),
                                                                          UNATTENDED_NS));
    /* A borrower that waits for long has the loop to itself. It wakes us when it leaves; if it is gone by now, nobody
     * would. */
    __atomic_store_n(&loop->lending.owner_waits, true, __ATOMIC_SEQ_CST);
    if (is_idle(loop))
        return false;
    bly_parker_park(loop->mailbox.owner);
    return true;
}

void
bly_loop_lend(bly_loop *loop)
{
    bly_lending *lending = &loop->lending;
    unsigned int loans = __atomic_load_n(&lending->loans, __ATOMIC_RELAXED);
    bool long_loan = false;
    bool wanted_back = false;
    __atomic_store_n(&lending->wanted, 0, __ATOMIC_RELAXED);
    put_down(loop);
    while (!wanted_back && !bly_loop_has_mail(loop) && !is_kept(loop)) {
        bool woken = sleep_unattended(loop, long_loan);
        unsigned int now = __atomic_load_n(&lending->loans, __ATOMIC_RELAXED);
        wanted_back = woken || (now == loans && is_idle(loop));
        long_loan = now == loans && !is_idle(loop);
        loans = now;
    }
    /* Somebody may have borrowed it at this moment, and gives it back. */
    while (!take(loop))
        sleep_unattended(loop, true);
    __atomic_store_n(&lending->owner_waits, false, __ATOMIC_SEQ_CST);
    bly_loop_enter(loop);
}

/* ---- Borrowers --------------------------------------------------------------------------------------- */

/* Counts no further than it takes: where many call at once nobody writes here. */
static void
note_wanted(bly_lending *lending)
{
    if (__atomic_load_n(&lending->wanted, __ATOMIC_RELAXED) < LEND_AFTER)
        __atomic_fetch_add(&lending->wanted, 1, __ATOMIC_RELAXED);
}

bool
bly_loop_borrow(bly_loop *loop, bly_loan *loan)
{
    bly_lending *lending = &loop->lending;
    if (!is_lendable(loop) || is_kept(loop))
        return false;
    if (!take(loop)) {
        note_wanted(lending);
        return false;
    }
    __atomic_store_n(&lending->loans, lending->loans + 1, __ATOMIC_RELAXED);
    /* A thread that is cancelled in poll would take the loop with it. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &loan->cancel_state);
    bly_loop_enter(loop);
    /* Nobody may have looked at the sockets since the last loan. What came meanwhile, a GOAWAY for one, must be known
     * before a request is sent; and calls that fail at once, one after the other, must not leave it where it is. */
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    return true;
}

bool
bly_loop_turn(bly_loop *loop, bool (*done)(void *argument), void *argument)
{
    BLY_ASSERT_CURRENT(loop);
    bool more = bly_loop_settle(loop);
    if (done(argument))
        return true;
    uv_run(&loop->uv, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    return done(argument);
}

void
bly_loop_give_back(bly_loop *loop, const bly_loan *loan)
{
    BLY_ASSERT_CURRENT(loop);
    bly_lending *lending = &loop->lending;
    bool more = bly_loop_settle(loop);
    bool quiet = is_quiet(loop);
    bool hand_over = more || !quiet || !timers_can_wait(loop);
    if (!quiet)
        __atomic_store_n(&lending->wanted, -PENALTY, __ATOMIC_RELAXED);
    put_down(loop);
    if (__atomic_exchange_n(&lending->owner_waits, false, __ATOMIC_SEQ_CST) || hand_over || is_kept(loop) ||
        bly_loop_has_mail(loop))
        bly_parker_wake(loop->mailbox.owner);
    pthread_setcancelstate(loan->cancel_state, NULL);
}

/* ---- Rules ------------------------------------------------------------------------------------------- */

void
bly_loop_allow_lending(bly_loop *loop, bool (*quiet)(void *argument), void *argument)
{
    loop->lending.quiet_argument = argument;
    __atomic_store_n(&loop->lending.quiet, quiet, __ATOMIC_RELEASE);
}

void
bly_loop_keep(bly_loop *loop)
{
    __atomic_fetch_add(&loop->lending.kept, 1, __ATOMIC_SEQ_CST);
    if (is_idle(loop))
        bly_parker_wake(loop->mailbox.owner);
}

void
bly_loop_let_go(bly_loop *loop)
{
    int kept = __atomic_fetch_sub(&loop->lending.kept, 1, __ATOMIC_SEQ_CST);
    BLY_ASSERT(kept > 0);
}
