/* SPDX-License-Identifier: MIT */
/*
 * What a service of the floor above keeps with a server: found again by its kind, told of the drain, freed with it.
 */
#ifndef BLY_SERVER_EXTENSION_H
#define BLY_SERVER_EXTENSION_H

#include "rpc/attended.h"
#include "server/server.h"

typedef struct bly_extension bly_extension;

typedef struct bly_extension_kind {
    /* const */
    /* The server drains: clients do not know it yet. What this has calls send leaves before the GOAWAY. The draining
     * thread, no lock held; again when two threads drain. NULL: nothing to do. */
    void (*draining)(bly_extension *extension);
    /* No call is left: frees it. The thread that frees the server. */
    void (*destroy)(bly_extension *extension);
} bly_extension_kind;

struct bly_extension {
    /* const after it was added */
    const bly_extension_kind *kind;
    bly_link link;
};

/* Whether one of a kind can be added: BELAY_OK; BELAY_INVALID_ARGUMENT for no server; BELAY_FAILED_PRECONDITION after
 * the start; BELAY_ALREADY_EXISTS. One thread at a time. */
belay_code bly_server_may_extend(belay_server *server, const bly_extension_kind *kind);

/* Adds one, which is the server's from then on. Before the start, one thread at a time. */
void bly_server_extend(belay_server *server, bly_extension *extension, const bly_extension_kind *kind);

/* The one of a kind, or NULL. Any thread, once all were added. */
bly_extension *bly_server_extension(const belay_server *server, const bly_extension_kind *kind);

/* Has a method answered by an attendant, and counted nowhere. Before the start; the codes of
 * belay_server_reserve_method(). */
belay_code bly_server_attend_method(belay_server *server, const char *path, const bly_attendant *attendant);

/* Tells all of them that the server drains, and returns when what they had sent was given to the kernel, as far as it
 * took it. No I/O thread. */
void bly_server_tell_extensions(belay_server *server);

/* Frees all of them. */
void bly_server_free_extensions(belay_server *server);

#endif
