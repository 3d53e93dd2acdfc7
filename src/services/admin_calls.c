/* SPDX-License-Identifier: MIT */
#include "services/admin_calls.h"

#include <stdlib.h>

#include "rpc/client_call.h"
#include "rpc/server_call.h"

#define NS_PER_MS UINT64_C(1000000)

/* ---- One call --------------------------------------------------------------------------------------- */

static const char *
running_state(const bly_server_call *server)
{
    switch (bly_job_wait(&server->job)) {
    case BLY_POOL_AWAKE:
        return "running";
    case BLY_POOL_IN_RECV:
        return "waiting in recv";
    case BLY_POOL_IN_SEND:
        return "waiting in send";
    case BLY_POOL_IN_CHILD:
        return "waiting in child";
    case BLY_POOL_IN_SLEEP:
        return "waiting in sleep";
    case BLY_POOL_IN_DESCRIPTOR:
        return "waiting in fd";
    case BLY_POOL_IN_CONDITION:
        return "waiting in cond";
    case BLY_POOL_IN_PROCESS:
        return "waiting in process";
    case BLY_POOL_IN_GROUP:
        return "waiting in group";
    case BLY_POOL_BLOCKED:
        break;
    }
    return "blocked";
}

static const char *
server_state(belay_call *call)
{
    const bly_server_call *server = bly_server_call_of(call);
    bly_mutex_lock(&call->lock);
    bly_run_state state = server->run_state;
    bly_mutex_unlock(&call->lock);
    switch (state) {
    case BLY_RUN_RECEIVING:
        return "receiving";
    case BLY_RUN_WAITING:
        return "queued";
    case BLY_RUN_RUNNING:
        return running_state(server);
    case BLY_RUN_OVER:
        break;
    }
    return "ending";
}

static const char *
client_state(const bly_sight *sight)
{
    if (belay_context_cause(sight->call->context) != BELAY_CAUSE_NONE)
        return "ending";
    return sight->waits ? "queued" : "open";
}

static int64_t
deadline_left_ms(const belay_context *context)
{
    uint64_t left = belay_context_time_left(context);
    return left != BELAY_FOREVER ? (int64_t)(left / NS_PER_MS) : -1;
}

/* On the clock of the context, which tests move. */
static int64_t
cancelled_ms(const belay_context *context, belay_cause cause)
{
    if (cause == BELAY_CAUSE_NONE || cause == BELAY_CAUSE_FINISHED)
        return -1;
    uint64_t now = bly_clock_now(context->environment->clock);
    uint64_t end = belay_context_end_time(context);
    return now > end ? (int64_t)((now - end) / NS_PER_MS) : 0;
}

static void
describe(const bly_sight *sight, uint64_t now_ms, bly_admin_view *view)
{
    belay_call *call = sight->call;
    belay_context *context = call->context;
    belay_context *above = bly_context_call_above(context);
    belay_cause cause = belay_context_cause(context);
    *view = (bly_admin_view){
        .id = bly_context_id(context),
        .parent = above != NULL ? bly_context_id(above) : 0,
        .method = call->method->path,
        .peer = call->is_server ? sight->peer : belay_call_peer(call),
        .target = call->is_server ? "" : bly_client_call_of(call)->host->target,
        .state = call->is_server ? server_state(call) : client_state(sight),
        .age_ms = now_ms > call->began_ms ? now_ms - call->began_ms : 0,
        .deadline_left_ms = deadline_left_ms(context),
        .cause = cause,
        .reason = belay_context_reason(context),
        .cancelled_ms = cancelled_ms(context, cause),
    };
}

/* ---- All of them ------------------------------------------------------------------------------------ */

static int
compare(const void *left, const void *right)
{
    uint64_t a = ((const bly_admin_view *)left)->id, b = ((const bly_admin_view *)right)->id;
    return (a > b) - (a < b);
}

static size_t
drop_doubles(bly_admin_view *views, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || views[kept - 1].id != views[i].id)
            views[kept++] = views[i];
    }
    return kept;
}

static void
count_children(bly_admin_view *views, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bly_admin_view wanted = {.id = views[i].parent};
        bly_admin_view *parent = bsearch(&wanted, views, count, sizeof *views, compare);
        if (parent != NULL)
            parent->children++;
    }
}

size_t
bly_admin_describe(const bly_census *census, bly_admin_view *views)
{
    uint64_t now_ms = belay_now() / NS_PER_MS;
    if (census->count == 0)
        return 0;
    for (size_t i = 0; i < census->count; i++)
        describe(&census->seen[i], now_ms, &views[i]);
    qsort(views, census->count, sizeof *views, compare);
    size_t count = drop_doubles(views, census->count);
    count_children(views, count);
    return count;
}

belay_context *
bly_admin_find(const bly_census *census, uint64_t id)
{
    for (size_t i = 0; i < census->count; i++) {
        belay_context *context = census->seen[i].call->context;
        if (bly_context_id(context) == id)
            return context;
    }
    return NULL;
}
