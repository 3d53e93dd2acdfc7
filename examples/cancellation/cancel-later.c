/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct later {
    pthread_t thread;
    belay_context *context;
};

static void *
wait_and_cancel(void *argument)
{
    later *self = argument;
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* do some work */
    belay_cancel(self->context, REASON);
    return NULL;
}

later *
cancel_later(belay_context *context)
{
    later *self = malloc(sizeof *self);
    if (self == NULL)
        abort();
    self->context = context;
    if (pthread_create(&self->thread, NULL, wait_and_cancel, self) != 0)
        abort();
    return self;
}

void
cancel_later_join(later *self)
{
    pthread_join(self->thread, NULL);
    free(self);
}
