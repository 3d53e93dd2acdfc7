/* SPDX-License-Identifier: MIT */
#include <belay/wait.h>

#include "base/parker.h"
#include "cancel/context.h"
#include "support/answers.h"
#include "support/fixture.h"

static belay_runtime *
make_runtime(void)
{
    belay_runtime *runtime = belay_runtime_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    return runtime;
}

static belay_context *
make_context(belay_runtime *runtime)
{
    belay_context *context = belay_context_new(runtime);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    return context;
}

/* ---- Sleeping alone ------------------------------------------------------------------------------ */

static void
test_a_sleep_lasts_its_whole_time(void)
{
    belay_runtime *runtime = make_runtime();
    belay_context *context = make_context(runtime);
    uint64_t start = belay_now();
    CU_ASSERT_EQUAL(belay_sleep(context, BELAY_MILLISECONDS(3)), BELAY_OK);
    CU_ASSERT_TRUE(belay_now() - start >= BELAY_MILLISECONDS(3));
    CU_ASSERT_EQUAL(belay_sleep(context, 0), BELAY_OK);
    belay_context_unref(context);
    belay_runtime_unref(runtime);
}

static void
test_a_wake_up_left_over_from_another_wait_does_not_shorten_it(void)
{
    belay_runtime *runtime = make_runtime();
    belay_context *context = make_context(runtime);
    bly_parker_wake(bly_parker_current());
    uint64_t start = belay_now();
    CU_ASSERT_EQUAL(belay_sleep(context, BELAY_MILLISECONDS(3)), BELAY_OK);
    CU_ASSERT_TRUE(belay_now() - start >= BELAY_MILLISECONDS(3));
    belay_context_unref(context);
    belay_runtime_unref(runtime);
}

typedef struct sleeper {
    belay_context *context;
    belay_code code;
    bool flag;
} sleeper;

static void *
sleep_for_ever(void *argument)
{
    sleeper *self = argument;
    self->code = belay_sleep(self->context, BELAY_FOREVER);
    self->flag = belay_context_cancelled(self->context);
    return NULL;
}

static bool
has_waiter(void *argument)
{
    belay_context *context = argument;
    bly_mutex_lock(&context->lock);
    bool waits = !bly_list_is_empty(&context->waits);
    bly_mutex_unlock(&context->lock);
    return waits;
}

static void
test_a_cancel_cuts_it_short(void)
{
    belay_runtime *runtime = make_runtime();
    belay_context *context = make_context(runtime);
    sleeper self = {.context = context};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, sleep_for_ever, &self), 0);
    wait_until(has_waiter, context, "somebody sleeps");
    belay_cancel(context, "wake up");
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_CANCELLED);
    CU_ASSERT_TRUE(self.flag);
    belay_context_unref(context);
    belay_runtime_unref(runtime);
}

static void
test_a_deadline_cuts_it_short(void)
{
    belay_runtime *runtime = make_runtime();
    belay_context *root = make_context(runtime);
    belay_context *limited = belay_context_derive(root, BELAY_MILLISECONDS(1));
    belay_context *below = belay_context_derive(limited, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_sleep(below, BELAY_FOREVER), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_sleep(limited, BELAY_FOREVER), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_sleep(root, 0), BELAY_OK);
    belay_context_unref(below);
    belay_context_unref(limited);
    belay_context_unref(root);
    belay_runtime_unref(runtime);
}

static void
test_on_an_ended_context_nobody_sleeps(void)
{
    belay_runtime *runtime = make_runtime();
    belay_context *cancelled = make_context(runtime);
    belay_context *finished = make_context(runtime);
    belay_cancel(cancelled, NULL);
    bly_context_end(finished, BELAY_CAUSE_FINISHED, NULL);
    CU_ASSERT_EQUAL(belay_sleep(cancelled, BELAY_FOREVER), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(belay_sleep(finished, BELAY_FOREVER), BELAY_CANCELLED);
    CU_ASSERT_EQUAL(belay_sleep(NULL, 0), BELAY_INVALID_ARGUMENT);
    belay_context_unref(cancelled);
    belay_context_unref(finished);
    belay_runtime_unref(runtime);
}

/* ---- Handlers that wait -------------------------------------------------------------------------- */

typedef struct bench {
    fixture fixture;
    gate entered;  /* the first handler */
    gate may_end;  /* the blocking one */
    gate returned;
    belay_code slept;
} bench;

static belay_code
sleep_until_cancelled(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    b->slept = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    gate_open(&b->returned);
    return b->slept;
}

static belay_code
block_until_let_go(belay_call *call, const Belay__Test__Note *request)
{
    bench *b = belay_call_data(call);
    (void)request;
    gate_open(&b->entered);
    belay_blocking_begin(call);
    gate_wait(&b->may_end);
    belay_blocking_end(call);
    return BELAY_OK;
}

/* One worker at rest, two at most. */
static void
bench_open(bench *b)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 1, 2), BELAY_OK);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->may_end, "handler may end");
    gate_init(&b->returned, "handler woke up");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = answer_next, .chat = sleep_until_cancelled, .download = block_until_let_go},
        .data = b,
        .server = options,
    });
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->may_end);
    gate_fini(&b->returned);
}

static void
test_a_handlers_sleep_ends_with_its_call(void)
{
    bench b;
    bench_open(&b);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    belay_call_free(call);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.slept, BELAY_CANCELLED);
    bench_close(&b);
}

static void
test_another_worker_runs_in_place_of_one_that_sleeps(void)
{
    bench b;
    bench_open(&b);
    belay_call *sleeping = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    belay_call_free(sleeping);
    bench_close(&b);
}

static void
test_another_worker_runs_in_place_of_one_that_says_it_blocks(void)
{
    bench b;
    bench_open(&b);
    belay_call *blocking = start_download(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(finish(start_unary(&b.fixture, NULL, BELAY_FOREVER)).code, BELAY_OK);
    gate_open(&b.may_end);
    CU_ASSERT_EQUAL(finish(blocking).code, BELAY_OK);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_sleep_lasts_its_whole_time),
        TEST(a_wake_up_left_over_from_another_wait_does_not_shorten_it),
        TEST(a_cancel_cuts_it_short),
        TEST(a_deadline_cuts_it_short),
        TEST(on_an_ended_context_nobody_sleeps),
        TEST(a_handlers_sleep_ends_with_its_call),
        TEST(another_worker_runs_in_place_of_one_that_sleeps),
        TEST(another_worker_runs_in_place_of_one_that_says_it_blocks),
        CU_TEST_INFO_NULL,
    };
    return suite_run("sleep", tests, argc, argv);
}
