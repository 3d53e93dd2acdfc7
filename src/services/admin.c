/* SPDX-License-Identifier: MIT */
/*
 * The service belay.admin.v1.Admin. Its handlers run on reserved workers: they block for a few turns of the I/O
 * threads at most.
 */
#include <belay/admin.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "services/own/admin.belay.h"
#include "services/admin_calls.h"
#include "wire/utf8.h"

/* ---- Calls ------------------------------------------------------------------------------------------ */

static void
end_census(void *argument)
{
    bly_census_fini(argument);
}

/* What a census of the server's runtime has seen, until the call ends: the reply points into it. */
static belay_code
take_census(belay_call *call, bly_census **census)
{
    bly_census *taken = belay_alloc(call, sizeof *taken);
    if (taken == NULL || !bly_census_take(taken, belay_call_runtime(call)))
        return BELAY_RESOURCE_EXHAUSTED;
    if (belay_defer(call, end_census, taken) != BELAY_OK) {
        bly_census_fini(taken);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    *census = taken;
    return BELAY_OK;
}

static void
write_call(const bly_admin_view *view, Belay__Admin__V1__Call *to)
{
    bly_belay__admin__v1__call__init(to);
    to->id = view->id;
    to->parent = view->parent;
    to->method = (char *)view->method;
    to->peer = (char *)view->peer;
    to->target = (char *)view->target;
    to->state = (char *)view->state;
    to->age_ms = view->age_ms;
    to->deadline_left_ms = view->deadline_left_ms;
    to->cause = (char *)belay_cause_name(view->cause);
    to->reason = (char *)view->reason;
    to->cancelled_ms = view->cancelled_ms;
    to->children = view->children;
}

static belay_code
list_calls(belay_call *call, const Belay__Admin__V1__ListCallsRequest *request, Belay__Admin__V1__ListCallsReply *reply)
{
    (void)request;
    bly_census *census;
    belay_code code = take_census(call, &census);
    if (code != BELAY_OK)
        return code;
    bly_admin_view *views = belay_alloc(call, (census->count + 1) * sizeof *views);
    Belay__Admin__V1__Call *calls = belay_alloc(call, (census->count + 1) * sizeof *calls);
    Belay__Admin__V1__Call **list = belay_alloc(call, (census->count + 1) * sizeof *list);
    if (views == NULL || calls == NULL || list == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    size_t count = bly_admin_describe(census, views);
    for (size_t i = 0; i < count; i++) {
        write_call(&views[i], &calls[i]);
        list[i] = &calls[i];
    }
    reply->n_calls = count;
    reply->calls = list;
    return BELAY_OK;
}

static belay_code
cancel(belay_context *context, bool subtree, const char *said, Belay__Admin__V1__CancelCallReply *reply)
{
    char *reason = bly_utf8_sanitize(said, strlen(said), NULL);
    if (reason == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    reply->cancelled = subtree ? bly_context_end_tree(context, BELAY_CAUSE_OPERATOR, reason)
                               : bly_context_end(context, BELAY_CAUSE_OPERATOR, reason);
    reply->cause = (char *)belay_cause_name(belay_context_cause(context));
    free(reason);
    return BELAY_OK;
}

static belay_code
cancel_call(belay_call *call, const Belay__Admin__V1__CancelCallRequest *request,
            Belay__Admin__V1__CancelCallReply *reply)
{
    bly_census *census;
    belay_code code = take_census(call, &census);
    if (code != BELAY_OK)
        return code;
    belay_context *context = bly_admin_find(census, request->id);
    if (context == NULL)
        return belay_fail(call, BELAY_NOT_FOUND, "no call %" PRIu64 ": it has ended, or never was", request->id);
    return cancel(context, request->subtree, request->reason, reply);
}

/* ---- The server ------------------------------------------------------------------------------------- */

static bool
is_draining(belay_server *server)
{
    bly_mutex_lock(&server->lock);
    bool draining = server->state == BLY_SERVER_DRAINING;
    bly_mutex_unlock(&server->lock);
    return draining;
}

static belay_code
stats(belay_call *call, const Belay__Admin__V1__StatsRequest *request, Belay__Admin__V1__StatsReply *reply)
{
    belay_server *server = belay_call_data(call);
    belay_server_counters counters;
    bly_pool_counts pool;
    (void)request;
    belay_server_counters_read(server, &counters, sizeof counters);
    bly_pool_counts_read(server->pool, &pool);
    reply->handlers_started = counters.handlers_started;
    reply->handlers_running = counters.handlers_running;
    reply->calls_cancelled = counters.calls_cancelled;
    reply->dropped_in_queue = counters.dropped_in_queue;
    reply->calls_refused = counters.calls_refused;
    reply->children_open = counters.children_open;
    reply->connections = counters.connections;
    reply->workers = pool.workers;
    reply->workers_blocked = pool.blocked;
    reply->workers_idle = pool.idle;
    reply->calls_queued = pool.queued;
    reply->draining = is_draining(server);
    return BELAY_OK;
}

static belay_code
drain(belay_call *call, const Belay__Admin__V1__DrainRequest *request, Belay__Admin__V1__DrainReply *reply)
{
    (void)request;
    (void)reply;
    return bly_server_drain_soon(belay_call_data(call));
}

/* ---- Adding it -------------------------------------------------------------------------------------- */

static belay_code
add_once(belay_server *server)
{
    static const bly_belay_admin_v1_admin_handlers handlers = {
        .list_calls = list_calls,
        .cancel_call = cancel_call,
        .stats = stats,
        .drain = drain,
    };
    return server->admin_doors == 0 ? bly_belay_admin_v1_admin_add(server, &handlers, server) : BELAY_OK;
}

/* Adds the service, or opens one more door to it. */
static belay_code
answer_by(belay_server *server, unsigned int door)
{
    const belay_service *service = &bly_belay_admin_v1_admin_service;
    belay_code code = add_once(server);
    if (code != BELAY_OK)
        return code;
    server->admin_doors |= door;
    for (size_t i = 0; i < service->method_count && code == BELAY_OK; i++) {
        code = belay_server_reserve_method(server, service->methods[i].path);
        if (code == BELAY_OK)
            code = bly_server_set_doors(server, service->methods[i].path, server->admin_doors);
    }
    return code;
}

belay_code
belay_admin_listen(belay_server *server, const char *address)
{
    if (server == NULL || address == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_code code = answer_by(server, BLY_SERVER_ADMIN_DOOR);
    return code == BELAY_OK ? bly_server_open(server, address, BLY_SERVER_ADMIN_DOOR, NULL) : code;
}

belay_code
belay_admin_add(belay_server *server)
{
    return server != NULL ? answer_by(server, BLY_SERVER_FRONT_DOOR) : BELAY_INVALID_ARGUMENT;
}

const char *
belay_admin_address(const belay_server *server, size_t index)
{
    return bly_server_address(server, BLY_SERVER_ADMIN_DOOR, index);
}
