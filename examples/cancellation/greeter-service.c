/* SPDX-License-Identifier: MIT */
/* The same conversation as GetValues, by the name that newer clients of the C++ example have for it. */
#include "greeter.belay.h"
#include "services.h"

static belay_code
say_hello_bidi_stream(belay_call *call)
{
    Helloworld__HelloRequest *request;
    belay_code code;
    while ((code = helloworld_greeter_say_hello_bidi_stream_recv_request(call, &request)) == BELAY_OK) {
        Helloworld__HelloReply reply = HELLOWORLD__HELLO_REPLY__INIT;
        reply.message = belay_printf(call, "%s Ack", request->name);
        if (reply.message == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        code = helloworld_greeter_say_hello_bidi_stream_send_reply(call, &reply);
        if (code != BELAY_OK)
            break;
    }
    return tell_if_cancelled(call, code == BELAY_END_OF_STREAM ? BELAY_OK : code);
}

belay_code
greeter_service_add(belay_server *server)
{
    helloworld_greeter_handlers handlers = {.say_hello_bidi_stream = say_hello_bidi_stream};
    return helloworld_greeter_add(server, &handlers, NULL);
}
