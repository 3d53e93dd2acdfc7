/* SPDX-License-Identifier: MIT */
#include "base/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

#if defined(__linux__)

bool
bly_bell_init(bly_bell *bell)
{
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        return false;
    *bell = (bly_bell){.reader = descriptor, .writer = descriptor};
    return true;
}

#else

static bool
make_quiet(int descriptor)
{
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

bool
bly_bell_init(bly_bell *bell)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    if (!make_quiet(ends[0]) || !make_quiet(ends[1])) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    *bell = (bly_bell){.reader = ends[0], .writer = ends[1]};
    return true;
}

#endif

void
bly_bell_fini(bly_bell *bell)
{
    close(bell->reader);
    if (bell->writer != bell->reader)
        close(bell->writer);
}

void
bly_bell_ring(bly_bell *bell)
{
    /* Eight bytes suit an eventfd and a pipe alike. A full one (EAGAIN) is readable, which is all that is
     * wanted. */
    uint64_t one = 1;
    while (write(bell->writer, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void
bly_bell_silence(bly_bell *bell)
{
    uint64_t rung[8];
    while (read(bell->reader, rung, sizeof rung) < 0 && errno == EINTR)
        ;
}
