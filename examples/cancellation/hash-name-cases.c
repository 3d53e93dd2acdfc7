/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cases.h"
#include "hash_name.belay.h"

#define LONG_NAME "timelordvictorious" /* no hash comes near it */

static void
show(const HashName__HashNameResponse *response)
{
    printf("    secret \"%s\" has the hash \"%s\", distance %d\n", response->secret, response->hashed_name,
           (int)response->hamming_distance);
}

static belay_code
find(belay_channel *channel, belay_context *context, const char *name, int distance, belay_status **status)
{
    HashName__HashNameRequest request = HASH_NAME__HASH_NAME_REQUEST__INIT;
    HashName__HashNameResponse *response;
    request.desired_name = (char *)name;
    request.ideal_hamming_distance = distance;
    belay_code code = hash_name_hash_finder_find(channel, context, &request, NULL, &response, status);
    if (code == BELAY_OK) {
        show(response);
        hash_name__hash_name_response__free_unpacked(response, NULL);
    }
    return code;
}

static belay_code
find_one(belay_channel *channel, belay_context *context, belay_status **status)
{
    return find(channel, context, "doctor", 3, status);
}

static belay_code
find_cancelled(belay_channel *channel, belay_context *context, belay_status **status)
{
    later *other = cancel_later(context);
    belay_code code = find(channel, context, LONG_NAME, 0, status);
    cancel_later_join(other);
    return code;
}

static belay_code
find_range(belay_channel *channel, belay_context *context, belay_status **status)
{
    HashName__HashNameRequest request = HASH_NAME__HASH_NAME_REQUEST__INIT;
    HashName__HashNameResponse *response;
    belay_call *call;
    request.desired_name = (char[]){LONG_NAME};
    request.interesting_hamming_distance = 15;
    belay_code code = hash_name_hash_finder_find_range_start(channel, context, &request, NULL, &call);
    if (code != BELAY_OK)
        return code;
    for (int received = 1; hash_name_hash_finder_find_range_recv_reply(call, &response) == BELAY_OK;
         received++) {
        show(response);
        hash_name__hash_name_response__free_unpacked(response, NULL);
        if (received == 3)
            belay_cancel(context, REASON);
    }
    return belay_call_finish(call, status);
}

const example_case hash_name_cases[] = {
    {"Find", BELAY_OK, find_one},
    {"Find, a search for ever, cancelled by another thread", BELAY_CANCELLED, find_cancelled},
    {"Find again: the server's worker is free", BELAY_OK, find_one},
    {"FindRange, cancelled after three candidates", BELAY_CANCELLED, find_range},
    {0},
};
