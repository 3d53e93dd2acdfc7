/* SPDX-License-Identifier: MIT */
#include <belay/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/fixture.h"
#include "wait/scene.h"

static int
make(belay_context *context)
{
    int fd = -1;
    CU_ASSERT_EQUAL_FATAL(belay_cancel_fd(context, &fd), BELAY_OK);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    return fd;
}

static void
test_it_becomes_readable_at_the_end_and_stays_so(void)
{
    scene s;
    scene_open(&s);
    int fd = make(s.context);
    CU_ASSERT_TRUE((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CU_ASSERT_FALSE(is_readable(fd));
    belay_cancel(s.context, NULL);
    CU_ASSERT_TRUE(is_readable(fd));
    CU_ASSERT_TRUE(is_readable(fd));
    belay_cancel_fd_close(s.context, fd);
    scene_close(&s);
}

static void
test_each_has_its_own(void)
{
    scene s;
    scene_open(&s);
    int first = make(s.context);
    int second = make(s.context);
    CU_ASSERT_NOT_EQUAL(first, second);
    belay_cancel_fd_close(s.context, first);
    belay_cancel(s.context, NULL);
    CU_ASSERT_TRUE(is_readable(second));
    belay_cancel_fd_close(s.context, second);
    scene_close(&s);
}

static void
test_of_an_ended_context_it_is_readable_at_once(void)
{
    scene s;
    scene_open(&s);
    belay_cancel(s.context, NULL);
    int fd = make(s.context);
    CU_ASSERT_TRUE(is_readable(fd));
    belay_cancel_fd_close(s.context, fd);
    scene_close(&s);
}

static void
test_a_deadline_and_a_parents_end_ring_too(void)
{
    scene s;
    scene_open(&s);
    belay_context *limited = belay_context_derive(s.context, BELAY_MILLISECONDS(1));
    belay_context *below = belay_context_derive(s.context, BELAY_FOREVER);
    struct pollfd entry = {.fd = make(limited), .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&entry, 1, -1), 1);
    CU_ASSERT_EQUAL(belay_context_cause(limited), BELAY_CAUSE_DEADLINE);
    int fd = make(below);
    belay_cancel(s.context, NULL);
    CU_ASSERT_TRUE(is_readable(fd));
    belay_cancel_fd_close(limited, entry.fd);
    belay_cancel_fd_close(below, fd);
    belay_context_unref(limited);
    belay_context_unref(below);
    scene_close(&s);
}

static void
test_closing_leaves_no_descriptor_and_knows_strangers(void)
{
    scene s;
    scene_open(&s);
    int before = count_descriptors();
    int fd = make(s.context);
    belay_cancel_fd_close(s.context, s.ends[0]);
    CU_ASSERT_TRUE(count_descriptors() > before);
    belay_cancel_fd_close(s.context, fd);
    belay_cancel_fd_close(s.context, fd);
    belay_cancel_fd_close(NULL, fd);
    CU_ASSERT_EQUAL(count_descriptors(), before);
    belay_cancel(s.context, NULL);
    fd = make(s.context);
    belay_cancel_fd_close(s.context, fd);
    CU_ASSERT_EQUAL(count_descriptors(), before);
    scene_close(&s);
}

static void
test_it_keeps_its_context(void)
{
    scene s;
    scene_open(&s);
    belay_context *child = belay_context_derive(s.context, BELAY_FOREVER);
    int fd = make(child);
    belay_context_unref(child);
    belay_cancel(s.context, NULL);
    CU_ASSERT_TRUE(is_readable(fd));
    belay_cancel_fd_close(child, fd);
    scene_close(&s);
}

static void
test_without_arguments_or_descriptors_there_is_none(void)
{
    scene s;
    scene_open(&s);
    int fd = 77;
    struct rlimit before;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    belay_code code = belay_cancel_fd(s.context, &fd);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(code, BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(belay_cancel_fd(NULL, &fd), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_cancel_fd(s.context, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(fd, 77);
    scene_close(&s);
}

/* ---- A handler's --------------------------------------------------------------------------------- */

typedef struct seen {
    int fds[2];
} seen;

static belay_code
make_two(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    seen *saw = belay_call_data(call);
    belay_context *own = belay_call_context(call);
    (void)request;
    for (int i = 0; i < 2; i++) {
        if (belay_cancel_fd(own, &saw->fds[i]) != BELAY_OK)
            return BELAY_INTERNAL;
    }
    belay_cancel_fd_close(own, saw->fds[0]);
    reply->number = fcntl(saw->fds[1], F_GETFD) >= 0;
    return BELAY_OK;
}

static void
test_a_handlers_is_closed_when_it_has_returned(void)
{
    fixture f;
    seen saw = {{-1, -1}};
    fixture_open(&f, &(fixture_options){.handlers = {.unary = make_two}, .data = &saw});
    Belay__Test__Note *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary(f.channel, NULL, NOTE("two"), NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(reply->number, 1);
    belay__test__note__free_unpacked(reply, NULL);
    FIXTURE_AWAIT(&f, handlers_running, 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_TRUE(fcntl(saw.fds[i], F_GETFD) < 0);
    fixture_close(&f);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(it_becomes_readable_at_the_end_and_stays_so),
        TEST(each_has_its_own),
        TEST(of_an_ended_context_it_is_readable_at_once),
        TEST(a_deadline_and_a_parents_end_ring_too),
        TEST(closing_leaves_no_descriptor_and_knows_strangers),
        TEST(it_keeps_its_context),
        TEST(without_arguments_or_descriptors_there_is_none),
        TEST(a_handlers_is_closed_when_it_has_returned),
        CU_TEST_INFO_NULL,
    };
    return suite_run("wait/cancel_fd", tests, argc, argv);
}
