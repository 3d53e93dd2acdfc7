/* SPDX-License-Identifier: MIT */
/*
 * The end of a context as a descriptor: a bell that stands among the context's waits, and is rung with them.
 * It stays there after the end, so that it is found when it is closed.
 */
#include <belay/wait.h>

#include <stdlib.h>

#include "base/bell.h"
#include "cancel/context.h"
#include "rpc/scope.h"

typedef struct cancel_fd {
    bly_wait wait;
    /* const after creation */
    bly_bell bell;
    belay_context *context; /* a reference, but for a handler's or task's own: that has one */
    bool is_handlers;       /* in the handler's or task's arena, whose cleanup closes it */
} cancel_fd;

static void
ring(bly_wait *wait)
{
    bly_bell_ring(&BLY_CONTAINER_OF(wait, cancel_fd, wait)->bell);
}

static bool
has_descriptor(const bly_wait *wait, const void *argument)
{
    const int *fd = argument;
    return wait->ended == ring && BLY_CONTAINER_OF(wait, cancel_fd, wait)->bell.reader == *fd;
}

static bool
is_same(const bly_wait *wait, const void *argument)
{
    return wait == argument;
}

static void
close_at_handlers_end(void *argument)
{
    cancel_fd *self = argument;
    if (bly_context_wait_take(self->context, is_same, &self->wait) != NULL)
        bly_bell_fini(&self->bell);
}

/* In the arena of the handler or task with a cleanup there, which finds nothing when the rest cannot be had; else on the
 * heap. */
static cancel_fd *
record_new(belay_context *context)
{
    const bly_scope *scope = bly_context_handler(context);
    cancel_fd *self = scope != NULL ? bly_arena_alloc(scope->arena, sizeof *self) : malloc(sizeof *self);
    if (self == NULL)
        return NULL;
    *self = (cancel_fd){.wait = {.ended = ring}, .context = context, .is_handlers = scope != NULL};
    bly_link_init(&self->wait.link);
    if (scope == NULL)
        belay_context_ref(context);
    else if (!bly_arena_defer(scope->arena, close_at_handlers_end, self))
        return NULL;
    return self;
}

/* Of one that is not among the waits. */
static void
record_free(cancel_fd *self)
{
    if (self->is_handlers)
        return;
    belay_context_unref(self->context);
    free(self);
}

belay_code
belay_cancel_fd(belay_context *context, int *fd)
{
    if (context == NULL || fd == NULL)
        return BELAY_INVALID_ARGUMENT;
    cancel_fd *self = record_new(context);
    if (self == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (!bly_bell_init(&self->bell)) {
        record_free(self);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    *fd = self->bell.reader; /* before anybody can close it */
    bly_context_wait_add(context, &self->wait);
    return BELAY_OK;
}

void
belay_cancel_fd_close(belay_context *context, int fd)
{
    if (context == NULL)
        return;
    bly_wait *wait = bly_context_wait_take(context, has_descriptor, &fd);
    if (wait == NULL)
        return;
    cancel_fd *self = BLY_CONTAINER_OF(wait, cancel_fd, wait);
    bly_bell_fini(&self->bell);
    record_free(self);
}
