/* SPDX-License-Identifier: MIT */
#include "conformance/service.h"

#include <string.h>

#include "conformance/answer.h"

typedef Connectrpc__Conformance__V1__ClientStreamRequest client_stream_request;
typedef Connectrpc__Conformance__V1__BidiStreamRequest bidi_request;

/* ---- One reply ------------------------------------------------------------------------------------- */

static belay_code
answer_one(belay_call *call, const unary_definition *definition, const request_list *seen, payload **reply)
{
    request_info *info;
    belay_code code = BELAY_OK;
    if (definition != NULL)
        code = answer_metadata(call, definition->response_headers, definition->n_response_headers,
                               definition->response_trailers, definition->n_response_trailers);
    if (code == BELAY_OK)
        code = answer_info(call, seen, true, &info);
    if (code == BELAY_OK && definition != NULL)
        code = answer_delay(call, definition->response_delay_ms);
    if (code != BELAY_OK)
        return code;
    if (definition != NULL && definition->response_case == UNARY_DEFINITION(ERROR))
        return answer_error(call, definition->error, info);
    *reply = answer_payload(call, info);
    if (*reply == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (definition != NULL && definition->response_case == UNARY_DEFINITION(RESPONSE_DATA))
        (*reply)->data = definition->response_data;
    return BELAY_OK;
}

static belay_code
answer_unary(belay_call *call, const ProtobufCMessage *request, const unary_definition *definition,
             payload **reply)
{
    request_list seen = {NULL, 0, 0};
    belay_code code = requests_add(call, &seen, request);
    return code == BELAY_OK ? answer_one(call, definition, &seen, reply) : code;
}

static belay_code
unary(belay_call *call, const Connectrpc__Conformance__V1__UnaryRequest *request,
      Connectrpc__Conformance__V1__UnaryResponse *reply)
{
    return answer_unary(call, &request->base, request->response_definition, &reply->payload);
}

static belay_code
idempotent_unary(belay_call *call, const Connectrpc__Conformance__V1__IdempotentUnaryRequest *request,
                 Connectrpc__Conformance__V1__IdempotentUnaryResponse *reply)
{
    return answer_unary(call, &request->base, request->response_definition, &reply->payload);
}

static belay_code
client_stream(belay_call *call, Connectrpc__Conformance__V1__ClientStreamResponse *reply)
{
    const ProtobufCMessageDescriptor *type = &connectrpc__conformance__v1__client_stream_request__descriptor;
    request_list seen = {NULL, 0, 0};
    belay_code code = BELAY_OK;
    while (code == BELAY_OK)
        code = requests_receive(call, &seen, type);
    if (code != BELAY_END_OF_STREAM)
        return code;
    const client_stream_request *first = (const client_stream_request *)requests_first(call, &seen, type);
    return answer_one(call, first != NULL ? first->response_definition : NULL, &seen, &reply->payload);
}

/* ---- Many replies ---------------------------------------------------------------------------------- */

/* Answers that are being sent. */
typedef struct reply_series {
    belay_call *call;
    const stream_definition *definition; /* NULL: none */
    size_t sent;
    belay_code (*send)(belay_call *call, payload *one);
} reply_series;

static bool
any_left(const reply_series *replies)
{
    return replies->definition != NULL && replies->sent < replies->definition->n_response_data;
}

/* Sends what comes before the first reply. */
static belay_code
begin(const reply_series *replies)
{
    const stream_definition *definition = replies->definition;
    if (definition == NULL)
        return BELAY_OK;
    belay_code code = answer_metadata(replies->call, definition->response_headers, definition->n_response_headers,
                                      definition->response_trailers, definition->n_response_trailers);
    return code == BELAY_OK ? belay_call_send_headers(replies->call) : code;
}

/* info: what is told with it, or NULL. */
static belay_code
send_next(reply_series *replies, request_info *info)
{
    belay_code code = answer_delay(replies->call, replies->definition->response_delay_ms);
    if (code != BELAY_OK)
        return code;
    payload *one = answer_payload(replies->call, info);
    if (one == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    one->data = replies->definition->response_data[replies->sent++];
    return replies->send(replies->call, one);
}

/* Sends all replies that are left, and gives the status. */
static belay_code
send_rest(reply_series *replies, const request_list *seen)
{
    request_info *info = NULL;
    belay_code code = BELAY_OK;
    if (replies->sent == 0)
        code = answer_info(replies->call, seen, true, &info);
    while (code == BELAY_OK && any_left(replies))
        code = send_next(replies, replies->sent == 0 ? info : NULL);
    if (code != BELAY_OK || replies->definition == NULL || replies->definition->error == NULL)
        return code;
    return answer_error(replies->call, replies->definition->error, replies->sent == 0 ? info : NULL);
}

static belay_code
send_server_stream_reply(belay_call *call, payload *one)
{
    Connectrpc__Conformance__V1__ServerStreamResponse reply = CONNECTRPC__CONFORMANCE__V1__SERVER_STREAM_RESPONSE__INIT;
    reply.payload = one;
    return belay_call_send_message(call, &reply.base);
}

static belay_code
server_stream(belay_call *call, const Connectrpc__Conformance__V1__ServerStreamRequest *request)
{
    reply_series replies = {call, request->response_definition, 0, send_server_stream_reply};
    request_list seen = {NULL, 0, 0};
    belay_code code = requests_add(call, &seen, &request->base);
    if (code == BELAY_OK)
        code = begin(&replies);
    return code == BELAY_OK ? send_rest(&replies, &seen) : code;
}

static belay_code
send_bidi_reply(belay_call *call, payload *one)
{
    Connectrpc__Conformance__V1__BidiStreamResponse reply = CONNECTRPC__CONFORMANCE__V1__BIDI_STREAM_RESPONSE__INIT;
    reply.payload = one;
    return belay_call_send_message(call, &reply.base);
}

/* Answers the last request at once, telling of what came since the reply before. */
static belay_code
answer_in_turn(reply_series *replies, request_list *seen)
{
    request_info *info;
    belay_code code = answer_info(replies->call, seen, replies->sent == 0, &info);
    if (code == BELAY_OK)
        code = send_next(replies, info);
    seen->count = 0;
    return code;
}

static belay_code
bidi_stream(belay_call *call)
{
    const ProtobufCMessageDescriptor *type = &connectrpc__conformance__v1__bidi_stream_request__descriptor;
    reply_series replies = {call, NULL, 0, send_bidi_reply};
    request_list seen = {NULL, 0, 0};
    belay_code code = requests_receive(call, &seen, type);
    if (code == BELAY_END_OF_STREAM)
        return BELAY_OK;
    const bidi_request *first = code == BELAY_OK ? (const bidi_request *)requests_first(call, &seen, type) : NULL;
    if (first == NULL)
        return code;
    replies.definition = first->response_definition;
    bool in_turn = first->full_duplex;
    if (in_turn)
        code = begin(&replies);
    while (code == BELAY_OK && (!in_turn || any_left(&replies))) {
        if (in_turn)
            code = answer_in_turn(&replies, &seen);
        if (code == BELAY_OK)
            code = requests_receive(call, &seen, type);
    }
    if (code != BELAY_OK && code != BELAY_END_OF_STREAM)
        return code;
    code = in_turn ? BELAY_OK : begin(&replies);
    return code == BELAY_OK ? send_rest(&replies, &seen) : code;
}

belay_code
service_add(belay_server *server)
{
    /* Unimplemented is left out, as it is meant. */
    static const connectrpc_conformance_v1_conformance_service_handlers handlers = {
        .unary = unary,
        .idempotent_unary = idempotent_unary,
        .server_stream = server_stream,
        .client_stream = client_stream,
        .bidi_stream = bidi_stream,
    };
    return connectrpc_conformance_v1_conformance_service_add(server, &handlers, NULL);
}
