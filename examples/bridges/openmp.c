/* SPDX-License-Identifier: MIT */
/*
 * OpenMP: threads of its own that share the call's flag. Looking at it costs one load, on any thread.
 *
 * No thread may leave a `#pragma omp for` early. There, `#pragma omp cancel for` does that, if the program
 * was started with OMP_CANCELLATION=true:
 *
 *     #pragma omp for
 *     for (uint64_t n = 2; n < end; n++) {
 *         found += is_prime(n);
 *         if (belay_cancelled(call)) {
 *             #pragma omp cancel for
 *         }
 *         #pragma omp cancellation point for
 *     }
 *
 * Here, each thread takes blocks from a counter, and stops when it likes.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bridges.h"

#define BLOCK 1000
#define HIGHEST UINT64_C(1000000000000) /* one number takes up to a million divisions, between two looks */

static bool
is_prime(uint64_t n)
{
    for (uint64_t factor = 2; factor * factor <= n; factor++) {
        if (n % factor == 0)
            return false;
    }
    return n >= 2;
}

static uint64_t
count_primes(const belay_call *call, uint64_t end)
{
    uint64_t next = 0, found = 0;
    #pragma omp parallel reduction(+ : found)
    while (!belay_cancelled(call)) {
        uint64_t block;
        #pragma omp atomic capture
        { block = next; next += BLOCK; }
        if (block >= end)
            break;
        for (uint64_t n = block; n < block + BLOCK && n < end && !belay_cancelled(call); n++)
            found += is_prime(n);
    }
    return found;
}

belay_code
ask_openmp(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    uint64_t end = strtoull(question->text, NULL, 10);
    if (end > HIGHEST)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "beyond %" PRIu64, HIGHEST);
    uint64_t found = count_primes(call, end);
    if (belay_cancelled(call))
        return belay_context_code(belay_call_context(call)); /* the number is not the whole one */
    answer->text = belay_printf(call, "%" PRIu64, found);
    return BELAY_OK;
}
