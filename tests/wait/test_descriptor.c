/* SPDX-License-Identifier: MIT */
#include <belay/wait.h>

#include <poll.h>
#include <unistd.h>

#include "wait/scene.h"

/* ---- What poll() tells --------------------------------------------------------------------------- */

static void
test_a_readable_descriptor_is_told(void)
{
    scene s;
    scene_open(&s);
    short revents = 0;
    CU_ASSERT_EQUAL_FATAL(write(s.ends[1], "x", 1), 1);
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, s.ends[0], POLLIN, BELAY_FOREVER, &revents), BELAY_OK);
    CU_ASSERT_EQUAL(revents, POLLIN);
    CU_ASSERT_EQUAL(belay_wait_fd(NULL, s.ends[0], POLLIN, 0, NULL), BELAY_OK);
    scene_close(&s);
}

static void
test_a_writable_descriptor_and_a_hang_up_are_told(void)
{
    scene s;
    scene_open(&s);
    short revents = 0;
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, s.ends[1], POLLOUT, BELAY_FOREVER, &revents), BELAY_OK);
    CU_ASSERT_EQUAL(revents, POLLOUT);
    close(s.ends[1]);
    s.ends[1] = -1;
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, s.ends[0], 0, BELAY_FOREVER, &revents), BELAY_OK);
    CU_ASSERT_EQUAL(revents, POLLHUP);
    scene_close(&s);
}

static void
test_it_lasts_its_whole_time(void)
{
    scene s;
    scene_open(&s);
    short revents = 77;
    bly_parker_wake(bly_parker_current()); /* left over from another wait */
    uint64_t start = belay_now();
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, s.ends[0], POLLIN, BELAY_MILLISECONDS(3), &revents),
                    BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_TRUE(belay_now() - start >= BELAY_MILLISECONDS(3));
    CU_ASSERT_FALSE(belay_context_cancelled(s.context));
    CU_ASSERT_EQUAL(belay_wait_fd(NULL, s.ends[0], POLLIN, 0, &revents), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(revents, 77);
    scene_close(&s);
}

static void
test_what_is_no_descriptor_is_refused(void)
{
    scene s;
    scene_open(&s);
    int closed = s.ends[1];
    close(closed);
    s.ends[1] = -1;
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, -1, POLLIN, BELAY_FOREVER, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, closed, POLLIN, BELAY_FOREVER, NULL), BELAY_INVALID_ARGUMENT);
    scene_close(&s);
}

/* ---- Threads that wait --------------------------------------------------------------------------- */

typedef struct waiter {
    scene *scene;
    belay_code code;
    short revents;
} waiter;

static void *
wait_in_thread(void *argument)
{
    waiter *self = argument;
    scene *s = self->scene;
    self->code = belay_wait_fd(s->context, s->ends[0], POLLIN, BELAY_FOREVER, &self->revents);
    return NULL;
}

static void
test_it_ends_when_the_descriptor_is_ready(void)
{
    scene s;
    scene_open(&s);
    waiter self = {.scene = &s};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_thread, &self), 0);
    scene_await_waiters(&s, 1);
    CU_ASSERT_EQUAL(write(s.ends[1], "x", 1), 1);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_OK);
    CU_ASSERT_EQUAL(self.revents, POLLIN);
    scene_close(&s);
}

static void
test_a_cancel_cuts_it_short(void)
{
    enum { THREADS = 20 }; /* more than are woken at once */
    scene s;
    scene_open(&s);
    waiter waiters[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        waiters[i] = (waiter){.scene = &s};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]), 0);
    }
    scene_await_waiters(&s, THREADS);
    belay_cancel(s.context, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(waiters[i].code, BELAY_CANCELLED);
    }
    scene_close(&s);
}

static void
test_a_deadline_cuts_it_short(void)
{
    scene s;
    scene_open(&s);
    belay_context *limited = belay_context_derive(s.context, BELAY_MILLISECONDS(1));
    CU_ASSERT_EQUAL(belay_wait_fd(limited, s.ends[0], POLLIN, BELAY_FOREVER, NULL), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_TRUE(belay_context_cancelled(limited));
    belay_context_unref(limited);
    scene_close(&s);
}

static void
test_on_an_ended_context_nothing_is_ready(void)
{
    scene s;
    scene_open(&s);
    CU_ASSERT_EQUAL_FATAL(write(s.ends[1], "x", 1), 1);
    belay_cancel(s.context, NULL);
    CU_ASSERT_EQUAL(belay_wait_fd(s.context, s.ends[0], POLLIN, BELAY_FOREVER, NULL), BELAY_CANCELLED);
    scene_close(&s);
}

static void *
wait_twice(void *argument)
{
    waiter *self = argument;
    CU_ASSERT_EQUAL(belay_wait_fd(NULL, self->scene->ends[1], POLLOUT, 0, NULL), BELAY_OK);
    int before = count_descriptors();
    self->code = belay_wait_fd(NULL, self->scene->ends[1], POLLOUT, 0, NULL);
    CU_ASSERT_EQUAL(count_descriptors(), before);
    return NULL;
}

static void
test_a_thread_keeps_one_descriptor_as_long_as_it_lives(void)
{
    scene s;
    scene_open(&s);
    int before = count_descriptors();
    waiter self = {.scene = &s, .code = BELAY_UNKNOWN};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_twice, &self), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(self.code, BELAY_OK);
    CU_ASSERT_EQUAL(count_descriptors(), before);
    scene_close(&s);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_readable_descriptor_is_told),
        TEST(a_writable_descriptor_and_a_hang_up_are_told),
        TEST(it_lasts_its_whole_time),
        TEST(what_is_no_descriptor_is_refused),
        TEST(it_ends_when_the_descriptor_is_ready),
        TEST(a_cancel_cuts_it_short),
        TEST(a_deadline_cuts_it_short),
        TEST(on_an_ended_context_nothing_is_ready),
        TEST(a_thread_keeps_one_descriptor_as_long_as_it_lives),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/descriptor", tests, argc, argv);
}
