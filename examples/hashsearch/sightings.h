/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_HASHSEARCH_SIGHTINGS_H
#define EXAMPLES_HASHSEARCH_SIGHTINGS_H

#include "hashsearch.belay.h"

/* Asks the front server what it and its back servers saw. NULL, with a message on standard error, when it
 * does not tell; else to be freed with hashsearch__sightings__free_unpacked(). */
Hashsearch__Sightings *sightings_get(belay_channel *channel);

/* The same, as soon as no search is under way, or after five seconds. */
Hashsearch__Sightings *sightings_when_quiet(belay_channel *channel);

#endif
