/* SPDX-License-Identifier: MIT */
/*
 * A chain of three servers, each calling the next with its handler's context: what ends at the root ends
 * below, and what ends in the middle ends only what is below it. Then contexts by themselves: derived,
 * detached, kept, with callbacks.
 */
#include "cancel/context.h"
#include "rpc/runtime.h"
#include "support/fixture.h"

#define HOPS 3

typedef struct hop hop;

typedef enum way { BLOCKED_CALL, ANY_OF_TWO, STREAM } way;

/* One server of the chain; the last one waits. */
struct hop {
    fixture f;
    hop *next; /* NULL: the leaf */
    way way;
    bool detached;
    gate entered;
    gate left;
    gate go; /* the leaf's, when it is deaf */
    bool waits_for_gate;
    /* atomic, relaxed: of several handlers the last one's */
    belay_code seen;
    belay_cause cause;
    uint64_t deadline;
};

/* ---- What the handlers do ------------------------------------------------------------------------ */

static belay_code
call_next(hop *next, belay_context *context, way how)
{
    Belay__Test__Note *note;
    belay_call *calls[2] = {NULL, NULL};
    size_t index = 0;
    belay_channel *channel = next->f.channel;
    if (how == BLOCKED_CALL)
        return belay_test_probe_unary(channel, context, NOTE("down"), NULL, &note, NULL);
    if (how == STREAM) {
        belay_code code = belay_test_probe_download_start(channel, context, NOTE("down"), NULL, &calls[0]);
        return code != BELAY_OK ? code : belay_test_probe_download_recv_reply(calls[0], &note);
    }
    for (int i = 0; i < 2; i++) {
        belay_code code = belay_test_probe_unary_start(channel, context, NOTE("down"), NULL, &calls[i]);
        if (code != BELAY_OK)
            return code;
    }
    belay_code code = belay_wait_any(context, calls, 2, &index);
    return code; /* whatever is open goes with the handler */
}

static belay_code
pass_on(hop *h, belay_call *call)
{
    belay_context *context = belay_call_context(call);
    if (h->next == NULL) {
        if (!h->waits_for_gate)
            return belay_sleep(context, BELAY_FOREVER);
        gate_wait(&h->go);
        return BELAY_OK;
    }
    if (!h->detached)
        return call_next(h->next, context, h->way);
    /* Fire and forget: it goes on when this handler is gone. */
    belay_context *free_context = belay_context_detached(context, BELAY_FOREVER);
    belay_call *child = NULL;
    belay_channel *channel = h->next->f.channel;
    belay_code code = belay_test_probe_unary_start(channel, free_context, NOTE("down"), NULL, &child);
    belay_context_unref(free_context);
    if (code != BELAY_OK)
        return code;
    belay_call_abandon(child);
    gate_wait(&h->next->entered);
    return belay_sleep(context, BELAY_FOREVER);
}

static belay_code
answer(belay_call *call)
{
    hop *h = belay_call_data(call);
    belay_context *context = belay_call_context(call);
    __atomic_store_n(&h->deadline, belay_context_deadline(context), __ATOMIC_RELAXED);
    gate_open(&h->entered);
    belay_code code = pass_on(h, call);
    __atomic_store_n(&h->seen, code, __ATOMIC_RELAXED);
    __atomic_store_n(&h->cause, belay_context_cause(context), __ATOMIC_RELAXED);
    gate_open(&h->left);
    return code;
}

static belay_code
on_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    (void)reply;
    return answer(call);
}

static belay_code
on_download(belay_call *call, const Belay__Test__Note *request)
{
    (void)request;
    return answer(call);
}

/* ---- The chain ----------------------------------------------------------------------------------- */

/* shared: all on one runtime, so that a cancel is passed on in one turn; else each on its own. */
static void
chain_open(hop chain[HOPS], bool shared, way how)
{
    for (int i = 0; i < HOPS; i++) {
        hop *h = &chain[i];
        *h = (hop){.next = i + 1 < HOPS ? &chain[i + 1] : NULL, .way = how};
        gate_init(&h->entered, "a hop's handler has begun");
        gate_init(&h->left, "a hop's handler has returned");
        gate_init(&h->go, "the leaf may go on");
        fixture_open(&h->f, &(fixture_options){.handlers = {.unary = on_unary, .download = on_download},
                                               .data = h,
                                               .io_threads = shared ? 2 : 1,
                                               .runtime = shared && i > 0 ? chain[0].f.runtime : NULL});
    }
}

/* From the leaf up: a channel goes before the server that it leads to. */
static void
chain_close(hop chain[HOPS])
{
    for (int i = HOPS - 1; i >= 0; i--)
        FIXTURE_AWAIT(&chain[i].f, handlers_running, 0);
    FIXTURE_AWAIT(&chain[0].f, children_open, 0);
    for (int i = HOPS - 1; i >= 0; i--) {
        fixture_close(&chain[i].f);
        gate_fini(&chain[i].entered);
        gate_fini(&chain[i].left);
        gate_fini(&chain[i].go);
    }
}

static void
await_leaf(hop chain[HOPS], way how)
{
    gate_wait_count(&chain[HOPS - 1].entered, how == ANY_OF_TWO ? 4 : 1);
}

static int
runs_of(int i, way how)
{
    return how == ANY_OF_TWO ? 1 << i : 1;
}

static void
expect_all_cancelled(hop chain[HOPS], way how)
{
    for (int i = 0; i < HOPS; i++) {
        gate_wait_count(&chain[i].left, runs_of(i, how));
        CU_ASSERT_EQUAL(chain[i].seen, BELAY_CANCELLED);
        CU_ASSERT_EQUAL(chain[i].cause, BELAY_CAUSE_PEER_CANCELLED);
    }
}

static void
cancel_at_the_root(bool shared, way how)
{
    hop chain[HOPS];
    chain_open(chain, shared, how);
    belay_context *root = belay_context_new(chain[0].f.runtime);
    belay_call *call = start_unary(&chain[0].f, root, BELAY_FOREVER);
    await_leaf(chain, how);
    belay_cancel(root, "enough");
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    expect_all_cancelled(chain, how);
    belay_context_unref(root);
    chain_close(chain);
}

static void
test_cancel_at_the_root_stops_a_chain_of_blocked_calls(void)
{
    cancel_at_the_root(true, BLOCKED_CALL);
    cancel_at_the_root(false, BLOCKED_CALL);
}

static void
test_cancel_at_the_root_stops_a_tree_of_calls(void)
{
    cancel_at_the_root(true, ANY_OF_TWO);
    cancel_at_the_root(false, ANY_OF_TWO);
}

static void
test_cancel_at_the_root_stops_a_chain_of_streams(void)
{
    cancel_at_the_root(true, STREAM);
    cancel_at_the_root(false, STREAM);
}

/* The client is gone altogether. */
static void
test_channel_freed_at_the_root_stops_the_chain(void)
{
    hop chain[HOPS];
    chain_open(chain, false, BLOCKED_CALL);
    belay_channel *channel = belay_channel_new(chain[0].f.runtime, chain[0].f.address, NULL);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE("go"), NULL, &call), BELAY_OK);
    await_leaf(chain, BLOCKED_CALL);
    belay_channel_free(channel);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    expect_all_cancelled(chain, BLOCKED_CALL);
    chain_close(chain);
}

/* A hop that cancels itself ends those below with a reset and tells those above its status. */
static void
test_cancel_in_the_middle(void)
{
    hop chain[HOPS];
    chain_open(chain, false, BLOCKED_CALL);
    chain[2].waits_for_gate = true;
    belay_call *call = start_unary(&chain[0].f, NULL, BELAY_FOREVER);
    await_leaf(chain, BLOCKED_CALL);
    CU_ASSERT_EQUAL(belay_server_drain(chain[1].f.server, 0, BELAY_FOREVER), BELAY_OK);
    gate_wait(&chain[1].left);
    CU_ASSERT_EQUAL(chain[1].cause, BELAY_CAUSE_SHUTDOWN);
    FIXTURE_AWAIT(&chain[2].f, calls_cancelled, 1);
    gate_open(&chain[2].go);
    gate_wait(&chain[2].left);
    CU_ASSERT_EQUAL(chain[2].cause, BELAY_CAUSE_PEER_CANCELLED);
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(chain[0].cause, BELAY_CAUSE_NONE);
    chain_close(chain);
}

/* Detached work goes on when its handler is gone, and ends by itself. */
static void
test_detached_call_survives_its_handler(void)
{
    hop chain[HOPS];
    chain_open(chain, true, BLOCKED_CALL);
    chain[1].detached = true;
    chain[2].waits_for_gate = true;
    belay_context *root = belay_context_new(chain[0].f.runtime);
    belay_call *call = start_unary(&chain[0].f, root, BELAY_FOREVER);
    await_leaf(chain, BLOCKED_CALL);
    belay_cancel(root, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    gate_wait(&chain[1].left);
    FIXTURE_AWAIT(&chain[1].f, handlers_running, 0);
    CU_ASSERT_EQUAL(fixture_counters(&chain[2].f).handlers_running, 1);
    CU_ASSERT_EQUAL(fixture_counters(&chain[0].f).children_open, 1);
    gate_open(&chain[2].go);
    gate_wait(&chain[2].left);
    CU_ASSERT_EQUAL(chain[2].cause, BELAY_CAUSE_NONE);
    belay_context_unref(root);
    chain_close(chain);
}

/* ---- Deadlines ----------------------------------------------------------------------------------- */

/* Each hop has no more time than the one above; all but rounding is the same point in time. */
static void
test_deadline_reaches_every_hop_and_never_grows(void)
{
    hop chain[HOPS];
    chain_open(chain, true, BLOCKED_CALL);
    belay_context *root = belay_context_new(chain[0].f.runtime);
    uint64_t latest = belay_now() + BELAY_SECONDS(100);
    belay_call *call = start_unary(&chain[0].f, root, BELAY_SECONDS(100));
    await_leaf(chain, BLOCKED_CALL);
    uint64_t now = belay_now();
    for (int i = 0; i < HOPS; i++) {
        CU_ASSERT(chain[i].deadline <= now + BELAY_SECONDS(101));
        CU_ASSERT(chain[i].deadline >= latest - BELAY_SECONDS(100));
    }
    belay_cancel(root, NULL);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    expect_all_cancelled(chain, BLOCKED_CALL);
    belay_context_unref(root);
    chain_close(chain);
}

static void
test_derived_deadline_is_the_earlier_one(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.own_clock = true});
    belay_context *root = belay_context_new(f.runtime);
    belay_context *parent = belay_context_derive(root, BELAY_SECONDS(10));
    belay_context *longer = belay_context_derive(parent, BELAY_SECONDS(20));
    belay_context *shorter = belay_context_derive(parent, BELAY_SECONDS(5));
    belay_context *free_context = belay_context_detached(shorter, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_deadline(longer), belay_context_deadline(parent));
    CU_ASSERT(belay_context_deadline(shorter) < belay_context_deadline(parent));
    CU_ASSERT_EQUAL(belay_context_deadline(free_context), BELAY_FOREVER);
    fixture_advance(&f, BELAY_SECONDS(5));
    CU_ASSERT_EQUAL(belay_context_cause(shorter), BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(belay_context_cause(longer), BELAY_CAUSE_NONE);
    fixture_advance(&f, BELAY_SECONDS(5));
    CU_ASSERT_EQUAL(belay_context_cause(parent), BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(belay_context_cause(longer), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_cause(free_context), BELAY_CAUSE_NONE);
    CU_ASSERT_EQUAL(belay_context_cause(root), BELAY_CAUSE_NONE);
    belay_context_unref(free_context);
    belay_context_unref(shorter);
    belay_context_unref(longer);
    belay_context_unref(parent);
    belay_context_unref(root);
    fixture_close(&f);
}

/* ---- Contexts that outlive their call ------------------------------------------------------------ */

typedef struct keeper {
    gate go;
    belay_context *kept;
    belay_context *child;
    belay_call *left_open;
    belay_cancel_callback *callback;
    gate called;
    fixture *f;
} keeper;

static void
note_call(belay_context *context, void *argument)
{
    keeper *k = argument;
    (void)context;
    gate_open(&k->called);
}

/* Keeps its context and one made from it, registers a callback, and leaves a child call open. */
static belay_code
keep(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    keeper *k = belay_call_data(call);
    belay_context *context = belay_call_context(call);
    (void)reply;
    if (request->text[0] == 'd') { /* the child's: waits until it is cancelled */
        gate_open(&k->go);
        return belay_sleep(context, BELAY_FOREVER);
    }
    k->kept = belay_context_ref(context);
    k->child = belay_context_derive(context, BELAY_FOREVER);
    belay_code code = belay_on_cancel(context, note_call, k, &k->callback);
    if (code == BELAY_OK)
        code = belay_test_probe_unary_start(k->f->channel, context, NOTE("down"), NULL, &k->left_open);
    gate_wait(&k->go);
    return code;
}

static void
test_context_ends_when_the_handler_returns(void)
{
    fixture f;
    keeper k = {.f = &f};
    gate_init(&k.go, "the child runs");
    gate_init(&k.called, "the callback runs");
    fixture_open(&f, &(fixture_options){.handlers = {.unary = keep}, .data = &k});
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    FIXTURE_AWAIT(&f, handlers_running, 0); /* the child's too: it was cancelled and freed */
    CU_ASSERT_EQUAL(belay_context_cause(k.kept), BELAY_CAUSE_FINISHED);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(k.kept), "");
    CU_ASSERT_EQUAL(belay_context_cause(k.child), BELAY_CAUSE_PARENT);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(k.callback));
    CU_ASSERT_EQUAL(k.called.opened, 0);
    CU_ASSERT_EQUAL(bly_context_child_count(k.kept), 0);
    /* A child of what has ended is made ended, and touches nothing. */
    ending end = finish(start_unary(&f, k.kept, BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(fixture_counters(&f).handlers_started, 2);
    belay_context_unref(k.child);
    belay_context_unref(k.kept);
    fixture_close(&f);
    gate_fini(&k.go);
    gate_fini(&k.called);
}

/* The call and its memory are gone, the context can still be asked, and cancelled in vain. */
static void
test_kept_context_outlives_call_and_server(void)
{
    fixture f;
    keeper k = {.f = &f};
    gate_init(&k.go, "the child runs");
    gate_init(&k.called, "the callback runs");
    fixture_open(&f, &(fixture_options){.handlers = {.unary = keep}, .data = &k});
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    FIXTURE_AWAIT(&f, handlers_running, 0);
    belay_channel_free(f.channel);
    f.channel = NULL;
    FIXTURE_AWAIT(&f, connections, 0);
    belay_cancel(k.kept, "late");
    CU_ASSERT_EQUAL(belay_context_cause(k.kept), BELAY_CAUSE_FINISHED);
    CU_ASSERT(belay_context_end_time(k.kept) > 0);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(k.callback));
    belay_context_unref(k.child);
    belay_context_unref(k.kept);
    fixture_close(&f);
    gate_fini(&k.go);
    gate_fini(&k.called);
}

/* ---- Who loses ----------------------------------------------------------------------------------- */

typedef struct slow_owner {
    bly_context_owner owner;
    gate telling;
    gate go;
    int told; /* atomic */
    belay_context *context;
    int seen_by_loser;
    bool fast_way_open; /* while the owner was being told */
} slow_owner;

static void
tell_slowly(bly_context_owner *owner, belay_context *context)
{
    slow_owner *slow = BLY_CONTAINER_OF(owner, slow_owner, owner);
    CU_ASSERT(belay_context_cancelled(context));
    slow->fast_way_open = __atomic_load_n(&context->settled, __ATOMIC_ACQUIRE) != 0;
    gate_open(&slow->telling);
    gate_wait(&slow->go);
    __atomic_store_n(&slow->told, 1, __ATOMIC_RELEASE);
}

static void *
win(void *argument)
{
    slow_owner *slow = argument;
    (void)bly_context_end(slow->context, BELAY_CAUSE_APPLICATION, NULL);
    return NULL;
}

static void *
lose(void *argument)
{
    slow_owner *slow = argument;
    (void)bly_context_end(slow->context, BELAY_CAUSE_DEADLINE, NULL);
    slow->seen_by_loser = __atomic_load_n(&slow->told, __ATOMIC_ACQUIRE);
    return NULL;
}

/* Whoever loses may free the owner as soon as it is back: so the owner has been told by then. */
static void
test_loser_returns_after_the_owner_was_told(void)
{
    fixture f;
    slow_owner slow = {.owner = {tell_slowly}};
    pthread_t winner, loser;
    fixture_open(&f, &(fixture_options){.own_clock = false});
    gate_init(&slow.telling, "the owner is being told");
    gate_init(&slow.go, "the owner may know");
    slow.context = bly_context_make(&f.runtime->environment, NULL, BELAY_FOREVER, false, &slow.owner, NULL);
    pthread_create(&winner, NULL, win, &slow);
    gate_wait(&slow.telling);
    pthread_create(&loser, NULL, lose, &slow);
    CU_ASSERT_FALSE(slow.fast_way_open);
    gate_open(&slow.go);
    pthread_join(winner, NULL);
    pthread_join(loser, NULL);
    CU_ASSERT_EQUAL(slow.seen_by_loser, 1);
    CU_ASSERT_EQUAL(belay_context_cause(slow.context), BELAY_CAUSE_APPLICATION);
    bly_context_disown(slow.context);
    belay_context_unref(slow.context);
    fixture_close(&f);
    gate_fini(&slow.telling);
    gate_fini(&slow.go);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_cancel_at_the_root_stops_a_chain_of_blocked_calls),
        TEST(test_cancel_at_the_root_stops_a_tree_of_calls),
        TEST(test_cancel_at_the_root_stops_a_chain_of_streams),
        TEST(test_channel_freed_at_the_root_stops_the_chain),
        TEST(test_cancel_in_the_middle),
        TEST(test_detached_call_survives_its_handler),
        TEST(test_deadline_reaches_every_hop_and_never_grows),
        TEST(test_derived_deadline_is_the_earlier_one),
        TEST(test_context_ends_when_the_handler_returns),
        TEST(test_kept_context_outlives_call_and_server),
        TEST(test_loser_returns_after_the_owner_was_told),
        CU_TEST_INFO_NULL,
    };
    return suite_run("propagation", tests, argc, argv);
}
