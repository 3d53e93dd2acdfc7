/* SPDX-License-Identifier: MIT */
/*
 * Trees of calls over four servers in two runtimes, which call one another; thousands are in flight, and end at any place
 * by all means: their callers cancel or let go of them, deadlines pass, connections break, channels are closed, a
 * server drains, handlers cancel themselves. After each round everything must have come back to nothing, and in the end
 * there must be no descriptor, no thread and no memory more than after the first rounds.
 *
 * BELAY_STRESS_SECONDS: how long, 5 by default. BELAY_STRESS_SEED: where the dice begin; printed in any case. What is
 * thrown follows from it; how the threads meet does not.
 */
#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/answers.h"
#include "support/dice.h"
#include "support/fixture.h"
#include "support/heap.h"
#include "support/patience.h"
#include "support/wild_peer.h"

#define SERVERS 4
#define DRAINED (SERVERS - 1) /* the one that drains in the midst of each round */
#define CHANNELS 40           /* of the roots' callers, 100 streams each */
#define DEEPEST 4
#define WIDEST 4
#define WORKERS 48

/* What malloc's own bins make of difference, however long it runs: less than a byte for each call. */
#define HEAP_NOISE 4096

#define PART_S 5u /* of the time, a test: the suite's guard knows one limit for all */
#define MOST_PARTS 128u

static uint64_t seed;
static unsigned int in_flight; /* calls at once */

/* ---- The servers --------------------------------------------------------------------------------- */

typedef struct world world;

typedef struct node {
    world *world;
    fixture f;
    belay_channel *to[SERVERS]; /* what its handlers call */
} node;

struct world {
    node nodes[SERVERS]; /* two to a runtime */
    belay_channel *channels[CHANNELS];
    belay_context *all; /* above each call that does not come from a handler */
    dice d;
    gate over;          /* the calls are in flight, and some have been ended: others may break things now */
};

/* A Note that tells its handler what to do, and how deep it is. */
static Belay__Test__Note
order(dice *d, int depth)
{
    Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
    note.number = (int64_t)roll(d, 1u << 30) * 8 + depth;
    return note;
}

/* At the end of a branch. */
static belay_code
be_a_leaf(belay_call *call, dice *d)
{
    belay_context *context = belay_call_context(call);
    switch (roll(d, 6)) {
    case 0:
        return BELAY_OK;
    case 1:
        belay_cancel(context, "by the handler");
        return BELAY_OK;
    case 2:
        while (!belay_cancelled(call))
            sched_yield();
        return BELAY_CANCELLED;
    default:
        return belay_sleep(context, BELAY_FOREVER);
    }
}

static belay_code
wait_for_children(belay_call *call, belay_call **calls, size_t count, dice *d)
{
    belay_context *context = belay_call_context(call);
    size_t index;
    switch (roll(d, 5)) {
    case 0:
        return belay_wait_any(context, calls, count, &index);
    case 1:
        belay_call_free(calls[0]);
        return belay_sleep(context, BELAY_FOREVER);
    case 2:
        return BELAY_OK; /* all are left open */
    default:
        return belay_test_probe_unary_finish(calls[count - 1], NULL, NULL);
    }
}

static belay_code
branch(node *self, belay_call *call, dice *d, int depth)
{
    belay_call *calls[WIDEST];
    size_t count = 1 + roll(d, WIDEST);
    for (size_t i = 0; i < count; i++) {
        Belay__Test__Note down = order(d, depth + 1);
        belay_code code = belay_test_probe_unary_start(self->to[roll(d, SERVERS)], belay_call_context(call), &down,
                                                       NULL, &calls[i]);
        if (code != BELAY_OK)
            return code;
    }
    return wait_for_children(call, calls, count, d);
}

static belay_code
on_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    dice d = {(uint64_t)request->number};
    int depth = (int)(request->number % 8);
    reply->number = depth;
    if (depth == DEEPEST || roll(&d, 4) == 0)
        return be_a_leaf(call, &d);
    return branch(belay_call_data(call), call, &d, depth);
}

/* ---- The world ------------------------------------------------------------------------------------ */

static void
open_node(world *w, int number, const belay_server_options *options)
{
    node *self = &w->nodes[number];
    self->world = w;
    fixture_open(&self->f, &(fixture_options){.handlers = {.unary = on_unary, .chat = answer_echo},
                                              .data = self,
                                              .server = options,
                                              .io_threads = number < 2 ? 1 : 2,
                                              .runtime = number % 2 == 1 ? w->nodes[number - 1].f.runtime : NULL});
}

static void
open_world(world *w, uint64_t state)
{
    belay_server_options *options = belay_server_options_new();
    if (belay_server_options_set_workers(options, 4, WORKERS) != BELAY_OK)
        abort();
    belay_server_options_set_queue(options, in_flight);
    memset(w, 0, sizeof *w);
    w->d.state = state;
    gate_init(&w->over, "calls have been ended");
    for (int i = 0; i < SERVERS; i++)
        open_node(w, i, options);
    belay_server_options_free(options);
    for (int i = 0; i < SERVERS; i++) {
        for (int j = 0; j < SERVERS; j++)
            w->nodes[i].to[j] = belay_channel_new(w->nodes[i].f.runtime, w->nodes[j].f.address, NULL);
    }
    for (int i = 0; i < CHANNELS; i++)
        w->channels[i] = belay_channel_new(w->nodes[i % 2 * 2].f.runtime, w->nodes[i % SERVERS].f.address, NULL);
    w->all = belay_context_new(w->nodes[0].f.runtime);
}

/* What has happened so far. */
static struct {
    uint64_t rounds, started, cancelled, dropped;
} total;

static void
sum_up(const world *w)
{
    total.rounds++;
    for (int i = 0; i < SERVERS; i++) {
        belay_server_counters counters = fixture_counters(&w->nodes[i].f);
        total.started += counters.handlers_started;
        total.cancelled += counters.calls_cancelled;
        total.dropped += counters.dropped_in_queue;
    }
}

/* The servers' own calls must have gone by themselves when their handlers have. */
static void
close_world(world *w)
{
    belay_context_unref(w->all);
    for (int i = 0; i < CHANNELS; i++)
        belay_channel_free(w->channels[i]);
    for (int i = 0; i < SERVERS; i++)
        FIXTURE_AWAIT(&w->nodes[i].f, handlers_running, 0);
    for (int i = 0; i < SERVERS; i += 2)
        FIXTURE_AWAIT(&w->nodes[i].f, children_open, 0);
    for (int i = 0; i < SERVERS; i++) {
        for (int j = 0; j < SERVERS; j++)
            belay_channel_free(w->nodes[i].to[j]);
    }
    sum_up(w);
    for (int i = SERVERS - 1; i >= 0; i--)
        fixture_close(&w->nodes[i].f);
    gate_fini(&w->over);
}

/* Client calls open in both runtimes. */
static uint64_t
count_open(const world *w)
{
    uint64_t open = 0;
    for (int i = 0; i < SERVERS; i += 2)
        open += fixture_counters(&w->nodes[i].f).children_open;
    return open;
}

/* ---- The roots ------------------------------------------------------------------------------------- */

/* How a root is ended, unless something else does it first. */
typedef enum means {
    BY_CANCEL,
    BY_DEADLINE,
    BY_FREE,
    BY_ABANDON,
    BY_ANYTHING_ELSE, /* is left alone until the round ends */
    MEANS
} means;

typedef struct root {
    belay_context *context;
    belay_call *call;
    means means;
} root;

static bool
start_root(world *w, root *r)
{
    Belay__Test__Note note = order(&w->d, 0);
    belay_call_options *options = belay_call_options_new();
    r->means = (means)roll(&w->d, MEANS);
    if (r->means == BY_DEADLINE)
        belay_call_options_set_timeout(options, BELAY_MILLISECONDS(1 + roll(&w->d, 400)));
    r->context = belay_context_derive(w->all, BELAY_FOREVER);
    belay_code code = belay_test_probe_unary_start(w->channels[roll(&w->d, CHANNELS)], r->context, &note, options,
                                                   &r->call);
    belay_call_options_free(options);
    return code == BELAY_OK;
}

static void
end_root(root *r)
{
    switch (r->means) {
    case BY_CANCEL:
        belay_cancel(r->context, "by its caller");
        break;
    case BY_FREE:
        belay_call_free(r->call);
        r->call = NULL;
        break;
    case BY_ABANDON:
        belay_call_abandon(r->call);
        r->call = NULL;
        break;
    default:
        break;
    }
}

static void
finish_root(root *r)
{
    if (r->call != NULL)
        CU_ASSERT(belay_call_finish(r->call, NULL) <= BELAY_UNAUTHENTICATED);
    belay_context_unref(r->context);
}

static size_t
start_roots(world *w, root *roots)
{
    size_t count = 0;
    bool enough = false; /* at one moment: deadlines pass meanwhile */
    while (!enough && count < 2 * in_flight) {
        for (int i = 0; i < 100; i++)
            CU_ASSERT_TRUE_FATAL(start_root(w, &roots[count++]));
        enough = count_open(w) >= in_flight;
    }
    CU_ASSERT(enough);
    return count;
}

/* ---- Those who break things ------------------------------------------------------------------------- */

/* Clients by hand, which reset, and break their connections with calls at every place. */
static void *
break_connections(void *argument)
{
    world *w = argument;
    static const char *const methods[] = {"Unary", "Chat"};
    dice d = {w->d.state + 1};
    raw_peer *peer = malloc(sizeof *peer);
    for (int i = 0; i < 20; i++) {
        const char *address = w->nodes[roll(&d, DRAINED)].f.address;
        wild_peer_run(peer, address, &d, methods, 2, 40);
    }
    free(peer);
    return NULL;
}

static void *
drain_one(void *argument)
{
    world *w = argument;
    gate_wait(&w->over);
    CU_ASSERT_EQUAL(belay_server_drain(w->nodes[DRAINED].f.server, BELAY_MILLISECONDS(5), BELAY_FOREVER), BELAY_OK);
    return NULL;
}

/* A quarter of the channels, with all that is on them. */
static void *
close_channels(void *argument)
{
    world *w = argument;
    gate_wait(&w->over);
    for (int i = 0; i < CHANNELS; i += 4) {
        belay_channel_free(w->channels[i]);
        w->channels[i] = NULL;
    }
    return NULL;
}

/* ---- Rounds ------------------------------------------------------------------------------------------ */

static void
end_all(world *w, root *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        end_root(&roots[i]);
        if (i == count / 8)
            gate_open(&w->over);
    }
}

static void *
run_round(void *argument)
{
    static void *(*const others[])(void *) = {break_connections, drain_one, close_channels};
    world *w = malloc(sizeof *w);
    root *roots = malloc((2 * in_flight + 100) * sizeof *roots);
    pthread_t threads[sizeof others / sizeof others[0]];
    open_world(w, *(const uint64_t *)argument);
    size_t count = start_roots(w, roots);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        pthread_create(&threads[i], NULL, others[i], w);
    end_all(w, roots, count);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        pthread_join(threads[i], NULL);
    belay_cancel(w->all, "the round is over");
    for (size_t i = 0; i < count; i++)
        finish_root(&roots[i]);
    close_world(w);
    free(roots);
    free(w);
    return NULL;
}

/* In a thread of its own: what malloc keeps for a thread goes with it. */
static void
run_rounds(uint64_t until, unsigned int least)
{
    for (unsigned int i = 0; i < least || belay_now() < until; i++) {
        uint64_t state = seed + (total.rounds + 1) * UINT64_C(0x9e3779b97f4a7c15);
        pthread_t thread;
        pthread_create(&thread, NULL, run_round, &state);
        pthread_join(thread, NULL);
    }
}

/* ---- What is left ------------------------------------------------------------------------------------ */

typedef struct remains {
    unsigned int descriptors;
    unsigned int threads;
    size_t heap; /* bytes in use; 0 where a sanitizer has its own */
} remains;

static unsigned int
count_entries(const char *folder)
{
    unsigned int count = 0;
    DIR *open = opendir(folder);
    while (open != NULL && readdir(open) != NULL)
        count++;
    if (open != NULL)
        closedir(open);
    return count;
}

static remains
look(void)
{
    remains now = {count_entries("/proc/self/fd"), count_entries("/proc/self/task"), heap_in_use()};
    printf("%" PRIu64 " rounds, %" PRIu64 " handlers, %" PRIu64 " calls cancelled on a server, %" PRIu64
           " in its queue; descriptors %u, threads %u, heap %zu\n",
           total.rounds, total.started, total.cancelled, total.dropped, now.descriptors, now.threads, now.heap);
    return now;
}

static remains first;

static void
test_warm_up(void)
{
    printf("seed %" PRIu64 "\n", seed);
    run_rounds(0, 2);
    first = look();
}

static void
test_trees_end_by_all_means_and_leave_nothing(void)
{
    run_rounds(belay_now() + BELAY_SECONDS(PART_S), 1);
    remains now = look();
    CU_ASSERT(now.descriptors <= first.descriptors);
    CU_ASSERT(now.threads <= first.threads);
    CU_ASSERT(now.heap <= first.heap + HEAP_NOISE);
}

/* ---- */

static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
    static char names[MOST_PARTS][64];
    static CU_TestInfo tests[MOST_PARTS + 2];
    uint64_t parts = (setting("BELAY_STRESS_SECONDS", PART_S) + PART_S - 1) / PART_S;
    seed = setting("BELAY_STRESS_SEED", 20240229);
    in_flight = is_sanitized() ? 1000 : 10000;
    tests[0] = (CU_TestInfo){"test_warm_up", test_warm_up};
    for (unsigned int i = 0; i < parts && i < MOST_PARTS; i++) {
        snprintf(names[i], sizeof names[i], "test_trees_end_by_all_means_and_leave_nothing_%u", i + 1);
        tests[i + 1] = (CU_TestInfo){names[i], test_trees_end_by_all_means_and_leave_nothing};
    }
    return suite_run("tree_stress", tests, argc, argv);
}
