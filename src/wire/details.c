/* SPDX-License-Identifier: MIT */
#include "wire/details.h"

#include <stdlib.h>
#include <string.h>

#include "wire/details.pb-c.h"
#include "wire/metadata.h"
#include "wire/status.h"
#include "wire/unpack.h"
#include "wire/utf8.h"

/* ---- Writing ------------------------------------------------------------------------------------ */

#define FIRST_ROOM 4

struct bly_details {
    size_t size; /* of what was added, about */
    size_t room; /* in the list */
    Belay__Wire__Status status;
};

/* What an entry costs besides its strings: tags and lengths. */
#define ENTRY_OVERHEAD 12

static bly_details *
details_new(bly_arena *arena)
{
    bly_details *details = bly_arena_alloc(arena, sizeof *details);
    if (!details)
        return NULL;
    details->size = 0;
    details->room = 0;
    belay__wire__status__init(&details->status);
    return details;
}

static bool
make_room(bly_details *details, bly_arena *arena)
{
    Belay__Wire__Status *status = &details->status;
    if (status->n_details < details->room)
        return true;
    size_t room = details->room ? 2 * details->room : FIRST_ROOM;
    Belay__Wire__Any **list = bly_arena_alloc(arena, room * sizeof *list);
    if (!list)
        return false;
    if (status->n_details > 0)
        memcpy(list, status->details, status->n_details * sizeof *list);
    status->details = list;
    details->room = room;
    return true;
}

belay_code
bly_details_add(bly_details **details, bly_arena *arena, const char *type_url, const void *value, size_t value_size)
{
    if (!*details && !(*details = details_new(arena)))
        return BELAY_RESOURCE_EXHAUSTED;
    size_t left = BLY_DETAILS_LIMIT - (*details)->size;
    size_t url_size = strlen(type_url);
    if (url_size > left || value_size > left || url_size + value_size + ENTRY_OVERHEAD > left)
        return BELAY_RESOURCE_EXHAUSTED;
    Belay__Wire__Any *any = bly_arena_alloc(arena, sizeof *any);
    char *url = bly_arena_copy(arena, type_url, url_size);
    if (!any || !url || !make_room(*details, arena))
        return BELAY_RESOURCE_EXHAUSTED;
    belay__wire__any__init(any);
    any->type_url = url;
    any->value.data = (uint8_t *)(uintptr_t)value;
    any->value.len = value_size;
    (*details)->status.details[(*details)->status.n_details++] = any;
    (*details)->size += url_size + value_size + ENTRY_OVERHEAD;
    return BELAY_OK;
}

static belay_code
pack(Belay__Wire__Status status, belay_code code, char *message, belay_metadata *trailers)
{
    status.code = (int32_t)code;
    if (message)
        status.message = message;
    size_t size = belay__wire__status__get_packed_size(&status);
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return BELAY_RESOURCE_EXHAUSTED;
    belay__wire__status__pack(&status, bytes);
    belay_code added = bly_metadata_add_unchecked(trailers, BLY_DETAILS_KEY, bytes, size);
    free(bytes);
    return added;
}

belay_code
bly_details_pack(const bly_details *details, belay_code code, const char *message, belay_metadata *trailers)
{
    size_t size = message ? bly_utf8_cut(message, strlen(message), BLY_DETAILS_LIMIT) : 0;
    char *text = message ? bly_utf8_sanitize(message, size, NULL) : NULL;
    belay_code result = BELAY_RESOURCE_EXHAUSTED;
    if (text || !message)
        result = pack(details->status, code, text, trailers);
    free(text);
    return result;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/* The one value in trailers; NULL when there is none, or more than one, which says nothing. */
static const belay_metadata_entry *
find_value(const belay_metadata *trailers)
{
    const belay_metadata_entry *found = NULL;
    size_t count = belay_metadata_count(trailers);
    for (size_t i = 0; i < count; i++) {
        const belay_metadata_entry *entry = belay_metadata_at(trailers, i);
        if (strcmp(entry->key, BLY_DETAILS_KEY) != 0)
            continue;
        if (found)
            return NULL;
        found = entry;
    }
    return found;
}

/* On the heap; NULL when there is none that can be read. */
static Belay__Wire__Status *
read_details(const belay_metadata *trailers)
{
    const belay_metadata_entry *value = find_value(trailers);
    ProtobufCMessage *message = NULL;
    if (!value || bly_unpack(&belay__wire__status__descriptor, NULL, (const uint8_t *)value->value,
                             value->value_size, &message) != BELAY_OK)
        return NULL;
    return (Belay__Wire__Status *)message;
}

bool
bly_details_contradict(const belay_metadata *trailers, belay_code code)
{
    Belay__Wire__Status *status = read_details(trailers);
    bool differs = status && status->code != (int32_t)code;
    belay__wire__status__free_unpacked(status, NULL);
    return differs;
}

/* A status reads its details when somebody asks for them. */
static const Belay__Wire__Status *
details_of(const belay_status *status)
{
    belay_status *own = (belay_status *)(uintptr_t)status;
    if (!status)
        return NULL;
    if (!status->details_read) {
        Belay__Wire__Status *details = read_details(status->trailers);
        own->details = details ? &details->base : NULL;
        own->details_read = true;
    }
    return (const Belay__Wire__Status *)status->details;
}

size_t
belay_status_detail_count(const belay_status *status)
{
    const Belay__Wire__Status *details = details_of(status);
    return details ? details->n_details : 0;
}

belay_code
belay_status_detail_at(const belay_status *status, size_t index, belay_detail *detail)
{
    if (!detail)
        return BELAY_INVALID_ARGUMENT;
    const Belay__Wire__Status *details = details_of(status);
    if (!details || index >= details->n_details)
        return BELAY_NOT_FOUND;
    const Belay__Wire__Any *any = details->details[index];
    *detail = (belay_detail){any->type_url, any->value.data, any->value.len};
    return BELAY_OK;
}

bool
belay_detail_is(const belay_detail *detail, const ProtobufCMessageDescriptor *descriptor)
{
    if (!detail || !detail->type_url || !descriptor)
        return false;
    const char *slash = strrchr(detail->type_url, '/');
    return slash && strcmp(slash + 1, descriptor->name) == 0;
}

belay_code
belay_detail_unpack(const belay_detail *detail, const ProtobufCMessageDescriptor *descriptor,
                    ProtobufCAllocator *allocator, ProtobufCMessage **message)
{
    if (!detail || !descriptor || !message)
        return BELAY_INVALID_ARGUMENT;
    if (!belay_detail_is(detail, descriptor))
        return BELAY_NOT_FOUND;
    return bly_unpack(descriptor, allocator, detail->value, detail->value_size, message);
}
