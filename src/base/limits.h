/* SPDX-License-Identifier: MIT */
/*
 * The limits of <belay/limits.h>: their values, and what is kept of their being reached.
 */
#ifndef BLY_BASE_LIMITS_H
#define BLY_BASE_LIMITS_H

#include <belay/limits.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quiet.h"

typedef struct bly_limits {
    uint64_t values[BELAY_LIMITS];
} bly_limits;

/* The defaults. */
void bly_limits_init(bly_limits *limits);

/* belay_server_options_set_limit() for these. */
belay_code bly_limits_set(bly_limits *limits, belay_limit limit, uint64_t value);

static inline uint32_t
bly_limits_u32(const bly_limits *limits, belay_limit limit)
{
    return limits->values[limit] < UINT32_MAX ? (uint32_t)limits->values[limit] : UINT32_MAX;
}

typedef struct bly_limit_record {
    /* const after creation */
    const bly_limits *limits;
    bly_log *log;
    const char *setter; /* the function that sets them, for people */

    /* atomic, relaxed: they order nothing */
    uint64_t reached[BELAY_LIMITS];

    bly_quiet lines[BELAY_LIMITS]; /* its own headings */
} bly_limit_record;

void bly_limit_record_init(bly_limit_record *record, const bly_limits *limits, bly_log *log, const char *setter);

/* Counts, and says so if nothing was said of this limit for a second. peer: who reached it. Any thread; locks may be
 * held. */
void bly_limit_reached(bly_limit_record *record, belay_limit limit, const char *peer);

/* How often. Any thread. */
uint64_t bly_limit_count(const bly_limit_record *record, belay_limit limit);

#endif
