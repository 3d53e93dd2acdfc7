/* SPDX-License-Identifier: MIT */
/* The limit server's threads for handlers, and the two lists over which calls go to them and come back. */
#ifndef LIMITS_WORKERS_H
#define LIMITS_WORKERS_H

#include <stdbool.h>

#include "bench/limits/call.h"

/* How often a worker is woken, which costs more than HTTP/2 does. */
typedef enum wake_mode {
    WAKE_EACH,  /* for each call */
    WAKE_BATCH, /* once in a turn of the event loop */
    WAKE_CHAIN, /* the same, and a worker that leaves calls behind wakes another */
} wake_mode;

/* done_event: an eventfd that is written when the list of calls that came back stops being empty. */
bool workers_start(unsigned int count, wake_mode mode, int done_event);

/* All of these on the I/O thread. */
void workers_give(limit_call *call);
void workers_end_of_turn(void);
limit_call *workers_take_done(void);

#endif
