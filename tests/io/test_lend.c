/* SPDX-License-Identifier: MIT */
/*
 * Lending a loop. When it happens depends on the threads' pace, so tests ask again until they have borrowed; what must
 * hold then holds each time.
 */
#include "io/lend.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/parker.h"
#include "io/loop_inside.h"
#include "io/resolve.h"
#include "io/timer.h"
#include "io/watch.h"
#include "support/suite.h"

/* So many tries are enough in good times; so many more, and some, it takes after lending did not pay. */
#define OFTEN 20
#define VERY_OFTEN 250

#define MS UINT64_C(1000000)

/* Without giving up the processor, for longer than the own thread takes to wake up and lend: it lends for a moment
 * only. */
#define PATIENTLY (4 * MS)

/* ---- A loop that is lent ------------------------------------------------------------------------------ */

typedef struct bench {
    bly_loop *loop;
    bly_clock clock;
    /* atomic, relaxed */
    uint64_t now; /* the own clock's, if it has one */
    bool quiet;
    int asked; /* how often the loop wanted to know */
    /* of whoever drives */
    bool late_wake; /* when the loop is about to be put down, somebody wakes it */
} bench;

static bool
note_question(void *argument)
{
    bench *b = argument;
    __atomic_add_fetch(&b->asked, 1, __ATOMIC_RELAXED);
    if (b->late_wake)
        bly_loop_announce(b->loop);
    return __atomic_load_n(&b->quiet, __ATOMIC_RELAXED);
}

static void
bench_open_with(bench *b, const bly_clock *clock)
{
    b->quiet = true;
    b->loop = bly_loop_new("test-lend", clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->loop);
    bly_loop_allow_lending(b->loop, note_question, b);
}

static void
bench_open(bench *b)
{
    *b = (bench){.loop = NULL};
    bench_open_with(b, &bly_clock_monotonic);
}

static uint64_t
own_now(void *argument)
{
    return __atomic_load_n(&((bench *)argument)->now, __ATOMIC_RELAXED);
}

static void
bench_open_with_own_clock(bench *b)
{
    *b = (bench){.now = 1000 * MS};
    b->clock = (bly_clock){own_now, b};
    bench_open_with(b, &b->clock);
}

static void
set_quiet(bench *b, bool quiet)
{
    __atomic_store_n(&b->quiet, quiet, __ATOMIC_RELAXED);
}

static int
times_asked(bench *b)
{
    return __atomic_load_n(&b->asked, __ATOMIC_RELAXED);
}

static void
nothing(void *argument)
{
    (void)argument;
}

static bool
was_asked(void *argument)
{
    return times_asked(argument) > 0;
}

/* Has the own thread come to the end of a turn, where it could lend, in a loop that is not lent. */
static void
turn(bench *b)
{
    bly_loop_call(b->loop, nothing, NULL);
    bly_loop_call(b->loop, nothing, NULL);
}

static bool
try_often(bench *b, bly_loan *loan, int times)
{
    for (int i = 0; i < times; i++) {
        if (bly_loop_borrow(b->loop, loan))
            return true;
    }
    return false;
}

static bool
try_for(bench *b, bly_loan *loan, uint64_t ns)
{
    uint64_t end = bly_clock_after(bly_clock_now(&bly_clock_monotonic), ns);
    while (bly_clock_now(&bly_clock_monotonic) < end) {
        if (try_often(b, loan, OFTEN))
            return true;
    }
    return false;
}

static bool
is_never_lent(bench *b)
{
    bly_loan loan;
    for (int i = 0; i < 10; i++) {
        if (try_often(b, &loan, OFTEN)) {
            bly_loop_give_back(b->loop, &loan);
            return false;
        }
        turn(b);
    }
    return true;
}

typedef struct wish {
    bench *bench;
    bly_loan *loan;
} wish;

/* One call only: where the own thread lends at once after it, a second one would take the loop back. */
static bool
gets_it(void *argument)
{
    wish *self = argument;
    if (try_often(self->bench, self->loan, OFTEN))
        return true;
    bly_loop_call(self->bench->loop, nothing, NULL);
    return try_for(self->bench, self->loan, PATIENTLY);
}

static void
borrow(bench *b, bly_loan *loan)
{
    wish self = {b, loan};
    wait_until(gets_it, &self, "the loop is lent");
}

static bool
is_driven(void *argument)
{
    bench *b = argument;
    return !__atomic_load_n(&b->loop->mailbox.idle, __ATOMIC_SEQ_CST);
}

static bool
own_thread_waits(void *argument)
{
    bench *b = argument;
    return __atomic_load_n(&b->loop->lending.owner_waits, __ATOMIC_SEQ_CST);
}

static void
leave_idle(bench *b)
{
    bly_loan loan;
    borrow(b, &loan);
    bly_loop_give_back(b->loop, &loan);
}

/* ---- Tasks that tell where they ran -------------------------------------------------------------------- */

typedef struct note {
    bly_loop_task task;
    bly_loop *loop;
    pthread_t thread;
    bool was_current;
    gate ran;
} note;

static void
run_note(bly_loop_task *task)
{
    note *self = BLY_CONTAINER_OF(task, note, task);
    self->thread = pthread_self();
    self->was_current = bly_loop_is_current(self->loop);
    gate_open(&self->ran);
}

static void
note_init(note *self, bench *b)
{
    *self = (note){.task.run = run_note, .loop = b->loop};
    gate_init(&self->ran, "a posted task runs");
}

static bool
has_run(void *argument)
{
    note *self = argument;
    pthread_mutex_lock(&self->ran.lock);
    bool ran = self->ran.opened > 0;
    pthread_mutex_unlock(&self->ran.lock);
    return ran;
}

static void
drive_until_run(bench *b, note *self)
{
    while (!bly_loop_turn(b->loop, has_run, self))
        continue;
}

static bool
ran_on(const note *self, pthread_t thread)
{
    return self->was_current && pthread_equal(self->thread, thread);
}

static void *
post_note(void *argument)
{
    note *self = argument;
    bly_loop_post(self->loop, &self->task);
    return NULL;
}

/* ---- When it is lent ----------------------------------------------------------------------------------- */

static void
test_a_loop_is_not_lent_without_leave(void)
{
    bench b = {.loop = bly_loop_new("test-lend", &bly_clock_monotonic)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(b.loop);
    CU_ASSERT_TRUE(is_never_lent(&b));
    bly_loop_free(b.loop);
}

static void
test_a_loop_that_is_seldom_wanted_is_not_lent(void)
{
    bench b;
    bly_loan loan;
    bench_open(&b);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_FALSE(bly_loop_borrow(b.loop, &loan));
        turn(&b);
    }
    CU_ASSERT_EQUAL(times_asked(&b), 0); /* it did not even think of it */
    bly_loop_free(b.loop);
}

static void
test_a_loop_that_others_wait_for_is_not_lent(void)
{
    bench b;
    bench_open(&b);
    set_quiet(&b, false);
    CU_ASSERT_TRUE(is_never_lent(&b));
    wait_until(was_asked, &b, "the own thread would lend");
    set_quiet(&b, true);
    leave_idle(&b);
    bly_loop_free(b.loop);
}

static void
ignore(bly_timer *timer)
{
    (void)timer;
}

static void
test_a_loop_whose_timer_is_near_is_not_lent(void)
{
    bench b;
    bly_timer timer;
    bench_open_with_own_clock(&b);
    bly_timer_init(&timer, ignore);
    CU_ASSERT_TRUE_FATAL(bly_timer_arm(b.loop, &timer, b.now + 3 * MS));
    CU_ASSERT_TRUE(is_never_lent(&b));
    __atomic_add_fetch(&b.now, 3 * MS, __ATOMIC_RELAXED);
    bly_timer_check(b.loop);
    leave_idle(&b);
    CU_ASSERT_FALSE(bly_timer_disarm(b.loop, &timer));
    bly_loop_free(b.loop);
}

static void
test_a_kept_loop_is_not_lent_until_it_was_let_go_as_often(void)
{
    bench b;
    bench_open(&b);
    bly_loop_keep(b.loop);
    bly_loop_keep(b.loop);
    CU_ASSERT_TRUE(is_never_lent(&b));
    bly_loop_let_go(b.loop);
    CU_ASSERT_TRUE(is_never_lent(&b));
    bly_loop_let_go(b.loop);
    leave_idle(&b);
    bly_loop_free(b.loop);
}

static void
test_a_loop_that_is_kept_while_nobody_drives_is_driven_again(void)
{
    bench b;
    bench_open(&b);
    for (int i = 0; i < 20; i++) {
        leave_idle(&b);
        bly_loop_keep(b.loop);
        wait_until(is_driven, &b, "the own thread drives a kept loop");
        CU_ASSERT_TRUE(is_never_lent(&b));
        bly_loop_let_go(b.loop);
    }
    bly_loop_free(b.loop);
}

static void
test_a_loop_that_is_kept_while_borrowed_is_not_lent_again(void)
{
    bench b;
    bly_loan loan;
    bench_open(&b);
    borrow(&b, &loan);
    bly_loop_keep(b.loop);
    CU_ASSERT_TRUE(bly_loop_is_current(b.loop)); /* this loan goes on */
    bly_loop_give_back(b.loop, &loan);
    wait_until(is_driven, &b, "the own thread drives a kept loop");
    CU_ASSERT_TRUE(is_never_lent(&b));
    bly_loop_let_go(b.loop);
    bly_loop_free(b.loop);
}

/* ---- Driving ------------------------------------------------------------------------------------------- */

static void
test_a_borrower_is_the_io_thread_until_it_gives_back(void)
{
    bench b;
    bly_loan loan;
    note posted, later;
    pthread_t poster;
    bench_open(&b);
    note_init(&posted, &b);
    note_init(&later, &b);
    borrow(&b, &loan);
    CU_ASSERT_TRUE(bly_loop_is_current(b.loop));
    CU_ASSERT_PTR_NOT_NULL(bly_loop_buffer(b.loop));
    pthread_create(&poster, NULL, post_note, &posted);
    drive_until_run(&b, &posted);
    CU_ASSERT_TRUE(ran_on(&posted, pthread_self()));
    bly_loop_give_back(b.loop, &loan);
    CU_ASSERT_FALSE(bly_loop_is_current(b.loop));
    pthread_join(poster, NULL);
    bly_loop_post(b.loop, &later.task);
    gate_wait(&later.ran);
    CU_ASSERT_TRUE(ran_on(&later, b.loop->thread));
    bly_loop_free(b.loop);
    gate_fini(&posted.ran);
    gate_fini(&later.ran);
}

static void
test_what_a_borrower_posted_unannounced_runs_on_its_thread(void)
{
    bench b;
    bly_loan loan;
    note posted;
    bench_open(&b);
    note_init(&posted, &b);
    borrow(&b, &loan);
    bly_loop_post_unannounced(b.loop, &posted.task);
    CU_ASSERT_TRUE(bly_loop_turn(b.loop, has_run, &posted)); /* and it does not wait */
    CU_ASSERT_TRUE(ran_on(&posted, pthread_self()));
    bly_loop_give_back(b.loop, &loan);
    bly_loop_free(b.loop);
    gate_fini(&posted.ran);
}

static void *
try_to_borrow(void *argument)
{
    bench *b = argument;
    bly_loan loan;
    return try_often(b, &loan, OFTEN) ? b : NULL;
}

static void
test_a_borrowed_loop_is_not_lent_to_another(void)
{
    bench b;
    bly_loan loan;
    pthread_t other;
    void *got;
    bench_open(&b);
    borrow(&b, &loan);
    pthread_create(&other, NULL, try_to_borrow, &b);
    pthread_join(other, &got);
    CU_ASSERT_PTR_NULL(got);
    bly_loop_give_back(b.loop, &loan);
    bly_loop_free(b.loop);
}

static void
test_who_begins_to_drive_reckons_time_from_now(void)
{
    bench b;
    bly_loan loan;
    bench_open(&b);
    borrow(&b, &loan);
    b.loop->uv.time -= 1000; /* as if nobody had driven for a second */
    uint64_t now = uv_hrtime() / MS;
    bly_loop_leave(b.loop);
    bly_loop_enter(b.loop);
    CU_ASSERT_TRUE(uv_now(&b.loop->uv) + 100 > now); /* libuv's clock may be a coarse one */
    bly_loop_give_back(b.loop, &loan);
    bly_loop_free(b.loop);
}

/* ---- Timers and descriptors ---------------------------------------------------------------------------- */

typedef struct alarm_note {
    bly_timer timer;
    note note;
} alarm_note;

static void
run_alarm(bly_timer *timer)
{
    run_note(&BLY_CONTAINER_OF(timer, alarm_note, timer)->note.task);
}

static void
arm(bench *b, alarm_note *alarm, uint64_t ns)
{
    note_init(&alarm->note, b);
    bly_timer_init(&alarm->timer, run_alarm);
    CU_ASSERT_TRUE_FATAL(bly_timer_arm(b->loop, &alarm->timer, bly_clock_now(b->loop->clock) + ns));
}

static void
test_timers_that_were_armed_before_fire_though_nobody_drives(void)
{
    bench b;
    alarm_note alarm;
    bench_open(&b);
    arm(&b, &alarm, 30 * MS);
    leave_idle(&b);
    gate_wait(&alarm.note.ran);
    CU_ASSERT_TRUE(alarm.note.was_current);
    bly_loop_free(b.loop);
    gate_fini(&alarm.note.ran);
}

static void
test_a_timer_that_is_armed_while_nobody_drives_fires_on_the_own_thread(void)
{
    bench b;
    alarm_note alarm;
    bench_open(&b);
    leave_idle(&b);
    arm(&b, &alarm, MS);
    gate_wait(&alarm.note.ran);
    CU_ASSERT_TRUE(ran_on(&alarm.note, b.loop->thread));
    bly_loop_free(b.loop);
    gate_fini(&alarm.note.ran);
}

static void
test_a_timer_that_is_armed_while_borrowed_fires_on_the_borrower(void)
{
    bench b;
    bly_loan loan;
    alarm_note alarm;
    bench_open(&b);
    borrow(&b, &loan);
    arm(&b, &alarm, MS);
    drive_until_run(&b, &alarm.note);
    CU_ASSERT_TRUE(ran_on(&alarm.note, pthread_self()));
    bly_loop_give_back(b.loop, &loan);
    bly_loop_free(b.loop);
    gate_fini(&alarm.note.ran);
}

/* A pipe that the loop watches. */
typedef struct pipe_note {
    note note;
    bly_watch *watch;
    int ends[2];
} pipe_note;

static void
take_byte(void *argument, unsigned int events)
{
    pipe_note *self = argument;
    char byte;
    CU_ASSERT_EQUAL(events, BLY_WATCH_READ);
    CU_ASSERT_EQUAL(read(self->ends[0], &byte, 1), 1);
    run_note(&self->note.task);
}

static void
watch_pipe(void *argument)
{
    pipe_note *self = argument;
    self->watch = bly_watch_new(self->note.loop, self->ends[0], take_byte, self);
    if (self->watch == NULL)
        abort();
    bly_watch_set(self->watch, BLY_WATCH_READ);
}

static void
unwatch_pipe(void *argument)
{
    bly_watch_free(((pipe_note *)argument)->watch);
}

static void
pipe_open(pipe_note *self, bench *b)
{
    note_init(&self->note, b);
    CU_ASSERT_EQUAL_FATAL(pipe(self->ends), 0);
    bly_loop_call(b->loop, watch_pipe, self);
}

static void
pipe_close(pipe_note *self)
{
    bly_loop_call(self->note.loop, unwatch_pipe, self);
    close(self->ends[0]);
    close(self->ends[1]);
}

static void
test_what_comes_while_nobody_drives_is_noticed_by_the_own_thread(void)
{
    bench b;
    pipe_note pipe_end;
    bench_open(&b);
    pipe_open(&pipe_end, &b);
    leave_idle(&b);
    CU_ASSERT_EQUAL(write(pipe_end.ends[1], "x", 1), 1);
    gate_wait(&pipe_end.note.ran);
    CU_ASSERT_TRUE(ran_on(&pipe_end.note, b.loop->thread));
    pipe_close(&pipe_end);
    bly_loop_free(b.loop);
    gate_fini(&pipe_end.note.ran);
}

static void
test_what_comes_while_borrowed_is_taken_in_by_the_borrower(void)
{
    bench b;
    bly_loan loan;
    pipe_note pipe_end;
    bench_open(&b);
    pipe_open(&pipe_end, &b);
    borrow(&b, &loan);
    CU_ASSERT_EQUAL(write(pipe_end.ends[1], "x", 1), 1);
    drive_until_run(&b, &pipe_end.note);
    CU_ASSERT_TRUE(ran_on(&pipe_end.note, pthread_self()));
    bly_loop_give_back(b.loop, &loan);
    pipe_close(&pipe_end);
    bly_loop_free(b.loop);
    gate_fini(&pipe_end.note.ran);
}

static bool
at_once(void *argument)
{
    (void)argument;
    return true;
}

/* Something comes while nobody drives, and somebody borrows: false when the own thread was first. */
static bool
borrows_after_something_came(void *argument)
{
    bench *b = argument;
    bly_loan loan;
    pipe_note pipe_end;
    pipe_open(&pipe_end, b);
    borrow(b, &loan);
    bly_loop_give_back(b->loop, &loan);
    CU_ASSERT_EQUAL(write(pipe_end.ends[1], "x", 1), 1);
    bool borrowed = bly_loop_borrow(b->loop, &loan);
    if (borrowed) {
        CU_ASSERT_TRUE(has_run(&pipe_end.note));
        CU_ASSERT_TRUE(bly_loop_turn(b->loop, at_once, NULL));
        bly_loop_give_back(b->loop, &loan);
    }
    gate_wait(&pipe_end.note.ran);
    borrowed = borrowed && ran_on(&pipe_end.note, pthread_self());
    pipe_close(&pipe_end);
    gate_fini(&pipe_end.note.ran);
    return borrowed;
}

/* What came must be known before anything is sent, and callers that need not wait, one after the other, must not keep it
 * from everybody. */
static void
test_a_borrower_takes_in_at_once_what_has_come(void)
{
    bench b;
    bench_open(&b);
    wait_until(borrows_after_something_came, &b, "a borrower finds that something has come");
    bly_loop_free(b.loop);
}

/* ---- Giving back --------------------------------------------------------------------------------------- */

static void
test_a_post_brings_the_own_thread_back(void)
{
    bench b;
    note posted;
    bench_open(&b);
    for (int i = 0; i < 50; i++) {
        note_init(&posted, &b);
        leave_idle(&b);
        bly_loop_post(b.loop, &posted.task);
        gate_wait(&posted.ran);
        CU_ASSERT_TRUE(ran_on(&posted, b.loop->thread));
        gate_fini(&posted.ran);
    }
    bly_loop_free(b.loop);
}

#define LATE_WAKES 10

/* Whether the mailbox keeps from posters that nobody drives; *seen counts how often it was to be seen at all: the own
 * thread may have taken the loop back by then. */
static bool
hides_that_nobody_drives(bench *b, int *seen)
{
    bool idle = !is_driven(b);
    bool asleep = __atomic_load_n(&b->loop->mailbox.asleep, __ATOMIC_SEQ_CST);
    if (!idle || is_driven(b))
        return false;
    ++*seen;
    return !asleep;
}

/* A poster pushes, then wakes the loop if that is asleep; its task may have run meanwhile. When the wake-up comes between
 * the loop's last look and its being put down, those who post after it must still find it asleep. */
static void
test_a_late_wake_up_does_not_hide_that_nobody_drives(void)
{
    bench b;
    int seen = 0, hidden = 0;
    bench_open(&b);
    while (seen < LATE_WAKES) {
        bly_loan loan;
        borrow(&b, &loan);
        b.late_wake = true;
        bly_loop_give_back(b.loop, &loan);
        hidden += hides_that_nobody_drives(&b, &seen);
        borrow(&b, &loan);
        b.late_wake = false;
        bly_loop_give_back(b.loop, &loan);
    }
    CU_ASSERT(hidden < LATE_WAKES / 2); /* between two looks at it the own thread can have had it and lent it again */
    bly_loop_free(b.loop);
}

static void
test_the_loop_is_handed_over_and_lent_more_seldom_when_others_wait(void)
{
    bench b;
    bly_loan loan;
    bench_open(&b);
    borrow(&b, &loan);
    set_quiet(&b, false);
    bly_loop_give_back(b.loop, &loan);
    wait_until(is_driven, &b, "the own thread drives for those who wait");
    set_quiet(&b, true);
    CU_ASSERT(__atomic_load_n(&b.loop->lending.wanted, __ATOMIC_RELAXED) <= -VERY_OFTEN);
    borrow(&b, &loan);
    bly_loop_give_back(b.loop, &loan);
    bly_loop_free(b.loop);
}

static void
test_the_own_thread_sleeps_through_a_long_loan_and_drives_after_it(void)
{
    bench b;
    bly_loan loan;
    bench_open(&b);
    for (int i = 0; i < 5; i++) {
        borrow(&b, &loan);
        wait_until(own_thread_waits, &b, "the own thread waits for a borrower");
        bly_loop_give_back(b.loop, &loan);
        wait_until(is_driven, &b, "the own thread drives after a long loan");
    }
    bly_loop_free(b.loop);
}

typedef struct leaver {
    bench *bench;
    note note;
    bool gave_back;
} leaver;

static void *
drive_while_cancelled(void *argument)
{
    leaver *self = argument;
    bly_loan loan;
    borrow(self->bench, &loan);
    pthread_cancel(pthread_self());
    bly_loop_post(self->bench->loop, &self->note.task);
    drive_until_run(self->bench, &self->note);
    for (int i = 0; i < 3; i++)
        bly_loop_turn(self->bench->loop, has_run, &self->note);
    bly_loop_give_back(self->bench->loop, &loan);
    self->gave_back = true;
    pthread_testcancel();
    return NULL;
}

static void
test_a_thread_that_was_cancelled_gives_the_loop_back_first(void)
{
    bench b;
    leaver self = {.bench = &b};
    pthread_t thread;
    void *result = NULL;
    bench_open(&b);
    note_init(&self.note, &b);
    pthread_create(&thread, NULL, drive_while_cancelled, &self);
    pthread_join(thread, &result);
    CU_ASSERT_TRUE(self.gave_back);
    CU_ASSERT_PTR_EQUAL(result, PTHREAD_CANCELED);
    turn(&b);
    leave_idle(&b);
    bly_loop_free(b.loop);
    gate_fini(&self.note.ran);
}

static void
test_a_borrower_finds_its_cancel_state_as_it_was(void)
{
    bench b;
    bly_loan loan;
    int state;
    bench_open(&b);
    borrow(&b, &loan);
    bly_loop_give_back(b.loop, &loan);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    CU_ASSERT_EQUAL(state, PTHREAD_CANCEL_ENABLE);
    borrow(&b, &loan);
    bly_loop_give_back(b.loop, &loan);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    CU_ASSERT_EQUAL(state, PTHREAD_CANCEL_DISABLE);
    bly_loop_free(b.loop);
}

/* ---- The end ------------------------------------------------------------------------------------------- */

static void
test_a_loop_may_be_freed_while_nobody_drives(void)
{
    for (int i = 0; i < 50; i++) {
        bench b;
        bench_open(&b);
        leave_idle(&b);
        bly_loop_free(b.loop);
    }
    CU_PASS("no end hangs");
}

static void
test_a_loop_may_be_freed_right_after_a_long_loan(void)
{
    for (int i = 0; i < 10; i++) {
        bench b;
        bly_loan loan;
        bench_open(&b);
        borrow(&b, &loan);
        wait_until(own_thread_waits, &b, "the own thread waits for a borrower");
        bly_loop_give_back(b.loop, &loan);
        bly_loop_free(b.loop);
    }
    CU_PASS("no end hangs");
}

static void
test_what_was_posted_unannounced_is_run_at_the_end(void)
{
    bench b;
    note posted;
    bench_open(&b);
    note_init(&posted, &b);
    leave_idle(&b);
    bly_loop_post_unannounced(b.loop, &posted.task);
    bly_loop_free(b.loop);
    CU_ASSERT_TRUE(has_run(&posted));
    gate_fini(&posted.ran);
}

/* ---- Signals ------------------------------------------------------------------------------------------- */

static int signals_taken; /* atomic, relaxed: by any thread */

static void
count_signal(int signal)
{
    (void)signal;
    __atomic_add_fetch(&signals_taken, 1, __ATOMIC_RELAXED);
}

static void
note_resolved(void *argument, const struct addrinfo *addresses, const char *error)
{
    (void)addresses, (void)error;
    run_note(&((note *)argument)->task);
}

/* libuv's own threads are made once in a process: this test comes first. */
static void
test_threads_that_a_borrower_has_made_take_no_signals(void)
{
    struct sigaction count = {.sa_handler = count_signal}, before;
    sigset_t mine;
    bench b;
    bly_loan loan;
    note resolved;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigaction(SIGUSR1, &count, &before);
    bench_open(&b);
    note_init(&resolved, &b);
    borrow(&b, &loan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bly_resolve_start(b.loop, "127.0.0.1", "1", note_resolved, &resolved));
    drive_until_run(&b, &resolved);
    bly_loop_give_back(b.loop, &loan);
    pthread_sigmask(SIG_BLOCK, &mine, NULL);
    kill(getpid(), SIGUSR1);
    /* A thread that takes it does so soon; if none does, it is still there. */
    for (int i = 0; i < 1000 && __atomic_load_n(&signals_taken, __ATOMIC_RELAXED) == 0; i++)
        sched_yield();
    int taken = 0;
    if (__atomic_load_n(&signals_taken, __ATOMIC_RELAXED) == 0)
        sigwait(&mine, &taken);
    CU_ASSERT_EQUAL(taken, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
    sigaction(SIGUSR1, &before, NULL);
    bly_loop_free(b.loop);
    gate_fini(&resolved.ran);
}

/* ---- All at once --------------------------------------------------------------------------------------- */

#define CALLERS 3
#define POSTERS 2
#define ROUNDS 2000

/* One that posts, and waits for its task as a caller waits for its call. */
typedef struct caller {
    bench *bench;
    bly_loop_task task;
    bly_parker *parker;
    int done; /* atomic: release, acquire */
    int round;
    unsigned int *total; /* I/O thread only */
    int driven;
} caller;

static void
answer(bly_loop_task *task)
{
    caller *self = BLY_CONTAINER_OF(task, caller, task);
    BLY_ASSERT_CURRENT(self->bench->loop);
    ++*self->total;
    bly_parker *parker = bly_parker_ref(self->parker);
    __atomic_store_n(&self->done, self->round, __ATOMIC_RELEASE);
    bly_parker_wake(parker); /* self may be gone */
    bly_parker_unref(parker);
}

static bool
is_answered(void *argument)
{
    caller *self = argument;
    return __atomic_load_n(&self->done, __ATOMIC_ACQUIRE) == self->round;
}

static void
drive_or_wait(caller *self)
{
    bly_loop *loop = self->bench->loop;
    bly_loan loan;
    if (bly_loop_borrow(loop, &loan)) {
        self->driven++;
        while (!bly_loop_turn(loop, is_answered, self))
            continue;
        bly_loop_give_back(loop, &loan);
        return;
    }
    bly_loop_announce(loop);
    while (!is_answered(self))
        bly_parker_park(self->parker);
}

static void *
call_often(void *argument)
{
    caller *self = argument;
    self->parker = bly_parker_current();
    for (self->round = 1; self->round <= ROUNDS; self->round++) {
        bly_loop_post_unannounced(self->bench->loop, &self->task);
        drive_or_wait(self);
    }
    return NULL;
}

static void *
post_often(void *argument)
{
    caller *self = argument;
    self->parker = bly_parker_current();
    for (self->round = 1; self->round <= ROUNDS; self->round++) {
        bly_loop_post(self->bench->loop, &self->task);
        while (!is_answered(self))
            bly_parker_park(self->parker);
    }
    return NULL;
}

static void
run_callers(bench *b, int callers, int posters)
{
    caller all[CALLERS + POSTERS];
    pthread_t threads[CALLERS + POSTERS];
    unsigned int total = 0;
    int driven = 0;
    for (int i = 0; i < callers + posters; i++) {
        all[i] = (caller){.bench = b, .task.run = answer, .total = &total};
        pthread_create(&threads[i], NULL, i < callers ? call_often : post_often, &all[i]);
    }
    for (int i = 0; i < callers + posters; i++) {
        pthread_join(threads[i], NULL);
        driven += all[i].driven;
    }
    turn(b); /* what was the I/O thread's is seen after this */
    CU_ASSERT_EQUAL(total, (unsigned int)(ROUNDS * (callers + posters)));
    CU_ASSERT_EQUAL(b->loop->lending.loans, (unsigned int)driven);
}

static void
test_one_caller_gets_all_its_answers(void)
{
    bench b;
    bench_open(&b);
    run_callers(&b, 1, 0);
    bly_loop_free(b.loop);
}

static void
test_callers_and_posters_get_all_their_answers(void)
{
    bench b;
    bench_open(&b);
    run_callers(&b, CALLERS, POSTERS);
    bly_loop_free(b.loop);
}

static bool
is_odd_question(void *argument)
{
    bench *b = argument;
    return __atomic_add_fetch(&b->asked, 1, __ATOMIC_RELAXED) % 2 != 0;
}

static void
test_callers_get_their_answers_though_the_loop_is_handed_over_often(void)
{
    bench b;
    bench_open(&b);
    bly_loop_allow_lending(b.loop, is_odd_question, &b);
    run_callers(&b, CALLERS, POSTERS);
    bly_loop_free(b.loop);
}

typedef struct keeper {
    bench *bench;
    bool stop; /* atomic, relaxed */
} keeper;

static void *
keep_and_let_go(void *argument)
{
    keeper *self = argument;
    while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
        bly_loop_keep(self->bench->loop);
        sched_yield();
        bly_loop_let_go(self->bench->loop);
        for (int i = 0; i < 20; i++)
            sched_yield();
    }
    return NULL;
}

static void
test_callers_get_their_answers_though_the_loop_is_kept_now_and_then(void)
{
    bench b;
    keeper self = {.bench = &b};
    pthread_t thread;
    bench_open(&b);
    pthread_create(&thread, NULL, keep_and_let_go, &self);
    run_callers(&b, CALLERS, 1);
    __atomic_store_n(&self.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    bly_loop_free(b.loop);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(threads_that_a_borrower_has_made_take_no_signals),
        TEST(a_loop_is_not_lent_without_leave),
        TEST(a_loop_that_is_seldom_wanted_is_not_lent),
        TEST(a_loop_that_others_wait_for_is_not_lent),
        TEST(a_loop_whose_timer_is_near_is_not_lent),
        TEST(a_kept_loop_is_not_lent_until_it_was_let_go_as_often),
        TEST(a_loop_that_is_kept_while_nobody_drives_is_driven_again),
        TEST(a_loop_that_is_kept_while_borrowed_is_not_lent_again),
        TEST(a_borrower_is_the_io_thread_until_it_gives_back),
        TEST(what_a_borrower_posted_unannounced_runs_on_its_thread),
        TEST(a_borrowed_loop_is_not_lent_to_another),
        TEST(who_begins_to_drive_reckons_time_from_now),
        TEST(timers_that_were_armed_before_fire_though_nobody_drives),
        TEST(a_timer_that_is_armed_while_nobody_drives_fires_on_the_own_thread),
        TEST(a_timer_that_is_armed_while_borrowed_fires_on_the_borrower),
        TEST(what_comes_while_nobody_drives_is_noticed_by_the_own_thread),
        TEST(what_comes_while_borrowed_is_taken_in_by_the_borrower),
        TEST(a_borrower_takes_in_at_once_what_has_come),
        TEST(a_post_brings_the_own_thread_back),
        TEST(a_late_wake_up_does_not_hide_that_nobody_drives),
        TEST(the_loop_is_handed_over_and_lent_more_seldom_when_others_wait),
        TEST(the_own_thread_sleeps_through_a_long_loan_and_drives_after_it),
        TEST(a_thread_that_was_cancelled_gives_the_loop_back_first),
        TEST(a_borrower_finds_its_cancel_state_as_it_was),
        TEST(a_loop_may_be_freed_while_nobody_drives),
        TEST(a_loop_may_be_freed_right_after_a_long_loan),
        TEST(what_was_posted_unannounced_is_run_at_the_end),
        TEST(one_caller_gets_all_its_answers),
        TEST(callers_and_posters_get_all_their_answers),
        TEST(callers_get_their_answers_though_the_loop_is_handed_over_often),
        TEST(callers_get_their_answers_though_the_loop_is_kept_now_and_then),
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/lend", tests, argc, argv);
}
