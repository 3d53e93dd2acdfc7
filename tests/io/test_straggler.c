/* SPDX-License-Identifier: MIT */
#include "io/straggler.h"

#include <sys/socket.h>
#include <unistd.h>

#include "io/watch.h"
#include "support/suite.h"

/* One that waits for the other end of a socket pair to be closed. */
typedef struct waiting {
    bly_straggler straggler;
    bly_loop *loop;
    int ends[2];
    bly_watch *watch;
    int given_up;
    int left;
} waiting;

static void
leave(waiting *self)
{
    bly_straggler_leave(&self->straggler);
    bly_watch_free(self->watch);
    self->left++;
}

static void
ready(void *argument, unsigned int events)
{
    (void)events;
    leave(argument);
}

static void
give_up(bly_straggler *straggler)
{
    waiting *self = BLY_CONTAINER_OF(straggler, waiting, straggler);
    self->given_up++;
    leave(self);
}

static void
enter(void *argument)
{
    waiting *self = argument;
    self->watch = bly_watch_new(self->loop, self->ends[0], ready, self);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->watch);
    bly_watch_set(self->watch, BLY_WATCH_READ);
    bly_straggler_enter(self->loop, &self->straggler, give_up);
}

static void
open_waiting(waiting *self, bly_loop *loop)
{
    *self = (waiting){.loop = loop};
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, self->ends), 0);
    bly_loop_call(loop, enter, self);
}

static bly_loop *
new_loop(void)
{
    bly_loop *loop = bly_loop_new("test-straggler", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    return loop;
}

static void
test_those_that_stay_are_given_up_when_the_loop_ends(void)
{
    waiting all[3];
    bly_loop *loop = new_loop();
    for (int i = 0; i < 3; i++)
        open_waiting(&all[i], loop);
    bly_loop_free(loop);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(all[i].given_up, 1);
        CU_ASSERT_EQUAL(all[i].left, 1);
        close(all[i].ends[0]);
        close(all[i].ends[1]);
    }
}

static void
test_those_that_go_by_themselves_are_not_given_up(void)
{
    waiting one;
    bly_loop *loop = new_loop();
    open_waiting(&one, loop);
    close(one.ends[1]);
    bly_loop_free(loop); /* it hears of that now, if it has not yet */
    CU_ASSERT_EQUAL(one.left, 1);
    CU_ASSERT_EQUAL(one.given_up, 0);
    close(one.ends[0]);
}

static const CU_TestInfo tests[] = {
    {"those that stay are given up when the loop ends", test_those_that_stay_are_given_up_when_the_loop_ends},
    {"those that go by themselves are not given up", test_those_that_go_by_themselves_are_not_given_up},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("io/straggler", tests, argc, argv);
}
