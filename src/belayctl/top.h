/* SPDX-License-Identifier: MIT */
#ifndef BELAYCTL_TOP_H
#define BELAYCTL_TOP_H

#include <stdbool.h>

#include "belayctl/ask.h"

/* Shows the server, again each second: count times, or with 0 until q is pressed or a signal comes. Gives the exit
 * code. */
int top_show(const admin_client *asker, uint64_t count, bool json);

#endif
