/* SPDX-License-Identifier: MIT */
#include "server/extension.h"

#include <string.h>

static bly_extension *
of_link(bly_link *link)
{
    return BLY_LIST_ENTRY(link, bly_extension, link);
}

belay_code
bly_server_may_extend(belay_server *server, const bly_extension_kind *kind)
{
    if (server == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    return bly_server_extension(server, kind) == NULL ? BELAY_OK : BELAY_ALREADY_EXISTS;
}

void
bly_server_extend(belay_server *server, bly_extension *extension, const bly_extension_kind *kind)
{
    extension->kind = kind;
    bly_link_init(&extension->link);
    bly_list_append(&server->extensions, &extension->link);
}

bly_extension *
bly_server_extension(const belay_server *server, const bly_extension_kind *kind)
{
    for (bly_link *link = server->extensions.next; link != &server->extensions; link = link->next) {
        if (of_link(link)->kind == kind)
            return of_link(link);
    }
    return NULL;
}

/* ---- The drain ------------------------------------------------------------------------------------------ */

/* Waits for what the loop has put off to the end of its turn: the flushes that were put off before are done first. */
typedef struct flush_wait {
    bly_loop_deferred deferred;
    bly_loop *loop;
    bly_mutex lock;
    bly_condition done;
    bool is_done; /* guarded by lock */
} flush_wait;

static void
flushed(bly_loop_deferred *deferred)
{
    flush_wait *wait = BLY_CONTAINER_OF(deferred, flush_wait, deferred);
    bly_mutex_lock(&wait->lock);
    wait->is_done = true;
    bly_condition_broadcast(&wait->done);
    bly_mutex_unlock(&wait->lock);
}

static void
put_off(void *argument)
{
    flush_wait *wait = argument;
    bly_loop_defer(wait->loop, &wait->deferred);
}

static void
await_flush(bly_loop *loop)
{
    flush_wait wait = {.deferred = {.run = flushed}, .loop = loop};
    bly_mutex_init(&wait.lock);
    bly_condition_init(&wait.done);
    bly_loop_call(loop, put_off, &wait);
    bly_mutex_lock(&wait.lock);
    while (!wait.is_done)
        (void)bly_condition_wait_until(&wait.done, &wait.lock, BELAY_FOREVER);
    bly_mutex_unlock(&wait.lock);
    bly_condition_fini(&wait.done);
    bly_mutex_fini(&wait.lock);
}

void
bly_server_tell_extensions(belay_server *server)
{
    if (bly_list_is_empty(&server->extensions))
        return;
    for (bly_link *link = server->extensions.next; link != &server->extensions; link = link->next) {
        if (of_link(link)->kind->draining != NULL)
            of_link(link)->kind->draining(of_link(link));
    }
    for (unsigned int i = 0; i < server->runtime->loop_count; i++)
        await_flush(server->runtime->loops[i]);
}

void
bly_server_free_extensions(belay_server *server)
{
    bly_link *link;
    while ((link = bly_list_take_first(&server->extensions)) != NULL)
        of_link(link)->kind->destroy(of_link(link));
}
