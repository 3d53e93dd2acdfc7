/* SPDX-License-Identifier: MIT */
/* Measured times, and the line that sums them up. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct sample_list {
    float *us;
    size_t count;
    size_t capacity;
} sample_list;

/* Adds a time given in nanoseconds. Ends the program when there is no memory. */
void samples_add(sample_list *samples, int64_t ns);

/* Moves what is in the second to the first; the second is empty afterwards. */
void samples_move(sample_list *samples, sample_list *from);

/* Prints count, misses and percentiles. Sorts the samples. */
void samples_print(const char *what, sample_list *samples, unsigned int misses);

void samples_free(sample_list *samples);

#endif
