/* SPDX-License-Identifier: MIT */
/*
 * The live calls of a runtime, as an operator sees them.
 */
#ifndef BLY_SERVICES_ADMIN_CALLS_H
#define BLY_SERVICES_ADMIN_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/census.h"

/* What is told of one call. Strings live as long as the census it was seen in. */
typedef struct bly_admin_view {
    uint64_t id;
    uint64_t parent;
    const char *method;
    const char *peer;
    const char *target; /* "" of a server's call */
    const char *state;
    uint64_t age_ms;
    int64_t deadline_left_ms; /* -1: none */
    belay_cause cause;
    const char *reason;
    int64_t cancelled_ms; /* -1: it was not */
    uint32_t children;
} bly_admin_view;

/* Describes what a census has seen, by ids and without doubles. views: room for census->count. Returns how many. Any
 * thread. */
size_t bly_admin_describe(const bly_census *census, bly_admin_view *views);

/* The context of the call with an id, as long as the census; NULL when it has seen none. */
belay_context *bly_admin_find(const bly_census *census, uint64_t id);

#endif
