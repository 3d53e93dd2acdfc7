/* SPDX-License-Identifier: MIT */
/* In the place of a test whose library configure has not found. */
#include <stdio.h>

int
main(void)
{
    printf("skipped: configure has found no " MISSING "\n");
    return 77;
}
