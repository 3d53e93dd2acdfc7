/* SPDX-License-Identifier: MIT */
/*
 * The methods that a server serves, by path. Sorted, not hashed: the keys that are looked up are the peer's.
 * Filled before the start by one thread, const afterwards.
 */
#ifndef BLY_SERVER_REGISTRY_H
#define BLY_SERVER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/server_call.h"

/* By which addresses a method can be called: all but an operator's, or those. */
#define BLY_SERVER_FRONT_DOOR 1u
#define BLY_SERVER_ADMIN_DOOR 2u

typedef struct bly_registry_entry {
    bly_registration registration;
    size_t path_size;
} bly_registry_entry;

typedef struct bly_registry {
    bly_registry_entry *entries; /* sorted by path */
    size_t count;
    void **tables; /* copies of the handler tables */
    const belay_service **services; /* whose tables they are */
    size_t table_count;
} bly_registry;

void bly_registry_fini(bly_registry *registry);

/* Adds a service's methods. The codes of belay_server_add_service(). */
belay_code bly_registry_add(bly_registry *registry, const belay_service *service, const void *handlers, void *data);

/* Finds a method; NULL when it is not there. service_known: whether another of the same service is. */
bly_registration *bly_registry_find(const bly_registry *registry, const char *path, size_t size,
                                    bool *service_known);

#endif
