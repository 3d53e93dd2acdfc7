/* SPDX-License-Identifier: MIT */
/*
 * The end of a handler, step by step: its context ends, callbacks are gone, children are cancelled and freed,
 * cleanups run in reverse, and only then the client has its status.
 */
#include <string.h>

#include "support/fixture.h"

#define LINES 16

/* What happened, in order, by name. */
typedef struct diary {
    pthread_mutex_t lock;
    const char *lines[LINES];
    int count;
    fixture *f;
    gate child_runs;
    gate callback_entered;
    gate callback_go;
    gate returning;
    belay_context *kept;
    belay_call *child;
    belay_cause cause_at_cleanup;
    uint64_t children_at_cleanup;
    const char *text_at_cleanup;
} diary;

static void
note(diary *d, const char *line)
{
    pthread_mutex_lock(&d->lock);
    if (d->count < LINES)
        d->lines[d->count++] = line;
    pthread_mutex_unlock(&d->lock);
}

static int
find(diary *d, const char *line)
{
    int found = -1;
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < d->count && found < 0; i++) {
        if (strcmp(d->lines[i], line) == 0)
            found = i;
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

static int
count_of(diary *d)
{
    pthread_mutex_lock(&d->lock);
    int count = d->count;
    pthread_mutex_unlock(&d->lock);
    return count;
}

static void
first_cleanup(void *argument)
{
    note(argument, "first cleanup");
}

static void
second_cleanup(void *argument)
{
    diary *d = argument;
    d->cause_at_cleanup = belay_context_cause(d->kept);
    d->children_at_cleanup = fixture_counters(d->f).children_open;
    note(d, "second cleanup");
}

static void
on_cancel(belay_context *context, void *argument)
{
    diary *d = argument;
    (void)context;
    note(d, "callback begins");
    gate_open(&d->callback_entered);
    gate_wait(&d->callback_go);
    note(d, "callback ends");
}

/* The child's: until it is cancelled. */
static belay_code
wait_below(belay_call *call)
{
    diary *d = belay_call_data(call);
    gate_open(&d->child_runs);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    return code;
}

static belay_code
handle(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    diary *d = belay_call_data(call);
    belay_context *context = belay_call_context(call);
    if (strcmp(request->text, "child") == 0)
        return wait_below(call);
    d->kept = belay_context_ref(context);
    reply->text = belay_printf(call, "from the call's memory");
    if (belay_defer(call, first_cleanup, d) != BELAY_OK || belay_defer(call, second_cleanup, d) != BELAY_OK ||
        belay_on_cancel(context, on_cancel, d, NULL) != BELAY_OK ||
        belay_test_probe_unary_start(d->f->channel, context, NOTE("child"), NULL, &d->child) != BELAY_OK)
        return BELAY_INTERNAL;
    gate_wait(&d->child_runs);
    note(d, "handler returns");
    return BELAY_OK;
}

static void
open_diary(diary *d, fixture *f, const belay_test_probe_handlers *handlers)
{
    memset(d, 0, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    gate_init(&d->child_runs, "the child runs");
    gate_init(&d->callback_entered, "the callback has begun");
    gate_init(&d->callback_go, "the callback may return");
    gate_init(&d->returning, "the handler returns");
    d->f = f;
    fixture_open(f, &(fixture_options){.handlers = *handlers, .data = d});
}

static void
close_diary(diary *d)
{
    belay_context_unref(d->kept);
    fixture_close(d->f);
    gate_fini(&d->child_runs);
    gate_fini(&d->callback_entered);
    gate_fini(&d->callback_go);
    gate_fini(&d->returning);
    pthread_mutex_destroy(&d->lock);
}

/* A regular end: the callback never runs, the cleanups find everything ended but the memory. */
static void
test_order_of_a_regular_end(void)
{
    fixture f;
    diary d;
    Belay__Test__Note *reply = NULL;
    open_diary(&d, &f, &(belay_test_probe_handlers){.unary = handle});
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary(f.channel, NULL, NOTE("go"), NULL, &reply, NULL), BELAY_OK);
    note(&d, "status");
    CU_ASSERT_STRING_EQUAL(reply->text, "from the call's memory");
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(count_of(&d), 4);
    CU_ASSERT_EQUAL(find(&d, "handler returns"), 0);
    CU_ASSERT_EQUAL(find(&d, "second cleanup"), 1);
    CU_ASSERT_EQUAL(find(&d, "first cleanup"), 2);
    CU_ASSERT_EQUAL(find(&d, "status"), 3);
    CU_ASSERT_EQUAL(d.cause_at_cleanup, BELAY_CAUSE_FINISHED);
    CU_ASSERT_EQUAL(d.children_at_cleanup, 1); /* the test's own call; the child's is gone */
    FIXTURE_AWAIT(&f, handlers_running, 0);
    close_diary(&d);
}

/* A callback that runs is waited for before the first cleanup; the client has its status long before. */
static belay_code
handle_cancelled(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    diary *d = belay_call_data(call);
    belay_context *context = belay_call_context(call);
    (void)request;
    (void)reply;
    d->kept = belay_context_ref(context);
    if (belay_defer(call, first_cleanup, d) != BELAY_OK ||
        belay_on_cancel(context, on_cancel, d, NULL) != BELAY_OK)
        return BELAY_INTERNAL;
    belay_cancel(context, "enough");
    gate_wait(&d->callback_entered);
    note(d, "handler returns");
    gate_open(&d->returning);
    return BELAY_OK;
}

static void
test_running_callback_is_waited_for_before_the_cleanups(void)
{
    fixture f;
    diary d;
    open_diary(&d, &f, &(belay_test_probe_handlers){.unary = handle_cancelled});
    ending end = finish(start_unary(&f, NULL, BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "enough");
    gate_wait(&d.returning);
    CU_ASSERT_EQUAL(fixture_counters(&f).handlers_running, 1);
    gate_open(&d.callback_go);
    FIXTURE_AWAIT(&f, handlers_running, 0);
    CU_ASSERT_EQUAL(count_of(&d), 4);
    CU_ASSERT_EQUAL(find(&d, "callback begins"), 0);
    CU_ASSERT_EQUAL(find(&d, "handler returns"), 1);
    CU_ASSERT_EQUAL(find(&d, "callback ends"), 2);
    CU_ASSERT_EQUAL(find(&d, "first cleanup"), 3);
    close_diary(&d);
}

/* ---- What cleanups may do ------------------------------------------------------------------------ */

typedef struct late {
    fixture *f;
    belay_call *call;
    belay_code sent;
    belay_code child;
    belay_call *left_open;
} late;

/* The call is over for sending; its context has ended, so what is opened with it is ended too. */
static void
use_the_call(void *argument)
{
    late *l = argument;
    belay_context *context = belay_call_context(l->call);
    Belay__Test__Note *reply = NULL;
    l->sent = belay_test_probe_download_send_reply(l->call, NOTE("late"));
    l->child = belay_test_probe_unary(l->f->channel, context, NOTE("late"), NULL, &reply, NULL);
    if (belay_test_probe_unary_start(l->f->channel, context, NOTE("late"), NULL, &l->left_open) != BELAY_OK)
        l->left_open = NULL; /* and it is left open */
}

static belay_code
handle_late(belay_call *call, const Belay__Test__Note *request)
{
    late *l = belay_call_data(call);
    (void)request;
    l->call = call;
    return belay_defer(call, use_the_call, l);
}

static void
test_cleanups_may_use_what_has_ended(void)
{
    fixture f;
    late l = {.f = &f};
    fixture_open(&f, &(fixture_options){.handlers = {.download = handle_late}, .data = &l});
    CU_ASSERT_EQUAL(finish(start_download(&f, NULL, BELAY_FOREVER)).code, BELAY_OK);
    FIXTURE_AWAIT(&f, handlers_running, 0);
    CU_ASSERT_EQUAL(l.sent, BELAY_END_OF_STREAM);
    CU_ASSERT_EQUAL(l.child, BELAY_CANCELLED);
    CU_ASSERT_PTR_NOT_NULL(l.left_open);
    fixture_close(&f); /* waits for the call that was left open to be gone, too */
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_order_of_a_regular_end),
        TEST(test_running_callback_is_waited_for_before_the_cleanups),
        TEST(test_cleanups_may_use_what_has_ended),
        CU_TEST_INFO_NULL,
    };
    return suite_run("end_order", tests, argc, argv);
}
