/* SPDX-License-Identifier: MIT */
#include "rpc/census.h"

#include <stdio.h>
#include <stdlib.h>

#include "rpc/server_call.h"

/* How many calls are seen in one turn of an I/O thread: some ten microseconds. */
#define CALLS_A_TURN 256

void
bly_resident_enter(bly_resident *resident, belay_runtime *runtime)
{
    bly_mutex_lock(&runtime->residents_lock);
    bly_list_append(&runtime->residents, &resident->link);
    bly_mutex_unlock(&runtime->residents_lock);
}

void
bly_resident_leave(bly_resident *resident, belay_runtime *runtime)
{
    bly_mutex_lock(&runtime->residents_lock);
    bly_list_remove(&resident->link);
    bly_mutex_unlock(&runtime->residents_lock);
}

/* ---- On the I/O thread ------------------------------------------------------------------------------ */

/* Calls that were refused, or whose headers are not complete, have no context; reserved ones are nobody's business. */
static bool
is_shown(belay_call *call)
{
    if (call->context == NULL)
        return false;
    return !call->is_server || !bly_server_call_of(call)->registration->reserved;
}

void
bly_census_see(bly_census *census, belay_call *call, bool waits)
{
    BLY_ASSERT(!bly_census_has_enough(census));
    if (!is_shown(call))
        return;
    bly_sight *sight = &census->seen[census->count++];
    bly_call_ref(call);
    sight->call = call;
    sight->waits = waits;
    sight->peer[0] = '\0';
    if (call->is_server)
        snprintf(sight->peer, sizeof sight->peer, "%s", bly_server_call_of(call)->peer);
}

/* ---- Going round ------------------------------------------------------------------------------------ */

typedef struct visit {
    bly_census *census;
    bly_resident *resident;
    bly_loop *loop;
    bool again;
    bool more;
} visit;

static void
make_visit(void *argument)
{
    visit *own = argument;
    own->more = own->resident->show(own->resident, own->loop, own->census, own->again);
}

/* Room for a turn, so that the I/O thread allocates nothing. */
static bool
make_room(bly_census *census)
{
    census->enough = census->count + CALLS_A_TURN;
    if (census->enough <= census->capacity)
        return true;
    size_t capacity = census->capacity * 2 + CALLS_A_TURN;
    bly_sight *seen = realloc(census->seen, capacity * sizeof *seen);
    if (seen == NULL)
        return false;
    census->seen = seen;
    census->capacity = capacity;
    return true;
}

static bool
see_resident(bly_census *census, bly_resident *resident, bly_loop *loop)
{
    visit next = {.census = census, .resident = resident, .loop = loop};
    do {
        if (!make_room(census))
            return false;
        bly_loop_call(loop, make_visit, &next);
        next.again = true;
    } while (next.more);
    return true;
}

bool
bly_census_take(bly_census *census, belay_runtime *runtime)
{
    bool complete = true;
    *census = (bly_census){.seen = NULL};
    bly_mutex_lock(&runtime->residents_lock);
    for (unsigned int i = 0; i < runtime->loop_count; i++) {
        for (bly_link *link = runtime->residents.next; link != &runtime->residents && complete; link = link->next)
            complete = see_resident(census, BLY_LIST_ENTRY(link, bly_resident, link), runtime->loops[i]);
    }
    bly_mutex_unlock(&runtime->residents_lock);
    if (!complete)
        bly_census_fini(census);
    return complete;
}

void
bly_census_fini(bly_census *census)
{
    for (size_t i = 0; i < census->count; i++)
        bly_call_unref(census->seen[i].call);
    free(census->seen);
    *census = (bly_census){.seen = NULL};
}
