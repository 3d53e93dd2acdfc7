/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a program's descriptor. The thread sleeps in poll() on it and on its parker's bell, by which
 * the end of the context wakes it.
 */
#include <belay/wait.h>

#include <poll.h>

#include "base/clock.h"
#include "base/parker.h"
#include "pool/pool.h"
#include "wait/waiting.h"

static belay_code
poll_until_ready(belay_context *context, bly_parker *parker, struct pollfd *polls, uint64_t until)
{
    for (;;) {
        bly_poll_end end = bly_parker_poll(parker, polls, 2, until);
        belay_code code = bly_waiting_code(context);
        if (code != BELAY_OK)
            return code;
        switch (end) {
        case BLY_POLL_READY:
            return (polls[1].revents & POLLNVAL) != 0 ? BELAY_INVALID_ARGUMENT : BELAY_OK;
        case BLY_POLL_LATE:
            return BELAY_DEADLINE_EXCEEDED;
        case BLY_POLL_FAILED:
            return BELAY_RESOURCE_EXHAUSTED;
        case BLY_POLL_WOKEN:
            break; /* by a signal handler, or by what is left of an earlier wait */
        }
    }
}

belay_code
belay_wait_fd(belay_context *context, int fd, short events, uint64_t timeout_ns, short *revents)
{
    if (fd < 0) /* which poll() passes over */
        return BELAY_INVALID_ARGUMENT;
    uint64_t until = bly_clock_after(belay_now(), timeout_ns);
    struct pollfd polls[2] = {[1] = {.fd = fd, .events = events}};
    bly_wait wait = {.parker = bly_parker_current()};
    if (wait.parker == NULL || !bly_parker_can_poll(wait.parker))
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_waiting_begin(context, &wait))
        return belay_context_code(context);
    bly_pool_blocked_in(BLY_POOL_IN_DESCRIPTOR);
    belay_code code = poll_until_ready(context, wait.parker, polls, until);
    bly_pool_blocked_end();
    bly_waiting_end(context, &wait);
    if (code == BELAY_OK && revents != NULL)
        *revents = polls[1].revents;
    return code;
}
