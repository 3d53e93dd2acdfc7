/* SPDX-License-Identifier: MIT */
/*
 * What a program says about the time that calls may take, and what becomes of it at the start.
 */
#include <string.h>

#include "server/server.h"

/* Whether a path names a method, or by its slash at the end the service that a method is of. */
static bool
is_named(const bly_registry_entry *entry, const char *path, size_t size)
{
    bool whole = path[size - 1] == '/' ? entry->path_size > size : entry->path_size == size;
    return whole && memcmp(entry->registration.method->path, path, size) == 0;
}

static belay_code
cap_named(bly_registry *registry, const char *path, size_t size, uint64_t timeout_ns)
{
    belay_code code = BELAY_NOT_FOUND;
    for (size_t i = 0; i < registry->count; i++) {
        if (!is_named(&registry->entries[i], path, size))
            continue;
        bly_method_time *time = &registry->entries[i].registration.time;
        *(path[size - 1] == '/' ? &time->service_cap_ns : &time->method_cap_ns) = timeout_ns;
        code = BELAY_OK;
    }
    return code;
}

belay_code
belay_server_cap_deadline(belay_server *server, const char *path, uint64_t timeout_ns)
{
    if (server == NULL || timeout_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    /* "/" alone would name everything. */
    if (path != NULL && (path[0] != '/' || path[1] == '\0'))
        return BELAY_INVALID_ARGUMENT;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    if (path != NULL)
        return cap_named(&server->registry, path, strlen(path), timeout_ns);
    server->cap_ns = timeout_ns;
    return BELAY_OK;
}

static uint64_t
cap_that_holds(const belay_server *server, const bly_registration *registration)
{
    const bly_method_time *time = &registration->time;
    if (time->method_cap_ns != 0)
        return time->method_cap_ns;
    if (time->service_cap_ns != 0)
        return time->service_cap_ns;
    return (registration->doors & BLY_SERVER_FRONT_DOOR) != 0 ? server->cap_ns : BELAY_FOREVER;
}

void
bly_server_settle_times(belay_server *server)
{
    for (size_t i = 0; i < server->registry.count; i++) {
        bly_registration *registration = &server->registry.entries[i].registration;
        registration->time.cap_ns = cap_that_holds(server, registration);
        /* Of a stream, half is something too; and its time is as much the client's. */
        registration->time.drops_late =
            server->options.drop_late && !registration->reserved && registration->method->flags == 0;
    }
}
