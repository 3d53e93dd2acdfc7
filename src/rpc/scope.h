/* SPDX-License-Identifier: MIT */
/*
 * Scopes: what belongs to a handler, or to a task of a group, and ends with it. While that runs, its own
 * context leads to its scope on its own thread (bly_context_handler), and only there: client calls opened
 * with that context are freed with the scope and receive into its arena; groups made under it are waited for.
 *
 * What a group is, is known one floor up: here it is a part that can be stopped and released.
 */
#ifndef BLY_RPC_SCOPE_H
#define BLY_RPC_SCOPE_H

#include "base/arena.h"
#include "base/list.h"

/* Something with threads of its own. */
typedef struct bly_scope_part {
    /* const after creation; on the scope's thread, no lock held: */
    /* Cancels what still runs and waits for it. */
    void (*stop)(struct bly_scope_part *part);
    /* Frees it, once stopped; takes it out of the scope. */
    void (*release)(struct bly_scope_part *part);
    bly_link link; /* the scope's thread */
} bly_scope_part;

typedef struct bly_scope {
    /* const after creation */
    bly_arena *arena; /* of whom it is */
    /* its own thread only */
    bly_list calls; /* client calls, by their handler_link */
    bly_list parts;
} bly_scope;

void bly_scope_init(bly_scope *scope, bly_arena *arena);

/* Stops the parts, the youngest first. The first step of an end: until then other threads work for the
 * scope. */
void bly_scope_stop(bly_scope *scope);

/* Cancels and frees the client calls left open. */
void bly_scope_release_calls(bly_scope *scope);

/* Releases the parts and what was allocated in them, the youngest first: the last step, with the arena's
 * end. */
void bly_scope_release_parts(bly_scope *scope);

#endif
