/* SPDX-License-Identifier: MIT */
#include "interop/stream.h"

belay_code
stream_next(belay_call *call, const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **message)
{
    const void *data;
    size_t size;
    belay_code code = belay_call_recv(call, &data, &size);
    if (code != BELAY_OK)
        return code;
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, NULL, size, data);
    if (unpacked == NULL)
        return BELAY_INTERNAL;
    *message = unpacked;
    return BELAY_OK;
}
