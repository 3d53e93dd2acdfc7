/* SPDX-License-Identifier: MIT */
#include "rpc/watchdog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stack.h"
#include "rpc/server_call.h"

/* ---- The report ------------------------------------------------------------------------------------- */

/* A report on its way over the notifier, which adds the stack. */
typedef struct report {
    bly_notifier_item item;
    bly_server_call *server; /* with a reference */
    char text[];
} report;

static bly_log *
log_of(bly_server_call *server)
{
    return &server->call.runtime->log;
}

static double
seconds_since(uint64_t then, uint64_t now)
{
    return now > then ? (double)(now - then) / 1e9 : 0;
}

/* What there is to say, into a buffer of `room` bytes; gives the length that it would have. I/O thread: the
 * peer's name is there until the same thread learns that the call is over. */
static size_t
describe(const bly_server_call *server, const bly_thread_identity *worker, char *text, size_t room)
{
    const belay_context *context = server->call.context;
    const char *reason = belay_context_reason(context);
    uint64_t now = bly_clock_now(context->environment->clock);
    const char *open = reason[0] != '\0' ? ", reason: \"" : "";
    const char *close = reason[0] != '\0' ? "\"" : "";
    int length = snprintf(text, room,
                          "handler ignores its cancellation: %s from %s, cancelled %.3f s ago (cause: %s%s%s%s), "
                          "called %.3f s ago, thread %s (%" PRIu64 ")",
                          server->call.method->path, server->peer,
                          seconds_since(belay_context_end_time(context), now),
                          belay_cause_name(belay_context_cause(context)), open, reason, close,
                          seconds_since(server->job.queued_at, now), worker->name, worker->kernel_id);
    return length > 0 ? (size_t)length : 0;
}

/* The call's lock keeps the worker in its handler, and so alive, while it is sent the signal. A stack that was
 * taken after the handler's return is none of the handler's. */
static int
take_stack(bly_server_call *server, void **frames)
{
    bly_stack_begin();
    bly_mutex_lock(&server->call.lock);
    bool asked = server->run_state == BLY_RUN_RUNNING && bly_stack_ask(server->watch.worker);
    bly_mutex_unlock(&server->call.lock);
    int count = bly_stack_end(asked, frames);
    return bly_server_call_is_running(server) ? count : 0;
}

static void
report_with_stack(bly_notifier_item *item)
{
    report *self = BLY_CONTAINER_OF(item, report, item);
    bly_server_call *server = self->server;
    void *frames[BLY_STACK_FRAMES];
    int count = take_stack(server, frames);
    char *stack = count > 0 ? bly_stack_describe(frames, count) : NULL;
    if (stack != NULL)
        bly_log_write(log_of(server), BELAY_LOG_WARNING, "%s, stack: %s", self->text, stack);
    else
        bly_log_write(log_of(server), BELAY_LOG_WARNING, "%s, %s", self->text,
                      bly_server_call_is_running(server) ? "its stack cannot be had"
                                                         : "returned before its stack was taken");
    free(stack);
    free(self);
    bly_call_unref(&server->call);
}

static void
write_report(bly_server_call *server, const bly_thread_identity *worker)
{
    size_t size = describe(server, worker, NULL, 0) + 16; /* times may be longer the next time */
    report *made = malloc(sizeof *made + size);
    if (made == NULL)
        return;
    describe(server, worker, made->text, size);
    if (worker->stack_signal == 0) {
        bly_log_write(log_of(server), BELAY_LOG_WARNING, "%s", made->text);
        free(made);
        return;
    }
    bly_call_ref(&server->call);
    made->server = server;
    made->item.run = report_with_stack;
    bly_notifier_post(server->call.runtime->notifier, &made->item);
}

/* ---- The watch -------------------------------------------------------------------------------------- */

static void
fire(bly_timer *timer)
{
    bly_server_call *server = BLY_CONTAINER_OF(timer, bly_server_call, watch.timer);
    bly_thread_identity worker = {.self = 0};
    bly_mutex_lock(&server->call.lock);
    bool ignores = server->run_state == BLY_RUN_RUNNING;
    if (ignores)
        worker = *server->watch.worker;
    bly_mutex_unlock(&server->call.lock);
    if (ignores) {
        bly_server_call_count_ignoring(server);
        write_report(server, &worker);
    }
    bly_call_unref(&server->call);
}

void
bly_watch_begin_locked(bly_server_call *server, const bly_thread_identity *worker)
{
    BLY_ASSERT_HELD(&server->call.lock);
    server->watch.worker = worker;
}

void
bly_watch_cancelled_locked(bly_server_call *server)
{
    bly_watch *watch = &server->watch;
    BLY_ASSERT_HELD(&server->call.lock);
    watch->has_cpu = bly_thread_cpu_time(watch->worker, &watch->cpu_ns);
    if (watch->patience_ns == BELAY_FOREVER)
        return;
    bly_timer_init(&watch->timer, fire);
    bly_call_ref(&server->call);
    uint64_t at = bly_clock_after(server->call.context->end_time, watch->patience_ns);
    watch->armed = bly_timer_arm(server->call.loop, &watch->timer, at);
    if (!watch->armed)
        bly_call_unref(&server->call); /* no memory: nobody watches; the running handler has a reference */
}

bool
bly_watch_end_locked(bly_server_call *server)
{
    bly_watch *watch = &server->watch;
    BLY_ASSERT_HELD(&server->call.lock);
    watch->worker = NULL;
    return watch->armed && bly_timer_disarm(server->call.loop, &watch->timer);
}

bool
bly_watch_cpu_since_cancel(const bly_server_call *server, uint64_t *ns)
{
    const bly_watch *watch = &server->watch;
    uint64_t now;
    if (!watch->has_cpu || !bly_thread_cpu_time(bly_thread_identity_own(), &now))
        return false;
    *ns = now > watch->cpu_ns ? now - watch->cpu_ns : 0;
    return true;
}
