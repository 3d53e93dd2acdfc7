/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cases.h"
#include "greeter.belay.h"
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
greet(belay_call *call, const char *name)
{
    Helloworld__HelloRequest request = HELLOWORLD__HELLO_REQUEST__INIT;
    Helloworld__HelloReply *reply;
    request.name = (char *)name;
    belay_code code = helloworld_greeter_say_hello_bidi_stream_send_request(call, &request);
    if (code == BELAY_OK)
        code = helloworld_greeter_say_hello_bidi_stream_recv_reply(call, &reply);
    if (code == BELAY_OK) {
        printf("    %s : %s\n", name, reply->message);
        helloworld__hello_reply__free_unpacked(reply, NULL);
    }
    return code;
}

/* Asks ten times, and does not wait for the server to end the call. */
static belay_code
converse(belay_call *call, belay_code (*ask)(belay_call *call, const char *key), belay_context *context,
         belay_status **status)
{
    belay_code code = BELAY_OK;
    for (int i = 0; i < KEYS && code == BELAY_OK; i++) {
        char key[32] = "Begin";
        if (i > 0)
            snprintf(key, sizeof key, "Count %d", i);
        code = ask(call, key);
    }
    if (code == BELAY_OK)
        belay_cancel(context, REASON);
    return belay_call_finish(call, status);
}

static belay_code
get_values(belay_channel *channel, belay_context *context, belay_status **status)
{
    belay_call *call;
    belay_code code = keyvaluestore_key_value_store_get_values_start(channel, context, NULL, &call);
    return code == BELAY_OK ? converse(call, look_up, context, status) : code;
}

/* What the servers of newer versions of the C++ example have in place of GetValues. */
static belay_code
say_hello_bidi_stream(belay_channel *channel, belay_context *context, belay_status **status)
{
    belay_call *call;
    belay_code code = helloworld_greeter_say_hello_bidi_stream_start(channel, context, NULL, &call);
    return code == BELAY_OK ? converse(call, greet, context, status) : code;
}

const example_case key_value_store_cases[] = {
    {"GetValues, cancelled after ten keys", BELAY_CANCELLED, get_values},
    {"SayHelloBidiStream, cancelled after ten names", BELAY_CANCELLED, say_hello_bidi_stream},
    {0},
};
