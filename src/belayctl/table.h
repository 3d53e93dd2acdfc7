/* SPDX-License-Identifier: MIT */
/*
 * The answers as columns, on standard output.
 */
#ifndef BELAYCTL_TABLE_H
#define BELAYCTL_TABLE_H

#include "belayctl/ask.h"

/* At most `rows` calls; 0: all. end: what ends a line. */
void table_print_calls(call_row *const *calls, size_t count, size_t rows, const char *end);

void table_print_stats(const server_stats *stats);

#endif
