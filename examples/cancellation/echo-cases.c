/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cases.h"
#include "echo.belay.h"

/* ---- One request, one reply ---------------------------------------------------------------------- */

static belay_code
ask(belay_channel *channel, belay_context *context, const belay_call_options *options, belay_status **status)
{
    Grpc__Examples__Echo__EchoRequest request = GRPC__EXAMPLES__ECHO__ECHO_REQUEST__INIT;
    Grpc__Examples__Echo__EchoResponse *reply;
    request.message = (char[]){"hello"};
    belay_code code = grpc_examples_echo_echo_unary_echo(channel, context, &request, options, &reply, status);
    if (code == BELAY_OK) {
        printf("    received \"%s\"\n", reply->message);
        grpc__examples__echo__echo_response__free_unpacked(reply, NULL);
    }
    return code;
}

static belay_code
unary(belay_channel *channel, belay_context *context, belay_status **status)
{
    return ask(channel, context, NULL, status);
}

/* The call blocks this thread; another one cancels it. */
static belay_code
unary_cancelled(belay_channel *channel, belay_context *context, belay_status **status)
{
    later *other = cancel_later(context);
    belay_code code = ask(channel, context, NULL, status);
    cancel_later_join(other);
    return code;
}

static belay_code
unary_deadline(belay_channel *channel, belay_context *context, belay_status **status)
{
    belay_call_options *options = belay_call_options_new();
    if (options == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_call_options_set_timeout(options, BELAY_MILLISECONDS(300));
    belay_code code = ask(channel, context, options, status);
    belay_call_options_free(options);
    return code;
}

/* ---- A stream of replies ------------------------------------------------------------------------- */

static belay_code
server_streaming(belay_channel *channel, belay_context *context, belay_status **status)
{
    Grpc__Examples__Echo__EchoRequest request = GRPC__EXAMPLES__ECHO__ECHO_REQUEST__INIT;
    Grpc__Examples__Echo__EchoResponse *reply;
    belay_call *call;
    request.message = (char[]){"hello, hello"};
    belay_code code =
        grpc_examples_echo_echo_server_streaming_echo_start(channel, context, &request, NULL, &call);
    if (code != BELAY_OK)
        return code;
    for (int received = 1;
         grpc_examples_echo_echo_server_streaming_echo_recv_reply(call, &reply) == BELAY_OK; received++) {
        printf("    received \"%s\"\n", reply->message);
        grpc__examples__echo__echo_response__free_unpacked(reply, NULL);
        if (received == 2)
            belay_cancel(context, REASON); /* that was enough */
    }
    return belay_call_finish(call, status);
}

/* ---- A stream of requests ------------------------------------------------------------------------ */

/* A cancel is no end of the stream: the server does not take what has come until then for all. */
static belay_code
client_streaming(belay_channel *channel, belay_context *context, belay_status **status)
{
    Grpc__Examples__Echo__EchoRequest request = GRPC__EXAMPLES__ECHO__ECHO_REQUEST__INIT;
    belay_call *call;
    belay_code code = grpc_examples_echo_echo_client_streaming_echo_start(channel, context, NULL, &call);
    request.message = (char[]){"hello"};
    for (int sent = 0; code == BELAY_OK && sent < 2; sent++) {
        code = grpc_examples_echo_echo_client_streaming_echo_send_request(call, &request);
        printf("    sent \"%s\"\n", request.message);
    }
    if (code != BELAY_OK && code != BELAY_END_OF_STREAM)
        return code;
    belay_cancel(context, REASON);
    return grpc_examples_echo_echo_client_streaming_echo_finish(call, NULL, status);
}

/* ---- Both ---------------------------------------------------------------------------------------- */

static belay_code
say(belay_call *call, const char *message)
{
    Grpc__Examples__Echo__EchoRequest request = GRPC__EXAMPLES__ECHO__ECHO_REQUEST__INIT;
    request.message = (char *)message;
    printf("    sending \"%s\"\n", message);
    return grpc_examples_echo_echo_bidirectional_streaming_echo_send_request(call, &request);
}

static belay_code
hear(belay_call *call)
{
    Grpc__Examples__Echo__EchoResponse *reply;
    belay_code code = grpc_examples_echo_echo_bidirectional_streaming_echo_recv_reply(call, &reply);
    if (code == BELAY_OK) {
        printf("    received \"%s\"\n", reply->message);
        grpc__examples__echo__echo_response__free_unpacked(reply, NULL);
    }
    return code;
}

static belay_code
bidirectional(belay_channel *channel, belay_context *context, belay_status **status)
{
    belay_call *call;
    belay_code code =
        grpc_examples_echo_echo_bidirectional_streaming_echo_start(channel, context, NULL, &call);
    if (code != BELAY_OK)
        return code;
    if (say(call, "hello") == BELAY_OK && say(call, "world") == BELAY_OK && hear(call) == BELAY_OK &&
        hear(call) == BELAY_OK) {
        belay_cancel(context, REASON);
        /* Nothing is sent or received any more, from now on and not from some time on. */
        printf("    sending gives %s\n", belay_code_name(say(call, "closed")));
        printf("    receiving gives %s\n", belay_code_name(hear(call)));
    }
    return belay_call_finish(call, status); /* how it ended, also when something failed before */
}

/* ---- Several calls, one context ------------------------------------------------------------------ */

#define CALLS 3

static belay_code
several(belay_channel *channel, belay_context *context, belay_status **status)
{
    Grpc__Examples__Echo__EchoRequest request = GRPC__EXAMPLES__ECHO__ECHO_REQUEST__INIT;
    belay_call *calls[CALLS];
    size_t count = 0;
    request.message = (char[]){"hello"};
    while (count < CALLS && grpc_examples_echo_echo_unary_echo_start(channel, context, &request, NULL,
                                                                     &calls[count]) == BELAY_OK)
        count++;
    later *other = cancel_later(context); /* all that was opened with it */
    belay_code code = BELAY_OK;
    for (size_t i = 0; i < count; i++) {
        belay_status_free(*status);
        *status = NULL;
        code = grpc_examples_echo_echo_unary_echo_finish(calls[i], NULL, status);
        printf("    call %zu: %s\n", i + 1, belay_code_name(code));
    }
    cancel_later_join(other);
    return code;
}

const example_case echo_cases[] = {
    {"UnaryEcho", BELAY_OK, unary},
    {"UnaryEcho, cancelled by another thread", BELAY_CANCELLED, unary_cancelled},
    {"UnaryEcho, with a deadline of 300 ms", BELAY_DEADLINE_EXCEEDED, unary_deadline},
    {"ServerStreamingEcho, cancelled after two replies", BELAY_CANCELLED, server_streaming},
    {"ClientStreamingEcho, cancelled after two requests", BELAY_CANCELLED, client_streaming},
    {"BidirectionalStreamingEcho, cancelled after two of each", BELAY_CANCELLED, bidirectional},
    {"Three UnaryEcho at once, cancelled together", BELAY_CANCELLED, several},
    {0},
};
