/* SPDX-License-Identifier: MIT */
#include "io/timer.h"

#include <stdlib.h>

#include "base/assert.h"
#include "support/fake_clock.h"
#include "support/suite.h"

static bly_loop *
new_loop_with_fake_clock(void)
{
    fake_clock_set(1000);
    bly_loop *loop = bly_loop_new("test-timer", &fake_clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    return loop;
}

static void
move_clock(bly_loop *loop, uint64_t now)
{
    fake_clock_set(now);
    bly_timer_check(loop);
}

/* ---- timers that write down that they fired ---- */

typedef struct alarm_clock {
    bly_timer timer;
    gate *ring; /* opened at each firing */
    int fired;  /* atomic, relaxed: tests read it when they know that it can change no more */
} alarm_clock;

#define MAX_LOGGED 64
static alarm_clock *logged[MAX_LOGGED]; /* I/O thread only, until the loop is freed */
static int logged_count;

static void
fire(bly_timer *timer)
{
    alarm_clock *self = BLY_CONTAINER_OF(timer, alarm_clock, timer);
    if (logged_count < MAX_LOGGED)
        logged[logged_count++] = self;
    __atomic_add_fetch(&self->fired, 1, __ATOMIC_RELAXED);
    if (self->ring != NULL)
        gate_open(self->ring);
}

static int
fired(const alarm_clock *self)
{
    return __atomic_load_n(&self->fired, __ATOMIC_RELAXED);
}

static void
init_alarm(alarm_clock *self, gate *ring)
{
    bly_timer_init(&self->timer, fire);
    self->ring = ring;
    self->fired = 0;
}

/* Work deferred by deferred work runs in a later round, and each round begins with the timers: whatever
 * was due before has then fired. */
typedef struct round_counter {
    bly_loop *loop;
    bly_loop_deferred deferred;
    int left;
    gate over;
} round_counter;

static void
count_round(bly_loop_deferred *deferred)
{
    round_counter *self = BLY_CONTAINER_OF(deferred, round_counter, deferred);
    if (self->left-- > 0)
        bly_loop_defer(self->loop, &self->deferred);
    else
        gate_open(&self->over);
}

static void
begin_counting(void *argument)
{
    round_counter *self = argument;
    bly_loop_defer(self->loop, &self->deferred);
}

static void
let_loop_turn(bly_loop *loop)
{
    round_counter counter = {.loop = loop, .deferred.run = count_round, .left = 2};
    gate_init(&counter.over, "rounds of the loop");
    bly_loop_call(loop, begin_counting, &counter);
    gate_wait(&counter.over);
    gate_fini(&counter.over);
}

/* ---- tests ---- */

static void
test_timers_fire_in_order_of_time_and_not_early(void)
{
    static const uint64_t times[] = {5000, 2000, 4000, 3000, 6000, 2500};
    enum { COUNT = sizeof times / sizeof times[0] };
    bly_loop *loop = new_loop_with_fake_clock();
    alarm_clock alarms[COUNT];
    gate all;
    gate_init(&all, "five timers fired");
    logged_count = 0;
    for (int i = 0; i < COUNT; i++) {
        init_alarm(&alarms[i], &all);
        CU_ASSERT_TRUE(bly_timer_arm(loop, &alarms[i].timer, times[i]));
    }
    let_loop_turn(loop);
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(fired(&alarms[i]), 0);
    move_clock(loop, 5999);
    gate_wait_count(&all, COUNT - 1);
    let_loop_turn(loop);
    CU_ASSERT_EQUAL(fired(&alarms[4]), 0);
    CU_ASSERT_TRUE(bly_timer_disarm(loop, &alarms[4].timer));
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(logged_count, COUNT - 1);
    for (int i = 1; i < logged_count; i++)
        CU_ASSERT_TRUE(times[logged[i - 1] - alarms] < times[logged[i] - alarms]);
    gate_fini(&all);
}

static void
test_timer_armed_for_a_time_gone_by_fires_at_once(void)
{
    bly_loop *loop = new_loop_with_fake_clock();
    alarm_clock alarm;
    gate ring;
    gate_init(&ring, "timer fired");
    init_alarm(&alarm, &ring);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &alarm.timer, 1));
    gate_wait(&ring);
    CU_ASSERT_FALSE(bly_timer_disarm(loop, &alarm.timer));
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(fired(&alarm), 1);
    gate_fini(&ring);
}

static void
test_disarmed_timer_never_fires(void)
{
    bly_loop *loop = new_loop_with_fake_clock();
    alarm_clock alarm, witness;
    gate ring;
    gate_init(&ring, "witness fired");
    init_alarm(&alarm, NULL);
    init_alarm(&witness, &ring);
    CU_ASSERT_FALSE(bly_timer_disarm(loop, &alarm.timer));
    CU_ASSERT_TRUE(bly_timer_arm(loop, &alarm.timer, 2000));
    CU_ASSERT_TRUE(bly_timer_arm(loop, &witness.timer, 3000));
    CU_ASSERT_TRUE(bly_timer_disarm(loop, &alarm.timer));
    CU_ASSERT_FALSE(bly_timer_disarm(loop, &alarm.timer));
    move_clock(loop, 4000);
    gate_wait(&ring);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(fired(&alarm), 0);
    gate_fini(&ring);
}

static void
test_timer_for_ever_does_not_hide_others(void)
{
    bly_loop *loop = new_loop_with_fake_clock();
    alarm_clock never, soon;
    gate ring;
    gate_init(&ring, "the near timer fired");
    init_alarm(&never, NULL);
    init_alarm(&soon, &ring);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &never.timer, UINT64_MAX));
    let_loop_turn(loop);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &soon.timer, 2000));
    move_clock(loop, 2000);
    gate_wait(&ring);
    CU_ASSERT_TRUE(bly_timer_disarm(loop, &never.timer));
    bly_loop_free(loop);
    gate_fini(&ring);
}

/* With the real clock, and nothing but the alarm to wake the loop: the far timer must not be what it
 * sleeps for. */
static void
test_earlier_timer_from_another_thread_wakes_the_loop(void)
{
    bly_loop *loop = bly_loop_new("test-timer", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    alarm_clock far, near;
    gate ring;
    gate_init(&ring, "the earlier timer fired");
    init_alarm(&far, NULL);
    init_alarm(&near, &ring);
    uint64_t now = bly_clock_now(&bly_clock_monotonic);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &far.timer, now + UINT64_C(3600000000000)));
    let_loop_turn(loop);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &near.timer, now + 3000000));
    gate_wait(&ring);
    CU_ASSERT_TRUE(bly_clock_now(&bly_clock_monotonic) >= now + 3000000);
    CU_ASSERT_TRUE(bly_timer_disarm(loop, &far.timer));
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(fired(&far), 0);
    gate_fini(&ring);
}

/* The alarm stays at the earlier time when the earliest is disarmed; the later one must still come. */
static void
test_timer_behind_a_disarmed_one_fires(void)
{
    bly_loop *loop = bly_loop_new("test-timer", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    alarm_clock first, second;
    gate ring;
    gate_init(&ring, "the second timer fired");
    init_alarm(&first, NULL);
    init_alarm(&second, &ring);
    uint64_t now = bly_clock_now(&bly_clock_monotonic);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &first.timer, now + UINT64_C(10000000000)));
    CU_ASSERT_TRUE(bly_timer_disarm(loop, &first.timer));
    CU_ASSERT_TRUE(bly_timer_arm(loop, &first.timer, now + 2000000));
    if (bly_timer_disarm(loop, &first.timer)) /* unless this thread was stopped for that long */
        CU_ASSERT_EQUAL(fired(&first), 0);
    CU_ASSERT_TRUE(bly_timer_arm(loop, &second.timer, now + 4000000));
    gate_wait(&ring);
    bly_loop_free(loop);
    gate_fini(&ring);
}

typedef struct again {
    bly_loop *loop;
    bly_timer timer;
    int left;
    gate done;
} again;

static void
arm_again(bly_timer *timer)
{
    again *self = BLY_CONTAINER_OF(timer, again, timer);
    if (--self->left == 0)
        gate_open(&self->done);
    else
        bly_timer_arm(self->loop, &self->timer, 1); /* gone by: at once */
}

static void
test_timer_that_is_always_due_lets_others_in(void)
{
    again work = {.left = 1000};
    work.loop = new_loop_with_fake_clock();
    gate_init(&work.done, "a thousand firings");
    bly_timer_init(&work.timer, arm_again);
    CU_ASSERT_TRUE(bly_timer_arm(work.loop, &work.timer, 1));
    let_loop_turn(work.loop);
    gate_wait(&work.done);
    bly_loop_free(work.loop);
    CU_ASSERT_EQUAL(work.left, 0);
    gate_fini(&work.done);
}

/* ---- races ---- */

#define ROUNDS 5000

typedef struct owned {
    bly_timer timer;
    int *fired; /* I/O thread only */
} owned;

/* Inherits the reference. */
static void
fire_owned(bly_timer *timer)
{
    owned *self = BLY_CONTAINER_OF(timer, owned, timer);
    ++*self->fired;
    free(self);
}

typedef struct racer {
    bly_loop *loop;
    int *fired;
    int disarmed;
} racer;

/* Arms timers and takes every other one back; whoever gets one frees it. */
static void *
race(void *argument)
{
    racer *self = argument;
    for (int i = 0; i < ROUNDS; i++) {
        owned *one = malloc(sizeof *one);
        if (one == NULL)
            abort();
        bly_timer_init(&one->timer, fire_owned);
        one->fired = self->fired;
        /* The clock stands at 1000 meanwhile, so the timer cannot fire, and be freed, before disarm; what
         * races is the heap, which two threads change while the loop looks at it. */
        if (!bly_timer_arm(self->loop, &one->timer, (uint64_t)(1001 + i)))
            abort();
        if (i % 3 == 0)
            bly_timer_check(self->loop);
        if (i % 2 == 0 && bly_timer_disarm(self->loop, &one->timer)) {
            self->disarmed++;
            free(one);
        }
    }
    return NULL;
}

static void
test_each_armed_timer_is_fired_or_disarmed_but_not_both(void)
{
    int fired_count = 0;
    bly_loop *loop = new_loop_with_fake_clock();
    pthread_t threads[2];
    racer racers[2];
    for (int i = 0; i < 2; i++) {
        racers[i] = (racer){loop, &fired_count, 0};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    move_clock(loop, 1000000);
    let_loop_turn(loop);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(racers[0].disarmed, ROUNDS / 2);
    CU_ASSERT_EQUAL(racers[1].disarmed, ROUNDS / 2);
    CU_ASSERT_EQUAL(fired_count, ROUNDS);
}

typedef struct shared {
    bly_timer timer;
    int references; /* atomic, acquire and release */
    int fired;      /* atomic, relaxed */
} shared;

static void
fire_shared(bly_timer *timer)
{
    shared *self = BLY_CONTAINER_OF(timer, shared, timer);
    __atomic_add_fetch(&self->fired, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&self->references, 1, __ATOMIC_ACQ_REL);
}

static bool
is_only_ours(void *argument)
{
    shared *self = argument;
    return __atomic_load_n(&self->references, __ATOMIC_ACQUIRE) == 1;
}

/* The timer is due while it is being disarmed: the answer tells exactly whether it fired. */
static void
test_disarm_tells_the_truth_while_the_timer_fires(void)
{
    bly_loop *loop = bly_loop_new("test-timer", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    int wrong = 0;
    for (int i = 0; i < 2000; i++) {
        shared self = {.references = 2};
        bly_timer_init(&self.timer, fire_shared);
        if (!bly_timer_arm(loop, &self.timer, bly_clock_now(&bly_clock_monotonic) + (uint64_t)(i % 64) * 100))
            abort();
        bool was_armed = bly_timer_disarm(loop, &self.timer);
        if (was_armed)
            __atomic_sub_fetch(&self.references, 1, __ATOMIC_ACQ_REL);
        wait_until(is_only_ours, &self, "the timer's reference to come back");
        if (__atomic_load_n(&self.fired, __ATOMIC_RELAXED) != (was_armed ? 0 : 1))
            wrong++;
    }
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(wrong, 0);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"timers_fire_in_order_of_time_and_not_early", test_timers_fire_in_order_of_time_and_not_early},
        {"timer_armed_for_a_time_gone_by_fires_at_once", test_timer_armed_for_a_time_gone_by_fires_at_once},
        {"disarmed_timer_never_fires", test_disarmed_timer_never_fires},
        {"timer_for_ever_does_not_hide_others", test_timer_for_ever_does_not_hide_others},
        {"earlier_timer_from_another_thread_wakes_the_loop",
         test_earlier_timer_from_another_thread_wakes_the_loop},
        {"timer_behind_a_disarmed_one_fires", test_timer_behind_a_disarmed_one_fires},
        {"timer_that_is_always_due_lets_others_in", test_timer_that_is_always_due_lets_others_in},
        {"each_armed_timer_is_fired_or_disarmed_but_not_both",
         test_each_armed_timer_is_fired_or_disarmed_but_not_both},
        {"disarm_tells_the_truth_while_the_timer_fires", test_disarm_tells_the_truth_while_the_timer_fires},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/timer", tests, argc, argv);
}
