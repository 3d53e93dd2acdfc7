/* SPDX-License-Identifier: MIT */
#include "io/watch.h"

#include <stdlib.h>

#include "base/assert.h"
#include "io/loop_inside.h"

struct bly_watch {
    /* const after creation */
    bly_loop *loop;
    bly_watch_function function;
    void *argument;
    /* I/O thread only */
    uv_poll_t poll;
    unsigned int events; /* what is watched for */
    bool dead;           /* freed, and waiting for libuv */
};

static void start(bly_watch *watch);

/* libuv stops a poll that meets an error. The read or write that the owner tries will tell which; until
 * then it is ready for all that is watched, and stays so like any other readiness. */
static void
ready_with_error(bly_watch *watch)
{
    watch->function(watch->argument, watch->events);
    if (!watch->dead && watch->events != 0 && !uv_is_active((uv_handle_t *)&watch->poll))
        start(watch);
}

static void
ready(uv_poll_t *poll, int status, int happened)
{
    bly_watch *watch = poll->data;
    if (watch->dead)
        return;
    bly_loop_say_awake(watch->loop);
    if (status < 0) {
        ready_with_error(watch);
        return;
    }
    unsigned int events = 0;
    if (happened & UV_READABLE)
        events |= BLY_WATCH_READ;
    if (happened & UV_WRITABLE)
        events |= BLY_WATCH_WRITE;
    events &= watch->events;
    if (events != 0)
        watch->function(watch->argument, events);
}

static void
start(bly_watch *watch)
{
    int wanted = 0;
    if (watch->events & BLY_WATCH_READ)
        wanted |= UV_READABLE;
    if (watch->events & BLY_WATCH_WRITE)
        wanted |= UV_WRITABLE;
    int failed = uv_poll_start(&watch->poll, wanted, ready);
    BLY_ASSERT(failed == 0); /* only when another watch has the descriptor */
}

bly_watch *
bly_watch_new(bly_loop *loop, int descriptor, bly_watch_function function, void *argument)
{
    BLY_ASSERT_CURRENT(loop);
    bly_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->loop = loop;
    watch->function = function;
    watch->argument = argument;
    if (uv_poll_init(&loop->uv, &watch->poll, descriptor) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    return watch;
}

void
bly_watch_set(bly_watch *watch, unsigned int events)
{
    BLY_ASSERT_CURRENT(watch->loop);
    BLY_ASSERT(!watch->dead);
    if (events == watch->events)
        return;
    watch->events = events;
    if (events == 0)
        uv_poll_stop(&watch->poll);
    else
        start(watch);
}

static void
closed(uv_handle_t *handle)
{
    free(handle->data);
}

void
bly_watch_free(bly_watch *watch)
{
    if (watch == NULL)
        return;
    BLY_ASSERT_CURRENT(watch->loop);
    BLY_ASSERT(!watch->dead);
    watch->dead = true;
    uv_close((uv_handle_t *)&watch->poll, closed); /* also takes the descriptor out of the poll set */
}
