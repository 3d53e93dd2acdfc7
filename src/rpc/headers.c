/* SPDX-License-Identifier: MIT */
#include "rpc/headers.h"

#include <string.h>

#include "wire/base64.h"
#include "wire/metadata.h"
#include "wire/status.h"

void
bly_headers_init(bly_headers *headers)
{
    headers->list = headers->room;
    headers->count = 0;
    headers->capacity = BLY_HEADERS_ROOM;
    headers->failed = false;
    bly_arena_init(&headers->scratch);
}

void
bly_headers_fini(bly_headers *headers)
{
    bly_arena_fini(&headers->scratch);
}

static bool
grow(bly_headers *headers)
{
    bly_h2_header *list = bly_arena_alloc(&headers->scratch, 2 * headers->capacity * sizeof *list);
    if (list == NULL)
        return false;
    memcpy(list, headers->list, headers->count * sizeof *list);
    headers->list = list;
    headers->capacity *= 2;
    return true;
}

void
bly_headers_add(bly_headers *headers, bly_h2_header header)
{
    if (headers->count == headers->capacity && !grow(headers))
        headers->failed = true;
    else
        headers->list[headers->count++] = header;
}

void
bly_headers_add_text(bly_headers *headers, const char *name, const char *value, size_t value_size)
{
    bly_headers_add(headers, (bly_h2_header){.name = name,
                                             .name_size = strlen(name),
                                             .value = value,
                                             .value_size = value_size});
}

void
bly_headers_add_status(bly_headers *headers, belay_code code, const char *message, size_t message_size)
{
    size_t size;
    const char *text = bly_status_text(code, &size);
    bly_headers_add(headers, (bly_h2_header){"grpc-status", text, 11, size, true, false});
    if (message != NULL && message_size > 0)
        bly_headers_add_text(headers, "grpc-message", message, message_size);
}

void
bly_headers_add_encoding(bly_headers *headers, belay_compression compression)
{
    size_t size;
    const char *name = bly_compression_name(compression, &size);
    bly_headers_add(headers, (bly_h2_header){"grpc-encoding", name, 13, size, true, false});
}

void
bly_headers_add_metadata(bly_headers *headers, const belay_metadata *metadata)
{
    size_t count = belay_metadata_count(metadata);
    for (size_t i = 0; i < count; i++) {
        const belay_metadata_entry *entry = belay_metadata_at(metadata, i);
        char *buffer = NULL;
        if (bly_metadata_is_binary(entry)) {
            buffer = bly_arena_alloc(&headers->scratch, BLY_BASE64_ENCODED_SIZE(entry->value_size));
            if (buffer == NULL) {
                headers->failed = true;
                return;
            }
        }
        size_t size;
        const char *value = bly_metadata_wire_value(entry, buffer, &size);
        bly_headers_add_text(headers, entry->key, value, size);
    }
}
