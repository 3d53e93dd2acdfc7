/* SPDX-License-Identifier: MIT */
/*
 * chat-client [--target=HOST:PORT] [--room=ROOM] --name=NAME
 *
 * Says what it reads from standard input and prints what others say. Ctrl-D hangs up: the server learns that
 * there is no more to come, and the call ends well. Ctrl-C cancels it.
 *
 * Look here for a call that one thread sends on and another receives from, while a third may cancel it.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "chat.belay.h"
#include "input.h"

typedef struct session {
    belay_context *context;
    belay_call *call;
    input lines;
    sigset_t signals;
} session;

/* ---- Threads ------------------------------------------------------------------------------------- */

/* Prints what comes, until the call ends; then there is no use in more input. */
static void *
receive_lines(void *argument)
{
    session *self = argument;
    Chat__Line *line;
    while (chat_chat_talk_recv_reply(self->call, &line) == BELAY_OK) {
        printf("%s: %s\n", line->name, line->text);
        fflush(stdout);
        chat__line__free_unpacked(line, NULL);
    }
    input_stop(&self->lines);
    return NULL;
}

/* The signals are blocked in all threads: they wait here. SIGUSR1 says that the call has ended by itself. */
static void *
cancel_on_signal(void *argument)
{
    session *self = argument;
    int signal;
    if (sigwait(&self->signals, &signal) == 0 && signal != SIGUSR1)
        belay_cancel(self->context, "Ctrl-C");
    return NULL;
}

/* Any failure to send is one to receive, too: how the call ended is asked for later. */
static void
send_lines(session *self, char *room, char *name)
{
    Chat__Line first = CHAT__LINE__INIT;
    first.room = room;
    first.name = name;
    belay_code code = chat_chat_talk_send_request(self->call, &first);
    while (code == BELAY_OK) {
        Chat__Line line = CHAT__LINE__INIT;
        line.text = input_line(&self->lines);
        if (line.text == NULL)
            break;
        code = chat_chat_talk_send_request(self->call, &line);
    }
    code = belay_call_close_send(self->call); /* no more to come from us; the others may still talk */
    (void)code;
}

/* ---- The call ------------------------------------------------------------------------------------ */

/* Returns when both sides have hung up, or the call was cancelled. */
static belay_code
talk(session *self, char *room, char *name)
{
    pthread_t receiver, canceller;
    if (pthread_create(&receiver, NULL, receive_lines, self) != 0)
        return BELAY_RESOURCE_EXHAUSTED;
    if (pthread_create(&canceller, NULL, cancel_on_signal, self) != 0) {
        belay_cancel(self->context, NULL);
        pthread_join(receiver, NULL);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    send_lines(self, room, name);
    pthread_join(receiver, NULL);
    pthread_kill(canceller, SIGUSR1);
    pthread_join(canceller, NULL);
    return BELAY_OK;
}

/* Returns the program's exit code: ending the talk is no failure. */
static int
call_and_talk(session *self, belay_channel *channel, char *room, char *name)
{
    belay_status *status = NULL;
    belay_code code = chat_chat_talk_start(channel, self->context, NULL, &self->call);
    if (code == BELAY_OK)
        code = talk(self, room, name);
    if (code == BELAY_OK)
        code = belay_call_finish(self->call, &status);
    else
        belay_call_free(self->call);
    if (code != BELAY_OK)
        fprintf(stderr, "%s: %s\n", belay_code_name(code), belay_status_message(status));
    belay_status_free(status);
    return code == BELAY_OK || belay_context_cancelled(self->context) ? 0 : 1;
}

/* ---- The program --------------------------------------------------------------------------------- */

static int
run(const char *target, char *room, char *name)
{
    int result = 1;
    session self = {0};
    sigemptyset(&self.signals);
    sigaddset(&self.signals, SIGINT);
    sigaddset(&self.signals, SIGTERM);
    sigaddset(&self.signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &self.signals, NULL); /* before there are other threads: they inherit it */
    if (input_open(&self.lines) != 0) {
        perror("chat-client");
        return 1;
    }
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_channel *channel = runtime != NULL ? belay_channel_new(runtime, target, NULL) : NULL;
    self.context = runtime != NULL ? belay_context_new(runtime) : NULL;
    if (channel != NULL && self.context != NULL)
        result = call_and_talk(&self, channel, room, name);
    else
        fprintf(stderr, "chat-client: cannot make a channel to %s\n", target);
    belay_context_unref(self.context);
    belay_channel_free(channel);
    belay_runtime_unref(runtime);
    input_close(&self.lines);
    return result;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"target", required_argument, NULL, 't'},
        {"room", required_argument, NULL, 'r'},
        {"name", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0}};
    const char *target = "127.0.0.1:50051";
    char *room = (char[]){"lobby"}, *name = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't': target = optarg; break;
        case 'r': room = optarg; break;
        case 'n': name = optarg; break;
        default: optind = argc + 1;
        }
    }
    if (name == NULL || optind != argc) {
        fprintf(stderr, "usage: chat-client [--target=HOST:PORT] [--room=ROOM] --name=NAME\n");
        return 2;
    }
    return run(target, room, name);
}
