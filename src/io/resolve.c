/* SPDX-License-Identifier: MIT */
#include "io/resolve.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/thread.h"
#include "io/loop_inside.h"

struct bly_resolve {
    /* I/O thread only */
    bly_loop *loop;
    bly_resolve_function function; /* NULL: cancelled */
    void *argument;
    uv_getaddrinfo_t request;
    bly_loop_deferred refusal; /* pending: libuv did not take the request */
    int status;
};

/* The end of every resolution. It is gone when the function is called. */
static void
finish(bly_resolve *resolve, const struct addrinfo *addresses)
{
    bly_resolve_function function = resolve->function;
    void *argument = resolve->argument;
    int status = resolve->status;
    free(resolve);
    if (function != NULL)
        function(argument, addresses, status == 0 ? NULL : uv_strerror(status));
}

static void
resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    bly_resolve *resolve = request->data;
    bly_loop_say_awake(resolve->loop);
    resolve->status = status;
    finish(resolve, status == 0 ? addresses : NULL);
    uv_freeaddrinfo(addresses);
}

static void
refused(bly_loop_deferred *deferred)
{
    finish(BLY_CONTAINER_OF(deferred, bly_resolve, refusal), NULL);
}

/* libuv starts the threads that resolve for all loops at the first request. A borrower's signals are the program's,
 * and not for them. */
static int
request(bly_resolve *resolve, const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    sigset_t before;
    bly_thread_block_signals(&before);
    int status = uv_getaddrinfo(&resolve->loop->uv, &resolve->request, resolved, host, port, &hints);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

bly_resolve *
bly_resolve_start(bly_loop *loop, const char *host, const char *port, bly_resolve_function function,
                  void *argument)
{
    BLY_ASSERT_CURRENT(loop);
    bly_resolve *resolve = calloc(1, sizeof *resolve);
    if (resolve == NULL)
        return NULL;
    resolve->loop = loop;
    resolve->function = function;
    resolve->argument = argument;
    resolve->request.data = resolve;
    resolve->refusal.run = refused;
    resolve->status = request(resolve, host, port);
    if (resolve->status != 0)
        bly_loop_defer(loop, &resolve->refusal); /* for example a name too long to be one */
    return resolve;
}

void
bly_resolve_cancel(bly_resolve *resolve)
{
    BLY_ASSERT_CURRENT(resolve->loop);
    resolve->function = NULL;
    if (!resolve->refusal.pending)
        uv_cancel((uv_req_t *)&resolve->request); /* works while it waits for a thread of the pool */
}
