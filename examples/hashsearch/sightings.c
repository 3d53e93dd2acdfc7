/* SPDX-License-Identifier: MIT */
#include "sightings.h"

#include <stdio.h>
#include <time.h>

#include <belay/time.h>

Hashsearch__Sightings *
sightings_get(belay_channel *channel)
{
    Hashsearch__Nothing nothing = HASHSEARCH__NOTHING__INIT;
    Hashsearch__Sightings *seen = NULL;
    belay_status *status = NULL;
    belay_code code = hashsearch_front_seen(channel, NULL, &nothing, NULL, &seen, &status);
    if (code != BELAY_OK)
        fprintf(stderr, "front server at %s: %s: %s\n", belay_channel_target(channel), belay_code_name(code),
                belay_status_message(status));
    belay_status_free(status);
    return seen;
}

static bool
is_quiet(const Hashsearch__Sightings *seen)
{
    uint32_t running = seen->front->running;
    for (size_t i = 0; i < seen->n_backs; i++)
        running += seen->backs[i]->running;
    return running == 0;
}

Hashsearch__Sightings *
sightings_when_quiet(belay_channel *channel)
{
    uint64_t end = belay_now() + BELAY_SECONDS(5);
    for (;;) {
        Hashsearch__Sightings *seen = sightings_get(channel);
        if (seen == NULL || is_quiet(seen) || belay_now() > end)
            return seen;
        hashsearch__sightings__free_unpacked(seen, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}
