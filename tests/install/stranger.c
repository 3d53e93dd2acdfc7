/* SPDX-License-Identifier: MIT */
/* A server and a client of the stranger's service in one process. Is compiled as C and as C++. */
#include <belay/belay.h>

#include <stdio.h>
#include <string.h>

#include "stranger.belay.h"

static belay_code
say(belay_call *call, const Stranger__Text *request, Stranger__Text *reply)
{
    reply->text = belay_printf(call, "%s, stranger", request->text);
    return reply->text != NULL ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

static belay_server *
serve(void)
{
    stranger_echo_handlers handlers;
    belay_server *server = belay_server_new(NULL, NULL);
    memset(&handlers, 0, sizeof handlers);
    handlers.say = say;
    if (server != NULL && stranger_echo_add(server, &handlers, NULL) == BELAY_OK &&
        belay_server_listen(server, "127.0.0.1:0", NULL) == BELAY_OK &&
        belay_server_start(server) == BELAY_OK)
        return server;
    belay_server_free(server);
    return NULL;
}

static belay_code
ask(belay_server *server)
{
    char text[] = "hello";
    Stranger__Text request;
    Stranger__Text *reply = NULL;
    belay_status *status = NULL;
    belay_runtime *runtime = belay_server_runtime(server);
    belay_context *context = belay_context_new(runtime);
    belay_channel *channel = belay_channel_new(runtime, belay_server_address(server, 0), NULL);

    stranger__text__init(&request);
    request.text = text;
    belay_code code = stranger_echo_say(channel, context, &request, NULL, &reply, &status);
    printf("%s: %s\n", belay_code_name(code), code == BELAY_OK ? reply->text : belay_status_message(status));
    if (code == BELAY_OK && strcmp(reply->text, "hello, stranger") != 0)
        code = BELAY_UNKNOWN;
    stranger__text__free_unpacked(reply, NULL);
    belay_status_free(status);
    belay_channel_free(channel);
    belay_context_unref(context);
    return code;
}

int
main(void)
{
    if (strcmp(belay_version(), BELAY_VERSION_STRING) != 0) {
        fprintf(stderr, "headers of %s, library of %s\n", BELAY_VERSION_STRING, belay_version());
        return 1;
    }
    belay_server *server = serve();
    if (server == NULL) {
        fprintf(stderr, "no server\n");
        return 1;
    }
    belay_code code = ask(server);
    if (belay_server_drain(server, BELAY_SECONDS(5), BELAY_SECONDS(5)) != BELAY_OK)
        code = BELAY_UNKNOWN;
    belay_server_free(server);
    return code == BELAY_OK ? 0 : 1;
}
