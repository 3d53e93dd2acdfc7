/* SPDX-License-Identifier: MIT */
/*
 * The answers as JSON (RFC 8259), on standard output.
 */
#ifndef BELAYCTL_JSON_H
#define BELAYCTL_JSON_H

#include "belayctl/ask.h"

/* An array of the calls. Without a newline, as the next. */
void json_print_calls(const call_list *list);
void json_print_stats(const server_stats *stats);

/* The fields of a call, without the braces. */
void json_print_fields(const call_row *row);

#endif
