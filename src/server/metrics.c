/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <belay/metrics.h>

#include "server/server.h"

size_t
belay_server_method_count(const belay_server *server)
{
    return server != NULL ? server->registry.count : 0;
}

belay_code
belay_server_method_stats(const belay_server *server, size_t index, belay_method_stats *stats, size_t size)
{
    if (server == NULL || stats == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (index >= server->registry.count)
        return BELAY_NOT_FOUND;
    const bly_registration *registration = &server->registry.entries[index].registration;
    belay_method_stats all = {.path = registration->method->path};
    bly_method_stats_read(&registration->stats, &all);
    memcpy(stats, &all, size < sizeof all ? size : sizeof all);
    return BELAY_OK;
}
