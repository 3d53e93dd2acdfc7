/* SPDX-License-Identifier: MIT */
/*
 * Over TCP: what matters is when it answers with a reset. Time passes when the test says so.
 */
#include "transport/linger.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/timer.h"
#include "support/fake_clock.h"
#include "support/suite.h"

#define SECOND 1000000000ull
#define KIB 1024u

typedef struct scene {
    bly_loop *loop;
    bly_linger_count *count;
    int ours;
    int peer; /* blocks */
    size_t most;
} scene;

static void
connect_both(scene *self)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(bind(listener, (struct sockaddr *)&name, length) == 0 && listen(listener, 1) == 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    self->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(connect(self->peer, (struct sockaddr *)&name, sizeof name), 0);
    self->ours = accept(listener, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(self->ours >= 0);
    CU_ASSERT_EQUAL_FATAL(fcntl(self->ours, F_SETFL, O_NONBLOCK), 0);
    close(listener);
}

static void
scene_open(scene *self)
{
    fake_clock_set(SECOND);
    *self = (scene){.most = 1024 * KIB};
    self->loop = bly_loop_new("test-linger", &fake_clock);
    self->count = bly_linger_count_new();
    CU_ASSERT_TRUE_FATAL(self->loop != NULL && self->count != NULL);
    connect_both(self);
}

static void
scene_close(scene *self)
{
    close(self->peer);
    bly_loop_free(self->loop);
    CU_ASSERT_EQUAL(bly_linger_count_read(self->count), 0);
    bly_linger_count_unref(self->count);
}

static void
linger_on_loop(void *argument)
{
    scene *self = argument;
    bly_linger(self->loop, self->ours, self->most, self->count);
}

static void
begin_to_linger(scene *self)
{
    bly_loop_call(self->loop, linger_on_loop, self);
}

static bool
peer_sends(scene *self, size_t size)
{
    static const char bytes[64 * KIB];
    return send(self->peer, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* The peer reads what was written, and then the end, not an error. */
static void
peer_reads_all(scene *self, const char *words)
{
    char got[16] = "";
    CU_ASSERT_EQUAL(recv(self->peer, got, strlen(words), MSG_WAITALL), (ssize_t)strlen(words));
    CU_ASSERT_STRING_EQUAL(got, words);
    CU_ASSERT_EQUAL(recv(self->peer, got, 1, 0), 0);
}

static void
await_none(scene *self)
{
    CU_ASSERT_TRUE(bly_linger_count_wait(self->count, UINT64_MAX));
}

static void
test_what_still_comes_is_thrown_away(void)
{
    scene s;
    scene_open(&s);
    CU_ASSERT_TRUE(peer_sends(&s, 60 * KIB)); /* nobody reads that */
    CU_ASSERT_EQUAL(send(s.ours, "farewell", 8, MSG_NOSIGNAL), 8);
    begin_to_linger(&s);
    CU_ASSERT_EQUAL(bly_linger_count_read(s.count), 1);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(peer_sends(&s, 10));
    peer_reads_all(&s, "farewell");
    CU_ASSERT_TRUE(peer_sends(&s, 10));
    CU_ASSERT_EQUAL(bly_linger_count_read(s.count), 1);
    shutdown(s.peer, SHUT_WR);
    await_none(&s);
    scene_close(&s);
}

static void
test_a_peer_that_ended_first_is_not_waited_for(void)
{
    scene s;
    scene_open(&s);
    CU_ASSERT_EQUAL(send(s.ours, "farewell", 8, MSG_NOSIGNAL), 8);
    shutdown(s.peer, SHUT_WR);
    begin_to_linger(&s);
    CU_ASSERT_EQUAL(bly_linger_count_read(s.count), 0);
    peer_reads_all(&s, "farewell");
    scene_close(&s);
}

static void
test_a_peer_that_stays_is_given_up_in_time(void)
{
    scene s;
    scene_open(&s);
    begin_to_linger(&s);
    peer_reads_all(&s, "");
    CU_ASSERT_EQUAL(bly_linger_count_read(s.count), 1);
    fake_clock_add(SECOND);
    bly_timer_check(s.loop);
    await_none(&s);
    scene_close(&s);
}

static void
test_a_peer_that_sends_on_and_on_is_given_up(void)
{
    scene s;
    scene_open(&s);
    s.most = 100 * KIB;
    begin_to_linger(&s);
    for (int i = 0; i < 1000 && peer_sends(&s, 64 * KIB); i++) /* more than sockets hold */
        continue;
    await_none(&s);
    scene_close(&s);
}

/* Which has seen the end by then. */
static void
test_the_loop_does_not_stay_for_a_peer_that_stays(void)
{
    scene s;
    scene_open(&s);
    begin_to_linger(&s);
    bly_loop_free(s.loop);
    CU_ASSERT_EQUAL(bly_linger_count_read(s.count), 0);
    peer_reads_all(&s, "");
    close(s.peer);
    bly_linger_count_unref(s.count);
}

static void
test_waiting_for_those_that_linger_has_an_end(void)
{
    scene s;
    scene_open(&s);
    begin_to_linger(&s);
    CU_ASSERT_FALSE(bly_linger_count_wait(s.count, 0));
    scene_close(&s);
}

static const CU_TestInfo tests[] = {
    {"what still comes is thrown away", test_what_still_comes_is_thrown_away},
    {"a peer that ended first is not waited for", test_a_peer_that_ended_first_is_not_waited_for},
    {"a peer that stays is given up in time", test_a_peer_that_stays_is_given_up_in_time},
    {"a peer that sends on and on is given up", test_a_peer_that_sends_on_and_on_is_given_up},
    {"the loop does not stay for a peer that stays", test_the_loop_does_not_stay_for_a_peer_that_stays},
    {"waiting for those that linger has an end", test_waiting_for_those_that_linger_has_an_end},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("transport/linger", tests, argc, argv);
}
