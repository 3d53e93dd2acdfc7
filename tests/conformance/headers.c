/* SPDX-License-Identifier: MIT */
#include "conformance/headers.h"

#include <stdlib.h>
#include <string.h>

#include "wire/base64.h"

static bool
is_binary(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, "-bin") == 0;
}

/* ---- To metadata ---- */

static belay_code
add_binary(headers_add add, void *target, const char *name, const char *text)
{
    size_t size = strlen(text);
    uint8_t *data = malloc(BLY_BASE64_DECODED_SIZE(size));
    if (data == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = BELAY_INVALID_ARGUMENT;
    if (bly_base64_decode(text, size, data, &size))
        code = add(target, name, data, size);
    free(data);
    return code;
}

static belay_code
add_values(const header *one, const char *name, headers_add add, void *target)
{
    belay_code code = BELAY_OK;
    for (size_t i = 0; code == BELAY_OK && i < one->n_value; i++) {
        const char *value = one->value[i];
        code = is_binary(name) ? add_binary(add, target, name, value) : add(target, name, value, strlen(value));
    }
    return code;
}

/* The suite writes names as HTTP/1 does. */
static bool
lower_case(const char *name, char *lower, size_t room)
{
    size_t size = strlen(name);
    if (size >= room)
        return false;
    for (size_t i = 0; i <= size; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    return true;
}

belay_code
headers_to_metadata(header *const *headers, size_t count, headers_add add, void *target)
{
    char name[128];
    belay_code code = BELAY_OK;
    for (size_t i = 0; code == BELAY_OK && i < count; i++)
        code = lower_case(headers[i]->name, name, sizeof name) ? add_values(headers[i], name, add, target)
                                                               : BELAY_INVALID_ARGUMENT;
    return code;
}

/* ---- From metadata ---- */

static void *
allocate(ProtobufCAllocator *allocator, size_t size)
{
    return allocator->alloc(allocator->allocator_data, size);
}

static char *
text_of(const belay_metadata_entry *entry, ProtobufCAllocator *allocator)
{
    bool binary = is_binary(entry->key);
    size_t size = binary ? BLY_BASE64_ENCODED_SIZE(entry->value_size) : entry->value_size + 1;
    char *text = allocate(allocator, size);
    if (text != NULL && binary)
        bly_base64_encode((const uint8_t *)entry->value, entry->value_size, text);
    else if (text != NULL)
        memcpy(text, entry->value, size);
    return text;
}

static header *
find(header **headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i]->name, name) == 0)
            return headers[i];
    return NULL;
}

/* With room for as many values as there may be. */
static header *
make(const char *name, size_t values, ProtobufCAllocator *allocator)
{
    header *one = allocate(allocator, sizeof *one);
    if (one == NULL)
        return NULL;
    connectrpc__conformance__v1__header__init(one);
    one->name = allocate(allocator, strlen(name) + 1);
    one->value = allocate(allocator, values * sizeof one->value[0]);
    if (one->name == NULL || one->value == NULL)
        return NULL;
    memcpy(one->name, name, strlen(name) + 1);
    return one;
}

bool
headers_from_metadata(const belay_metadata *metadata, ProtobufCAllocator *allocator, header ***headers,
                      size_t *count)
{
    size_t pairs = belay_metadata_count(metadata);
    *count = 0;
    *headers = allocate(allocator, (pairs + 1) * sizeof **headers);
    if (*headers == NULL)
        return false;
    for (size_t i = 0; i < pairs; i++) {
        const belay_metadata_entry *entry = belay_metadata_at(metadata, i);
        header *one = find(*headers, *count, entry->key);
        if (one == NULL) {
            one = make(entry->key, pairs - i, allocator);
            if (one == NULL)
                return false;
            (*headers)[(*count)++] = one;
        }
        one->value[one->n_value] = text_of(entry, allocator);
        if (one->value[one->n_value++] == NULL)
            return false;
    }
    return true;
}
