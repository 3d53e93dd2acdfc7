/* SPDX-License-Identifier: MIT */
/*
 * Dice for the stress suites: what is thrown follows from where they begin.
 */
#ifndef TESTS_SUPPORT_DICE_H
#define TESTS_SUPPORT_DICE_H

#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

static inline unsigned int
roll(dice *d, unsigned int sides)
{
    d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned int)(d->state >> 33) % sides;
}

#endif
