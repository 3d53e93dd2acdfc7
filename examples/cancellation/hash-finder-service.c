/* SPDX-License-Identifier: MIT */
/*
 * Handlers that compute: the loop looks at the call's flag. A hash takes some hundred nanoseconds and a look
 * less than one, so it looks each time.
 */
#include <inttypes.h>

#include "hash_name.belay.h"
#include "secrets.h"
#include "services.h"

/* What the search has found. */
typedef struct candidate {
    char secret[4 * SECRET_MAX / 3 + 1];
    HashName__HashNameResponse message; /* points into this and into the secrets */
} candidate;

static void
describe(candidate *self, secrets *secret, int distance)
{
    hash_name__hash_name_response__init(&self->message);
    secrets_print(secret, self->secret);
    self->message.secret = self->secret;
    self->message.hashed_name = secret->hash_text;
    self->message.hamming_distance = distance;
}

/* Finds the next secret within a distance, from the current one on; *hashes counts them all. */
static belay_code
find_within(belay_call *call, secrets *secret, int distance, uint64_t *hashes, candidate *found)
{
    const uint64_t *maximum_hashes = belay_call_data(call);
    do {
        if (belay_cancelled(call))
            return BELAY_CANCELLED; /* the client gets a code that says more, if there is one to get it */
        if ((*hashes)++ == *maximum_hashes) {
            /* A handler may cancel its own call; the client is told the reason. */
            belay_cancel(belay_call_context(call), "searched long enough");
            return BELAY_CANCELLED;
        }
        int nearest = secrets_distance(secret);
        if (nearest < 0)
            return belay_fail(call, BELAY_INTERNAL, "SHA-1 failed");
        if (nearest <= distance) {
            describe(found, secret, nearest);
            return BELAY_OK;
        }
    } while (secrets_next(secret));
    return belay_fail(call, BELAY_NOT_FOUND, "no secret will do");
}

static belay_code
refuse_name(belay_call *call)
{
    return belay_fail(call, BELAY_INVALID_ARGUMENT, "a hash text has %d characters, the name has more",
                      HASH_TEXT_SIZE);
}

static belay_code
find(belay_call *call, const HashName__HashNameRequest *request, HashName__HashNameResponse *reply)
{
    secrets secret;
    candidate found;
    uint64_t hashes = 0;
    belay_code code;
    if (secrets_init(&secret, request->desired_name))
        code = find_within(call, &secret, request->ideal_hamming_distance, &hashes, &found);
    else
        code = refuse_name(call);
    if (code == BELAY_OK) {
        /* The reply is packed after our return: what it points to must live as long as the call. */
        reply->secret = belay_printf(call, "%s", found.message.secret);
        reply->hashed_name = belay_printf(call, "%s", found.message.hashed_name);
        reply->hamming_distance = found.message.hamming_distance;
    }
    secrets_fini(&secret);
    return tell_if_cancelled(call, code);
}

/* Sends what is interesting, until something is near enough. */
static belay_code
send_candidates(belay_call *call, const HashName__HashNameRequest *request, secrets *secret)
{
    int ideal = request->ideal_hamming_distance;
    int distance = request->interesting_hamming_distance;
    uint64_t hashes = 0;
    if (distance < ideal)
        distance = ideal;
    for (;;) {
        candidate found;
        belay_code code = find_within(call, secret, distance, &hashes, &found);
        if (code == BELAY_OK)
            code = hash_name_hash_finder_find_range_send_reply(call, &found.message);
        if (code != BELAY_OK || found.message.hamming_distance <= ideal || !secrets_next(secret))
            return code;
    }
}

static belay_code
find_range(belay_call *call, const HashName__HashNameRequest *request)
{
    secrets secret;
    belay_code code;
    if (secrets_init(&secret, request->desired_name))
        code = send_candidates(call, request, &secret);
    else
        code = refuse_name(call);
    secrets_fini(&secret);
    return tell_if_cancelled(call, code);
}

belay_code
hash_finder_service_add(belay_server *server, uint64_t maximum_hashes)
{
    static uint64_t maximum; /* lives as long as the server */
    maximum = maximum_hashes;
    hash_name_hash_finder_handlers handlers = {.find = find, .find_range = find_range};
    return hash_name_hash_finder_add(server, &handlers, &maximum);
}
