/* SPDX-License-Identifier: MIT */
/* Groups of handlers, on the server's pool. */
#include <belay/belay.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "support/fixture.h"
#include "wait/group.h"

#define HANGS (-1) /* a request's number: sleeps until it is cancelled */

/* A server whose handler does what the test says. */
typedef struct bench {
    fixture fixture;
    belay_code (*handle)(struct bench *b, belay_call *call, Belay__Test__Note *reply);
    gate entered;  /* handlers */
    gate busy;     /* tasks that have begun */
    gate go;
    gate returned; /* what `handle` writes can be read then */
    int ran;       /* atomic, relaxed: tasks */
    int over;      /* atomic, relaxed: tasks that have returned */
    int hung;      /* atomic, relaxed: hanging handlers that have returned */
    belay_code outcome; /* of the group, when the handler has returned */
    belay_code results[2];
    size_t first;
    int over_at_cleanup;  /* atomic, relaxed */
    int calls_at_cleanup; /* atomic, relaxed: of a task */
} bench;

static void
up(int *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int
look(int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static belay_code
unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    bench *b = belay_call_data(call);
    if (request->number == HANGS) {
        gate_open(&b->entered);
        belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
        up(&b->hung);
        return code;
    }
    if (request->number > 0) {
        reply->number = 100 + request->number;
        reply->text = belay_printf(call, "reply");
        return BELAY_OK;
    }
    belay_code code = b->handle(b, call, reply);
    gate_open(&b->returned);
    return code;
}

static void
bench_open(bench *b, unsigned int minimum, unsigned int maximum, bool own_clock,
           belay_code (*handle)(bench *b, belay_call *call, Belay__Test__Note *reply))
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, minimum, maximum), BELAY_OK);
    belay_server_options_set_queue(options, 8);
    *b = (bench){.handle = handle, .first = 99};
    gate_init(&b->entered, "handler entered");
    gate_init(&b->busy, "task entered");
    gate_init(&b->go, "may go on");
    gate_init(&b->returned, "handler returned");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = unary}, .data = b, .server = options, .own_clock = own_clock});
    belay_server_options_free(options);
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->busy);
    gate_fini(&b->go);
    gate_fini(&b->returned);
}

static belay_call *
start_numbered(bench *b, belay_context *context, int64_t number)
{
    belay_call *call = NULL;
    Belay__Test__Note note = BELAY__TEST__NOTE__INIT;
    note.number = number;
    belay_code code = belay_test_probe_unary_start(b->fixture.channel, context, &note, NULL, &call);
    return code == BELAY_OK ? call : NULL;
}

static belay_group *
group_of(belay_call *call, belay_group_mode mode)
{
    return belay_group_new(belay_call_context(call), mode);
}

/* ---- Progress ------------------------------------------------------------------------------------ */

static belay_code
just_run(belay_task *task, void *argument)
{
    bench *b = argument;
    (void)task;
    up(&b->ran);
    return BELAY_OK;
}

static belay_code
five_tasks(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_FIRST_FAILURE);
    belay_code code = BELAY_OK;
    for (int i = 0; i < 5 && code == BELAY_OK; i++)
        code = belay_group_add(group, just_run, b);
    if (code == BELAY_OK)
        code = belay_group_wait(group, NULL);
    reply->number = look(&b->ran);
    return code;
}

static void
test_a_group_ends_on_a_pool_of_one_worker(void)
{
    bench b;
    bench_open(&b, 1, 1, false, five_tasks);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.ran), 5);
    bench_close(&b);
}

static void
test_a_group_ends_on_a_pool_whose_other_workers_are_busy(void)
{
    bench b;
    bench_open(&b, 2, 2, false, five_tasks);
    belay_call *hanging = start_numbered(&b, NULL, HANGS);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.ran), 5);
    belay_call_free(hanging);
    bench_close(&b);
}

typedef struct nest {
    bench *b;
    int depth;
} nest;

static belay_code nest_task(belay_task *task, void *argument);

static belay_code
three_within(belay_context *context, nest *self)
{
    nest inner = {self->b, self->depth - 1};
    belay_group *group = belay_group_new(context, BELAY_GROUP_ALL);
    belay_code code = BELAY_OK;
    for (int i = 0; i < 3 && code == BELAY_OK; i++)
        code = belay_group_add(group, nest_task, &inner);
    belay_code outcome = belay_group_wait(group, NULL);
    return code == BELAY_OK ? outcome : code;
}

static belay_code
nest_task(belay_task *task, void *argument)
{
    nest *self = argument;
    if (self->depth > 0)
        return three_within(belay_task_context(task), self);
    up(&self->b->ran);
    return BELAY_OK;
}

static belay_code
nested(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    (void)reply;
    return three_within(belay_call_context(call), &(nest){b, 4});
}

/* More handlers than workers, each with 81 leaves in nested groups. */
static void
run_nested(unsigned int workers)
{
    bench b;
    belay_call *calls[6];
    bench_open(&b, workers, workers, false, nested);
    for (int i = 0; i < 6; i++)
        calls[i] = start_numbered(&b, NULL, 0);
    for (int i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.ran), 6 * 81);
    bench_close(&b);
}

static void
test_nested_groups_end_on_a_full_pool(void)
{
    run_nested(1);
    run_nested(2);
    run_nested(4);
}

static belay_code
meet(belay_task *task, void *argument)
{
    bench *b = argument;
    (void)task;
    gate_open(&b->busy);
    gate_wait_count(&b->busy, 3);
    return BELAY_OK;
}

static belay_code
three_that_meet(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = BELAY_OK;
    (void)reply;
    for (int i = 0; i < 3 && code == BELAY_OK; i++)
        code = belay_group_add(group, meet, b);
    return code == BELAY_OK ? belay_group_wait(group, NULL) : code;
}

static void
test_tasks_run_side_by_side(void)
{
    bench b;
    bench_open(&b, 3, 3, false, three_that_meet);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    bench_close(&b);
}

static belay_code
hold(belay_task *task, void *argument)
{
    bench *b = argument;
    (void)task;
    gate_open(&b->busy);
    gate_wait(&b->go);
    up(&b->over);
    return BELAY_OK;
}

static belay_code
one_held(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    (void)reply;
    belay_code code = belay_group_add(group, hold, b);
    if (code != BELAY_OK)
        return code;
    gate_wait(&b->busy); /* begun by the other worker */
    return belay_group_wait(group, NULL);
}

static void
test_a_waiting_handler_counts_as_blocked_while_it_sleeps(void)
{
    bench b;
    bench_open(&b, 2, 2, false, one_held);
    belay_call *call = start_numbered(&b, NULL, 0);
    gate_wait(&b.busy);
    fixture_await_blocked(&b.fixture, 1);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    fixture_await_blocked(&b.fixture, 0);
    bench_close(&b);
}

/* Twenty times the queue's length. */
static belay_code
many_unwaited(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = BELAY_OK;
    (void)reply;
    for (int i = 0; i < 160 && code == BELAY_OK; i++)
        code = belay_group_add(group, just_run, b);
    gate_open(&b->entered);
    gate_wait(&b->go);
    return code == BELAY_OK ? belay_group_wait(group, NULL) : code;
}

static void
test_tasks_take_no_place_of_a_call_in_the_queue(void)
{
    bench b;
    bench_open(&b, 1, 1, false, many_unwaited);
    belay_call *call = start_numbered(&b, NULL, 0);
    gate_wait(&b.entered);
    CU_ASSERT_EQUAL(look(&b.ran), 0);
    belay_call *next = start_numbered(&b, NULL, 1);
    fixture_await_queued(&b.fixture, 161);
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(finish(next).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.ran), 160);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 2);
    bench_close(&b);
}

/* ---- Cancelled from outside ---------------------------------------------------------------------- */

static belay_code
hang(belay_task *task, void *argument)
{
    bench *b = argument;
    up(&b->ran);
    gate_open(&b->busy);
    belay_code code = belay_sleep(belay_task_context(task), BELAY_FOREVER);
    up(&b->over);
    return code;
}

static void
keep_results(bench *b, belay_group *group)
{
    b->outcome = belay_group_wait(group, &b->first);
    for (size_t i = 0; i < 2; i++) {
        if (belay_group_result(group, i, &b->results[i]) != BELAY_OK)
            b->results[i] = BELAY_END_OF_STREAM;
    }
}

static belay_code
two_that_hang(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_FIRST_SUCCESS);
    belay_code code = BELAY_OK;
    (void)reply;
    for (int i = 0; i < 2 && code == BELAY_OK; i++)
        code = belay_group_add(group, hang, b);
    keep_results(b, group);
    return b->outcome;
}

static belay_code
two_queued(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = BELAY_OK;
    (void)reply;
    for (int i = 0; i < 2 && code == BELAY_OK; i++)
        code = belay_group_add(group, hang, b);
    gate_open(&b->busy);
    gate_open(&b->busy);
    while (!belay_cancelled(call))
        sched_yield();
    keep_results(b, group);
    return b->outcome;
}

static belay_code
added_too_late(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    (void)reply;
    gate_open(&b->busy);
    gate_open(&b->busy);
    while (!belay_cancelled(call))
        sched_yield();
    b->results[0] = belay_group_add(group, hang, b);
    b->results[1] = b->results[0];
    b->outcome = belay_group_wait(group, &b->first);
    return b->outcome;
}

static void
cancelled_by_client(unsigned int workers, belay_code (*handle)(bench *, belay_call *, Belay__Test__Note *),
                    int run)
{
    bench b;
    bench_open(&b, workers, workers, false, handle);
    belay_call *call = start_numbered(&b, NULL, 0);
    gate_wait_count(&b.busy, 2);
    belay_call_free(call);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(b.outcome, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(b.first, 99);
    CU_ASSERT_EQUAL(b.results[0], BELAY_CANCELLED);
    CU_ASSERT_EQUAL(b.results[1], BELAY_CANCELLED);
    CU_ASSERT_EQUAL(look(&b.ran), run);
    CU_ASSERT_EQUAL(look(&b.over), run);
    bench_close(&b);
}

static void
test_a_client_that_cancels_ends_running_tasks(void)
{
    cancelled_by_client(3, two_that_hang, 2);
    cancelled_by_client(2, two_that_hang, 2); /* one by the handler's own thread */
}

static void
test_a_client_that_cancels_ends_waiting_tasks_before_they_run(void)
{
    cancelled_by_client(1, two_queued, 0);
}

static void
test_no_task_is_added_when_the_client_has_cancelled(void)
{
    cancelled_by_client(1, added_too_late, 0);
}

static void
test_the_calls_deadline_ends_its_tasks(void)
{
    bench b;
    bench_open(&b, 3, 3, true, two_that_hang);
    belay_call *call = start_unary(&b.fixture, NULL, BELAY_SECONDS(5));
    gate_wait_count(&b.busy, 2);
    fixture_advance(&b.fixture, BELAY_SECONDS(6));
    CU_ASSERT_EQUAL(finish(call).code, BELAY_DEADLINE_EXCEEDED);
    gate_wait(&b.returned);
    CU_ASSERT_EQUAL(look(&b.over), 2);
    /* The client's reset may be there before the server's own deadline. */
    CU_ASSERT_TRUE(b.outcome == BELAY_DEADLINE_EXCEEDED || b.outcome == BELAY_CANCELLED);
    CU_ASSERT_EQUAL(b.results[0], b.outcome);
    bench_close(&b);
}

/* ---- The handler's end --------------------------------------------------------------------------- */

static belay_code
stubborn(belay_task *task, void *argument)
{
    bench *b = argument;
    gate_open(&b->busy);
    while (!belay_task_cancelled(task))
        sched_yield();
    for (int i = 0; i < 2000; i++)
        sched_yield();
    up(&b->over);
    return BELAY_OK;
}

static void
look_at_cleanup(void *argument)
{
    bench *b = argument;
    __atomic_store_n(&b->over_at_cleanup, look(&b->over), __ATOMIC_RELAXED);
}

static belay_code
return_early(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    reply->number = 7;
    if (belay_group_add(group, stubborn, b) != BELAY_OK || belay_group_add(group, stubborn, b) != BELAY_OK)
        return BELAY_INTERNAL;
    gate_wait_count(&b->busy, 2);
    return belay_defer(call, look_at_cleanup, b);
}

static void
test_a_handler_that_returns_early_is_ended_after_its_tasks(void)
{
    bench b;
    bench_open(&b, 3, 3, false, return_early);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.over), 2);
    CU_ASSERT_EQUAL(look(&b.over_at_cleanup), 2);
    bench_close(&b);
}

static belay_code
say(belay_task *task, void *argument)
{
    char **place = argument;
    *place = belay_task_printf(task, "said by task %zu", belay_task_index(task));
    return BELAY_OK;
}

static belay_code
answer_with_a_tasks_words(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    (void)b;
    char **words = belay_alloc(call, 2 * sizeof *words);
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    for (int i = 0; i < 2; i++) {
        if (belay_group_add(group, say, &words[i]) != BELAY_OK)
            return BELAY_INTERNAL;
    }
    belay_code code = belay_group_wait(group, NULL);
    reply->text = words[1];
    return code;
}

static void
test_a_reply_may_point_to_what_a_task_has_allocated(void)
{
    bench b;
    Belay__Test__Note *reply = NULL;
    bench_open(&b, 2, 2, false, answer_with_a_tasks_words);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_finish(start_numbered(&b, NULL, 0), &reply, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->text, "said by task 1");
    belay__test__note__free_unpacked(reply, NULL);
    bench_close(&b);
}

static belay_code
group_of_a_derived_context(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    (void)reply;
    belay_context *derived = belay_context_derive(belay_call_context(call), BELAY_SECONDS(600));
    belay_group *group = belay_group_new(derived, BELAY_GROUP_ALL);
    belay_context_unref(derived);
    belay_code code = belay_group_add(group, stubborn, b);
    gate_wait(&b->busy);
    return code;
}

static void
test_a_group_under_a_derived_context_is_the_handlers_too(void)
{
    bench b;
    bench_open(&b, 2, 2, false, group_of_a_derived_context);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.over), 1);
    bench_close(&b);
}

/* ---- Client calls of tasks ----------------------------------------------------------------------- */

typedef struct question {
    bench *b;
    int64_t number;
    const Belay__Test__Note *answer; /* the task's */
} question;

static belay_code
ask(belay_task *task, void *argument)
{
    question *self = argument;
    Belay__Test__Note *answer = NULL;
    if (self->number != HANGS)
        gate_wait_count(&self->b->entered, 2); /* until the others hang */
    belay_call *call = start_numbered(self->b, belay_task_context(task), self->number);
    belay_code code = call != NULL ? belay_test_probe_unary_finish(call, &answer, NULL) : BELAY_INTERNAL;
    self->answer = answer;
    return code;
}

static belay_code
ask_three(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    question questions[] = {{b, HANGS, NULL}, {b, HANGS, NULL}, {b, 5, NULL}};
    belay_group *group = group_of(call, BELAY_GROUP_FIRST_SUCCESS);
    belay_code code = BELAY_OK;
    for (int i = 0; i < 3 && code == BELAY_OK; i++)
        code = belay_group_add(group, ask, &questions[i]);
    keep_results(b, group);
    if (questions[2].answer != NULL) {
        reply->number = questions[2].answer->number;
        reply->text = questions[2].answer->text;
    }
    return b->outcome;
}

static void
test_child_calls_of_tasks_are_cancelled_with_the_group(void)
{
    bench b;
    Belay__Test__Note *reply = NULL;
    bench_open(&b, 8, 8, false, ask_three);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_finish(start_numbered(&b, NULL, 0), &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, 105);
    CU_ASSERT_STRING_EQUAL(reply->text, "reply");
    belay__test__note__free_unpacked(reply, NULL);
    CU_ASSERT_EQUAL(b.first, 2);
    CU_ASSERT_EQUAL(b.results[0], BELAY_CANCELLED);
    CU_ASSERT_EQUAL(b.results[1], BELAY_CANCELLED);
    FIXTURE_AWAIT(&b.fixture, handlers_running, 0);
    CU_ASSERT_EQUAL(look(&b.hung), 2);
    bench_close(&b);
}

static void
count_calls(void *argument)
{
    bench *b = argument;
    int open = (int)fixture_counters(&b->fixture).children_open;
    __atomic_store_n(&b->calls_at_cleanup, open, __ATOMIC_RELAXED);
}

static belay_code
leave_a_call(belay_task *task, void *argument)
{
    bench *b = argument;
    if (belay_task_defer(task, count_calls, b) != BELAY_OK)
        return BELAY_INTERNAL;
    belay_call *call = start_numbered(b, belay_task_context(task), HANGS);
    gate_wait(&b->entered);
    return call != NULL ? BELAY_OK : BELAY_INTERNAL;
}

static belay_code
task_that_leaves_a_call(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    (void)reply;
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, leave_a_call, b);
    if (code == BELAY_OK)
        code = belay_group_wait(group, NULL);
    gate_wait(&b->go); /* the handler goes on */
    return code;
}

static bool
has_hung(void *argument)
{
    return look(argument) == 1;
}

static void
test_a_call_that_a_task_leaves_open_ends_with_the_task(void)
{
    bench b;
    bench_open(&b, 4, 4, false, task_that_leaves_a_call);
    belay_call *call = start_numbered(&b, NULL, 0);
    wait_until(has_hung, &b.hung, "the child call is cancelled");
    gate_open(&b.go);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    CU_ASSERT_EQUAL(look(&b.calls_at_cleanup), 1); /* the test's own */
    bench_close(&b);
}

typedef struct borrower {
    bench *b;
    belay_context *handlers;
    int64_t number;
} borrower;

/* Opens a call with the handler's context: what it gets is its own, on whatever thread it runs. */
static belay_code
borrow_context(belay_task *task, void *argument)
{
    borrower *self = argument;
    Belay__Test__Note *reply = NULL;
    (void)task;
    belay_call *call = start_numbered(self->b, self->handlers, 3);
    belay_code code = call != NULL ? belay_test_probe_unary_finish(call, &reply, NULL) : BELAY_INTERNAL;
    if (code != BELAY_OK)
        return code;
    self->number = reply->number;
    belay__test__note__free_unpacked(reply, NULL);
    return BELAY_OK;
}

static belay_code
lend_context(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    borrower self = {b, belay_call_context(call), 0};
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, borrow_context, &self);
    belay_code outcome = belay_group_wait(group, NULL);
    reply->number = self.number;
    b->results[0] = bly_context_handler(self.handlers) != NULL ? BELAY_OK : BELAY_INTERNAL;
    return code == BELAY_OK ? outcome : code;
}

static void
test_the_handlers_context_is_no_tasks_own_on_its_thread_either(void)
{
    bench b;
    bench_open(&b, 1, 2, false, lend_context);
    CU_ASSERT_EQUAL(finish(start_numbered(&b, NULL, 0)).code, BELAY_OK);
    CU_ASSERT_EQUAL(b.results[0], BELAY_OK);
    bench_close(&b);
}

/* What a task has made for its waits. */
typedef struct tools {
    int fd;
    belay_process_result *said;
} tools;

static belay_code
make_tools(belay_task *task, void *argument)
{
    tools *self = argument;
    const char *const argv[] = {"echo", "from a task", NULL};
    belay_code code = belay_cancel_fd(belay_task_context(task), &self->fd);
    return code == BELAY_OK ? belay_process_run(belay_task_context(task), argv, NULL, &self->said) : code;
}

static belay_code
look_at_tools(bench *b, belay_call *call, Belay__Test__Note *reply)
{
    tools self = {-1, NULL};
    belay_group *group = group_of(call, BELAY_GROUP_ALL);
    belay_code code = belay_group_add(group, make_tools, &self);
    belay_code outcome = belay_group_wait(group, NULL);
    if (code != BELAY_OK || outcome != BELAY_OK)
        return BELAY_INTERNAL;
    b->results[0] = self.fd >= 0 && fcntl(self.fd, F_GETFD) < 0 && errno == EBADF ? BELAY_OK : BELAY_INTERNAL;
    reply->text = (char *)self.said->output;
    return BELAY_OK;
}

static void
test_a_tasks_descriptor_ends_with_it_and_what_its_process_said_stays_for_the_handler(void)
{
    bench b;
    Belay__Test__Note *reply = NULL;
    bench_open(&b, 2, 2, false, look_at_tools);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_finish(start_numbered(&b, NULL, 0), &reply, NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->text, "from a task\n");
    CU_ASSERT_EQUAL(b.results[0], BELAY_OK);
    belay__test__note__free_unpacked(reply, NULL);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_group_ends_on_a_pool_of_one_worker),
        TEST(a_group_ends_on_a_pool_whose_other_workers_are_busy),
        TEST(nested_groups_end_on_a_full_pool),
        TEST(tasks_run_side_by_side),
        TEST(a_waiting_handler_counts_as_blocked_while_it_sleeps),
        TEST(tasks_take_no_place_of_a_call_in_the_queue),
        TEST(a_client_that_cancels_ends_running_tasks),
        TEST(a_client_that_cancels_ends_waiting_tasks_before_they_run),
        TEST(no_task_is_added_when_the_client_has_cancelled),
        TEST(the_calls_deadline_ends_its_tasks),
        TEST(a_handler_that_returns_early_is_ended_after_its_tasks),
        TEST(a_reply_may_point_to_what_a_task_has_allocated),
        TEST(a_group_under_a_derived_context_is_the_handlers_too),
        TEST(child_calls_of_tasks_are_cancelled_with_the_group),
        TEST(a_call_that_a_task_leaves_open_ends_with_the_task),
        TEST(the_handlers_context_is_no_tasks_own_on_its_thread_either),
        TEST(a_tasks_descriptor_ends_with_it_and_what_its_process_said_stays_for_the_handler),
        CU_TEST_INFO_NULL,
    };
    return suite_run("group_handler", tests, argc, argv);
}
