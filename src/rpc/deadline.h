/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of contexts that are no call's: a timer with a weak link to its context.
 */
#ifndef BLY_RPC_DEADLINE_H
#define BLY_RPC_DEADLINE_H

#include <stdint.h>

#include "cancel/context.h"
#include "io/loop.h"

typedef struct bly_deadline bly_deadline;

/* Ends the context with BELAY_CAUSE_DEADLINE at `at`. NULL without memory. Any thread. */
bly_deadline *bly_deadline_arm(bly_loop *loop, belay_context *context, uint64_t at);

/* Once this returns the context is not touched any more. Any thread, also while it fires. */
void bly_deadline_disarm(bly_deadline *deadline);

#endif
