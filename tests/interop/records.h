/* SPDX-License-Identifier: MIT */
/*
 * What the relay's handlers saw: one record a handler, the last 10,000 of them.
 *
 * A record keeps its handler's context until that has ended, which may be after the handler's code is
 * through: a cancel that comes before the answer has left still counts. So nothing is missed by looking too
 * early, and handlers that never look at their context are seen too.
 */
#ifndef TESTS_INTEROP_RECORDS_H
#define TESTS_INTEROP_RECORDS_H

#include <stdint.h>

#include <belay/belay.h>

#include "relay.belay.h"

typedef struct records records;

/* Returns NULL without memory. */
records *records_new(void);

/* Threads: any, after all handlers have returned. */
void records_free(records *all);

/* Notes that a handler began its work. Gives the number to name it by. Threads: any, as for the next two. */
uint64_t records_begin(records *all, uint64_t run, size_t hops_left, uint64_t started_ns,
                       belay_context *context);

/* Notes that a handler's code saw its cancellation, now. */
void records_noticed(records *all, uint64_t number);

/* Notes that a handler returns, now. */
void records_returned(records *all, uint64_t number);

/* Fills in a reply with the records of a run, oldest first. BELAY_OK, or BELAY_RESOURCE_EXHAUSTED.
 * call: the asking handler's, whose memory is used. */
BELAY_WARN_UNUSED belay_code records_list(records *all, uint64_t run, belay_call *call,
                                          Belay__Testing__SeenReply *reply);

#endif
