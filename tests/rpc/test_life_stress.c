/* SPDX-License-Identifier: MIT */
/*
 * All ends of a call at once, at random, from many threads: for the sanitizers to watch, and to see that
 * everything comes back to nothing. What each thread does follows from its number alone; how the threads meet
 * does not.
 */
#include <sched.h>
#include <stdlib.h>

#include "support/answers.h"
#include "support/dice.h"
#include "support/fixture.h"
#include "support/wild_peer.h"

#define CALLERS 6
#define ROUNDS 120
#define DEEPEST 3

/* ---- Handlers ------------------------------------------------------------------------------------ */

/* A Note that tells its handler what to do, and how deep it is. */
static Belay__Test__Note
order(dice *d, int depth)
{
    Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
    note.number = (int64_t)roll(d, 1u << 20) * 8 + depth;
    return note;
}

static int
depth_of(int64_t number)
{
    return (int)(number % 8);
}

static void
leave_note(void *argument)
{
    __atomic_fetch_add((int *)argument, 1, __ATOMIC_RELAXED);
}

static int cleanups, callbacks;

static void
on_cancel(belay_context *context, void *argument)
{
    (void)belay_context_reason(context);
    leave_note(argument);
}

static belay_code
call_down(fixture *f, belay_call *call, dice *d, int depth)
{
    belay_context *context = belay_call_context(call);
    Belay__Test__Note down = order(d, depth + 1);
    belay_call *calls[3] = {NULL, NULL, NULL};
    size_t index;
    if (depth >= DEEPEST)
        return BELAY_OK;
    for (int i = 0; i < 3; i++) {
        if (belay_test_probe_unary_start(f->channel, context, &down, NULL, &calls[i]) != BELAY_OK)
            return BELAY_INTERNAL;
        down = order(d, depth + 1);
    }
    switch (roll(d, 4)) {
    case 0:
        return belay_test_probe_unary_finish(calls[0], NULL, NULL);
    case 1:
        return belay_wait_any(context, calls, 3, &index);
    case 2:
        belay_call_free(calls[1]);
        return belay_test_probe_unary_finish(calls[2], NULL, NULL);
    default:
        return BELAY_OK; /* all are left open */
    }
}

static belay_code
send_away(fixture *f, belay_call *call, dice *d, int depth)
{
    belay_context *context = belay_context_detached(belay_call_context(call), BELAY_MILLISECONDS(20));
    Belay__Test__Note down = order(d, depth + 1);
    belay_call *child;
    if (depth < DEEPEST && belay_test_probe_unary_start(f->channel, context, &down, NULL, &child) == BELAY_OK)
        belay_call_abandon(child);
    belay_context_unref(context);
    return BELAY_OK;
}

static belay_code
act(belay_call *call, int64_t number)
{
    fixture *f = belay_call_data(call);
    dice d = {(uint64_t)number};
    belay_context *context = belay_call_context(call);
    if (belay_defer(call, leave_note, &cleanups) != BELAY_OK ||
        belay_on_cancel(context, on_cancel, &callbacks, NULL) != BELAY_OK)
        return BELAY_RESOURCE_EXHAUSTED;
    switch (roll(&d, 8)) {
    case 0:
        return belay_sleep(context, BELAY_MICROSECONDS(roll(&d, 3000)));
    case 1:
        belay_cancel(context, "by the handler");
        return BELAY_OK;
    case 2:
        return send_away(f, call, &d, depth_of(number));
    case 3:
    case 4:
        return call_down(f, call, &d, depth_of(number));
    case 5:
        return belay_fail(call, BELAY_ABORTED, "by lot");
    default:
        return BELAY_OK;
    }
}

static belay_code
on_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    reply->number = request->number;
    return act(call, request->number);
}

static belay_code
on_upload(belay_call *call, Belay__Test__Note *reply)
{
    Belay__Test__Note *note;
    belay_code code;
    while ((code = belay_test_probe_upload_recv_request(call, &note)) == BELAY_OK)
        reply->number++;
    return code == BELAY_END_OF_STREAM ? act(call, reply->number * 8) : code;
}

static belay_code
on_download(belay_call *call, const Belay__Test__Note *request)
{
    Belay__Test__Note *large = note_new(3000);
    belay_code code = act(call, request->number);
    for (int i = 0; i < 40 && code == BELAY_OK; i++)
        code = belay_test_probe_download_send_reply(call, large);
    free(large);
    return code;
}

/* ---- Callers ------------------------------------------------------------------------------------- */

typedef struct caller {
    pthread_t thread;
    fixture *f;
    unsigned int number;
    int codes_out_of_range;
} caller;

typedef struct canceller {
    pthread_t thread;
    belay_context *context;
    unsigned int patience;
} canceller;

static void *
cancel_soon(void *argument)
{
    canceller *c = argument;
    for (unsigned int i = 0; i < c->patience; i++)
        sched_yield();
    belay_cancel(c->context, "by another thread");
    return NULL;
}

static belay_call_options *
some_timeout(dice *d)
{
    static const uint64_t timeouts[] = {BELAY_FOREVER,         BELAY_FOREVER,           BELAY_SECONDS(10),
                                        BELAY_MILLISECONDS(2), BELAY_MICROSECONDS(300), 0};
    belay_call_options *options = belay_call_options_new();
    belay_call_options_set_timeout(options, timeouts[roll(d, 6)]);
    return options;
}

static belay_call *
start_some(caller *c, belay_channel *channel, belay_context *context, dice *d, unsigned int kind)
{
    belay_call *call = NULL;
    Belay__Test__Note note = order(d, 0);
    belay_call_options *options = some_timeout(d);
    belay_code code = BELAY_OK;
    switch (kind) {
    case 0:
        code = belay_test_probe_unary_start(channel, context, &note, options, &call);
        break;
    case 1:
        code = belay_test_probe_upload_start(channel, context, options, &call);
        break;
    case 2:
        code = belay_test_probe_download_start(channel, context, &note, options, &call);
        break;
    default:
        code = belay_test_probe_chat_start(channel, context, options, &call);
        break;
    }
    belay_call_options_free(options);
    if (code != BELAY_OK)
        c->codes_out_of_range++;
    return call;
}

/* A few messages out and in, as far as it goes. */
static void
converse(belay_call *call, dice *d, unsigned int kind)
{
    const void *data;
    size_t size;
    unsigned int count = roll(d, 5);
    for (unsigned int i = 0; i < count; i++) {
        if ((kind == 1 || kind == 3) && belay_call_send(call, "", 0) != BELAY_OK)
            return;
        if (kind >= 2 && belay_call_recv(call, &data, &size) != BELAY_OK)
            return;
    }
}

static void
let_go(caller *c, belay_call *call, dice *d)
{
    belay_status *status = NULL;
    switch (roll(d, 4)) {
    case 0:
        belay_call_free(call);
        return;
    case 1:
        belay_call_abandon(call);
        return;
    default:
        if (belay_call_finish(call, &status) > BELAY_UNAUTHENTICATED)
            c->codes_out_of_range++;
        belay_status_free(status);
        return;
    }
}

static void
one_call(caller *c, belay_channel *channel, dice *d)
{
    unsigned int kind = roll(d, 4);
    belay_context *root = belay_context_new(c->f->runtime);
    uint64_t timeout = roll(d, 3) == 0 ? BELAY_MILLISECONDS(3) : BELAY_FOREVER;
    belay_context *context = belay_context_derive(root, timeout);
    canceller other = {.context = root, .patience = roll(d, 60)};
    bool cancels = roll(d, 2) == 0;
    belay_call *call = start_some(c, channel, context, d, kind);
    if (cancels)
        pthread_create(&other.thread, NULL, cancel_soon, &other);
    if (call != NULL) {
        converse(call, d, kind);
        let_go(c, call, d);
    }
    if (cancels)
        pthread_join(other.thread, NULL);
    belay_context_unref(context);
    belay_context_unref(root);
}

/* Calls on a channel that is gone soon, or at once. */
static void
calls_on_a_brief_channel(caller *c, dice *d)
{
    belay_channel *channel = belay_channel_new(c->f->runtime, c->f->address, NULL);
    belay_call *calls[4];
    bool early = roll(d, 2) == 0;
    for (int i = 0; i < 4; i++)
        calls[i] = start_some(c, channel, NULL, d, 3);
    for (int i = 0; i < 2 && !early; i++)
        converse(calls[i], d, 3);
    belay_channel_free(channel);
    for (int i = 0; i < 4; i++)
        belay_call_free(calls[i]);
}

static void *
run_caller(void *argument)
{
    caller *c = argument;
    dice d = {c->number * 7919u + 1};
    for (int i = 0; i < ROUNDS; i++)
        one_call(c, c->f->channel, &d);
    return NULL;
}

/* Clients by hand, which reset, and break their connections with calls at every place. */
static void *
run_raw_client(void *argument)
{
    caller *c = argument;
    static const char *const methods[] = {"Unary", "Upload", "Download", "Chat"};
    dice d = {c->number * 104729u + 3};
    raw_peer *peer = malloc(sizeof *peer);
    for (int i = 0; i < ROUNDS / 6; i++)
        wild_peer_run(peer, c->f->address, &d, methods, 4, 20);
    free(peer);
    return NULL;
}

static void *
run_brief_channels(void *argument)
{
    caller *c = argument;
    dice d = {c->number * 15485863u + 5};
    for (int i = 0; i < ROUNDS / 6; i++)
        calls_on_a_brief_channel(c, &d);
    return NULL;
}

static belay_server_options *
tight_options(void)
{
    belay_server_options *options = belay_server_options_new();
    if (belay_server_options_set_workers(options, 2, 24) != BELAY_OK)
        abort();
    belay_server_options_set_queue(options, 12);
    belay_server_options_set_connection_handlers(options, 20);
    return options;
}

static void
run_all(fixture *f, caller callers[CALLERS + 2])
{
    for (unsigned int i = 0; i < CALLERS + 2; i++) {
        callers[i] = (caller){.f = f, .number = i};
        void *(*run)(void *) = i < CALLERS ? run_caller : i == CALLERS ? run_raw_client : run_brief_channels;
        pthread_create(&callers[i].thread, NULL, run, &callers[i]);
    }
}

static void
join_all(caller callers[CALLERS + 2])
{
    for (unsigned int i = 0; i < CALLERS + 2; i++) {
        pthread_join(callers[i].thread, NULL);
        CU_ASSERT_EQUAL(callers[i].codes_out_of_range, 0);
    }
}

static void
run_stress(unsigned int io_threads)
{
    fixture f;
    caller callers[CALLERS + 2];
    belay_server_options *options = tight_options();
    fixture_open(&f, &(fixture_options){.handlers = {on_unary, on_upload, on_download, answer_echo},
                                        .data = &f,
                                        .server = options,
                                        .io_threads = io_threads});
    belay_server_options_free(options);
    run_all(&f, callers);
    join_all(callers);
    FIXTURE_AWAIT(&f, children_open, 0); /* those that were abandoned, too */
    CU_ASSERT(fixture_counters(&f).handlers_started > 0);
    CU_ASSERT(fixture_counters(&f).calls_cancelled > 0);
    fixture_close(&f);
}

static void
test_all_ends_at_once_on_one_io_thread(void)
{
    run_stress(1);
}

static void
test_all_ends_at_once_on_three_io_threads(void)
{
    run_stress(3);
}

static bool
has_begun(void *argument)
{
    return fixture_counters(argument).handlers_started >= 50;
}

/* The server drains under all that; then its clients find nobody. */
static void
test_server_drains_in_the_midst(void)
{
    fixture f;
    caller callers[CALLERS];
    belay_server_options *options = tight_options();
    fixture_open(&f, &(fixture_options){.handlers = {on_unary, on_upload, on_download, answer_echo},
                                        .data = &f,
                                        .server = options,
                                        .io_threads = 2});
    belay_server_options_free(options);
    for (unsigned int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.f = &f, .number = i};
        pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]);
    }
    wait_until(has_begun, &f, "some handlers have run");
    CU_ASSERT_EQUAL(belay_server_drain(f.server, BELAY_MILLISECONDS(1), BELAY_FOREVER), BELAY_OK);
    for (unsigned int i = 0; i < CALLERS; i++)
        pthread_join(callers[i].thread, NULL);
    fixture_close(&f);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_all_ends_at_once_on_one_io_thread),
        TEST(test_all_ends_at_once_on_three_io_threads),
        TEST(test_server_drains_in_the_midst),
        CU_TEST_INFO_NULL,
    };
    return suite_run("life_stress", tests, argc, argv);
}
