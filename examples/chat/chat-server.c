/* SPDX-License-Identifier: MIT */
/*
 * chat-server [--port=N]
 *
 * Look here for a handler that receives while another thread sends on the same call. A handler that stays for
 * long holds a worker; the pool starts others, because this one waits in belay.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat.belay.h"
#include "room.h"

/* Says what the client says, until it has no more to say, or does not want to hear more. */
static belay_code
talk_in_room(belay_call *call, const member *self)
{
    Chat__Line *line;
    belay_code code;
    room_say(self, "has come in");
    while ((code = chat_chat_talk_recv_request(call, &line)) == BELAY_OK)
        room_say(self, line->text); /* the line is good until the next one */
    /* A client that hangs up and one that goes away are two things. */
    room_say(self, code == BELAY_END_OF_STREAM ? "has left" : "is gone");
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static belay_code
talk(belay_call *call)
{
    Chat__Line *first;
    member self;
    belay_code code = chat_chat_talk_recv_request(call, &first);
    if (code == BELAY_END_OF_STREAM || (code == BELAY_OK && (*first->room == '\0' || *first->name == '\0')))
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "which room, and who is it?");
    if (code == BELAY_OK) /* names are for as long as the call; the message is not */
        code = room_enter(&self, call, belay_printf(call, "%s", first->room), belay_printf(call, "%s", first->name));
    if (code != BELAY_OK)
        return code;
    code = talk_in_room(call, &self);
    room_leave(&self);
    return code;
}

static belay_code
serve(belay_server *server, int port)
{
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    belay_code code = chat_chat_add(server, &(chat_chat_handlers){.talk = talk}, NULL);
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK) {
        printf("listening on %s\n", belay_server_address(server, 0));
        fflush(stdout);
        code = belay_server_run(server); /* until SIGTERM */
    }
    return code;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    int port = 50051, option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'p') {
            fprintf(stderr, "usage: chat-server [--port=N]\n");
            return 2;
        }
        port = atoi(optarg);
    }
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    belay_server *server = NULL;
    belay_server_options *settings = belay_server_options_new();
    if (settings != NULL) { /* on SIGTERM, people get two seconds to say goodbye */
        belay_server_options_set_drain(settings, BELAY_SECONDS(2), BELAY_SECONDS(5));
        server = belay_server_new(NULL, settings);
    }
    if (server != NULL)
        code = serve(server, port);
    if (code != BELAY_OK)
        fprintf(stderr, "chat-server: %s\n", belay_code_name(code));
    belay_server_free(server);
    belay_server_options_free(settings);
    return code == BELAY_OK ? 0 : 1;
}
