/* SPDX-License-Identifier: MIT */
/* A conversation that goes on until the client has enough of it. */
#include "keyvaluestore.belay.h"
#include "services.h"

static belay_code
get_values(belay_call *call)
{
    Keyvaluestore__Request *request;
    belay_code code;
    while ((code = keyvaluestore_key_value_store_get_values_recv_request(call, &request)) == BELAY_OK) {
        Keyvaluestore__Response response = KEYVALUESTORE__RESPONSE__INIT;
        response.value = belay_printf(call, "%s Ack", request->key);
        if (response.value == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        code = keyvaluestore_key_value_store_get_values_send_reply(call, &response);
        if (code != BELAY_OK)
            break;
    }
    return tell_if_cancelled(call, code == BELAY_END_OF_STREAM ? BELAY_OK : code);
}

belay_code
key_value_store_service_add(belay_server *server)
{
    keyvaluestore_key_value_store_handlers handlers = {.get_values = get_values};
    return keyvaluestore_key_value_store_add(server, &handlers, NULL);
}
