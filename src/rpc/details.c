/* SPDX-License-Identifier: MIT */
/*
 * What a handler adds to the status with which it fails.
 */
#include <string.h>

#include "rpc/server_call.h"
#include "wire/details.h"

#define TYPE_PREFIX "type.googleapis.com/"

belay_code
belay_call_add_packed_detail(belay_call *call, const char *type_url, const void *value, size_t value_size)
{
    if (call == NULL || !call->is_server || type_url == NULL || strchr(type_url, '/') == NULL ||
        (value == NULL && value_size > 0))
        return BELAY_INVALID_ARGUMENT;
    bly_server_call *server = bly_server_call_of(call);
    if (value_size > BLY_DETAILS_LIMIT)
        return BELAY_RESOURCE_EXHAUSTED;
    char *copy = bly_arena_copy(&server->arena, value_size > 0 ? value : "", value_size);
    if (copy == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    return bly_details_add(&server->details, &server->arena, type_url, copy, value_size);
}

belay_code
belay_call_add_detail(belay_call *call, const ProtobufCMessage *detail)
{
    if (call == NULL || !call->is_server || detail == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_server_call *server = bly_server_call_of(call);
    size_t size = protobuf_c_message_get_packed_size(detail);
    if (size > BLY_DETAILS_LIMIT)
        return BELAY_RESOURCE_EXHAUSTED;
    uint8_t *bytes = bly_arena_alloc(&server->arena, size);
    char *type_url = belay_printf(call, TYPE_PREFIX "%s", detail->descriptor->name);
    if (bytes == NULL || type_url == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    protobuf_c_message_pack(detail, bytes);
    return bly_details_add(&server->details, &server->arena, type_url, bytes, size);
}

void
bly_server_call_pack_details(bly_server_call *server, belay_code code, const char *message)
{
    if (server->details == NULL)
        return;
    if (server->trailers == NULL && (server->trailers = belay_metadata_new()) == NULL)
        return;
    /* Without memory the status goes without them. */
    belay_code packed = bly_details_pack(server->details, code, message, server->trailers);
    (void)packed;
}
