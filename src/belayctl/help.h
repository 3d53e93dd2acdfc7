/* SPDX-License-Identifier: MIT */
#ifndef BELAYCTL_HELP_H
#define BELAYCTL_HELP_H

/* Prints what --help shows. */
void help_print(void);

#endif
