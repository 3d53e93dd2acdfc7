/* SPDX-License-Identifier: MIT */
/*
 * The admin service over real sockets: what is listed of calls that stand still, and what a cancel does to them.
 */
#include <belay/admin.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cancel/context.h"
#include "services/operator.h"

typedef struct bench {
    fixture fixture;
    operator op;
    fixture *next;          /* where handlers that pass on send their call, or NULL: to their own server */
    gate entered;
    gate may_end;
    gate returned;
    belay_cause cause;      /* that the handler saw at its end */
    char reason[64];
    belay_cause child_cause;
    belay_code child_code;
    bool detach;
} bench;

/* ---- Handlers --------------------------------------------------------------------------------------- */

static void
note_end(bench *b, belay_call *call)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* two handlers may be cancelled at once */
    const belay_context *context = belay_call_context(call);
    pthread_mutex_lock(&lock);
    b->cause = belay_context_cause(context);
    snprintf(b->reason, sizeof b->reason, "%s", belay_context_reason(context));
    pthread_mutex_unlock(&lock);
    gate_open(&b->returned);
}

/* Unary: sleeps until it is cancelled. */
static belay_code
sleep_on(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    (void)request, (void)reply;
    gate_open(&b->entered);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    note_end(b, call);
    return code;
}

/* Upload: calls Unary of the next server, and waits for it. */
static belay_code
pass_on(belay_call *call, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    (void)reply;
    belay_context *context = belay_call_context(call);
    belay_context *detached = b->detach ? belay_context_detached(context, BELAY_FOREVER) : NULL;
    belay_call *child = start_unary(b->next != NULL ? b->next : &b->fixture, b->detach ? detached : context,
                                    BELAY_FOREVER);
    belay_context *below = belay_context_ref(belay_call_context(child));
    belay_context_unref(detached);
    if (b->detach) {
        belay_call_abandon(child);
        (void)!belay_sleep(context, BELAY_FOREVER);
    } else {
        b->child_code = belay_call_finish(child, NULL);
        b->child_cause = belay_context_cause(below);
    }
    belay_context_unref(below);
    note_end(b, call);
    return BELAY_CANCELLED;
}

static belay_code
sit(belay_task *task, void *argument)
{
    bench *b = argument;
    gate_open(&b->entered);
    return belay_sleep(belay_task_context(task), BELAY_FOREVER);
}

/* A task on another worker. */
static belay_code
sit_in_group(bench *b, belay_call *call)
{
    belay_group *group = belay_group_new(belay_call_context(call), BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, sit, b);
    if (code != BELAY_OK)
        return code;
    gate_wait(&b->entered);
    code = belay_group_wait(group, NULL);
    note_end(b, call);
    return code;
}

/* Download: computes, as far as anybody can see; or blocks or waits for a task, when the note says so. */
static belay_code
keep_busy(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    bool blocks = strcmp(request->text, "block") == 0;
    if (strcmp(request->text, "group") == 0)
        return sit_in_group(b, call);
    gate_open(&b->entered);
    if (blocks)
        belay_blocking_begin(call);
    gate_wait(&b->may_end);
    if (blocks)
        belay_blocking_end(call);
    note_end(b, call);
    return BELAY_OK;
}

/* Chat: receives; sends without end once it was given something. */
static belay_code
talk(belay_call *call)
{
    ProtobufCMessage *message;
    belay_code code = belay_call_recv_message(call, &belay__test__note__descriptor, &message);
    Belay__Test__Note *note = note_new(16 << 10);
    while (code == BELAY_OK)
        code = belay_call_send_message(call, &note->base);
    free(note);
    return code;
}

/* ---- The bench -------------------------------------------------------------------------------------- */

static void
open_bench_with(bench *b, fixture_options options)
{
    options.handlers = (belay_test_probe_handlers){
        .unary = sleep_on, .upload = pass_on, .download = keep_busy, .chat = talk};
    options.data = b;
    options.admin = true;
    gate_init(&b->entered, "a handler runs");
    gate_init(&b->may_end, "the handler may end");
    gate_init(&b->returned, "the handler is at its end");
    fixture_open(&b->fixture, &options);
    operator_open(&b->op, belay_admin_address(b->fixture.server, 0));
}

static void
open_bench(bench *b)
{
    memset(b, 0, sizeof *b);
    open_bench_with(b, (fixture_options){.data = NULL});
}

static void
close_bench(bench *b)
{
    operator_close(&b->op);
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->may_end);
    gate_fini(&b->returned);
}

/* ---- What is listed --------------------------------------------------------------------------------- */

static void
test_an_idle_server_lists_nothing_not_even_who_asks(void)
{
    bench b;
    open_bench(&b);
    call_list *list = operator_list(&b.op);
    CU_ASSERT_EQUAL(list->n_calls, 0);
    operator_free_list(list);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 0);
    close_bench(&b);
}

static void
test_a_call_is_listed_on_both_sides(void)
{
    bench b;
    open_bench(&b);
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    operator_await(&b.op, true, "waiting in sleep");
    call_list *list = operator_list(&b.op);
    CU_ASSERT_EQUAL_FATAL(list->n_calls, 2);
    const call_row *served = operator_find(list, true, NULL), *made = operator_find(list, false, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(served);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    CU_ASSERT_STRING_EQUAL(served->method, "/belay.test.Probe/Unary");
    CU_ASSERT_NSTRING_EQUAL(served->peer, "127.0.0.1:", 10);
    CU_ASSERT_STRING_EQUAL(served->cause, "none");
    CU_ASSERT_STRING_EQUAL(served->reason, "");
    CU_ASSERT_EQUAL(served->deadline_left_ms, -1);
    CU_ASSERT_EQUAL(served->cancelled_ms, -1);
    CU_ASSERT_EQUAL(served->parent, 0);
    CU_ASSERT_STRING_EQUAL(made->method, "/belay.test.Probe/Unary");
    CU_ASSERT_STRING_EQUAL(made->target, b.fixture.address);
    CU_ASSERT_STRING_EQUAL(made->peer, b.fixture.address);
    CU_ASSERT_STRING_EQUAL(made->state, "open");
    CU_ASSERT_NOT_EQUAL(made->id, served->id);
    CU_ASSERT_TRUE(list->calls[0]->id < list->calls[1]->id);
    operator_free_list(list);
    belay_call_free(call);
    operator_await_count(&b.op, 0);
    close_bench(&b);
}

static void
test_an_id_stays_with_its_call_and_is_not_used_again(void)
{
    bench b;
    open_bench(&b);
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    uint64_t first = operator_await(&b.op, true, "waiting in sleep").id;
    CU_ASSERT_EQUAL(operator_await(&b.op, true, "waiting in sleep").id, first);
    belay_call_free(call);
    operator_await_count(&b.op, 0);
    call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    CU_ASSERT_TRUE(operator_await(&b.op, true, "waiting in sleep").id > first);
    belay_call_free(call);
    close_bench(&b);
}

static void
test_the_state_says_what_a_handler_waits_in(void)
{
    bench b;
    open_bench(&b);
    belay_call *chat = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    operator_await(&b.op, true, "waiting in recv");
    CU_ASSERT_EQUAL(belay_call_send_message(chat, &NOTE("go")->base), BELAY_OK);
    operator_await(&b.op, true, "waiting in send");
    belay_call_free(chat);
    operator_await_count(&b.op, 0);
    belay_call *upload = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    operator_await(&b.op, true, "waiting in child");
    belay_call_free(upload);
    operator_await_count(&b.op, 0);
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    operator_await(&b.op, true, "running");
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    close_bench(&b);
}

static void
test_a_handler_that_waits_for_its_tasks_shows_and_ends_with_them(void)
{
    bench b;
    open_bench(&b);
    belay_call *call;
    bool cancelled = false;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(b.fixture.channel, NULL, NOTE("group"), NULL, &call),
                          BELAY_OK);
    uint64_t id = operator_await(&b.op, true, "waiting in group").id;
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "enough", &cancelled), BELAY_OK);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(finish(call).message, "enough");
    close_bench(&b);
}

static void
test_blocking_work_of_the_programs_own_shows(void)
{
    bench b;
    open_bench(&b);
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_download_start(b.fixture.channel, NULL, NOTE("block"), NULL, &call),
                          BELAY_OK);
    operator_await(&b.op, true, "blocked");
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    close_bench(&b);
}

static void
test_it_answers_when_all_workers_are_busy_and_shows_who_waits(void)
{
    bench b;
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL_FATAL(belay_server_options_set_workers(options, 1, 1), BELAY_OK);
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.server = options});
    belay_server_options_free(options);
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call *second = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    uint64_t id = operator_await(&b.op, true, "queued").id;
    bool cancelled = false;
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "not today", &cancelled), BELAY_OK);
    CU_ASSERT_TRUE(cancelled);
    ending end = finish(second);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "not today");
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).dropped_in_queue, 1);
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_OK);
    close_bench(&b);
}

static void
test_an_upload_that_is_not_complete_is_receiving(void)
{
    bench b;
    open_bench(&b);
    /* The method takes one request, which this client never sends. */
    const belay_method method = {"/belay.test.Probe/Unary", BELAY_CLIENT_STREAMING, &belay__test__note__descriptor,
                                 &belay__test__note__descriptor, NULL};
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_call_start(b.fixture.channel, NULL, &method, NULL, NULL, &call), BELAY_OK);
    operator_await(&b.op, true, "receiving");
    belay_call_free(call);
    operator_await_count(&b.op, 0);
    close_bench(&b);
}

static void
test_times_are_on_the_clock_of_deadlines(void)
{
    bench b;
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.own_clock = true});
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_SECONDS(10));
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_SECONDS(4));
    call_list *list = operator_list(&b.op);
    CU_ASSERT_EQUAL(operator_find(list, false, NULL)->deadline_left_ms, 6000);
    CU_ASSERT_EQUAL(operator_find(list, false, NULL)->cancelled_ms, -1);
    operator_free_list(list);
    fixture_advance(&b.fixture, BELAY_SECONDS(6));
    fixture_advance(&b.fixture, BELAY_SECONDS(5));
    list = operator_list(&b.op);
    const call_row *served = operator_find(list, true, "running");
    CU_ASSERT_PTR_NOT_NULL_FATAL(served);
    CU_ASSERT_EQUAL(served->deadline_left_ms, 0);
    /* The reset of the client, whose deadline passes first, or the server's own: at the tenth second. */
    CU_ASSERT_EQUAL(served->cancelled_ms, 5000);
    CU_ASSERT_STRING_NOT_EQUAL(served->cause, "none");
    operator_free_list(list);
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_DEADLINE_EXCEEDED);
    close_bench(&b);
}

#define MANY 700

static int
compare_ids(const void *left, const void *right)
{
    uint64_t a = (*(call_row *const *)left)->id, b = (*(call_row *const *)right)->id;
    return (a > b) - (a < b);
}

static bool
ids_differ(call_list *list)
{
    if (list->n_calls > 0)
        qsort(list->calls, list->n_calls, sizeof *list->calls, compare_ids);
    for (size_t i = 1; i < list->n_calls; i++) {
        if (list->calls[i - 1]->id == list->calls[i]->id)
            return false;
    }
    return true;
}

/* More than are looked at in one turn; all but a hundred wait for a stream. */
static void
test_many_calls_are_each_listed_once(void)
{
    bench b;
    static belay_call *calls[MANY];
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.io_threads = 2});
    for (int i = 0; i < MANY; i++)
        calls[i] = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    operator_await_count(&b.op, MANY + 100);
    call_list *list = operator_list(&b.op);
    CU_ASSERT_EQUAL(operator_count(list, false), MANY);
    CU_ASSERT_EQUAL(operator_count(list, true), 100);
    CU_ASSERT_PTR_NOT_NULL(operator_find(list, false, "queued"));
    CU_ASSERT_TRUE(ids_differ(list));
    operator_free_list(list);
    for (int i = 0; i < MANY; i++)
        belay_call_free(calls[i]);
    operator_await_count(&b.op, 0);
    close_bench(&b);
}

typedef struct lister {
    const operator *op;
    bool stop; /* atomic, relaxed */
    unsigned int bad;
} lister;

static void *
list_on_and_on(void *argument)
{
    lister *own = argument;
    while (!__atomic_load_n(&own->stop, __ATOMIC_RELAXED)) {
        call_list *list = operator_list(own->op);
        own->bad += !ids_differ(list);
        operator_free_list(list);
    }
    return NULL;
}

/* Calls, connections and channels come and go under the eyes of two operators. */
static void
test_listing_while_everything_comes_and_goes(void)
{
    bench b;
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.io_threads = 2});
    lister listers[2] = {{.op = &b.op}, {.op = &b.op}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, list_on_and_on, &listers[i]), 0);
    for (int round = 0; round < 20; round++) {
        belay_channel *channel = belay_channel_new(b.fixture.runtime, b.fixture.address, NULL);
        belay_call *calls[150];
        for (int i = 0; i < 150; i++)
            CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(channel, NULL, NULL, &calls[i]), BELAY_OK);
        for (int i = 0; i < 150; i += 1 + round % 2)
            belay_cancel(belay_call_context(calls[i]), NULL);
        if (round % 3 == 0)
            belay_channel_free(channel);
        for (int i = 0; i < 150; i++)
            belay_call_free(calls[i]);
        if (round % 3 != 0)
            belay_channel_free(channel);
    }
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&listers[i].stop, true, __ATOMIC_RELAXED);
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(listers[i].bad, 0);
    }
    close_bench(&b);
}

/* ---- Cancelling ------------------------------------------------------------------------------------- */

static void
test_a_cancelled_call_tells_its_handler_and_its_client_why(void)
{
    bench b;
    open_bench(&b);
    bool cancelled = false;
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    uint64_t id = operator_await(&b.op, true, "waiting in sleep").id;
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "too slow", &cancelled), BELAY_OK);
    CU_ASSERT_TRUE(cancelled);
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "too slow");
    CU_ASSERT_FALSE(end.is_local);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(b.reason, "too slow");
    close_bench(&b);
}

static void
test_a_cancelled_client_call_ends_with_the_reason(void)
{
    bench b;
    open_bench(&b);
    bool cancelled = false;
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    operator_await(&b.op, true, "waiting in sleep");
    uint64_t id = operator_await(&b.op, false, "open").id;
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "wrong number", &cancelled), BELAY_OK);
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "wrong number");
    CU_ASSERT_TRUE(end.is_local);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_PEER_CANCELLED);
    close_bench(&b);
}

static void
test_a_handler_that_ignores_its_cancel_stays_in_the_list(void)
{
    bench b;
    open_bench(&b);
    bool cancelled = false;
    belay_call *busy = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    uint64_t id = operator_await(&b.op, true, "running").id;
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "stop", &cancelled), BELAY_OK);
    CU_ASSERT_EQUAL(finish(busy).code, BELAY_CANCELLED);
    call_list *list = operator_list(&b.op);
    const call_row *row = operator_find(list, true, "running");
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_EQUAL(row->id, id);
    CU_ASSERT_STRING_EQUAL(row->cause, "operator");
    CU_ASSERT_STRING_EQUAL(row->reason, "stop");
    CU_ASSERT_TRUE(row->cancelled_ms >= 0);
    operator_free_list(list);
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, true, "again", &cancelled), BELAY_OK);
    CU_ASSERT_FALSE(cancelled);
    gate_open(&b.may_end);
    gate_wait(&b.returned);
    CU_ASSERT_STRING_EQUAL(b.reason, "stop");
    operator_await_count(&b.op, 0);
    CU_ASSERT_EQUAL(operator_cancel(&b.op, id, false, "again", &cancelled), BELAY_NOT_FOUND);
    close_bench(&b);
}

static void
test_ids_and_trees_of_contexts_that_are_no_calls(void)
{
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_context *parent = belay_context_new(runtime), *child = belay_context_derive(parent, BELAY_FOREVER);
    CU_ASSERT_NOT_EQUAL(bly_context_id(parent), bly_context_id(child));
    CU_ASSERT_EQUAL(bly_context_id(parent), bly_context_id(parent));
    CU_ASSERT_PTR_NULL(bly_context_call_above(child));
    CU_ASSERT_TRUE(bly_context_end_tree(parent, BELAY_CAUSE_OPERATOR, "why"));
    CU_ASSERT_FALSE(bly_context_end_tree(parent, BELAY_CAUSE_OPERATOR, "once more"));
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(child), "why");
    belay_context_unref(child);
    belay_context_unref(parent);
    belay_runtime_unref(runtime);
}

/* Two servers in this process: the first one's handler calls the second. */
typedef struct two_servers {
    bench first;
    bench second;
} two_servers;

static void
open_two(two_servers *two, bool detach)
{
    open_bench(&two->first);
    memset(&two->second, 0, sizeof two->second);
    open_bench_with(&two->second, (fixture_options){.data = NULL});
    two->first.next = &two->second.fixture;
    two->first.detach = detach;
}

static void
close_two(two_servers *two)
{
    close_bench(&two->first);
    close_bench(&two->second);
}

/* The second server has a runtime of its own; its channel, on which the first calls, is there too. */
static belay_cause
cancel_chain(bool subtree, belay_cause *second)
{
    two_servers two;
    bool cancelled = false;
    open_two(&two, false);
    belay_call *call = start_upload(&two.first.fixture, NULL, BELAY_FOREVER);
    gate_wait(&two.second.entered);
    call_row top = operator_await(&two.first.op, true, "waiting in child");
    CU_ASSERT_EQUAL(operator_await(&two.second.op, false, "open").parent, top.id);
    CU_ASSERT_EQUAL(operator_await(&two.second.op, true, "waiting in sleep").parent, 0);
    CU_ASSERT_EQUAL(operator_cancel(&two.first.op, top.id, subtree, "all of it", &cancelled), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    gate_wait(&two.first.returned);
    gate_wait(&two.second.returned);
    belay_cause child = two.first.child_cause;
    *second = two.second.cause;
    CU_ASSERT_EQUAL(two.first.cause, BELAY_CAUSE_OPERATOR);
    CU_ASSERT_EQUAL(two.first.child_code, BELAY_CANCELLED);
    close_two(&two);
    return child;
}

static void
test_what_hangs_from_a_cancelled_call_ends_with_cause_parent(void)
{
    belay_cause second;
    CU_ASSERT_EQUAL(cancel_chain(false, &second), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(second, BELAY_CAUSE_PEER_CANCELLED);
}

static void
test_a_subtree_ends_with_cause_operator(void)
{
    belay_cause second;
    CU_ASSERT_EQUAL(cancel_chain(true, &second), BELAY_CAUSE_OPERATOR);
    CU_ASSERT_EQUAL(second, BELAY_CAUSE_PEER_CANCELLED);
}

static void
test_children_are_counted_and_name_their_parent(void)
{
    bench b;
    open_bench(&b);
    belay_call *call = start_upload(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    call_row parent = operator_await(&b.op, true, "waiting in child");
    CU_ASSERT_EQUAL(parent.children, 1);
    call_list *list = operator_list(&b.op);
    size_t found = 0;
    for (size_t i = 0; i < list->n_calls; i++)
        found += list->calls[i]->parent == parent.id && list->calls[i]->target[0] != '\0';
    CU_ASSERT_EQUAL(found, 1);
    CU_ASSERT_EQUAL(list->n_calls, 4);
    operator_free_list(list);
    belay_call_free(call);
    operator_await_count(&b.op, 0);
    close_bench(&b);
}

static void
test_a_detached_call_is_a_root_and_goes_on(void)
{
    two_servers two;
    bool cancelled = false;
    open_two(&two, true);
    belay_call *call = start_upload(&two.first.fixture, NULL, BELAY_FOREVER);
    gate_wait(&two.second.entered);
    call_row top = operator_await(&two.first.op, true, "waiting in sleep");
    call_row detached = operator_await(&two.second.op, false, "open");
    CU_ASSERT_EQUAL(detached.parent, 0);
    CU_ASSERT_EQUAL(operator_cancel(&two.first.op, top.id, true, "stop", &cancelled), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    gate_wait(&two.first.returned);
    CU_ASSERT_EQUAL(operator_await(&two.second.op, false, "open").id, detached.id);
    CU_ASSERT_EQUAL(operator_cancel(&two.second.op, detached.id, false, "now", &cancelled), BELAY_OK);
    CU_ASSERT_TRUE(cancelled);
    gate_wait(&two.second.returned);
    close_two(&two);
}

/* ---- Doors ------------------------------------------------------------------------------------------ */

static void
test_each_address_serves_its_own_methods_only(void)
{
    bench b;
    open_bench(&b);
    belay_status *status = NULL;
    Belay__Admin__V1__StatsRequest request = BELAY__ADMIN__V1__STATS_REQUEST__INIT;
    CU_ASSERT_EQUAL(belay_admin_v1_admin_stats(b.fixture.channel, NULL, &request, NULL, NULL, &status),
                    BELAY_UNIMPLEMENTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(belay_status_message(status), "service"));
    belay_status_free(status);
    CU_ASSERT_EQUAL(belay_test_probe_unary(b.op.channel, NULL, NOTE(""), NULL, NULL, NULL), BELAY_UNIMPLEMENTED);
    CU_ASSERT_PTR_NULL(belay_server_address(b.fixture.server, 1));
    CU_ASSERT_PTR_NULL(belay_admin_address(b.fixture.server, 1));
    close_bench(&b);
}

static void
test_it_may_be_served_on_the_ordinary_address(void)
{
    belay_server *server = belay_server_new(NULL, NULL);
    CU_ASSERT_EQUAL(belay_admin_add(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_admin_add(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_admin_add(server), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_admin_listen(server, "127.0.0.1:0"), BELAY_FAILED_PRECONDITION);
    operator op;
    operator_open(&op, belay_server_address(server, 0));
    call_list *list = operator_list(&op);
    CU_ASSERT_EQUAL(list->n_calls, 0);
    operator_free_list(list);
    operator_close(&op);
    belay_server_free(server);
    CU_ASSERT_EQUAL(belay_admin_add(NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_admin_listen(NULL, "127.0.0.1:0"), BELAY_INVALID_ARGUMENT);
}

static void
test_a_socket_in_the_file_system_is_its_owners_alone(void)
{
    char folder[] = "/tmp/belay-admin-XXXXXX";
    char address[64];
    struct stat about;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/admin", folder);
    belay_server *server = belay_server_new(NULL, NULL);
    mode_t before = umask(0);
    CU_ASSERT_EQUAL(belay_admin_listen(server, address), BELAY_OK);
    umask(before);
    CU_ASSERT_EQUAL(stat(address + strlen("unix:"), &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    operator op;
    operator_open(&op, address);
    operator_free_list(operator_list(&op));
    operator_close(&op);
    belay_server_free(server);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* ---- Draining --------------------------------------------------------------------------------------- */

static void
test_a_drain_asked_for_twice_skips_the_grace_time(void)
{
    bench b;
    belay_server_options *options = belay_server_options_new();
    belay_server_options_set_drain(options, BELAY_SECONDS(3600), BELAY_SECONDS(3600));
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.server = options});
    belay_server_options_free(options);
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(operator_drain(&b.op), BELAY_OK);
    CU_ASSERT_EQUAL(operator_drain(&b.op), BELAY_OK);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_SHUTDOWN);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_UNAVAILABLE);
    close_bench(&b);
}

static bool
is_draining(void *argument)
{
    const operator *op = argument;
    Belay__Admin__V1__StatsRequest request = BELAY__ADMIN__V1__STATS_REQUEST__INIT;
    Belay__Admin__V1__StatsReply *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_admin_v1_admin_stats(op->channel, NULL, &request, NULL, &reply, NULL), BELAY_OK);
    bool draining = reply->draining;
    protobuf_c_message_free_unpacked(&reply->base, NULL);
    return draining;
}

static void
test_an_operator_sees_what_a_drain_waits_for(void)
{
    bench b;
    bool cancelled = false;
    belay_server_options *options = belay_server_options_new();
    belay_server_options_set_drain(options, BELAY_SECONDS(3600), BELAY_SECONDS(3600));
    memset(&b, 0, sizeof b);
    open_bench_with(&b, (fixture_options){.server = options});
    belay_server_options_free(options);
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(operator_drain(&b.op), BELAY_OK);
    wait_until(is_draining, &b.op, "the server drains");
    operator late;
    operator_open(&late, belay_admin_address(b.fixture.server, 0));
    uint64_t id = operator_await(&late, true, "waiting in sleep").id;
    CU_ASSERT_EQUAL(operator_cancel(&late, id, false, "the house closes", &cancelled), BELAY_OK);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    fixture_await_no_connection(&b.fixture);
    operator_close(&late);
    close_bench(&b);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"an idle server lists nothing, not even who asks", test_an_idle_server_lists_nothing_not_even_who_asks},
        {"a call is listed on both sides", test_a_call_is_listed_on_both_sides},
        {"an id stays with its call and is not used again", test_an_id_stays_with_its_call_and_is_not_used_again},
        {"the state says what a handler waits in", test_the_state_says_what_a_handler_waits_in},
        {"a handler that waits for its tasks shows, and ends with them",
         test_a_handler_that_waits_for_its_tasks_shows_and_ends_with_them},
        {"blocking work of the program's own shows", test_blocking_work_of_the_programs_own_shows},
        {"it answers when all workers are busy, and shows who waits",
         test_it_answers_when_all_workers_are_busy_and_shows_who_waits},
        {"an upload that is not complete is receiving", test_an_upload_that_is_not_complete_is_receiving},
        {"times are on the clock of deadlines", test_times_are_on_the_clock_of_deadlines},
        {"many calls are each listed once", test_many_calls_are_each_listed_once},
        {"listing while everything comes and goes", test_listing_while_everything_comes_and_goes},
        {"a cancelled call tells its handler and its client why",
         test_a_cancelled_call_tells_its_handler_and_its_client_why},
        {"a cancelled client call ends with the reason", test_a_cancelled_client_call_ends_with_the_reason},
        {"a handler that ignores its cancel stays in the list",
         test_a_handler_that_ignores_its_cancel_stays_in_the_list},
        {"ids and trees of contexts that are no calls'", test_ids_and_trees_of_contexts_that_are_no_calls},
        {"what hangs from a cancelled call ends with cause parent",
         test_what_hangs_from_a_cancelled_call_ends_with_cause_parent},
        {"a subtree ends with cause operator", test_a_subtree_ends_with_cause_operator},
        {"children are counted and name their parent", test_children_are_counted_and_name_their_parent},
        {"a detached call is a root and goes on", test_a_detached_call_is_a_root_and_goes_on},
        {"each address serves its own methods only", test_each_address_serves_its_own_methods_only},
        {"it may be served on the ordinary address", test_it_may_be_served_on_the_ordinary_address},
        {"a socket in the file system is its owner's alone", test_a_socket_in_the_file_system_is_its_owners_alone},
        {"a drain asked for twice skips the grace time", test_a_drain_asked_for_twice_skips_the_grace_time},
        {"an operator sees what a drain waits for", test_an_operator_sees_what_a_drain_waits_for},
        CU_TEST_INFO_NULL,
    };
    return suite_run("admin", tests, argc, argv);
}
