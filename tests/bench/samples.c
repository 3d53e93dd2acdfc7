/* SPDX-License-Identifier: MIT */
#include "bench/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
make_room(sample_list *samples, size_t count)
{
    size_t capacity = samples->capacity != 0 ? samples->capacity : 1024;
    while (capacity < count)
        capacity *= 2;
    if (capacity == samples->capacity)
        return;
    float *us = realloc(samples->us, capacity * sizeof *us);
    if (us == NULL) {
        fprintf(stderr, "bench-client: no memory\n");
        exit(EXIT_FAILURE);
    }
    samples->us = us;
    samples->capacity = capacity;
}

void
samples_add(sample_list *samples, int64_t ns)
{
    make_room(samples, samples->count + 1);
    samples->us[samples->count++] = (float)((double)ns / 1e3);
}

void
samples_move(sample_list *samples, sample_list *from)
{
    make_room(samples, samples->count + from->count);
    if (from->count != 0)
        memcpy(samples->us + samples->count, from->us, from->count * sizeof *from->us);
    samples->count += from->count;
    samples_free(from);
}

static int
compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double
percentile(const sample_list *samples, double part)
{
    size_t index = (size_t)(part * (double)samples->count);
    return (double)samples->us[index < samples->count ? index : samples->count - 1];
}

void
samples_print(const char *what, sample_list *samples, unsigned int misses)
{
    if (samples->count == 0) {
        printf("%s none miss=%u\n", what, misses);
        return;
    }
    qsort(samples->us, samples->count, sizeof *samples->us, compare);
    printf("%s n=%zu miss=%u us: min=%.1f p50=%.1f p90=%.1f p99=%.1f max=%.1f\n", what, samples->count,
           misses, percentile(samples, 0), percentile(samples, .5), percentile(samples, .9),
           percentile(samples, .99), percentile(samples, 1));
}

void
samples_free(sample_list *samples)
{
    free(samples->us);
    memset(samples, 0, sizeof *samples);
}
