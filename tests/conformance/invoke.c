/* SPDX-License-Identifier: MIT */
#include "conformance/invoke.h"

#include <string.h>

#include "conformance/headers.h"

#define CANCEL(when) CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_REQUEST__CANCEL__CANCEL_TIMING_##when
#define WITH_TIMEOUT CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_REQUEST__TIMEOUT_TIMEOUT_MS
#define FULL_DUPLEX CONNECTRPC__CONFORMANCE__V1__STREAM_TYPE__STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM

typedef struct invocation {
    const client_request *request;
    const belay_method *method;
    belay_context *context; /* what the call is cancelled by */
    belay_call *call;
    scratch_memory *scratch;
    client_result *result;
    size_t payload_room;
    bool out_of_memory;
} invocation;

/* ---- What is called -------------------------------------------------------------------------------- */

static const belay_method *
find_method(const client_request *request)
{
    const belay_service *service = &connectrpc_conformance_v1_conformance_service_service;
    if (strcmp(request->service, service->name) != 0)
        return NULL;
    for (size_t i = 0; i < service->method_count; i++)
        if (strcmp(strrchr(service->methods[i].path, '/') + 1, request->method) == 0)
            return &service->methods[i];
    return NULL;
}

static bool
is_streaming(const invocation *it, unsigned int side)
{
    return (it->method->flags & side) != 0;
}

/* All request messages are of the method's type, and one where it takes one. */
static bool
is_callable(const invocation *it)
{
    const client_request *request = it->request;
    for (size_t i = 0; i < request->n_request_messages; i++) {
        const char *type = strrchr(request->request_messages[i]->type_url, '/');
        if (type == NULL || strcmp(type + 1, it->method->request->name) != 0)
            return false;
    }
    return is_streaming(it, BELAY_CLIENT_STREAMING) || request->n_request_messages == 1;
}

static ProtobufCMessage *
unpack(const invocation *it, const ProtobufCMessageDescriptor *type, const void *data, size_t size)
{
    return protobuf_c_message_unpack(type, &it->scratch->allocator, size, data);
}

/* ---- Start ----------------------------------------------------------------------------------------- */

static belay_code
add_metadata(void *options, const char *key, const void *value, size_t value_size)
{
    return belay_call_options_add_metadata(options, key, value, value_size);
}

static belay_code
start_with(invocation *it, belay_channel *channel, belay_call_options *options)
{
    const client_request *request = it->request;
    ProtobufCMessage *message = NULL;
    if (request->timeout_case == WITH_TIMEOUT)
        belay_call_options_set_timeout(options, BELAY_MILLISECONDS(request->timeout_ms));
    belay_code code =
        headers_to_metadata(request->request_headers, request->n_request_headers, add_metadata, options);
    if (code == BELAY_OK && !is_streaming(it, BELAY_CLIENT_STREAMING)) {
        const ProtobufCBinaryData *bytes = &request->request_messages[0]->value;
        message = unpack(it, it->method->request, bytes->data, bytes->len);
        if (message == NULL)
            return BELAY_INVALID_ARGUMENT;
    }
    return code == BELAY_OK ? belay_call_start(channel, it->context, it->method, message, options, &it->call) : code;
}

static belay_code
start(invocation *it, belay_channel *channel)
{
    belay_call_options *options = belay_call_options_new();
    if (options == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = start_with(it, channel, options);
    belay_call_options_free(options);
    return code;
}

/* ---- Cancel ---------------------------------------------------------------------------------------- */

static void
cancel(const invocation *it)
{
    belay_cancel(it->context, "as the test asks");
}

static void
pause_for(const invocation *it, uint32_t milliseconds)
{
    if (milliseconds > 0 && belay_sleep(it->context, BELAY_MILLISECONDS(milliseconds)) != BELAY_OK)
        return; /* cancelled: what comes next tells */
}

static bool
cancels_before_close(const invocation *it)
{
    return it->request->cancel != NULL && it->request->cancel->cancel_timing_case == CANCEL(BEFORE_CLOSE_SEND);
}

/* The requests have been sent and the sending has been closed. */
static void
cancel_after_close(const invocation *it)
{
    const Connectrpc__Conformance__V1__ClientCompatRequest__Cancel *wish = it->request->cancel;
    if (wish == NULL)
        return;
    if (wish->cancel_timing_case == CANCEL(AFTER_CLOSE_SEND_MS))
        pause_for(it, wish->after_close_send_ms);
    else if (wish->cancel_timing_case != CANCEL(_NOT_SET))
        return;
    cancel(it);
}

static void
cancel_after_reply(const invocation *it)
{
    const Connectrpc__Conformance__V1__ClientCompatRequest__Cancel *wish = it->request->cancel;
    if (wish != NULL && wish->cancel_timing_case == CANCEL(AFTER_NUM_RESPONSES) &&
        wish->after_num_responses == it->result->n_payloads)
        cancel(it);
}

/* ---- Replies --------------------------------------------------------------------------------------- */

/* All types of replies are a payload and nothing else. */
static payload *
payload_of(const ProtobufCMessage *reply)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(reply->descriptor, "payload");
    return field != NULL ? *(payload *const *)(const void *)((const char *)reply + field->offset) : NULL;
}

static bool
make_room(invocation *it)
{
    client_result *result = it->result;
    if (result->n_payloads < it->payload_room)
        return true;
    size_t room = it->payload_room != 0 ? 2 * it->payload_room : 8;
    payload **all = scratch_alloc(it->scratch, room * sizeof all[0]);
    if (all == NULL)
        return false;
    if (result->n_payloads > 0)
        memcpy(all, result->payloads, result->n_payloads * sizeof all[0]);
    result->payloads = all;
    it->payload_room = room;
    return true;
}

/* A reply without a payload counts as an empty one. */
static void
take_reply(invocation *it, payload *came)
{
    if (came == NULL) {
        came = scratch_alloc(it->scratch, sizeof *came);
        if (came != NULL)
            connectrpc__conformance__v1__conformance_payload__init(came);
    }
    if (came == NULL || !make_room(it)) {
        it->out_of_memory = true;
        return;
    }
    it->result->payloads[it->result->n_payloads++] = came;
}

/* Receives one of a stream of replies. */
static belay_code
receive(invocation *it)
{
    const void *data;
    size_t size;
    belay_code code = belay_call_recv(it->call, &data, &size);
    if (code != BELAY_OK)
        return code;
    ProtobufCMessage *reply = unpack(it, it->method->reply, data, size);
    if (reply == NULL)
        return BELAY_INTERNAL;
    take_reply(it, payload_of(reply));
    cancel_after_reply(it);
    return BELAY_OK;
}

/* ---- Requests -------------------------------------------------------------------------------------- */

/* Sends all requests of a stream, with a reply received after each in full duplex. */
static void
send_all(invocation *it)
{
    const client_request *request = it->request;
    belay_code code = BELAY_OK;
    for (size_t i = 0; code == BELAY_OK && i < request->n_request_messages; i++) {
        const ProtobufCBinaryData *bytes = &request->request_messages[i]->value;
        pause_for(it, request->request_delay_ms);
        code = belay_call_send(it->call, bytes->data, bytes->len);
        if (code != BELAY_OK)
            it->result->num_unsent_requests = (int32_t)(request->n_request_messages - i);
        else if (request->stream_type == FULL_DUPLEX)
            code = receive(it);
    }
}

static void
send_requests(invocation *it)
{
    if (is_streaming(it, BELAY_CLIENT_STREAMING))
        send_all(it);
    if (cancels_before_close(it)) {
        cancel(it);
        return;
    }
    if (is_streaming(it, BELAY_CLIENT_STREAMING) && belay_call_close_send(it->call) != BELAY_OK)
        return; /* the call has ended: its end tells */
    cancel_after_close(it);
}

/* ---- End ------------------------------------------------------------------------------------------- */

static bool
take_error(invocation *it, const belay_status *status)
{
    error_definition *error = scratch_alloc(it->scratch, sizeof *error);
    size_t count = belay_status_detail_count(status);
    if (error == NULL)
        return false;
    connectrpc__conformance__v1__error__init(error);
    error->code = (int32_t)belay_status_code(status);
    error->message = bly_arena_copy(&it->scratch->arena, belay_status_message(status),
                                    strlen(belay_status_message(status)));
    error->details = scratch_alloc(it->scratch, (count + 1) * sizeof error->details[0]);
    for (size_t i = 0; error->details != NULL && i < count; i++) {
        belay_detail detail;
        any *copy = scratch_alloc(it->scratch, sizeof *copy);
        if (copy == NULL || belay_status_detail_at(status, i, &detail) != BELAY_OK)
            return false;
        connectrpc__conformance__v1__any__init(copy);
        copy->type_url = bly_arena_copy(&it->scratch->arena, detail.type_url, strlen(detail.type_url));
        copy->value.data = (uint8_t *)bly_arena_copy(&it->scratch->arena, detail.value, detail.value_size);
        copy->value.len = detail.value_size;
        if (copy->type_url == NULL || copy->value.data == NULL)
            return false;
        error->details[error->n_details++] = copy;
    }
    it->result->error = error;
    return error->message != NULL && error->details != NULL;
}

/* The one reply of a call that has one lives in malloc's memory; the result wants it in scratch. */
static void
take_one_reply(invocation *it, ProtobufCMessage *reply)
{
    size_t size = protobuf_c_message_get_packed_size(reply);
    uint8_t *bytes = scratch_alloc(it->scratch, size + 1);
    ProtobufCMessage *copy = NULL;
    if (bytes != NULL) {
        protobuf_c_message_pack(reply, bytes);
        copy = unpack(it, reply->descriptor, bytes, size);
    }
    protobuf_c_message_free_unpacked(reply, NULL);
    if (copy != NULL)
        take_reply(it, payload_of(copy));
    else
        it->out_of_memory = true;
}

static void
take_headers(invocation *it)
{
    client_result *result = it->result;
    if (!headers_from_metadata(belay_call_metadata(it->call), &it->scratch->allocator, &result->response_headers,
                               &result->n_response_headers))
        it->out_of_memory = true;
}

/* Receives what is left to receive. */
static belay_code
finish(invocation *it, belay_status **status)
{
    belay_code code = BELAY_OK;
    if (is_streaming(it, BELAY_SERVER_STREAMING)) {
        while (code == BELAY_OK)
            code = receive(it);
        take_headers(it);
        return belay_call_finish(it->call, status);
    }
    ProtobufCMessage *reply = NULL;
    if (belay_call_wait_headers(it->call) == BELAY_OK)
        take_headers(it);
    code = belay_call_finish_unary(it->call, &reply, status);
    if (reply != NULL)
        take_one_reply(it, reply);
    return code;
}

static void
complete(invocation *it)
{
    client_result *result = it->result;
    belay_status *status = NULL;
    belay_code code = finish(it, &status);
    if (!headers_from_metadata(belay_status_trailers(status), &it->scratch->allocator, &result->response_trailers,
                               &result->n_response_trailers) ||
        (code != BELAY_OK && !take_error(it, status)))
        it->out_of_memory = true;
    belay_status_free(status);
}

const char *
invoke(belay_runtime *runtime, belay_channel *channel, const client_request *request, scratch_memory *scratch,
       client_result *result)
{
    invocation it = {.request = request, .scratch = scratch, .result = result};
    it.method = find_method(request);
    if (it.method == NULL || !is_callable(&it))
        return "no such method, or not for these requests";
    it.context = belay_context_new(runtime);
    if (it.context == NULL)
        return "no memory";
    belay_code code = start(&it, channel);
    if (code == BELAY_OK) {
        send_requests(&it);
        complete(&it);
    }
    belay_context_unref(it.context);
    if (code != BELAY_OK)
        return belay_code_name(code);
    return it.out_of_memory ? "no memory" : NULL;
}
