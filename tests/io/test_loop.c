/* SPDX-License-Identifier: MIT */
#include "io/loop.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/parker.h"
#include "support/suite.h"

static bly_loop *
new_loop(void)
{
    bly_loop *loop = bly_loop_new("test-io", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    return loop;
}

/* ---- many posters ---- */

#define POSTERS 4
#define POSTS 20000

typedef struct numbered_task {
    bly_loop_task task;
    int poster;
    int number;
} numbered_task;

typedef struct poster {
    bly_loop *loop;
    numbered_task *tasks;
} poster;

/* I/O thread only, until the loop is freed */
static int next_number[POSTERS];
static int out_of_order;

static void
run_numbered(bly_loop_task *task)
{
    numbered_task *numbered = BLY_CONTAINER_OF(task, numbered_task, task);
    if (numbered->number != next_number[numbered->poster]++)
        out_of_order++;
}

static void *
post_all(void *argument)
{
    poster *self = argument;
    for (int i = 0; i < POSTS; i++)
        bly_loop_post(self->loop, &self->tasks[i].task);
    return NULL;
}

static void
test_each_posters_order_is_kept(void)
{
    bly_loop *loop = new_loop();
    pthread_t threads[POSTERS];
    poster posters[POSTERS];
    out_of_order = 0;
    for (int p = 0; p < POSTERS; p++) {
        next_number[p] = 0;
        posters[p] = (poster){loop, calloc(POSTS, sizeof(numbered_task))};
        CU_ASSERT_PTR_NOT_NULL_FATAL(posters[p].tasks);
        for (int i = 0; i < POSTS; i++)
            posters[p].tasks[i] = (numbered_task){.task.run = run_numbered, .poster = p, .number = i};
        pthread_create(&threads[p], NULL, post_all, &posters[p]);
    }
    for (int p = 0; p < POSTERS; p++)
        pthread_join(threads[p], NULL);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(out_of_order, 0);
    for (int p = 0; p < POSTERS; p++) {
        CU_ASSERT_EQUAL(next_number[p], POSTS);
        free(posters[p].tasks);
    }
}

/* ---- no wake-up is lost ---- */

#define PINGS 50000

typedef struct ping {
    bly_loop_task task;
    int answered; /* atomic, acquire and release: the poster spins on it */
    int expected;
} ping;

static void
answer(bly_loop_task *task)
{
    ping *self = BLY_CONTAINER_OF(task, ping, task);
    __atomic_add_fetch(&self->answered, 1, __ATOMIC_RELEASE);
}

static bool
is_answered(void *argument)
{
    const ping *self = argument;
    return __atomic_load_n(&self->answered, __ATOMIC_ACQUIRE) == self->expected;
}

/* Spins for a while first: giving up the processor would make every post come late, to a loop that
 * sleeps soundly. */
static void
await_answer(ping *self)
{
    for (int i = 0; i < 20000; i++) {
        if (is_answered(self))
            return;
    }
    wait_until(is_answered, self, "the answer to a post");
}

/* Posts a varying moment after the last answer, so that some posts meet the loop between its last look
 * and its sleep. Nobody else posts: a lost wake-up stays lost. */
static void
test_no_wakeup_is_lost(void)
{
    bly_loop *loop = new_loop();
    ping self = {.task.run = answer};
    for (int i = 1; i <= PINGS; i++) {
        self.expected = i;
        bly_loop_post(loop, &self.task);
        await_answer(&self);
        for (volatile int delay = 0; delay < i % 400; delay++)
            ;
    }
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(self.answered, PINGS);
}

/* ---- deferred work ---- */

typedef struct script {
    bly_loop *loop;
    bly_loop_task first_task, second_task, posted_by_deferred;
    bly_loop_deferred deferred, second_deferred, late_deferred;
    char text[16];
    size_t length;
    gate done;
} script;

static void
write_letter(script *self, char letter)
{
    if (self->length >= sizeof self->text - 1)
        abort();
    self->text[self->length++] = letter;
}

static void
run_first_task(bly_loop_task *task)
{
    script *self = BLY_CONTAINER_OF(task, script, first_task);
    write_letter(self, '1');
    bly_loop_defer(self->loop, &self->deferred);
    bly_loop_defer(self->loop, &self->second_deferred);
    bly_loop_defer(self->loop, &self->deferred); /* pending: nothing */
    bly_loop_post(self->loop, &self->second_task);
}

static void
run_second_task(bly_loop_task *task)
{
    write_letter(BLY_CONTAINER_OF(task, script, second_task), '2');
}

static void
run_deferred(bly_loop_deferred *deferred)
{
    script *self = BLY_CONTAINER_OF(deferred, script, deferred);
    write_letter(self, 'a');
    bly_loop_defer(self->loop, &self->late_deferred);
    bly_loop_post(self->loop, &self->posted_by_deferred);
}

static void
run_second_deferred(bly_loop_deferred *deferred)
{
    write_letter(BLY_CONTAINER_OF(deferred, script, second_deferred), 'b');
}

static void
run_posted_by_deferred(bly_loop_task *task)
{
    write_letter(BLY_CONTAINER_OF(task, script, posted_by_deferred), '3');
}

static void
run_late_deferred(bly_loop_deferred *deferred)
{
    script *self = BLY_CONTAINER_OF(deferred, script, late_deferred);
    write_letter(self, 'c');
    gate_open(&self->done);
}

/* What tasks post still comes before the deferred work; what deferred work posts or defers, after it. */
static void
test_deferred_work_runs_after_the_mailbox_and_may_add_more(void)
{
    script play = {
        .first_task.run = run_first_task,
        .second_task.run = run_second_task,
        .posted_by_deferred.run = run_posted_by_deferred,
        .deferred.run = run_deferred,
        .second_deferred.run = run_second_deferred,
        .late_deferred.run = run_late_deferred,
    };
    play.loop = new_loop();
    gate_init(&play.done, "late deferred work");
    bly_loop_post(play.loop, &play.first_task);
    gate_wait(&play.done);
    bly_loop_free(play.loop);
    CU_ASSERT_STRING_EQUAL(play.text, "12ab3c");
    gate_fini(&play.done);
}

typedef struct endless {
    bly_loop *loop;
    bly_loop_deferred deferred;
    bool ended; /* I/O thread only */
    int rounds;
} endless;

static void
defer_again(bly_loop_deferred *deferred)
{
    endless *self = BLY_CONTAINER_OF(deferred, endless, deferred);
    self->rounds++;
    if (!self->ended)
        bly_loop_defer(self->loop, &self->deferred);
}

static void
begin_endless(void *argument)
{
    endless *self = argument;
    bly_loop_defer(self->loop, &self->deferred);
}

static void
end_endless(void *argument)
{
    endless *self = argument;
    self->ended = true;
}

static void
test_work_that_never_ends_does_not_keep_others_out(void)
{
    endless work = {.deferred.run = defer_again};
    work.loop = new_loop();
    bly_loop_call(work.loop, begin_endless, &work);
    for (int i = 0; i < 100; i++)
        bly_loop_call(work.loop, begin_endless, &work);
    bly_loop_call(work.loop, end_endless, &work);
    bly_loop_free(work.loop);
    CU_ASSERT_TRUE(work.rounds > 0);
}

/* ---- wake-ups ---- */

typedef struct sleeper {
    bly_loop *loop;
    bly_parker *parker;
    bool woken; /* atomic, relaxed: a parker may also wake for nothing */
} sleeper;

static void
wake_after_others(void *argument)
{
    sleeper *self = argument;
    __atomic_store_n(&self->woken, true, __ATOMIC_RELAXED);
    bly_parker_wake(self->parker);
    bly_loop_give_way(self->loop);
}

static void *
have_woken(void *argument)
{
    sleeper *self = argument;
    bly_loop_call(self->loop, wake_after_others, self);
    return NULL;
}

static void
test_loop_that_gives_way_wakes_its_threads(void)
{
    sleeper self = {.loop = new_loop(), .parker = bly_parker_current()};
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        __atomic_store_n(&self.woken, false, __ATOMIC_RELAXED);
        pthread_create(&thread, NULL, have_woken, &self);
        while (!__atomic_load_n(&self.woken, __ATOMIC_RELAXED))
            bly_parker_park(self.parker);
        pthread_join(thread, NULL);
    }
    bly_loop_free(self.loop);
}

/* ---- calls, and the end ---- */

static void
note_thread(void *argument)
{
    bool *was_current = argument;
    *was_current = true;
}

typedef struct nested {
    bly_loop *loop;
    bool was_current;
    bool inner_ran;
} nested;

static void
call_inside(void *argument)
{
    nested *self = argument;
    self->was_current = bly_loop_is_current(self->loop);
    CU_ASSERT_PTR_NOT_NULL(bly_loop_buffer(self->loop));
    bly_loop_call(self->loop, note_thread, &self->inner_ran);
}

static void
test_call_runs_on_the_loop_and_directly_when_already_there(void)
{
    nested call = {.loop = new_loop()};
    CU_ASSERT_FALSE(bly_loop_is_current(call.loop));
    bly_loop_call(call.loop, call_inside, &call);
    CU_ASSERT_TRUE(call.was_current);
    CU_ASSERT_TRUE(call.inner_ran);
    CU_ASSERT_PTR_EQUAL(bly_loop_clock(call.loop), &bly_clock_monotonic);
    bly_loop_free(call.loop);
}

typedef struct chain {
    bly_loop *loop;
    bly_loop_task task;
    bly_loop_deferred deferred;
    int left;
} chain;

static void
defer_link(bly_loop_task *task)
{
    chain *self = BLY_CONTAINER_OF(task, chain, task);
    bly_loop_defer(self->loop, &self->deferred);
}

static void
post_link(bly_loop_deferred *deferred)
{
    chain *self = BLY_CONTAINER_OF(deferred, chain, deferred);
    if (--self->left > 0)
        bly_loop_post(self->loop, &self->task);
}

static void
test_free_runs_all_work_that_is_left_and_what_that_adds(void)
{
    chain links = {.task.run = defer_link, .deferred.run = post_link, .left = 100};
    links.loop = new_loop();
    bly_loop_post(links.loop, &links.task);
    bly_loop_free(links.loop);
    CU_ASSERT_EQUAL(links.left, 0);
}

static void
free_task(bly_loop_task *task)
{
    free(task);
}

static void
test_task_may_be_freed_by_its_run(void)
{
    bly_loop *loop = new_loop();
    for (int i = 0; i < 100; i++) {
        bly_loop_task *task = calloc(1, sizeof *task);
        CU_ASSERT_PTR_NOT_NULL_FATAL(task);
        task->run = free_task;
        bly_loop_post(loop, task);
    }
    bly_loop_free(loop);
    bly_loop_free(NULL);
    CU_PASS("the leak check of the sanitizer build sees what is left");
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"each_posters_order_is_kept", test_each_posters_order_is_kept},
        {"no_wakeup_is_lost", test_no_wakeup_is_lost},
        {"deferred_work_runs_after_the_mailbox_and_may_add_more",
         test_deferred_work_runs_after_the_mailbox_and_may_add_more},
        {"work_that_never_ends_does_not_keep_others_out", test_work_that_never_ends_does_not_keep_others_out},
        {"loop_that_gives_way_wakes_its_threads", test_loop_that_gives_way_wakes_its_threads},
        {"call_runs_on_the_loop_and_directly_when_already_there",
         test_call_runs_on_the_loop_and_directly_when_already_there},
        {"free_runs_all_work_that_is_left_and_what_that_adds",
         test_free_runs_all_work_that_is_left_and_what_that_adds},
        {"task_may_be_freed_by_its_run", test_task_may_be_freed_by_its_run},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/loop", tests, argc, argv);
}
