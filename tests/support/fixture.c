/* SPDX-License-Identifier: MIT */
#include "support/fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/loop_inside.h"
#include "io/timer.h"
#include "pool/pool.h"
#include "rpc/call.h"
#include "rpc/runtime.h"
#include "server/server.h"
#include "support/patience.h"

/* What a test needs before it can begin: not there, no test. */
static void
need(bool is_there, const char *what)
{
    if (!is_there)
        patience_lost("fixture: %s", what);
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static uint64_t
own_now(void *argument)
{
    return __atomic_load_n(&((fixture *)argument)->now, __ATOMIC_RELAXED);
}

static belay_runtime *
make_runtime(fixture *f, const fixture_options *options)
{
    belay_runtime_options *runtime_options = belay_runtime_options_new();
    need(runtime_options != NULL, "no memory");
    belay_runtime_options_set_log(runtime_options, options->log, options->log_argument,
                                  options->log_all ? BELAY_LOG_INFO : BELAY_LOG_WARNING);
    unsigned int threads = options->io_threads > 0 ? options->io_threads : 1;
    need(belay_runtime_options_set_io_threads(runtime_options, threads) == BELAY_OK, "I/O threads");
    f->now = belay_now();
    f->clock = (bly_clock){own_now, f};
    belay_runtime *runtime = bly_runtime_make(runtime_options,
                                              options->own_clock ? &f->clock : &bly_clock_monotonic);
    belay_runtime_options_free(runtime_options);
    return runtime;
}

static void
open_server(fixture *f, const fixture_options *options)
{
    f->server = belay_server_new(f->runtime, options->server);
    need(f->server != NULL, "no server");
    need(belay_test_probe_add(f->server, &options->handlers, options->data) == BELAY_OK, "no service");
    need(belay_server_listen(f->server, "127.0.0.1:0", options->tls) == BELAY_OK, "cannot listen");
    need(!options->admin || belay_admin_listen(f->server, "127.0.0.1:0") == BELAY_OK, "cannot listen for an operator");
    if (options->configure != NULL)
        options->configure(f->server);
    need(belay_server_start(f->server) == BELAY_OK, "cannot start");
    f->address = belay_server_address(f->server, 0);
}

void
fixture_open(fixture *f, const fixture_options *options)
{
    memset(f, 0, sizeof *f);
    gate_init(&f->held, "the I/O thread stands still");
    gate_init(&f->resume, "the I/O thread may go on");
    f->shares_runtime = options->runtime != NULL;
    f->runtime = f->shares_runtime ? belay_runtime_ref(options->runtime) : make_runtime(f, options);
    need(f->runtime != NULL, "no runtime");
    open_server(f, options);
    f->channel = belay_channel_new(f->runtime, f->address, options->channel);
    need(f->channel != NULL, "no channel");
}

/* ---- Closing ------------------------------------------------------------------------------------- */

static bool
is_unreferenced(void *argument)
{
    belay_runtime *runtime = argument;
    return __atomic_load_n(&runtime->refs.count, __ATOMIC_ACQUIRE) == 1;
}

void
fixture_close(fixture *f)
{
    FIXTURE_AWAIT(f, handlers_running, 0);
    belay_channel_free(f->channel);
    fixture_await_no_connection(f);
    if (!f->shares_runtime)
        FIXTURE_AWAIT(f, children_open, 0);
    belay_server_free(f->server);
    if (!f->shares_runtime)
        wait_until(is_unreferenced, f->runtime, "only the test refers to the runtime");
    belay_runtime_unref(f->runtime);
    gate_fini(&f->held);
    gate_fini(&f->resume);
}

/* ---- Order --------------------------------------------------------------------------------------- */

static void
stand_still(fixture *f)
{
    gate_open(&f->held);
    gate_wait_count(&f->resume, f->held.opened);
}

static void
hold_first(bly_loop_task *task)
{
    stand_still(BLY_CONTAINER_OF(task, fixture, hold[0]));
}

static void
hold_second(bly_loop_task *task)
{
    stand_still(BLY_CONTAINER_OF(task, fixture, hold[1]));
}

static void
post_hold(fixture *f)
{
    bly_loop_task *task = &f->hold[f->holds++ % 2];
    task->run = task == &f->hold[0] ? hold_first : hold_second;
    bly_loop_post(f->runtime->loops[0], task);
}

void
fixture_hold_io(fixture *f)
{
    post_hold(f);
    gate_wait_count(&f->held, f->holds);
}

void
fixture_release_io(fixture *f)
{
    gate_open(&f->resume);
}

void
fixture_step_io(fixture *f)
{
    post_hold(f);
    fixture_release_io(f);
    gate_wait_count(&f->held, f->holds);
}

static void
nothing(void *argument)
{
    (void)argument;
}

void
fixture_settle(fixture *f)
{
    for (unsigned int i = 0; i < f->runtime->loop_count; i++)
        bly_loop_call(f->runtime->loops[i], nothing, NULL);
}

static bool
has_looked(void *argument)
{
    return !bly_timers_want_look(argument);
}

/* A loop says that it looks at its timers, then fires them, then comes to its mailbox. */
void
fixture_advance(fixture *f, uint64_t ns)
{
    __atomic_fetch_add(&f->now, ns, __ATOMIC_RELAXED);
    for (unsigned int i = 0; i < f->runtime->loop_count; i++) {
        bly_timer_check(f->runtime->loops[i]);
        wait_until(has_looked, f->runtime->loops[i], "the loop looks at its timers");
    }
    fixture_settle(f);
}

/* ---- Looking ------------------------------------------------------------------------------------- */

belay_server_counters
fixture_counters(const fixture *f)
{
    belay_server_counters counters;
    belay_server_counters_read(f->server, &counters, sizeof counters);
    return counters;
}

typedef struct counter_wish {
    const fixture *fixture;
    size_t offset;
    uint64_t value;
} counter_wish;

static bool
counter_is(void *argument)
{
    const counter_wish *wish = argument;
    belay_server_counters counters = fixture_counters(wish->fixture);
    uint64_t value;
    memcpy(&value, (const char *)&counters + wish->offset, sizeof value);
    return value == wish->value;
}

void
fixture_await(const fixture *f, size_t offset, uint64_t value)
{
    static const char *const names[] = {"handlers_started", "handlers_running", "calls_cancelled",
                                        "dropped_in_queue", "calls_refused",    "children_open",
                                        "connections",      "workers",          "handlers_ignoring_cancel",
                                        "dropped_late",     "handshakes_failed"};
    _Static_assert(sizeof names / sizeof names[0] == sizeof(belay_server_counters) / sizeof(uint64_t), "each has one");
    counter_wish wish = {f, offset, value};
    char what[80];
    snprintf(what, sizeof what, "counter %s is %" PRIu64, names[offset / sizeof value], value);
    wait_until(counter_is, &wish, what);
}

typedef struct pool_wish {
    const fixture *fixture;
    unsigned int count;
} pool_wish;

static bly_pool_counts
pool_counts(const fixture *f)
{
    bly_pool_counts counts;
    bly_pool_counts_read(f->server->pool, &counts);
    return counts;
}

static bool
queue_is(void *argument)
{
    const pool_wish *wish = argument;
    return pool_counts(wish->fixture).queued == wish->count;
}

void
fixture_await_queued(const fixture *f, unsigned int count)
{
    pool_wish wish = {f, count};
    wait_until(queue_is, &wish, "calls in the pool's queue");
}

typedef struct message_wish {
    belay_call *call;
    size_t count;
} message_wish;

static bool
messages_are(void *argument)
{
    const message_wish *wish = argument;
    bly_mutex_lock(&wish->call->lock);
    bool are = wish->call->in_count == wish->count;
    bly_mutex_unlock(&wish->call->lock);
    return are;
}

void
fixture_await_messages(belay_call *call, size_t count)
{
    message_wish wish = {call, count};
    wait_until(messages_are, &wish, "messages that wait to be received");
}

static bool
blocked_is(void *argument)
{
    const pool_wish *wish = argument;
    return pool_counts(wish->fixture).blocked == wish->count;
}

void
fixture_await_blocked(const fixture *f, unsigned int count)
{
    pool_wish wish = {f, count};
    wait_until(blocked_is, &wish, "workers that sleep");
}

void
fixture_await_no_connection(const fixture *f)
{
    FIXTURE_AWAIT(f, connections, 0);
}

/* ---- Messages and calls -------------------------------------------------------------------------- */

Belay__Test__Note *
note_new(size_t size)
{
    Belay__Test__Note *note = malloc(sizeof *note + size);
    need(note != NULL, "no memory");
    belay__test__note__init(note);
    note->payload.data = (uint8_t *)(note + 1);
    note->payload.len = size;
    memset(note->payload.data, 'n', size);
    return note;
}

static belay_call_options *
with_timeout(uint64_t timeout_ns)
{
    belay_call_options *options = belay_call_options_new();
    need(options != NULL, "no memory");
    belay_call_options_set_timeout(options, timeout_ns);
    return options;
}

static belay_call *
started(belay_code code, belay_call *call, belay_call_options *options)
{
    need(code == BELAY_OK, "cannot start a call");
    belay_call_options_free(options);
    return call;
}

belay_call *
start_unary(fixture *f, belay_context *context, uint64_t timeout_ns)
{
    belay_call_options *options = with_timeout(timeout_ns);
    belay_call *call = NULL;
    belay_code code = belay_test_probe_unary_start(f->channel, context, NOTE("hello"), options, &call);
    return started(code, call, options);
}

belay_call *
start_upload(fixture *f, belay_context *context, uint64_t timeout_ns)
{
    belay_call_options *options = with_timeout(timeout_ns);
    belay_call *call = NULL;
    belay_code code = belay_test_probe_upload_start(f->channel, context, options, &call);
    return started(code, call, options);
}

belay_call *
start_download(fixture *f, belay_context *context, uint64_t timeout_ns)
{
    belay_call_options *options = with_timeout(timeout_ns);
    belay_call *call = NULL;
    belay_code code = belay_test_probe_download_start(f->channel, context, NOTE("hello"), options, &call);
    return started(code, call, options);
}

belay_call *
start_chat(fixture *f, belay_context *context, uint64_t timeout_ns)
{
    belay_call_options *options = with_timeout(timeout_ns);
    belay_call *call = NULL;
    belay_code code = belay_test_probe_chat_start(f->channel, context, options, &call);
    return started(code, call, options);
}

ending
finish(belay_call *call)
{
    belay_status *status = NULL;
    ending end = {.code = belay_call_finish(call, &status)};
    snprintf(end.message, sizeof end.message, "%s", belay_status_message(status));
    end.is_local = belay_status_is_local(status);
    belay_status_free(status);
    return end;
}
