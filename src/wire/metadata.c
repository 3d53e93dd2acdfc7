/* SPDX-License-Identifier: MIT */
#include "wire/metadata.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "wire/base64.h"

#define OWN_ENTRIES 4
#define OWN_TEXT 200

/* An entry's key and value stand together, the key first: in the list itself as long as there is room, so that
 * the usual few take one allocation in all, else in an allocation of their own. */
struct belay_metadata {
    belay_metadata_entry *entries; /* own_entries, or from the heap */
    size_t count;
    size_t capacity;
    size_t text_used;
    belay_metadata_entry own_entries[OWN_ENTRIES];
    char text[OWN_TEXT];
};

const belay_metadata bly_metadata_none;

belay_metadata *
belay_metadata_new(void)
{
    belay_metadata *metadata = bly_blocks_take(sizeof *metadata);
    if (!metadata)
        return NULL;
    metadata->entries = metadata->own_entries;
    metadata->count = 0;
    metadata->capacity = OWN_ENTRIES;
    metadata->text_used = 0;
    return metadata;
}

static bool
is_own_text(const belay_metadata *metadata, const char *strings)
{
    uintptr_t at = (uintptr_t)strings;
    return at >= (uintptr_t)metadata->text && at < (uintptr_t)metadata->text + OWN_TEXT;
}

static void
free_strings(belay_metadata *metadata, char *strings)
{
    if (!is_own_text(metadata, strings))
        free(strings);
}

/* Takes the newest entries away again. */
static void
truncate_to(belay_metadata *metadata, size_t count)
{
    while (metadata->count > count) {
        char *strings = (char *)(uintptr_t)metadata->entries[--metadata->count].key;
        if (is_own_text(metadata, strings))
            metadata->text_used = (size_t)(strings - metadata->text);
        free_strings(metadata, strings);
    }
}

void
belay_metadata_free(belay_metadata *metadata)
{
    if (!metadata)
        return;
    truncate_to(metadata, 0);
    if (metadata->entries != metadata->own_entries)
        free(metadata->entries);
    bly_blocks_free(metadata, sizeof *metadata);
}

static bool
make_room(belay_metadata *metadata)
{
    if (metadata->count < metadata->capacity)
        return true;
    size_t capacity = 2 * metadata->capacity;
    if (capacity > SIZE_MAX / sizeof(belay_metadata_entry))
        return false;
    bool is_own = metadata->entries == metadata->own_entries;
    belay_metadata_entry *entries = realloc(is_own ? NULL : metadata->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    if (is_own)
        memcpy(entries, metadata->own_entries, sizeof metadata->own_entries);
    metadata->entries = entries;
    metadata->capacity = capacity;
    return true;
}

/* An entry with its key and room for value_size bytes; it counts once append_entry() was called. NULL
 * without memory. */
static char *
new_strings(belay_metadata *metadata, const char *key, size_t key_size, size_t value_size)
{
    if (!make_room(metadata) || key_size > SIZE_MAX / 2 || value_size > SIZE_MAX / 2 - 2)
        return NULL;
    size_t size = key_size + 1 + value_size + 1;
    char *strings = size <= OWN_TEXT - metadata->text_used ? metadata->text + metadata->text_used : malloc(size);
    if (!strings)
        return NULL;
    memcpy(strings, key, key_size);
    strings[key_size] = '\0';
    return strings;
}

static void
append_entry(belay_metadata *metadata, char *strings, size_t key_size, size_t value_size)
{
    char *value = strings + key_size + 1;
    value[value_size] = '\0';
    if (is_own_text(metadata, strings))
        metadata->text_used = (size_t)(value + value_size + 1 - metadata->text);
    metadata->entries[metadata->count++] =
        (belay_metadata_entry){ .key = strings, .value = value, .value_size = value_size };
}

static belay_code
add_copy(belay_metadata *metadata, const char *key, size_t key_size, const void *value, size_t value_size)
{
    char *strings = new_strings(metadata, key, key_size, value_size);
    if (!strings)
        return BELAY_RESOURCE_EXHAUSTED;
    if (value_size > 0)
        memcpy(strings + key_size + 1, value, value_size);
    append_entry(metadata, strings, key_size, value_size);
    return BELAY_OK;
}

static bool
is_binary_key(const char *key, size_t size)
{
    return size >= 4 && memcmp(key + size - 4, "-bin", 4) == 0;
}

/* ---- What a program adds ----------------------------------------------------------------------- */

static bool
is_key_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool
may_send_key(const char *key, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_key_character(key[i]))
            return false;
    }
    return size > 0 && !bly_metadata_is_reserved(key, size) && strcmp(key, "user-agent") != 0;
}

static bool
is_printable(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e)
            return false;
    }
    return true;
}

belay_code
belay_metadata_add(belay_metadata *metadata, const char *key, const void *value, size_t value_size)
{
    if (!metadata || !key || (!value && value_size > 0))
        return BELAY_INVALID_ARGUMENT;
    size_t key_size = strlen(key);
    if (!may_send_key(key, key_size))
        return BELAY_INVALID_ARGUMENT;
    if (!is_binary_key(key, key_size) && !is_printable(value, value_size))
        return BELAY_INVALID_ARGUMENT;
    return add_copy(metadata, key, key_size, value, value_size);
}

belay_code
bly_metadata_add_unchecked(belay_metadata *metadata, const char *key, const void *value, size_t value_size)
{
    return add_copy(metadata, key, strlen(key), value, value_size);
}

const belay_metadata_entry *
belay_metadata_get(const belay_metadata *metadata, const char *key)
{
    for (size_t i = belay_metadata_count(metadata); key && i-- > 0;) {
        if (strcmp(metadata->entries[i].key, key) == 0)
            return &metadata->entries[i];
    }
    return NULL;
}

size_t
belay_metadata_count(const belay_metadata *metadata)
{
    return metadata ? metadata->count : 0;
}

const belay_metadata_entry *
belay_metadata_at(const belay_metadata *metadata, size_t index)
{
    return index < belay_metadata_count(metadata) ? &metadata->entries[index] : NULL;
}

/* ---- From and to the wire ---------------------------------------------------------------------- */

bool
bly_metadata_is_reserved(const char *key, size_t key_size)
{
#define IS(text) (memcmp(key, text, sizeof text - 1) == 0)
    if (key_size > 0 && key[0] == ':')
        return true;
    if (key_size >= 5 && IS("grpc-"))
        return true;
    switch (key_size) {
    case 2:
        return IS("te");
    case 4:
        return IS("host");
    case 7:
        return IS("upgrade");
    case 10:
        return IS("connection") || IS("keep-alive");
    case 12:
        return IS("content-type");
    case 14:
        return IS("content-length");
    case 16:
        return IS("proxy-connection");
    case 17:
        return IS("transfer-encoding");
    default:
        return false;
    }
#undef IS
}

/* Gives the part of a text without the spaces around it. */
static const char *
trim(const char *text, size_t size, size_t *trimmed_size)
{
    while (size > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        size--;
    }
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    *trimmed_size = size;
    return text;
}

static belay_code
add_base64(belay_metadata *metadata, const char *key, size_t key_size, const char *text, size_t size)
{
    size_t value_size;
    text = trim(text, size, &size);
    char *strings = new_strings(metadata, key, key_size, BLY_BASE64_DECODED_SIZE(size));
    if (!strings)
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_base64_decode(text, size, (uint8_t *)strings + key_size + 1, &value_size)) {
        free_strings(metadata, strings);
        return BELAY_INTERNAL;
    }
    append_entry(metadata, strings, key_size, value_size);
    return BELAY_OK;
}

/* Adds one entry for each part between commas. */
static belay_code
add_parts(belay_metadata *metadata, const char *key, size_t key_size, const char *value, size_t value_size)
{
    const char *end = value + value_size;
    for (unsigned int parts = 0; parts < BLY_METADATA_MAX_PARTS; parts++) {
        const char *comma = memchr(value, ',', (size_t)(end - value));
        const char *part_end = comma ? comma : end;
        belay_code code = add_base64(metadata, key, key_size, value, (size_t)(part_end - value));
        if (code != BELAY_OK || !comma)
            return code;
        value = comma + 1;
    }
    return BELAY_OUT_OF_RANGE;
}

belay_code
bly_metadata_add_wire(belay_metadata *metadata, const char *key, size_t key_size, const char *value,
                      size_t value_size)
{
    if (!is_binary_key(key, key_size))
        return add_copy(metadata, key, key_size, value, value_size);
    size_t before = metadata->count;
    belay_code code = add_parts(metadata, key, key_size, value, value_size);
    if (code != BELAY_OK)
        truncate_to(metadata, before);
    return code;
}

belay_code
bly_metadata_append(belay_metadata *to, const belay_metadata *from)
{
    size_t before = to->count;
    size_t count = belay_metadata_count(from);
    for (size_t i = 0; i < count; i++) {
        const belay_metadata_entry *entry = &from->entries[i];
        belay_code code = add_copy(to, entry->key, strlen(entry->key), entry->value, entry->value_size);
        if (code != BELAY_OK) {
            truncate_to(to, before);
            return code;
        }
    }
    return BELAY_OK;
}

belay_metadata *
bly_metadata_copy(const belay_metadata *metadata)
{
    belay_metadata *copy = metadata ? belay_metadata_new() : NULL;
    if (copy && bly_metadata_append(copy, metadata) != BELAY_OK) {
        belay_metadata_free(copy);
        return NULL;
    }
    return copy;
}

bool
bly_metadata_is_binary(const belay_metadata_entry *entry)
{
    return is_binary_key(entry->key, strlen(entry->key));
}

const char *
bly_metadata_wire_value(const belay_metadata_entry *entry, char *buffer, size_t *size)
{
    if (!bly_metadata_is_binary(entry))
        return trim(entry->value, entry->value_size, size);
    *size = bly_base64_encode((const uint8_t *)entry->value, entry->value_size, buffer);
    return buffer;
}
