/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cases.h"
#include "keyvaluestore.belay.h"

#define KEYS 10

static belay_code
look_up(belay_call *call, const char *key)
{
    Keyvaluestore__Request request = KEYVALUESTORE__REQUEST__INIT;
    Keyvaluestore__Response *response;
    request.key = (char *)key;
    belay_code code = keyvaluestore_key_value_store_get_values_send_request(call, &request);
    if (code == BELAY_OK)
        code = keyvaluestore_key_value_store_get_values_recv_reply(call, &response);
    if (code == BELAY_OK) {
        printf("    %s : %s\n", key, response->value);
        keyvaluestore__response__free_unpacked(response, NULL);
    }
    return code;
}

static belay_code
get_values(belay_channel *channel, belay_context *context, belay_status **status)
{
    belay_call *call;
    belay_code code = keyvaluestore_key_value_store_get_values_start(channel, context, NULL, &call);
    if (code != BELAY_OK)
        return code;
    for (int i = 0; i < KEYS && code == BELAY_OK; i++) {
        char key[32] = "Begin";
        if (i > 0)
            snprintf(key, sizeof key, "Count %d", i);
        code = look_up(call, key);
    }
    if (code == BELAY_OK)
        belay_cancel(context, REASON);
    return belay_call_finish(call, status);
}

const example_case key_value_store_cases[] = {
    {"GetValues, cancelled after ten keys", BELAY_CANCELLED, get_values},
    {0},
};
