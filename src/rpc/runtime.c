/* SPDX-License-Identifier: MIT */
#include "rpc/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "io/lend.h"
#include "pool/pool.h"
#include "rpc/deadline.h"
#include "wire/metadata.h"
#include "wire/utf8.h"

/* ---- Options ----------------------------------------------------------------------------------- */

static void
log_to_standard_error(void *argument, belay_log_level level, const char *text)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)argument;
    fprintf(stderr, "belay: %s: %s\n", names[level & 3], text);
}

static const belay_runtime_options default_options = {
    .io_threads = 1,
    .log_function = log_to_standard_error,
    .log_level = BELAY_LOG_WARNING,
};

belay_runtime_options *
belay_runtime_options_new(void)
{
    belay_runtime_options *options = malloc(sizeof *options);
    if (options != NULL)
        *options = default_options;
    return options;
}

void
belay_runtime_options_free(belay_runtime_options *options)
{
    free(options);
}

belay_code
belay_runtime_options_set_io_threads(belay_runtime_options *options, unsigned int count)
{
    if (options == NULL || count < 1 || count > BLY_RUNTIME_MAX_IO_THREADS)
        return BELAY_INVALID_ARGUMENT;
    options->io_threads = count;
    return BELAY_OK;
}

void
belay_runtime_options_set_log(belay_runtime_options *options, belay_log_function function, void *argument,
                              belay_log_level level)
{
    options->log_function = function;
    options->log_argument = argument;
    options->log_level = level;
}

/* ---- The log's way to the notifier ---------------------------------------------------------------- */

static void
drain_log(bly_notifier_item *item)
{
    belay_runtime *runtime = BLY_CONTAINER_OF(item, belay_runtime, log_item);
    /* Before draining: a line that comes in between posts again. */
    __atomic_store_n(&runtime->log_posted, 0, __ATOMIC_SEQ_CST);
    bly_log_drain(&runtime->log);
}

static void
wake_log(void *argument)
{
    belay_runtime *runtime = argument;
    if (__atomic_exchange_n(&runtime->log_posted, 1, __ATOMIC_SEQ_CST) == 0)
        bly_notifier_post(runtime->notifier, &runtime->log_item);
}

/* Somebody who waits for the notifier to come by. */
typedef struct log_flush {
    bly_notifier_item item;
    bly_refcount refs; /* the waiter's and the notifier's */
    belay_runtime *runtime;
    bly_mutex lock;
    bly_condition changed;
    bool done; /* guarded by lock */
} log_flush;

static void
release_flush(log_flush *flush)
{
    if (!bly_refcount_release(&flush->refs))
        return;
    bly_condition_fini(&flush->changed);
    bly_mutex_fini(&flush->lock);
    free(flush);
}

static void
run_flush(bly_notifier_item *item)
{
    log_flush *flush = BLY_CONTAINER_OF(item, log_flush, item);
    bly_log_drain(&flush->runtime->log);
    bly_mutex_lock(&flush->lock);
    flush->done = true;
    bly_condition_signal(&flush->changed);
    bly_mutex_unlock(&flush->lock);
    release_flush(flush);
}

void
bly_runtime_flush_log(belay_runtime *runtime)
{
    log_flush *flush = calloc(1, sizeof *flush);
    if (flush == NULL)
        return;
    bly_refcount_init(&flush->refs);
    bly_refcount_take(&flush->refs);
    bly_mutex_init(&flush->lock);
    bly_condition_init(&flush->changed);
    flush->item.run = run_flush;
    flush->runtime = runtime;
    bly_notifier_post(runtime->notifier, &flush->item);
    uint64_t until = bly_clock_after(belay_now(), BELAY_SECONDS(1));
    bly_mutex_lock(&flush->lock);
    while (!flush->done && bly_condition_wait_until(&flush->changed, &flush->lock, until))
        continue;
    bly_mutex_unlock(&flush->lock);
    release_flush(flush);
}

/* ---- What contexts need --------------------------------------------------------------------------- */

static belay_runtime *
of_environment(bly_context_environment *environment)
{
    return BLY_CONTAINER_OF(environment, belay_runtime, environment);
}

static void
retain(bly_context_environment *environment)
{
    bly_refcount_take(&of_environment(environment)->refs);
}

static void
release(bly_context_environment *environment)
{
    belay_runtime_unref(of_environment(environment));
}

static void *
arm(bly_context_environment *environment, belay_context *context, uint64_t at)
{
    return bly_deadline_arm(bly_runtime_next_loop(of_environment(environment)), context, at);
}

static void
disarm(bly_context_environment *environment, void *handle)
{
    (void)environment;
    bly_deadline_disarm(handle);
}

belay_context *
belay_context_new(belay_runtime *runtime)
{
    if (runtime == NULL || !bly_runtime_usable(runtime))
        return NULL;
    return bly_context_make(&runtime->environment, NULL, BELAY_FOREVER, false, NULL, NULL);
}

/* Here, and not on the context's floor, which knows no UTF-8. */
void
belay_cancel(belay_context *context, const char *reason)
{
    char *valid = reason != NULL ? bly_utf8_sanitize(reason, strlen(reason), NULL) : NULL;
    bly_context_end(context, BELAY_CAUSE_APPLICATION, valid);
    free(valid);
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
destroy(belay_runtime *runtime)
{
    for (unsigned int i = 0; i < runtime->loop_count; i++)
        bly_loop_free(runtime->loops[i]);
    bly_notifier_free(runtime->notifier);
    bly_log_drain(&runtime->log);
    bly_log_fini(&runtime->log);
    bly_mutex_fini(&runtime->residents_lock);
    free(runtime);
}

/* Whether no caller waits for anything. */
static bool
is_quiet(void *argument)
{
    const belay_runtime *runtime = argument;
    return __atomic_load_n(&runtime->calls_open, __ATOMIC_RELAXED) == 0;
}

static bool
start_threads(belay_runtime *runtime, unsigned int io_threads)
{
    runtime->notifier = bly_notifier_new("belay-notifier");
    if (runtime->notifier == NULL)
        return false;
    for (unsigned int i = 0; i < io_threads; i++) {
        char name[24];
        snprintf(name, sizeof name, "belay-io-%u", i);
        bly_loop *loop = bly_loop_new(name, runtime->environment.clock);
        if (loop == NULL)
            return false;
        bly_loop_allow_lending(loop, is_quiet, runtime);
        runtime->loops[runtime->loop_count++] = loop;
    }
    return true;
}

/* A child of fork() counts one more than its parent: asking for the process's number is a system call. Children that
 * are made without the handlers of pthread_atfork(), by _Fork() or clone(), are not noticed. */
static unsigned int forks; /* atomic, relaxed: a child begins with one thread */
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;
static bool forks_are_counted; /* const after forks_once */

static void
count_fork(void)
{
    __atomic_fetch_add(&forks, 1, __ATOMIC_RELAXED);
}

static void
watch_forks(void)
{
    forks_are_counted = pthread_atfork(NULL, NULL, count_fork) == 0;
}

belay_runtime *
belay_runtime_new(const belay_runtime_options *options)
{
    return bly_runtime_make(options, &bly_clock_monotonic);
}

belay_runtime *
bly_runtime_make(const belay_runtime_options *options, const bly_clock *clock)
{
    if (options == NULL)
        options = &default_options;
    pthread_once(&forks_once, watch_forks);
    if (!forks_are_counted)
        return NULL;
    belay_runtime *runtime = calloc(1, sizeof *runtime);
    if (runtime == NULL)
        return NULL;
    bly_refcount_init(&runtime->refs);
    bly_mutex_init(&runtime->residents_lock);
    bly_list_init(&runtime->residents);
    runtime->forks = __atomic_load_n(&forks, __ATOMIC_RELAXED);
    runtime->environment = (bly_context_environment){
        .clock = clock,
        .copy_metadata = bly_metadata_copy,
        .retain = retain,
        .release = release,
        .arm = arm,
        .disarm = disarm,
        .blocked_begin = bly_pool_blocked_begin,
        .blocked_end = bly_pool_blocked_end,
    };
    runtime->log_item.run = drain_log;
    bly_log_init(&runtime->log, options->log_function, options->log_argument, options->log_level, wake_log,
                 runtime);
    if (!start_threads(runtime, options->io_threads)) {
        destroy(runtime);
        return NULL;
    }
    runtime->environment.notifier = runtime->notifier;
    return runtime;
}

belay_runtime *
belay_runtime_ref(belay_runtime *runtime)
{
    bly_refcount_take(&runtime->refs);
    return runtime;
}

static void
destroy_in_thread(void *argument)
{
    destroy(argument);
}

static bool
on_own_thread(const belay_runtime *runtime)
{
    for (unsigned int i = 0; i < runtime->loop_count; i++) {
        if (bly_loop_is_current(runtime->loops[i]))
            return true;
    }
    return bly_notifier_is_current(runtime->notifier);
}

belay_runtime *
belay_runtime_unref(belay_runtime *runtime)
{
    if (runtime == NULL || !bly_refcount_release(&runtime->refs))
        return NULL;
    /* A thread cannot join itself; another one ends the runtime then. */
    if (!on_own_thread(runtime) || !bly_thread_start(NULL, "belay-end", 0, destroy_in_thread, runtime))
        destroy(runtime);
    return NULL;
}

bly_loop *
bly_runtime_next_loop(belay_runtime *runtime)
{
    if (runtime->loop_count == 1)
        return runtime->loops[0];
    unsigned int turn = __atomic_fetch_add(&runtime->turn, 1, __ATOMIC_RELAXED);
    return runtime->loops[turn % runtime->loop_count];
}

bool
bly_runtime_usable(belay_runtime *runtime)
{
    if (runtime->forks == __atomic_load_n(&forks, __ATOMIC_RELAXED))
        return true;
    fprintf(stderr, "belay: error: a runtime cannot be used after fork() without exec\n");
    return false;
}
