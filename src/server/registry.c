/* SPDX-License-Identifier: MIT */
#include "server/registry.h"

#include <stdlib.h>
#include <string.h>

void
bly_registry_fini(bly_registry *registry)
{
    for (size_t i = 0; i < registry->table_count; i++)
        free(registry->tables[i]);
    free(registry->tables);
    free(registry->services);
    free(registry->entries);
}

/* Where a path is, or would be. */
static size_t
position(const bly_registry *registry, const char *path, size_t size, bool *found)
{
    size_t low = 0, high = registry->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const bly_registry_entry *entry = &registry->entries[middle];
        size_t common = size < entry->path_size ? size : entry->path_size;
        int order = memcmp(path, entry->registration.method->path, common);
        if (order == 0)
            order = (size > entry->path_size) - (size < entry->path_size);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Whether the entry at a position is of the service that a path names: "/service/". */
static bool
same_service(const bly_registry *registry, size_t at, const char *path, size_t prefix)
{
    if (at >= registry->count)
        return false;
    const bly_registry_entry *entry = &registry->entries[at];
    return entry->path_size >= prefix && memcmp(entry->registration.method->path, path, prefix) == 0;
}

bly_registration *
bly_registry_find(const bly_registry *registry, const char *path, size_t size, bool *service_known)
{
    bool found;
    size_t at = position(registry, path, size, &found);
    *service_known = found;
    if (found)
        return &registry->entries[at].registration;
    const char *slash = size > 1 ? memchr(path + 1, '/', size - 1) : NULL;
    if (slash != NULL) {
        size_t prefix = (size_t)(slash - path) + 1;
        *service_known = same_service(registry, at, path, prefix) ||
                         (at > 0 && same_service(registry, at - 1, path, prefix));
    }
    return NULL;
}

static bool
is_well_formed(const belay_service *service)
{
    if (service == NULL || service->name == NULL || service->methods == NULL)
        return false;
    for (size_t i = 0; i < service->method_count; i++) {
        const belay_method *method = &service->methods[i];
        if (method->path == NULL || method->path[0] != '/' || method->request == NULL || method->reply == NULL ||
            method->thunk == NULL)
            return false;
    }
    return true;
}

/* Makes room, and keeps a copy of the table; NULL without memory. */
static void *
reserve(bly_registry *registry, const belay_service *service, const void *handlers)
{
    bly_registry_entry *entries =
        realloc(registry->entries, (registry->count + service->method_count + 1) * sizeof *entries);
    if (entries == NULL)
        return NULL;
    registry->entries = entries;
    void **tables = realloc(registry->tables, (registry->table_count + 1) * sizeof *tables);
    if (tables == NULL)
        return NULL;
    registry->tables = tables;
    const belay_service **services =
        realloc(registry->services, (registry->table_count + 1) * sizeof *services);
    if (services == NULL)
        return NULL;
    registry->services = services;
    void *table = malloc(service->handlers_size > 0 ? service->handlers_size : 1);
    if (table == NULL)
        return NULL;
    if (service->handlers_size > 0)
        memcpy(table, handlers, service->handlers_size);
    registry->services[registry->table_count] = service;
    registry->tables[registry->table_count++] = table;
    return table;
}

/* Whether a service's method is in the registry, or earlier in its own table (a generator's mistake). */
static bool
is_taken(const bly_registry *registry, const belay_service *service, size_t index)
{
    bool found;
    const char *path = service->methods[index].path;
    (void)position(registry, path, strlen(path), &found);
    for (size_t i = 0; i < index && !found; i++)
        found = strcmp(service->methods[i].path, path) == 0;
    return found;
}

static void
insert(bly_registry *registry, const belay_method *method, const void *table, void *data)
{
    bool found;
    size_t size = strlen(method->path);
    size_t at = position(registry, method->path, size, &found);
    memmove(&registry->entries[at + 1], &registry->entries[at],
            (registry->count - at) * sizeof registry->entries[0]);
    registry->entries[at] = (bly_registry_entry){
        .registration = {.method = method, .handlers = table, .data = data, .doors = BLY_SERVER_FRONT_DOOR},
        .path_size = size,
    };
    registry->count++;
}

belay_code
bly_registry_add(bly_registry *registry, const belay_service *service, const void *handlers, void *data)
{
    if (!is_well_formed(service) || (handlers == NULL && service->handlers_size > 0))
        return BELAY_INVALID_ARGUMENT;
    for (size_t i = 0; i < service->method_count; i++) {
        if (is_taken(registry, service, i))
            return BELAY_ALREADY_EXISTS;
    }
    const void *table = reserve(registry, service, handlers);
    if (table == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < service->method_count; i++)
        insert(registry, &service->methods[i], table, data);
    return BELAY_OK;
}
