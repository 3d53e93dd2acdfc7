/* SPDX-License-Identifier: MIT */
/*
 * hashsearch-client --target=HOST:PORT [--bits=N] [--timeout_ms=N] [--cancel_after_ms=N] [--watch=PID ...]
 *         [TEXT]
 *     searches for a number that, written behind TEXT, gives a SHA-256 with N zero bits in front. Ctrl-C
 *     cancels.
 * hashsearch-client --target=HOST:PORT --seen
 *     prints what the servers are doing.
 *
 * Look here for how a program cancels a call that blocks its main thread: another thread waits for the signal
 * and cancels the context that the call was opened with.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "display.h"
#include "hashsearch.belay.h"
#include "sightings.h"
#include "watch.h"

typedef struct settings {
    const char *target;
    char *text;
    uint32_t bits;
    uint64_t timeout_ns;
    uint64_t cancel_after_ns;
    bool only_seen;
    watch clocks;
} settings;

/* ---- The thread that cancels --------------------------------------------------------------------- */

typedef struct canceller {
    pthread_t thread;
    belay_context *context;
    uint64_t after_ns;
    watch *clocks; /* looked at as soon as it has cancelled */
    sigset_t signals; /* blocked in all threads, so that sigtimedwait() gets them */
    sigset_t former;  /* what was blocked before */
    bool over;
    uint64_t cancelled_ns; /* 0: it did not; to be read after the thread has ended */
    const char *reason;
} canceller;

/* Not in a signal handler: what may be called there is next to nothing, and belay_cancel() is not part of
 * it. */
static void *
cancel_on_signal(void *argument)
{
    canceller *self = argument;
    struct timespec timeout = {.tv_sec = (time_t)(self->after_ns / BELAY_SECONDS(1)),
                               .tv_nsec = (long)(self->after_ns % BELAY_SECONDS(1))};
    int signal = sigtimedwait(&self->signals, NULL, self->after_ns == BELAY_FOREVER ? NULL : &timeout);
    if (__atomic_load_n(&self->over, __ATOMIC_RELAXED))
        return NULL;
    self->reason = signal < 0 ? "time to cancel" : "Ctrl-C";
    self->cancelled_ns = belay_now();
    belay_cancel(self->context, self->reason);
    watch_until_idle(self->clocks);
    return NULL;
}

static bool
canceller_start(canceller *self, belay_context *context, uint64_t after_ns, watch *clocks)
{
    *self = (canceller){.context = context, .after_ns = after_ns, .clocks = clocks, .reason = ""};
    sigemptyset(&self->signals);
    sigaddset(&self->signals, SIGINT);
    sigaddset(&self->signals, SIGTERM);
    sigaddset(&self->signals, SIGUSR1); /* from canceller_stop() */
    pthread_sigmask(SIG_BLOCK, &self->signals, &self->former);
    return pthread_create(&self->thread, NULL, cancel_on_signal, self) == 0;
}

static void
canceller_stop(canceller *self)
{
    __atomic_store_n(&self->over, true, __ATOMIC_RELAXED);
    pthread_kill(self->thread, SIGUSR1);
    pthread_join(self->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &self->former, NULL);
}

/* ---- The search ---------------------------------------------------------------------------------- */

typedef struct outcome {
    belay_code code;
    belay_status *status;
    uint64_t number;
    uint64_t decided_ns; /* when the front server cancelled the searches that were not needed any more */
    uint32_t winner;
} outcome;

static void
take_progress(const Hashsearch__Progress *progress, outcome *end, display *rows)
{
    display_progress(rows, progress);
    if (progress->report != NULL && progress->report->found) {
        end->number = progress->report->number;
        end->decided_ns = progress->decided_ns;
        end->winner = progress->back;
    }
}

/* Makes the call: blocks until the number is found, or the context or the deadline ends it. */
static void
search(belay_channel *channel, belay_context *context, const settings *wanted,
       const belay_call_options *options, outcome *end, display *rows)
{
    belay_call *call;
    Hashsearch__Progress *progress;
    Hashsearch__Task task = HASHSEARCH__TASK__INIT;
    task.text = wanted->text;
    task.zero_bits = wanted->bits;
    end->code = hashsearch_front_search_start(channel, context, &task, options, &call);
    if (end->code != BELAY_OK)
        return;
    while (hashsearch_front_search_recv_reply(call, &progress) == BELAY_OK) {
        take_progress(progress, end, rows);
        hashsearch__progress__free_unpacked(progress, NULL);
    }
    end->code = belay_call_finish(call, &end->status); /* tells why there is no more */
}

/* ---- What is printed ----------------------------------------------------------------------------- */

static void
show_aftermath(belay_channel *channel, const settings *wanted, const char *who, const char *event,
               uint64_t zero_ns)
{
    Hashsearch__Sightings *seen = sightings_when_quiet(channel);
    if (seen != NULL)
        display_timeline(who, event, zero_ns, seen, &wanted->clocks);
    hashsearch__sightings__free_unpacked(seen, NULL);
}

/* Returns the program's exit code: a search that ended as its user wished is no failure. */
static int
conclude(belay_channel *channel, settings *wanted, const outcome *end, const canceller *stop,
         uint64_t deadline_ns)
{
    char winner[24];
    if (end->code == BELAY_OK) {
        printf("  found: SHA-256(\"%s%" PRIu64 "\") begins with %" PRIu32 " zero bits\n\n", wanted->text,
               end->number, wanted->bits);
        snprintf(winner, sizeof winner, "back %" PRIu32 " found it", end->winner + 1);
        watch_until_idle(&wanted->clocks);
        show_aftermath(channel, wanted, "front", winner, end->decided_ns);
        return 0;
    }
    printf("  %s: %s\n\n", belay_code_name(end->code), belay_status_message(end->status));
    if (end->code == BELAY_CANCELLED && stop->cancelled_ns != 0) {
        show_aftermath(channel, wanted, "client", "cancel sent", stop->cancelled_ns);
        return 0;
    }
    if (end->code == BELAY_DEADLINE_EXCEEDED) {
        watch_until_idle(&wanted->clocks);
        show_aftermath(channel, wanted, "client", "deadline", deadline_ns);
    }
    return 1;
}

/* ---- The program --------------------------------------------------------------------------------- */

static int
search_and_tell(belay_runtime *runtime, belay_channel *channel, settings *wanted,
                const belay_call_options *options, size_t back_count)
{
    outcome end = {.code = BELAY_RESOURCE_EXHAUSTED};
    canceller stop;
    display rows;
    belay_context *context = belay_context_new(runtime);
    if (context == NULL || !canceller_start(&stop, context, wanted->cancel_after_ns, &wanted->clocks)) {
        belay_context_unref(context);
        return 1;
    }
    uint64_t deadline_ns = belay_now() + wanted->timeout_ns;
    display_begin(&rows, back_count);
    search(channel, context, wanted, options, &end, &rows);
    canceller_stop(&stop);
    display_end(&rows);
    int result = conclude(channel, wanted, &end, &stop, deadline_ns);
    belay_status_free(end.status);
    belay_context_unref(context);
    return result;
}

static void
show_seen(const Hashsearch__Sightings *seen)
{
    printf("front running=%" PRIu32 " cause=\"%s\"\n", seen->front->running, seen->front->cause);
    for (size_t i = 0; i < seen->n_backs; i++)
        printf("back running=%" PRIu32 " hashes=%" PRIu64 " cause=\"%s\"\n", seen->backs[i]->running,
               seen->backs[i]->hashes, seen->backs[i]->cause);
}

static int
run(settings *wanted)
{
    int result = 1;
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_channel *channel = runtime != NULL ? belay_channel_new(runtime, wanted->target, NULL) : NULL;
    belay_call_options *options = belay_call_options_new();
    Hashsearch__Sightings *seen = NULL;
    if (channel != NULL && options != NULL)
        seen = sightings_get(channel);
    else
        fprintf(stderr, "hashsearch-client: cannot make a channel to %s\n", wanted->target);
    if (seen != NULL && wanted->only_seen) {
        show_seen(seen);
        result = 0;
    } else if (seen != NULL) {
        belay_call_options_set_timeout(options, wanted->timeout_ns);
        result = search_and_tell(runtime, channel, wanted, options, seen->n_backs);
    }
    hashsearch__sightings__free_unpacked(seen, NULL);
    belay_call_options_free(options);
    belay_channel_free(channel);
    belay_runtime_unref(runtime);
    return result;
}

static bool
read_option(settings *wanted, int option, const char *value)
{
    switch (option) {
    case 't': wanted->target = value; return true;
    case 'b': wanted->bits = (uint32_t)atoi(value); return true;
    case 'd': wanted->timeout_ns = BELAY_MILLISECONDS(atoi(value)); return true;
    case 'c': wanted->cancel_after_ns = BELAY_MILLISECONDS(atoi(value)); return true;
    case 'w': return watch_add(&wanted->clocks, (pid_t)atoi(value));
    case 's': wanted->only_seen = true; return true;
    default: return false;
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"target", required_argument, NULL, 't'},     {"bits", required_argument, NULL, 'b'},
        {"timeout_ms", required_argument, NULL, 'd'}, {"cancel_after_ms", required_argument, NULL, 'c'},
        {"watch", required_argument, NULL, 'w'},      {"seen", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0}};
    settings wanted = {.text = (char[]){"belay that! "}, .bits = 24, .timeout_ns = BELAY_FOREVER,
                       .cancel_after_ns = BELAY_FOREVER};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!read_option(&wanted, option, optarg))
            wanted.target = NULL;
    if (optind < argc)
        wanted.text = argv[optind];
    if (wanted.target == NULL) {
        fprintf(stderr, "usage: hashsearch-client --target=HOST:PORT [--bits=N] [--timeout_ms=N]\n"
                        "           [--cancel_after_ms=N] [--watch=PID ...] [--seen] [TEXT]\n");
        return 2;
    }
    return run(&wanted);
}
