/* SPDX-License-Identifier: MIT */
/*
 * A clock that stands until a test moves it: one for the program. Any thread.
 */
#ifndef TESTS_SUPPORT_FAKE_CLOCK_H
#define TESTS_SUPPORT_FAKE_CLOCK_H

#include <stdint.h>

#include "base/clock.h"

extern const bly_clock fake_clock;

void fake_clock_set(uint64_t now);
void fake_clock_add(uint64_t ns);

#endif
