/* SPDX-License-Identifier: MIT */
#include <belay/version.h>

const char *
belay_version(void)
{
    return BELAY_VERSION_STRING;
}
