/* SPDX-License-Identifier: MIT */
#include "transport/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mutex.h"
#include "base/refcount.h"
#include "io/straggler.h"
#include "io/timer.h"
#include "io/watch.h"

#define LONGEST 1000000000u /* ns */

/* ---- Counting ------------------------------------------------------------------------------------ */

struct bly_linger_count {
    bly_refcount refs;
    bly_mutex lock;
    bly_condition changed;
    size_t sockets; /* guarded by lock */
};

bly_linger_count *
bly_linger_count_new(void)
{
    bly_linger_count *count = calloc(1, sizeof *count);
    if (count == NULL)
        return NULL;
    bly_refcount_init(&count->refs);
    bly_mutex_init(&count->lock);
    bly_condition_init(&count->changed);
    return count;
}

bly_linger_count *
bly_linger_count_ref(bly_linger_count *count)
{
    bly_refcount_take(&count->refs);
    return count;
}

void
bly_linger_count_unref(bly_linger_count *count)
{
    if (count == NULL || !bly_refcount_release(&count->refs))
        return;
    bly_condition_fini(&count->changed);
    bly_mutex_fini(&count->lock);
    free(count);
}

size_t
bly_linger_count_read(bly_linger_count *count)
{
    bly_mutex_lock(&count->lock);
    size_t sockets = count->sockets;
    bly_mutex_unlock(&count->lock);
    return sockets;
}

bool
bly_linger_count_wait(bly_linger_count *count, uint64_t deadline)
{
    bool in_time = true;
    bly_mutex_lock(&count->lock);
    while (count->sockets > 0 && in_time)
        in_time = bly_condition_wait_until(&count->changed, &count->lock, deadline);
    bool none = count->sockets == 0;
    bly_mutex_unlock(&count->lock);
    return none;
}

void
bly_linger_count_add(bly_linger_count *count)
{
    if (count == NULL)
        return;
    bly_linger_count_ref(count);
    bly_mutex_lock(&count->lock);
    count->sockets++;
    bly_mutex_unlock(&count->lock);
}

void
bly_linger_count_take_away(bly_linger_count *count)
{
    if (count == NULL)
        return;
    bly_mutex_lock(&count->lock);
    if (--count->sockets == 0)
        bly_condition_broadcast(&count->changed);
    bly_mutex_unlock(&count->lock);
    bly_linger_count_unref(count);
}

/* ---- One socket ---------------------------------------------------------------------------------- */

typedef struct lingering {
    /* const after creation */
    bly_loop *loop;
    int descriptor;
    bly_linger_count *count; /* a reference, or NULL */
    /* I/O thread only */
    bly_watch *watch;
    bly_straggler straggler;
    bly_timer timer;
    size_t left; /* bytes that may come */
} lingering;

/* One read, so that others have their turn. True: more may come. */
static bool
throw_away(bly_loop *loop, int descriptor, size_t *left)
{
    size_t size = *left < BLY_LOOP_BUFFER_SIZE ? *left : BLY_LOOP_BUFFER_SIZE;
    if (size == 0)
        return false;
    ssize_t got = recv(descriptor, bly_loop_buffer(loop), size, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    *left -= (size_t)got;
    return got > 0;
}

/* The timer fires on this thread, and does not any more. */
static void
finish(lingering *self)
{
    bly_timer_disarm(self->loop, &self->timer);
    bly_straggler_leave(&self->straggler);
    bly_watch_free(self->watch);
    close(self->descriptor);
    bly_linger_count_take_away(self->count);
    free(self);
}

static void
ready(void *argument, unsigned int events)
{
    lingering *self = argument;
    (void)events;
    if (!throw_away(self->loop, self->descriptor, &self->left))
        finish(self);
}

static void
time_is_over(bly_timer *timer)
{
    finish(BLY_CONTAINER_OF(timer, lingering, timer));
}

static void
give_up(bly_straggler *straggler)
{
    finish(BLY_CONTAINER_OF(straggler, lingering, straggler));
}

static bool
begin(bly_loop *loop, int descriptor, size_t left, bly_linger_count *count)
{
    lingering *self = calloc(1, sizeof *self);
    if (self == NULL)
        return false;
    self->loop = loop;
    self->descriptor = descriptor;
    self->left = left;
    self->watch = bly_watch_new(loop, descriptor, ready, self);
    bly_timer_init(&self->timer, time_is_over);
    uint64_t until = bly_clock_after(bly_clock_now(bly_loop_clock(loop)), LONGEST);
    if (self->watch == NULL || !bly_timer_arm(loop, &self->timer, until)) {
        bly_watch_free(self->watch);
        free(self);
        return false;
    }
    self->count = count;
    bly_linger_count_add(count);
    bly_straggler_enter(loop, &self->straggler, give_up);
    bly_watch_set(self->watch, BLY_WATCH_READ);
    return true;
}

void
bly_linger(bly_loop *loop, int descriptor, size_t most, bly_linger_count *count)
{
    bool may_come = shutdown(descriptor, SHUT_WR) == 0 && throw_away(loop, descriptor, &most);
    if (!may_come || !begin(loop, descriptor, most, count))
        close(descriptor);
}
