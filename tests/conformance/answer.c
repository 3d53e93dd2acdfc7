/* SPDX-License-Identifier: MIT */
#include "conformance/answer.h"

#include <string.h>

#include "conformance/headers.h"

/* ---- Requests -------------------------------------------------------------------------------------- */

static any *
pack(belay_call *call, const ProtobufCMessage *message)
{
    any *packed = belay_alloc(call, sizeof *packed);
    if (packed == NULL)
        return NULL;
    connectrpc__conformance__v1__any__init(packed);
    packed->type_url = belay_printf(call, "type.googleapis.com/%s", message->descriptor->name);
    packed->value.len = protobuf_c_message_get_packed_size(message);
    packed->value.data = belay_alloc(call, packed->value.len + 1);
    if (packed->type_url == NULL || packed->value.data == NULL)
        return NULL;
    protobuf_c_message_pack(message, packed->value.data);
    return packed;
}

static bool
grow(belay_call *call, request_list *requests)
{
    size_t room = requests->room != 0 ? 2 * requests->room : 8;
    any **all = belay_alloc(call, room * sizeof all[0]);
    if (all == NULL)
        return false;
    if (requests->count > 0)
        memcpy(all, requests->all, requests->count * sizeof all[0]);
    requests->all = all;
    requests->room = room;
    return true;
}

belay_code
requests_add(belay_call *call, request_list *requests, const ProtobufCMessage *request)
{
    any *packed = pack(call, request);
    if (packed == NULL || (requests->count == requests->room && !grow(call, requests)))
        return BELAY_RESOURCE_EXHAUSTED;
    requests->all[requests->count++] = packed;
    return BELAY_OK;
}

belay_code
requests_receive(belay_call *call, request_list *requests, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *request;
    belay_code code = belay_call_recv_message(call, type, &request);
    return code == BELAY_OK ? requests_add(call, requests, request) : code;
}

ProtobufCMessage *
requests_first(belay_call *call, const request_list *requests, const ProtobufCMessageDescriptor *type)
{
    if (requests->count == 0)
        return NULL;
    const ProtobufCBinaryData *bytes = &requests->all[0]->value;
    return protobuf_c_message_unpack(type, belay_call_allocator(call), bytes->len, bytes->data);
}

/* ---- What was seen --------------------------------------------------------------------------------- */

belay_code
answer_info(belay_call *call, const request_list *requests, bool all, request_info **info)
{
    request_info *made = belay_alloc(call, sizeof *made);
    if (made == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    connectrpc__conformance__v1__conformance_payload__request_info__init(made);
    made->requests = requests->all;
    made->n_requests = requests->count;
    if (all && !headers_from_metadata(belay_call_metadata(call), belay_call_allocator(call),
                                      &made->request_headers, &made->n_request_headers))
        return BELAY_RESOURCE_EXHAUSTED;
    uint64_t left = belay_context_time_left(belay_call_context(call));
    if (all && left != BELAY_FOREVER) {
        made->timeout_case = CONNECTRPC__CONFORMANCE__V1__CONFORMANCE_PAYLOAD__REQUEST_INFO__TIMEOUT_TIMEOUT_MS;
        made->timeout_ms = (int64_t)(left / BELAY_MILLISECONDS(1));
    }
    *info = made;
    return BELAY_OK;
}

payload *
answer_payload(belay_call *call, request_info *info)
{
    payload *made = belay_alloc(call, sizeof *made);
    if (made == NULL)
        return NULL;
    connectrpc__conformance__v1__conformance_payload__init(made);
    made->request_info = info;
    return made;
}

/* ---- What is asked for ----------------------------------------------------------------------------- */

static belay_code
add_header(void *call, const char *key, const void *value, size_t value_size)
{
    return belay_call_add_header(call, key, value, value_size);
}

static belay_code
add_trailer(void *call, const char *key, const void *value, size_t value_size)
{
    return belay_call_add_trailer(call, key, value, value_size);
}

belay_code
answer_metadata(belay_call *call, header *const *headers, size_t header_count, header *const *trailers,
                size_t trailer_count)
{
    belay_code code = headers_to_metadata(headers, header_count, add_header, call);
    return code == BELAY_OK ? headers_to_metadata(trailers, trailer_count, add_trailer, call) : code;
}

belay_code
answer_delay(belay_call *call, uint32_t milliseconds)
{
    return milliseconds == 0 ? BELAY_OK : belay_sleep(belay_call_context(call), BELAY_MILLISECONDS(milliseconds));
}

belay_code
answer_error(belay_call *call, const error_definition *error, const request_info *info)
{
    belay_code code = BELAY_OK;
    for (size_t i = 0; code == BELAY_OK && i < error->n_details; i++) {
        const any *detail = error->details[i];
        code = belay_call_add_packed_detail(call, detail->type_url, detail->value.data, detail->value.len);
    }
    if (code == BELAY_OK && info != NULL)
        code = belay_call_add_detail(call, &info->base);
    if (code != BELAY_OK)
        return belay_fail(call, BELAY_INTERNAL, "no room for details");
    return belay_fail(call, (belay_code)error->code, "%s", error->message);
}
