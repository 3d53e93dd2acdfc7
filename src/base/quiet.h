/* SPDX-License-Identifier: MIT */
/*
 * Lines of the log that a peer can have written as often as it likes: one a second is, and tells how many were not.
 */
#ifndef BLY_BASE_QUIET_H
#define BLY_BASE_QUIET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bly_quiet {
    /* atomic, relaxed: they order nothing */
    uint64_t said_at; /* ns, 0: never; whoever sets it says so */
    uint64_t unsaid;
} bly_quiet;

/* Whether a line may be written now (ns, never 0); unsaid: how many were not since the last. False: this is one more of
 * them. Any thread; locks may be held. */
bool bly_quiet_may_say(bly_quiet *quiet, uint64_t now, uint64_t *unsaid);

#endif
