/* SPDX-License-Identifier: MIT */
/*
 * Parkers whose threads sleep in poll() (base/parker.h).
 */
#include "base/parker.h"

#include <poll.h>
#include <unistd.h>

#include <belay/time.h>

#include "base/thread.h"
#include "support/suite.h"

#define TURNS 2000

static bly_parker *
polling_parker(void)
{
    bly_parker *mine = bly_parker_current();
    CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
    CU_ASSERT_TRUE_FATAL(bly_parker_can_poll(mine));
    return mine;
}

/* Of the parker's own entry alone. */
static bly_poll_end
poll_alone(bly_parker *mine, uint64_t deadline)
{
    struct pollfd own;
    return bly_parker_poll(mine, &own, 1, deadline);
}

static void
test_a_wake_up_is_remembered_one_deep(void)
{
    bly_parker *mine = polling_parker();
    bly_parker_wake(mine);
    bly_parker_wake(mine);
    CU_ASSERT_EQUAL(poll_alone(mine, UINT64_MAX), BLY_POLL_WOKEN);
    CU_ASSERT_EQUAL(poll_alone(mine, 0), BLY_POLL_LATE);
    bly_parker_wake(mine);
    CU_ASSERT_EQUAL(poll_alone(mine, 0), BLY_POLL_WOKEN); /* though the deadline has passed */
}

static void
test_a_poll_ends_at_its_deadline_and_not_before(void)
{
    bly_parker *mine = polling_parker();
    uint64_t deadline = belay_now() + BELAY_MILLISECONDS(2);
    CU_ASSERT_EQUAL(poll_alone(mine, deadline), BLY_POLL_LATE);
    CU_ASSERT_TRUE(belay_now() >= deadline);
}

static void
test_what_is_ready_is_seen_also_when_woken_or_late(void)
{
    bly_parker *mine = polling_parker();
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL_FATAL(write(ends[1], "x", 1), 1);
    struct pollfd polls[2] = {[1] = {.fd = ends[0], .events = POLLIN}};
    CU_ASSERT_EQUAL(bly_parker_poll(mine, polls, 2, UINT64_MAX), BLY_POLL_READY);
    CU_ASSERT_EQUAL(polls[1].revents, POLLIN);
    CU_ASSERT_EQUAL(bly_parker_poll(mine, polls, 2, 0), BLY_POLL_READY);
    bly_parker_wake(mine);
    CU_ASSERT_EQUAL(bly_parker_poll(mine, polls, 2, UINT64_MAX), BLY_POLL_READY);
    CU_ASSERT_EQUAL(poll_alone(mine, 0), BLY_POLL_LATE); /* and the wake-up is used up */
    close(ends[0]);
    close(ends[1]);
}

/* A thread that polls, and parks in between, until it was told. */
typedef struct sleeper {
    bly_parker *parker; /* referenced */
    gate ready;
    int told; /* atomic: released before the wake-up that tells it */
} sleeper;

static void
sleep_until_told(void *argument)
{
    sleeper *self = argument;
    self->parker = bly_parker_ref(polling_parker());
    gate_open(&self->ready);
    while (!__atomic_load_n(&self->told, __ATOMIC_ACQUIRE)) {
        if (poll_alone(self->parker, UINT64_MAX) != BLY_POLL_WOKEN)
            return;
    }
}

static void
sleeper_start(sleeper *self, pthread_t *thread)
{
    *self = (sleeper){.told = 0};
    gate_init(&self->ready, "sleeper is ready");
    CU_ASSERT_TRUE_FATAL(bly_thread_start(thread, "sleeper", 0, sleep_until_told, self));
    gate_wait(&self->ready);
}

static void
sleeper_join(sleeper *self, pthread_t thread)
{
    pthread_join(thread, NULL);
    bly_parker_wake(self->parker); /* its thread is gone, the reference keeps parker and bell */
    bly_parker_unref(self->parker);
    gate_fini(&self->ready);
}

static void
test_a_polling_thread_is_woken(void)
{
    for (int i = 0; i < 100; i++) {
        sleeper self;
        pthread_t thread;
        sleeper_start(&self, &thread);
        __atomic_store_n(&self.told, 1, __ATOMIC_RELEASE);
        bly_parker_wake(self.parker);
        sleeper_join(&self, thread);
    }
}

static void
test_a_gathered_wake_up_rings_when_it_is_carried_out(void)
{
    static bly_wakes wakes;
    sleeper self;
    pthread_t thread;
    sleeper_start(&self, &thread);
    bly_parker_gather(&wakes);
    while (wakes.count == 0) /* it is gathered once the thread sleeps */
        bly_parker_wake(self.parker);
    CU_ASSERT_TRUE(wakes.polls[0]);
    __atomic_store_n(&self.told, 1, __ATOMIC_RELEASE);
    bly_wakes_carry_out(&wakes);
    bly_parker_gather(NULL);
    sleeper_join(&self, thread);
}

/* A ball between threads of which one polls and one takes turns in how it sleeps. */
typedef struct game {
    bly_parker *parkers[2]; /* referenced */
    gate ready;
    int turn; /* atomic: whose the ball is; hands it over with release and acquire */
    int ball;
} game;

static void
play(game *g, int me)
{
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_load_n(&g->turn, __ATOMIC_ACQUIRE) != me) {
            if (me == 0 || i % 2 == 0)
                (void)poll_alone(g->parkers[me], UINT64_MAX);
            else
                bly_parker_park(g->parkers[me]);
        }
        g->ball++;
        __atomic_store_n(&g->turn, !me, __ATOMIC_RELEASE);
        bly_parker_wake(g->parkers[!me]);
    }
}

static void
play_second(void *argument)
{
    game *g = argument;
    g->parkers[1] = bly_parker_ref(polling_parker());
    gate_open(&g->ready);
    play(g, 1);
}

static void
test_no_wake_up_is_lost_between_polls_and_parks(void)
{
    game g = {.turn = 0};
    pthread_t thread;
    gate_init(&g.ready, "second player is ready");
    g.parkers[0] = bly_parker_ref(polling_parker());
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "second", 0, play_second, &g));
    gate_wait(&g.ready);
    play(&g, 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(g.ball, 2 * TURNS);
    bly_parker_unref(g.parkers[0]);
    bly_parker_unref(g.parkers[1]);
    gate_fini(&g.ready);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_wake_up_is_remembered_one_deep),
        TEST(a_poll_ends_at_its_deadline_and_not_before),
        TEST(what_is_ready_is_seen_also_when_woken_or_late),
        TEST(a_polling_thread_is_woken),
        TEST(a_gathered_wake_up_rings_when_it_is_carried_out),
        TEST(no_wake_up_is_lost_between_polls_and_parks),
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/poll", tests, argc, argv);
}
