/* SPDX-License-Identifier: MIT */
#include "interop/test_service.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interop/stream.h"
#include "testing.belay.h"

typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__ResponseParameters response_parameters;

/* Every payload is zeros: all point here. Pages that were never written cost no memory. */
static uint8_t zeros[64u << 20];

/* ---- What requests ask for besides an answer --------------------------------------------------- */

/* Sends back what the caller wants to see again, as a header and as a trailer. */
static belay_code
echo_metadata(belay_call *call)
{
    const belay_metadata *sent = belay_call_metadata(call);
    const belay_metadata_entry *entry = belay_metadata_get(sent, "x-grpc-test-echo-initial");
    belay_code code = BELAY_OK;
    if (entry != NULL)
        code = belay_call_add_header(call, entry->key, entry->value, entry->value_size);
    entry = belay_metadata_get(sent, "x-grpc-test-echo-trailing-bin");
    if (code == BELAY_OK && entry != NULL)
        code = belay_call_add_trailer(call, entry->key, entry->value, entry->value_size);
    return code;
}

/* Gives the status that the caller wants the call to end with; BELAY_OK for none. */
static belay_code
echo_status(belay_call *call, const Grpc__Testing__EchoStatus *wanted)
{
    if (wanted == NULL || wanted->code == 0)
        return BELAY_OK;
    return belay_fail(call, (belay_code)wanted->code, "%s", wanted->message);
}

static bool
is_true(const Grpc__Testing__BoolValue *value)
{
    return value != NULL && value->value;
}

static belay_code
check_compressed(belay_call *call, const Grpc__Testing__BoolValue *expected)
{
    if (!is_true(expected) || belay_call_received_compressed(call))
        return BELAY_OK;
    return belay_fail(call, BELAY_INVALID_ARGUMENT, "the request should be compressed, and is not");
}

/* Compresses the answers if any of them is to be; each still has its say. */
static belay_code
compress_answers(belay_call *call, const output_request *request)
{
    bool any = false;
    for (size_t i = 0; i < request->n_response_parameters; i++)
        any |= is_true(request->response_parameters[i]->compressed);
    return any ? belay_call_set_compression(call, BELAY_COMPRESSION_GZIP) : BELAY_OK;
}

static belay_code
fill_payload(belay_call *call, Grpc__Testing__PayloadType type, int32_t size, Grpc__Testing__Payload *payload)
{
    if (type != GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "no payload of type %d", (int)type);
    if (size < 0 || (size_t)size > sizeof zeros)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "no payload of %" PRId32 " bytes", size);
    payload->type = type;
    payload->body.data = zeros;
    payload->body.len = (size_t)size;
    return BELAY_OK;
}

static belay_code
make_payload(belay_call *call, Grpc__Testing__PayloadType type, int32_t size,
             Grpc__Testing__Payload **payload)
{
    Grpc__Testing__Payload *made = belay_alloc(call, sizeof *made);
    if (made == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    grpc__testing__payload__init(made);
    belay_code code = fill_payload(call, type, size, made);
    if (code == BELAY_OK)
        *payload = made;
    return code;
}

/* ---- One request, one answer -------------------------------------------------------------------- */

static belay_code
empty_call(belay_call *call, const Grpc__Testing__Empty *request, Grpc__Testing__Empty *reply)
{
    (void)request;
    (void)reply;
    return echo_metadata(call);
}

/* Tells this server from others. */
static belay_code
name_server(belay_call *call, Grpc__Testing__SimpleResponse *reply)
{
    char host[256];
    if (gethostname(host, sizeof host) != 0)
        strcpy(host, "unknown");
    host[sizeof host - 1] = '\0';
    reply->hostname = belay_printf(call, "%s", host);
    reply->server_id = belay_printf(call, "%s-%ld", host, (long)getpid());
    return reply->hostname != NULL && reply->server_id != NULL ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

static belay_code
unary_call(belay_call *call, const Grpc__Testing__SimpleRequest *request,
           Grpc__Testing__SimpleResponse *reply)
{
    belay_code code = echo_metadata(call);
    if (code == BELAY_OK)
        code = check_compressed(call, request->expect_compressed);
    if (code == BELAY_OK)
        code = echo_status(call, request->response_status);
    if (code == BELAY_OK && request->fill_server_id)
        code = name_server(call, reply);
    if (code == BELAY_OK && is_true(request->response_compressed))
        code = belay_call_set_compression(call, BELAY_COMPRESSION_GZIP);
    if (code == BELAY_OK)
        code = make_payload(call, request->response_type, request->response_size, &reply->payload);
    return code;
}

static belay_code
cacheable_unary_call(belay_call *call, const Grpc__Testing__SimpleRequest *request,
                     Grpc__Testing__SimpleResponse *reply)
{
    static const char lifetime[] = "max-age=60, public";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char *text = belay_printf(call, "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
    if (text == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = make_payload(call, request->response_type, 0, &reply->payload);
    if (code != BELAY_OK)
        return code;
    reply->payload->body.data = (uint8_t *)text;
    reply->payload->body.len = strlen(text);
    return belay_call_add_header(call, "cache-control", lifetime, strlen(lifetime));
}

/* ---- Streams ------------------------------------------------------------------------------------ */

static belay_code
send_one(belay_call *call, Grpc__Testing__PayloadType type, int32_t size, int32_t interval_us)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__StreamingOutputCallResponse response = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    belay_code code = fill_payload(call, type, size, &payload);
    if (code == BELAY_OK && interval_us > 0)
        code = belay_sleep(belay_call_context(call), BELAY_MICROSECONDS(interval_us));
    response.payload = &payload;
    return code == BELAY_OK ? belay_call_send_message(call, &response.base) : code;
}

/* Answers one request of a stream: with its status, or with a message for each of its parameters. */
static belay_code
answer(belay_call *call, const output_request *request)
{
    belay_code code = echo_status(call, request->response_status);
    for (size_t i = 0; code == BELAY_OK && i < request->n_response_parameters; i++) {
        const response_parameters *wanted = request->response_parameters[i];
        belay_call_set_message_compression(call, is_true(wanted->compressed));
        code = send_one(call, request->response_type, wanted->size, wanted->interval_us);
    }
    return code;
}

static belay_code
streaming_output_call(belay_call *call, const output_request *request)
{
    belay_code code = echo_metadata(call);
    if (code == BELAY_OK)
        code = compress_answers(call, request);
    return code == BELAY_OK ? answer(call, request) : code;
}

static belay_code
full_duplex_call(belay_call *call)
{
    belay_code code = echo_metadata(call);
    ProtobufCMessage *request;
    while (code == BELAY_OK) {
        code = stream_next(call, &grpc__testing__streaming_output_call_request__descriptor, &request);
        if (code != BELAY_OK)
            break;
        /* The first request decides: headers leave with the first answer. */
        belay_code compressed = compress_answers(call, (const output_request *)request);
        if (compressed != BELAY_FAILED_PRECONDITION)
            code = compressed;
        if (code == BELAY_OK)
            code = answer(call, (const output_request *)request);
        protobuf_c_message_free_unpacked(request, NULL);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static belay_code
streaming_input_call(belay_call *call, Grpc__Testing__StreamingInputCallResponse *reply)
{
    belay_code code = echo_metadata(call);
    uint64_t total = 0;
    ProtobufCMessage *message;
    while (code == BELAY_OK) {
        code = stream_next(call, &grpc__testing__streaming_input_call_request__descriptor, &message);
        if (code != BELAY_OK)
            break;
        const Grpc__Testing__StreamingInputCallRequest *request = (const void *)message;
        code = check_compressed(call, request->expect_compressed);
        total += request->payload != NULL ? request->payload->body.len : 0;
        protobuf_c_message_free_unpacked(message, NULL);
    }
    if (code != BELAY_END_OF_STREAM)
        return code;
    if (total > INT32_MAX)
        return belay_fail(call, BELAY_OUT_OF_RANGE, "%" PRIu64 " bytes came", total);
    reply->aggregated_payload_size = (int32_t)total;
    return BELAY_OK;
}

/* ---- All requests first, then all answers --------------------------------------------------------- */

/* What is left to be sent when the last request has come. */
typedef struct backlog {
    size_t count;
    size_t room;
    struct {
        int32_t size;
        int32_t interval_us;
    } * answers;
} backlog;

#define BACKLOG_LIMIT 100000u

static void
backlog_free(void *argument)
{
    backlog *list = argument;
    free(list->answers);
}

static belay_code
backlog_add(belay_call *call, backlog *list, const output_request *request)
{
    size_t count = list->count + request->n_response_parameters;
    if (count > BACKLOG_LIMIT)
        return belay_fail(call, BELAY_RESOURCE_EXHAUSTED, "more than %u answers asked for", BACKLOG_LIMIT);
    if (count > list->room) {
        size_t room = 2 * count;
        void *answers = realloc(list->answers, room * sizeof list->answers[0]);
        if (answers == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        list->answers = answers;
        list->room = room;
    }
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        list->answers[list->count].size = request->response_parameters[i]->size;
        list->answers[list->count++].interval_us = request->response_parameters[i]->interval_us;
    }
    return BELAY_OK;
}

static belay_code
collect(belay_call *call, backlog *list)
{
    belay_code code = BELAY_OK;
    ProtobufCMessage *message;
    while (code == BELAY_OK) {
        code = stream_next(call, &grpc__testing__streaming_output_call_request__descriptor, &message);
        if (code != BELAY_OK)
            break;
        const output_request *request = (const output_request *)message;
        code = echo_status(call, request->response_status);
        if (code == BELAY_OK)
            code = backlog_add(call, list, request);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static belay_code
half_duplex_call(belay_call *call)
{
    backlog *list = belay_alloc(call, sizeof *list);
    if (list == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    memset(list, 0, sizeof *list);
    belay_code code = belay_defer(call, backlog_free, list);
    if (code == BELAY_OK)
        code = echo_metadata(call);
    if (code == BELAY_OK)
        code = collect(call, list);
    for (size_t i = 0; code == BELAY_OK && i < list->count; i++)
        code = send_one(call, GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE, list->answers[i].size,
                        list->answers[i].interval_us);
    return code;
}

belay_code
test_service_add(belay_server *server)
{
    /* UnimplementedCall is left out on purpose. */
    static const grpc_testing_test_service_handlers handlers = {
        .empty_call = empty_call,
        .unary_call = unary_call,
        .cacheable_unary_call = cacheable_unary_call,
        .streaming_output_call = streaming_output_call,
        .streaming_input_call = streaming_input_call,
        .full_duplex_call = full_duplex_call,
        .half_duplex_call = half_duplex_call,
    };
    return grpc_testing_test_service_add(server, &handlers, NULL);
}
