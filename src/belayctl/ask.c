/* SPDX-License-Identifier: MIT */
#include "belayctl/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "belayctl/arguments.h"
#include "belayctl/text.h"

#define PATIENCE BELAY_SECONDS(10)
#define LARGEST_ANSWER (256u << 20) /* a million calls */

/* ---- The way there ---------------------------------------------------------------------------------- */

static void
say_nothing(void *argument, belay_log_level level, const char *line)
{
    (void)argument, (void)level, (void)line; /* what is wrong is in the status */
}

static belay_channel *
make_channel(const char *server)
{
    belay_channel *channel = NULL;
    belay_runtime_options *options = belay_runtime_options_new();
    belay_channel_options *limits = belay_channel_options_new();
    if (options != NULL && limits != NULL) {
        belay_runtime_options_set_log(options, say_nothing, NULL, BELAY_LOG_ERROR);
        belay_channel_options_set_max_receive_size(limits, LARGEST_ANSWER);
        belay_runtime *runtime = belay_runtime_new(options);
        if (runtime != NULL)
            channel = belay_channel_new(runtime, server, limits);
        belay_runtime_unref(runtime);
    }
    belay_channel_options_free(limits);
    belay_runtime_options_free(options);
    return channel;
}

bool
ask_open(admin_client *asker, const char *server)
{
    asker->server = server;
    asker->options = belay_call_options_new();
    asker->channel = make_channel(server);
    if (asker->channel == NULL || asker->options == NULL) {
        fprintf(stderr, "belayctl: \"%s\" is no address: write unix:PATH or HOST:PORT\n", server);
        ask_close(asker);
        return false;
    }
    belay_call_options_set_timeout(asker->options, PATIENCE);
    return true;
}

void
ask_close(admin_client *asker)
{
    belay_channel_free(asker->channel);
    belay_call_options_free(asker->options);
}

/* ---- What goes wrong -------------------------------------------------------------------------------- */

static const char *
advice(belay_code code, const char *message)
{
    switch (code) {
    case BELAY_UNAVAILABLE:
        if (strstr(message, "ermission") != NULL)
            return "\n  run it as the user that the server runs as: its socket is for nobody else";
        return "\n  does the server run, and is this the address that it gave to belay_admin_listen()? "
               "--server=unix:PATH or HOST:PORT says another";
    case BELAY_UNIMPLEMENTED:
        return "\n  this address does not serve the admin service: the server has it where belay_admin_listen() says";
    case BELAY_DEADLINE_EXCEEDED:
        return "\n  something listens there that does not answer: is it stopped, or no gRPC server?";
    default:
        return "";
    }
}

static void
complain(const admin_client *asker, belay_code code, const belay_status *status)
{
    const char *message = belay_status_message(status);
    fprintf(stderr, "belayctl: %s: ", asker->server);
    text_print(stderr, message[0] != '\0' ? message : belay_code_name(code));
    fprintf(stderr, "%s\n", advice(code, message));
}

/* ---- Questions -------------------------------------------------------------------------------------- */

call_list *
ask_calls(const admin_client *asker)
{
    Belay__Admin__V1__ListCallsRequest request = BELAY__ADMIN__V1__LIST_CALLS_REQUEST__INIT;
    call_list *reply = NULL;
    belay_status *status = NULL;
    belay_code code = belay_admin_v1_admin_list_calls(asker->channel, NULL, &request, asker->options, &reply, &status);
    if (code != BELAY_OK)
        complain(asker, code, status);
    belay_status_free(status);
    return code == BELAY_OK ? reply : NULL;
}

server_stats *
ask_stats(const admin_client *asker)
{
    Belay__Admin__V1__StatsRequest request = BELAY__ADMIN__V1__STATS_REQUEST__INIT;
    server_stats *reply = NULL;
    belay_status *status = NULL;
    belay_code code = belay_admin_v1_admin_stats(asker->channel, NULL, &request, asker->options, &reply, &status);
    if (code != BELAY_OK)
        complain(asker, code, status);
    belay_status_free(status);
    return code == BELAY_OK ? reply : NULL;
}

/* ---- Orders ----------------------------------------------------------------------------------------- */

static int
tell_cancelled(uint64_t id, bool subtree, const Belay__Admin__V1__CancelCallReply *reply)
{
    if (reply->cancelled) {
        printf("cancelled call %" PRIu64 "%s\n", id, subtree ? " and all below it" : "");
        return EXIT_FINE;
    }
    fprintf(stderr, "belayctl: call %" PRIu64 " had ended before (cause: ", id);
    text_print(stderr, reply->cause);
    fprintf(stderr, "); one that stays in the list has a handler that has not returned\n");
    return EXIT_NO_CALL;
}

int
ask_cancel(const admin_client *asker, uint64_t id, bool subtree, const char *reason)
{
    Belay__Admin__V1__CancelCallRequest request = BELAY__ADMIN__V1__CANCEL_CALL_REQUEST__INIT;
    Belay__Admin__V1__CancelCallReply *reply = NULL;
    belay_status *status = NULL;
    request.id = id;
    request.subtree = subtree;
    request.reason = (char *)reason;
    belay_code code = belay_admin_v1_admin_cancel_call(asker->channel, NULL, &request, asker->options, &reply, &status);
    int result = code == BELAY_NOT_FOUND ? EXIT_NO_CALL : EXIT_SERVER;
    if (code == BELAY_OK) {
        result = tell_cancelled(id, subtree, reply);
        protobuf_c_message_free_unpacked(&reply->base, NULL);
    } else {
        complain(asker, code, status);
    }
    belay_status_free(status);
    return result;
}

int
ask_drain(const admin_client *asker)
{
    Belay__Admin__V1__DrainRequest request = BELAY__ADMIN__V1__DRAIN_REQUEST__INIT;
    Belay__Admin__V1__DrainReply *reply = NULL;
    belay_status *status = NULL;
    belay_code code = belay_admin_v1_admin_drain(asker->channel, NULL, &request, asker->options, &reply, &status);
    if (code == BELAY_OK) {
        printf("the server drains\n");
        protobuf_c_message_free_unpacked(&reply->base, NULL);
    } else {
        complain(asker, code, status);
    }
    belay_status_free(status);
    return code == BELAY_OK ? EXIT_FINE : EXIT_SERVER;
}
