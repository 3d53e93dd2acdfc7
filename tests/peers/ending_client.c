/* SPDX-License-Identifier: MIT */
/*
 * ending-client TARGET KIND WAY: opens one call of a kind, says "open" when it is under way, and has it end in
 * a way: by a cancel or by freeing it, at the first byte on standard input; by its deadline; or however it
 * ends. Says how it ended. For tests of what the server sees.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <belay/belay.h>

#include "relay.belay.h"
#include "testing.belay.h"

#define FOREVER_MS 600000
#define TIMEOUT_NS BELAY_MILLISECONDS(500)

static uint8_t zeros[1u << 20];

/* One kind of call: opens it and brings it under way; then blocks until it has ended. */
typedef struct call_kind {
    const char *name;
    belay_code (*open)(belay_channel *channel, const belay_call_options *options, belay_call **call);
    belay_code (*block)(belay_call *call);
} call_kind;

/* ---- Kinds ----------------------------------------------------------------------------------------- */

static belay_code
receive_until_the_end(belay_call *call)
{
    const void *data;
    size_t size;
    belay_code code = BELAY_OK;
    while (code == BELAY_OK)
        code = belay_call_recv(call, &data, &size);
    return code;
}

static belay_code
receive_one(belay_call *call)
{
    const void *data;
    size_t size;
    return belay_call_recv(call, &data, &size);
}

static belay_code
open_unary(belay_channel *channel, const belay_call_options *options, belay_call **call)
{
    Belay__Testing__RelayRequest request = BELAY__TESTING__RELAY_REQUEST__INIT;
    request.leaf = BELAY__TESTING__LEAF__LEAF_SLEEP;
    request.leaf_ms = FOREVER_MS;
    return belay_testing_relay_call_start(channel, NULL, &request, options, call);
}

static belay_code
open_upload(belay_channel *channel, const belay_call_options *options, belay_call **call)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__StreamingInputCallRequest request = GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
    payload.body = (ProtobufCBinaryData){100000, zeros};
    request.payload = &payload;
    belay_code code = grpc_testing_test_service_streaming_input_call_start(channel, NULL, options, call);
    for (int i = 0; code == BELAY_OK && i < 3; i++)
        code = grpc_testing_test_service_streaming_input_call_send_request(*call, &request);
    return code;
}

/* One answer comes at once, the next one never. */
static void
ask_for_two(Grpc__Testing__StreamingOutputCallRequest *request)
{
    static Grpc__Testing__ResponseParameters now = GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
    static Grpc__Testing__ResponseParameters never = GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
    static Grpc__Testing__ResponseParameters *both[] = {&now, &never};
    never.interval_us = FOREVER_MS * 1000;
    request->response_parameters = both;
    request->n_response_parameters = 2;
}

static belay_code
open_download(belay_channel *channel, const belay_call_options *options, belay_call **call)
{
    Grpc__Testing__StreamingOutputCallRequest request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    ask_for_two(&request);
    belay_code code =
        grpc_testing_test_service_streaming_output_call_start(channel, NULL, &request, options, call);
    return code == BELAY_OK ? receive_one(*call) : code;
}

static belay_code
open_chat(belay_channel *channel, const belay_call_options *options, belay_call **call)
{
    Grpc__Testing__StreamingOutputCallRequest request = GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    ask_for_two(&request);
    belay_code code = grpc_testing_test_service_full_duplex_call_start(channel, NULL, options, call);
    if (code == BELAY_OK)
        code = grpc_testing_test_service_full_duplex_call_send_request(*call, &request);
    return code == BELAY_OK ? receive_one(*call) : code;
}

/* The server sleeps over the first message, and takes no more. */
static belay_code
open_blocked(belay_channel *channel, const belay_call_options *options, belay_call **call)
{
    Belay__Testing__RelayRequest request = BELAY__TESTING__RELAY_REQUEST__INIT;
    request.leaf = BELAY__TESTING__LEAF__LEAF_SLEEP;
    request.leaf_ms = FOREVER_MS;
    belay_code code = belay_testing_relay_stream_start(channel, NULL, options, call);
    return code == BELAY_OK ? belay_testing_relay_stream_send_request(*call, &request) : code;
}

static belay_code
send_until_the_end(belay_call *call)
{
    Belay__Testing__RelayRequest request = BELAY__TESTING__RELAY_REQUEST__INIT;
    request.payload = (ProtobufCBinaryData){sizeof zeros, zeros};
    belay_code code = BELAY_OK;
    while (code == BELAY_OK)
        code = belay_testing_relay_stream_send_request(call, &request);
    return code;
}

static const call_kind kinds[] = {
    {"unary", open_unary, receive_until_the_end},       {"upload", open_upload, receive_until_the_end},
    {"download", open_download, receive_until_the_end}, {"chat", open_chat, receive_until_the_end},
    {"blocked", open_blocked, send_until_the_end},
};

/* ---- Ways to end ----------------------------------------------------------------------------------- */

static void
wait_for_input(void)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) < 0)
        exit(1);
}

/* With a reference: the call may be gone before the cancel has returned. */
static void *
cancel_on_input(void *context)
{
    wait_for_input();
    belay_cancel(context, "enough");
    belay_context_unref(context);
    return NULL;
}

static void
say_end(const call_kind *kind, belay_call *call)
{
    belay_status *status = NULL;
    belay_code blocked = kind->block(call);
    belay_code code = belay_call_finish(call, &status);
    printf("%s %s %s\n", belay_code_name(blocked), belay_code_name(code), belay_status_message(status));
    belay_status_free(status);
}

static void
end(const call_kind *kind, const char *way, belay_call *call)
{
    pthread_t canceller;
    bool cancels = strcmp(way, "cancel") == 0;
    if (strcmp(way, "free") == 0) {
        wait_for_input();
        belay_call_free(call);
        printf("freed\n");
        return;
    }
    if (cancels && pthread_create(&canceller, NULL, cancel_on_input,
                                  belay_context_ref(belay_call_context(call))) != 0)
        exit(1);
    say_end(kind, call);
    if (cancels)
        pthread_join(canceller, NULL);
}

static const call_kind *
find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

static int
run(const call_kind *kind, const char *way, belay_channel *channel, const belay_call_options *options)
{
    belay_call *call = NULL;
    belay_code code = kind->open(channel, options, &call);
    if (code != BELAY_OK) {
        printf("%s when opened\n", belay_code_name(code));
        belay_call_free(call);
        return 1;
    }
    printf("open\n");
    end(kind, way, call);
    return 0;
}

int
main(int argc, char **argv)
{
    const call_kind *kind = argc == 4 ? find(argv[2]) : NULL;
    if (kind == NULL) {
        fprintf(stderr, "usage: ending-client TARGET unary|upload|download|chat|blocked "
                        "cancel|free|deadline|wait\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    belay_channel *channel = belay_channel_new(NULL, argv[1], NULL);
    belay_call_options *options = belay_call_options_new();
    if (channel == NULL || options == NULL)
        return 1;
    if (strcmp(argv[3], "deadline") == 0)
        belay_call_options_set_timeout(options, TIMEOUT_NS);
    int status = run(kind, argv[3], channel, options);
    belay_call_options_free(options);
    belay_channel_free(channel);
    return status;
}
