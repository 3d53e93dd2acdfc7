/* SPDX-License-Identifier: MIT */
#include "wait/scene.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "rpc/runtime.h"

void
scene_open(scene *s)
{
    s->runtime = belay_runtime_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->runtime);
    s->context = belay_context_new(s->runtime);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->context);
    CU_ASSERT_EQUAL_FATAL(pipe2(s->ends, O_CLOEXEC), 0);
}

static bool
is_last_reference(void *argument)
{
    const belay_runtime *runtime = argument;
    return __atomic_load_n(&runtime->refs.count, __ATOMIC_ACQUIRE) == 1;
}

/* A timer that has just fired may still hold the runtime, which would then end, and close its descriptors, some time
 * later on a thread of its own: in the middle of the next test. */
void
scene_close(scene *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->ends[i] >= 0)
            close(s->ends[i]);
    }
    belay_context_unref(s->context);
    wait_until(is_last_reference, s->runtime, "nothing refers to the runtime");
    belay_runtime_unref(s->runtime);
}

typedef struct wanted {
    belay_context *context;
    size_t count;
} wanted;

static bool
has_waiters(void *argument)
{
    wanted *w = argument;
    size_t count = 0;
    bly_mutex_lock(&w->context->lock);
    for (bly_link *link = w->context->waits.next; link != &w->context->waits; link = link->next)
        count++;
    bly_mutex_unlock(&w->context->lock);
    return count == w->count;
}

void
scene_await_waiters(scene *s, size_t count)
{
    wanted w = {s->context, count};
    wait_until(has_waiters, &w, "threads wait for the context");
}

int
count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

bool
is_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0;
}
