/* SPDX-License-Identifier: MIT */
#include "conformance/pipe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Against a size that is none. */
#define LARGEST (256u << 20)

static uint8_t *
read_bytes(size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    if (bytes != NULL && fread(bytes, 1, size, stdin) == size)
        return bytes;
    free(bytes);
    return NULL;
}

ProtobufCMessage *
pipe_read(const ProtobufCMessageDescriptor *descriptor)
{
    uint8_t prefix[4];
    if (fread(prefix, 1, sizeof prefix, stdin) != sizeof prefix)
        return NULL;
    uint32_t size = (uint32_t)prefix[0] << 24 | (uint32_t)prefix[1] << 16 | (uint32_t)prefix[2] << 8 | prefix[3];
    uint8_t *bytes = size <= LARGEST ? read_bytes(size) : NULL;
    ProtobufCMessage *message = NULL;
    if (bytes != NULL)
        message = protobuf_c_message_unpack(descriptor, NULL, size, bytes);
    free(bytes);
    if (message == NULL)
        fprintf(stderr, "standard input is no %s of %u bytes\n", descriptor->short_name, (unsigned int)size);
    return message;
}

bool
pipe_write(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(4 + size);
    if (bytes == NULL)
        return false;
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(size >> (24 - 8 * i));
    protobuf_c_message_pack(message, bytes + 4);
    bool written = fwrite(bytes, 1, 4 + size, stdout) == 4 + size && fflush(stdout) == 0;
    free(bytes);
    return written;
}
