/* SPDX-License-Identifier: MIT */
/*
 * A client by hand for the stress suites: one connection, whose calls it resets, and which it breaks, at every place.
 */
#ifndef TESTS_SUPPORT_WILD_PEER_H
#define TESTS_SUPPORT_WILD_PEER_H

#include "support/dice.h"
#include "support/raw_peer.h"

/* Connects, calls methods out of `count` on the streams below `end`, and is gone when this returns. */
void wild_peer_run(raw_peer *peer, const char *address, dice *d, const char *const *methods, unsigned int count,
                   uint32_t end);

#endif
