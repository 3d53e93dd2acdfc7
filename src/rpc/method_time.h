/* SPDX-License-Identifier: MIT */
/*
 * How long the calls of one method may take, and do take. Part of its registration.
 */
#ifndef BLY_RPC_METHOD_TIME_H
#define BLY_RPC_METHOD_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/estimate.h"

typedef struct bly_method_time {
    /* const after the start */
    uint64_t method_cap_ns;  /* set for the method itself; 0: not set; BELAY_FOREVER: without */
    uint64_t service_cap_ns; /* the same for its service */
    uint64_t cap_ns;         /* what holds; BELAY_FOREVER: none */
    bool drops_late;         /* calls that cannot be answered in time are not begun */
    /* any thread */
    bly_estimate estimate; /* while drops_late */
} bly_method_time;

#endif
