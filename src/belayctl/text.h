/* SPDX-License-Identifier: MIT */
/*
 * Words for people: times, and strings that come from elsewhere.
 */
#ifndef BELAYCTL_TEXT_H
#define BELAYCTL_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "belayctl/ask.h"

#define TEXT_TIME_SIZE 24

/* "12ms", "3.4s", "5m07s", "2h03m", "4d11h". Returns `to`. */
const char *text_time(uint64_t ms, char to[TEXT_TIME_SIZE]);

/* Prints a string whose control characters, which a terminal would obey, are shown as "?". */
void text_print(FILE *file, const char *string);

/* "from 127.0.0.1:40312", "to 127.0.0.1:50051". */
void text_print_peer(FILE *file, const call_row *row);

/* "operator 1.2s ago: too slow"; nothing for a call that was not cancelled. */
void text_print_end(FILE *file, const call_row *row);

#endif
