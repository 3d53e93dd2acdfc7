/* SPDX-License-Identifier: MIT */
#include "rpc/timely.h"

#include <inttypes.h>
#include <stdio.h>

#define REASON_SIZE 128

/* Calls without a deadline do not have the clock read. */
static bool
is_late(bly_server_call *server, char reason[REASON_SIZE])
{
    bly_method_time *time = &server->registration->time;
    uint64_t deadline = belay_context_deadline(server->call.context);
    if (!time->drops_late || deadline == BELAY_FOREVER)
        return false;
    uint64_t now = bly_clock_now(server->call.runtime->environment.clock);
    uint64_t left = deadline > now ? deadline - now : 0;
    if (!bly_estimate_drops(&time->estimate, left))
        return false;
    snprintf(reason, REASON_SIZE,
             "not begun: %" PRIu64 " us are left, and the method takes %" PRIu64 " us or more", left / 1000,
             bly_estimate_read(&time->estimate) / 1000);
    return true;
}

/* What is answered in no time, health and the like, goes on until its connection is closed. */
static bool
is_shut_down(const bly_server_call *server)
{
    bool over = __atomic_load_n(&server->draining->grace_over, __ATOMIC_RELAXED) != 0;
    return over && !server->registration->reserved;
}

void
bly_timely_check(bly_server_call *server)
{
    char reason[REASON_SIZE];
    if (is_shut_down(server))
        bly_context_end(server->call.context, BELAY_CAUSE_SHUTDOWN, NULL);
    else if (is_late(server, reason) && bly_context_end(server->call.context, BELAY_CAUSE_DEADLINE, reason))
        __atomic_fetch_add(&server->totals->dropped_late, 1, __ATOMIC_RELAXED);
}
