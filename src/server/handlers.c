/* SPDX-License-Identifier: MIT */
/*
 * The list of handlers that have not returned: from a census of the runtime, so that no I/O thread runs the
 * program's function.
 */
#include "rpc/census.h"
#include "server/server.h"

/* Whether a call is this server's, and its handler runs. */
static bool
is_running(const belay_server *server, belay_call *call)
{
    if (!call->is_server || bly_server_call_of(call)->totals != &server->totals)
        return false;
    bly_server_call *own = bly_server_call_of(call);
    return bly_server_call_is_running(own) && !own->registration->reserved;
}

static uint64_t
since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static void
tell(const belay_server *server, const bly_sight *sight, belay_handler_function function, void *argument)
{
    const belay_context *context = sight->call->context;
    const bly_job *job = &bly_server_call_of(sight->call)->job;
    uint64_t now = bly_clock_now(server->runtime->environment.clock);
    uint64_t cancelled_at = belay_context_end_time(context);
    belay_cause cause = belay_context_cause(context);
    if (cause == BELAY_CAUSE_FINISHED)
        return; /* in these moments */
    belay_handler_info info = {
        .method = sight->call->method->path,
        .peer = sight->peer,
        .age_ns = since(now, job->queued_at), /* which nobody writes once it runs */
        .cancelled_ns = cause != BELAY_CAUSE_NONE ? since(now, cancelled_at) : 0,
        .cause = cause,
    };
    function(&info, argument);
}

belay_code
belay_server_each_handler(belay_server *server, belay_handler_function function, void *argument)
{
    bly_census census;
    if (server == NULL || function == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (!bly_census_take(&census, server->runtime))
        return BELAY_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < census.count; i++) {
        if (is_running(server, census.seen[i].call))
            tell(server, &census.seen[i], function, argument);
    }
    bly_census_fini(&census);
    return BELAY_OK;
}
