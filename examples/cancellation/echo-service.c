/* SPDX-License-Identifier: MIT */
/*
 * Handlers that wait: in belay_sleep(), in a receive, in a send. All of these return at once when the call is
 * cancelled, with the code that the handler then returns. There is nothing else to do.
 */
#include "echo.belay.h"
#include "services.h"

#include <belay/wait.h>

#define SLOW_WORK BELAY_SECONDS(1)
#define BETWEEN_REPLIES BELAY_MILLISECONDS(100)
#define REPLIES 10
#define LAST_WORK BELAY_MILLISECONDS(400)

static belay_code
unary_echo(belay_call *call, const Grpc__Examples__Echo__EchoRequest *request,
           Grpc__Examples__Echo__EchoResponse *reply)
{
    belay_code code = belay_sleep(belay_call_context(call), SLOW_WORK);
    if (code == BELAY_OK)
        reply->message = request->message; /* both live as long as the call */
    return tell_if_cancelled(call, code);
}

static belay_code
server_streaming_echo(belay_call *call, const Grpc__Examples__Echo__EchoRequest *request)
{
    Grpc__Examples__Echo__EchoResponse reply = GRPC__EXAMPLES__ECHO__ECHO_RESPONSE__INIT;
    reply.message = request->message;
    belay_code code = BELAY_OK;
    for (int i = 0; i < REPLIES && code == BELAY_OK; i++) {
        code = grpc_examples_echo_echo_server_streaming_echo_send_reply(call, &reply);
        if (code == BELAY_OK)
            code = belay_sleep(belay_call_context(call), BETWEEN_REPLIES);
    }
    return tell_if_cancelled(call, code);
}

/* The end of the stream and its cancellation are two codes: half of the messages is never taken for all. */
static belay_code
client_streaming_echo(belay_call *call, Grpc__Examples__Echo__EchoResponse *reply)
{
    Grpc__Examples__Echo__EchoRequest *request;
    belay_code code;
    while ((code = grpc_examples_echo_echo_client_streaming_echo_recv_request(call, &request)) == BELAY_OK)
        reply->message = request->message;
    return tell_if_cancelled(call, code == BELAY_END_OF_STREAM ? BELAY_OK : code);
}

static belay_code
bidirectional_streaming_echo(belay_call *call)
{
    Grpc__Examples__Echo__EchoRequest *request;
    belay_code code;
    while ((code = grpc_examples_echo_echo_bidirectional_streaming_echo_recv_request(call, &request)) ==
           BELAY_OK) {
        Grpc__Examples__Echo__EchoResponse reply = GRPC__EXAMPLES__ECHO__ECHO_RESPONSE__INIT;
        reply.message = request->message;
        code = grpc_examples_echo_echo_bidirectional_streaming_echo_send_reply(call, &reply);
        if (code != BELAY_OK)
            break;
    }
    /* The client has said all it had to say, and can still cancel what is done for it. */
    if (code == BELAY_END_OF_STREAM)
        code = belay_sleep(belay_call_context(call), LAST_WORK);
    return tell_if_cancelled(call, code);
}

belay_code
echo_service_add(belay_server *server)
{
    grpc_examples_echo_echo_handlers handlers = {
        .unary_echo = unary_echo,
        .server_streaming_echo = server_streaming_echo,
        .client_streaming_echo = client_streaming_echo,
        .bidirectional_streaming_echo = bidirectional_streaming_echo,
    };
    return grpc_examples_echo_echo_add(server, &handlers, NULL);
}
