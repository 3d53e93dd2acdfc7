/* SPDX-License-Identifier: MIT */
/*
 * Counting the calls of a runtime, for those who watch. What a call does for it costs next to nothing: it is in its
 * connection's or channel's list anyway. Servers and channels ("residents") are known to their runtime by a list whose
 * lock is taken when they are made and freed, and by a census.
 *
 * A census asks one resident after the other on each I/O thread, a bounded number of calls in one turn, and only
 * takes references there: what a call has to say is read afterwards, on the thread that asked. Between turns the
 * resident remembers where it was: whoever takes a call or a connection out of a list moves that place on. One
 * census at a time goes round, so one place is enough. A call that moves meanwhile may be seen twice.
 */
#ifndef BLY_RPC_CENSUS_H
#define BLY_RPC_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/call.h"
#include "rpc/runtime.h"

typedef struct bly_census bly_census;
typedef struct bly_resident bly_resident;

struct bly_resident {
    /* const after creation */
    /* Shows the census the calls that live on a loop with bly_census_see(), until it has seen enough or all; true when
     * there are more. again: goes on where it left off, else begins. I/O thread of `loop`, no lock held. */
    bool (*show)(bly_resident *resident, bly_loop *loop, bly_census *census, bool again);
    bly_link link; /* guarded by the runtime's residents_lock */
};

/* Enters and leaves the runtime's list. Leaving waits for a census that is going round, so no I/O thread may do it;
 * the resident's calls may be shown until then. */
void bly_resident_enter(bly_resident *resident, belay_runtime *runtime);
void bly_resident_leave(bly_resident *resident, belay_runtime *runtime);

/* One call that was seen. */
typedef struct bly_sight {
    belay_call *call; /* a reference */
    char peer[64];    /* of a server's call, whose own string goes with its connection */
    bool waits;       /* a client's call: it has no stream yet */
} bly_sight;

struct bly_census {
    bly_sight *seen;
    size_t count;
    size_t capacity;
    size_t enough; /* for this turn; what is beyond is not touched */
};

/* Sees all calls of a runtime. False without memory: then nothing was taken. Any thread but those of the runtime. */
bool bly_census_take(bly_census *census, belay_runtime *runtime);

/* Gives back the references. Any thread. */
void bly_census_fini(bly_census *census);

/* For bly_resident.show; may be called unless the census has seen enough. waits: a client's call without a stream. */
void bly_census_see(bly_census *census, belay_call *call, bool waits);
static inline bool
bly_census_has_enough(const bly_census *census)
{
    return census->count >= census->enough;
}

#endif
