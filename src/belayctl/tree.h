/* SPDX-License-Identifier: MIT */
/*
 * The calls as a tree, on standard output.
 */
#ifndef BELAYCTL_TREE_H
#define BELAYCTL_TREE_H

#include <stdbool.h>

#include "belayctl/ask.h"

/* Both want the list by ids, as the server sends it. False without memory. */
bool tree_print(const call_list *list);
bool tree_print_json(const call_list *list);

#endif
