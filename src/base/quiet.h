/* SPDX-License-Identifier: MIT */
/*
 * Lines of the log that a peer can have written as often as it likes: one a second is, after a few that may come
 * together, and tells how many were not.
 */
#ifndef BLY_BASE_QUIET_H
#define BLY_BASE_QUIET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bly_quiet {
    /* atomic, relaxed: they order nothing */
    uint64_t due; /* ns: when the next may be written that is not of those few; whoever moves it writes one */
    uint64_t unsaid;
} bly_quiet;

/* Whether a line may be written now (ns); unsaid: how many were not since the last. False: this is one more of them.
 * together: how many may come at once, the first included. Any thread; locks may be held. */
bool bly_quiet_may_say(bly_quiet *quiet, unsigned int together, uint64_t now, uint64_t *unsaid);

#endif
