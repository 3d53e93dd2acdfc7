/* SPDX-License-Identifier: MIT */
/* What the client and the demo show: progress while a search goes on, and what happened when it ended. */
#ifndef EXAMPLES_HASHSEARCH_DISPLAY_H
#define EXAMPLES_HASHSEARCH_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashsearch.pb-c.h"
#include "watch.h"

#define DISPLAY_BACKS_MAX 16

typedef struct display {
    bool terminal;  /* then one row is rewritten in place */
    size_t back_count;
    uint64_t hashes[DISPLAY_BACKS_MAX];
    uint64_t started_ns;
    uint64_t shown_ns;
} display;

void display_begin(display *self, size_t back_count);
void display_progress(display *self, const Hashsearch__Progress *progress);
void display_end(display *self);

/* Prints when each of the servers saw that a search was over, in microseconds after `zero_ns`, when `event`
 * happened to `who`. */
void display_timeline(const char *who, const char *event, uint64_t zero_ns, const Hashsearch__Sightings *seen,
                      const watch *clocks);

#endif
