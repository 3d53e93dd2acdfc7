/* SPDX-License-Identifier: MIT */
/*
 * Linux finds the thread that is to be woken in a hash table. Since 6.16 each process has its own, of four places
 * for each processor (16 at least), however many threads it has: with ten thousand asleep on two processors the
 * waker walks past hundreds of others, and waking them all takes two to three times as long as with a table of
 * the right size.
 */
#include "base/thread.h"

#if defined(__linux__)

#include <sys/prctl.h>

/* Younger than the C library's headers on the systems that we build on. */
#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#define PR_FUTEX_HASH_GET_SLOTS 2
#endif

#define SLEEPERS_A_SLOT 4
#define MOST_SLOTS 4096 /* 64 bytes each, in the kernel */

void
bly_thread_expect(unsigned int count)
{
    unsigned long slots = 2;
    while (slots < MOST_SLOTS && slots < count / SLEEPERS_A_SLOT)
        slots *= 2;
    /* 0: the system's table, which serves all processes, has been chosen by the program or somebody who started it; or
     * this is the only thread, and the kernel has yet to choose. */
    int present = prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS, 0ul, 0ul, 0ul);
    if (present > 0 && slots > (unsigned long)present)
        (void)prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, slots, 0ul, 0ul);
}

#else

void
bly_thread_expect(unsigned int count)
{
    (void)count;
}

#endif
