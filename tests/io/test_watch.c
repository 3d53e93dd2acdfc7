/* SPDX-License-Identifier: MIT */
#include "io/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/suite.h"

/* One end of a socket pair, watched; the test holds the other. What happens is decided by `react`. */
typedef struct watched {
    bly_loop *loop;
    int ends[2];
    unsigned int ask; /* what to watch for at first */
    void (*react)(struct watched *self, unsigned int events);
    struct watched *victim;
    /* I/O thread only */
    bly_watch *watch;
    unsigned int seen; /* all events so far */
    int calls;
    gate happened;
} watched;

static void
ready(void *argument, unsigned int events)
{
    watched *self = argument;
    self->calls++;
    self->seen |= events;
    self->react(self, events);
    gate_open(&self->happened);
}

static void
begin_watching(void *argument)
{
    watched *self = argument;
    self->watch = bly_watch_new(self->loop, self->ends[0], ready, self);
    if (self->watch == NULL)
        abort();
    bly_watch_set(self->watch, self->ask);
}

static void
end_watching(void *argument)
{
    watched *self = argument;
    bly_watch_free(self->watch);
    self->watch = NULL;
}

static void
open_watched(watched *self, bly_loop *loop, unsigned int ask, void (*react)(watched *, unsigned int))
{
    *self = (watched){.loop = loop, .ask = ask, .react = react};
    gate_init(&self->happened, "a watch was called");
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, self->ends), 0);
}

static void
start_watched(watched *self)
{
    bly_loop_call(self->loop, begin_watching, self);
}

static void
close_watched(watched *self)
{
    bly_loop_call(self->loop, end_watching, self);
    close(self->ends[0]);
    if (self->ends[1] >= 0)
        close(self->ends[1]);
    gate_fini(&self->happened);
}

static bly_loop *
new_loop(void)
{
    bly_loop *loop = bly_loop_new("test-watch", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    return loop;
}

static void
send_byte(int descriptor)
{
    CU_ASSERT_EQUAL(write(descriptor, "x", 1), 1);
}

static void
stop_watching(watched *self, unsigned int events)
{
    (void)events;
    bly_watch_set(self->watch, 0);
}

static void
read_all(watched *self, unsigned int events)
{
    char bytes[64];
    (void)events;
    while (read(self->ends[0], bytes, sizeof bytes) > 0)
        ;
}

static void
free_own(watched *self, unsigned int events)
{
    (void)events;
    end_watching(self);
    close(self->ends[0]); /* allowed as soon as free has returned */
    self->ends[0] = dup(self->ends[1]);
}

static gate victim_freed;

static void
free_victim(watched *self, unsigned int events)
{
    stop_watching(self, events);
    end_watching(self->victim);
    gate_open(&victim_freed);
}

/* I/O thread only: what a callback in a hurry posts and defers, and whether each may hurry itself. */
static struct {
    watched *watched;
    bly_loop_task task;
    bly_loop_deferred deferred;
    char text[32];
} errand;

static void
note_errand(char letter)
{
    size_t length = strlen(errand.text);
    errand.text[length] = letter;
    errand.text[length + 1] = bly_loop_may_hurry(errand.watched->loop) ? '+' : '-';
}

static void
run_errand(bly_loop_task *task)
{
    (void)task;
    note_errand('t');
    bly_loop_defer(errand.watched->loop, &errand.deferred);
}

static void
finish_errand(bly_loop_deferred *deferred)
{
    (void)deferred;
    note_errand('d');
}

static void
hurry(watched *self, unsigned int events)
{
    read_all(self, events);
    note_errand('c');
    bly_loop_post(self->loop, &errand.task);
    bly_loop_hurry(self->loop);
    note_errand('e');
}

/* ---- tests ---- */

static void
test_readable_is_reported_when_bytes_come(void)
{
    bly_loop *loop = new_loop();
    watched one;
    open_watched(&one, loop, BLY_WATCH_READ, read_all);
    start_watched(&one);
    for (int i = 1; i <= 3; i++) {
        send_byte(one.ends[1]);
        gate_wait_count(&one.happened, i);
    }
    close_watched(&one);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(one.seen, BLY_WATCH_READ);
    CU_ASSERT_EQUAL(one.calls, 3);
}

static void
test_writable_is_reported_when_there_is_room(void)
{
    bly_loop *loop = new_loop();
    watched one;
    open_watched(&one, loop, BLY_WATCH_WRITE, stop_watching);
    start_watched(&one);
    gate_wait(&one.happened);
    close_watched(&one);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(one.seen, BLY_WATCH_WRITE);
    CU_ASSERT_EQUAL(one.calls, 1);
}

static void
test_callback_in_a_hurry_has_work_done_at_once_and_once_a_turn(void)
{
    bly_loop *loop = new_loop();
    watched one;
    errand.watched = &one;
    errand.task.run = run_errand;
    errand.deferred.run = finish_errand;
    open_watched(&one, loop, BLY_WATCH_READ, hurry);
    start_watched(&one);
    for (int i = 1; i <= 2; i++) {
        send_byte(one.ends[1]);
        gate_wait_count(&one.happened, i);
    }
    close_watched(&one);
    bly_loop_free(loop);
    CU_ASSERT_STRING_EQUAL(errand.text, "c+t-d-e-c+t-d-e-");
}

static void
watch_for_reading_again(void *argument)
{
    watched *self = argument;
    bly_watch_set(self->watch, BLY_WATCH_READ);
}

static void
expect_no_call(void *argument)
{
    const watched *self = argument;
    CU_ASSERT_EQUAL(self->calls, 0);
}

/* Readiness is a level: what was not read while nobody watched is reported later. */
static void
test_nothing_is_reported_that_is_not_watched(void)
{
    bly_loop *loop = new_loop();
    watched one, witness;
    open_watched(&one, loop, 0, read_all);
    open_watched(&witness, loop, BLY_WATCH_READ, read_all);
    start_watched(&one);
    start_watched(&witness);
    send_byte(one.ends[1]);
    send_byte(witness.ends[1]);
    gate_wait(&witness.happened);
    bly_loop_call(loop, expect_no_call, &one);
    bly_loop_call(loop, watch_for_reading_again, &one);
    gate_wait(&one.happened);
    close_watched(&one);
    close_watched(&witness);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(one.calls, 1);
}

static void
test_hangup_shows_as_ready_for_what_is_watched(void)
{
    bly_loop *loop = new_loop();
    watched reader, writer;
    open_watched(&reader, loop, BLY_WATCH_READ, stop_watching);
    start_watched(&reader);
    close(reader.ends[1]);
    reader.ends[1] = -1;
    gate_wait(&reader.happened);
    open_watched(&writer, loop, BLY_WATCH_READ | BLY_WATCH_WRITE, stop_watching);
    close(writer.ends[1]);
    writer.ends[1] = -1;
    start_watched(&writer);
    gate_wait(&writer.happened);
    close_watched(&reader);
    close_watched(&writer);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(reader.seen, BLY_WATCH_READ);
    CU_ASSERT_EQUAL(writer.seen, BLY_WATCH_READ | BLY_WATCH_WRITE);
}

/* The write end of a pipe whose reader is gone gives an error and nothing else. */
static void
stop_at_third_call(watched *self, unsigned int events)
{
    if (self->calls == 3)
        stop_watching(self, events);
}

static void
test_error_shows_as_ready_until_the_owner_reacts(void)
{
    bly_loop *loop = new_loop();
    watched one = {.loop = loop, .ask = BLY_WATCH_WRITE, .react = stop_at_third_call};
    int ends[2];
    gate_init(&one.happened, "the error was reported");
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    close(ends[0]);
    one.ends[0] = ends[1];
    one.ends[1] = -1;
    start_watched(&one);
    gate_wait_count(&one.happened, 3);
    close_watched(&one);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(one.seen, BLY_WATCH_WRITE);
    CU_ASSERT_EQUAL(one.calls, 3);
}

static void
test_watch_may_be_freed_in_its_own_callback(void)
{
    bly_loop *loop = new_loop();
    watched one;
    open_watched(&one, loop, BLY_WATCH_READ | BLY_WATCH_WRITE, free_own);
    send_byte(one.ends[1]);
    start_watched(&one);
    gate_wait(&one.happened);
    close_watched(&one);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(one.calls, 1);
}

static void
start_both(void *argument)
{
    watched *both = argument;
    begin_watching(&both[0]);
    begin_watching(&both[1]);
}

/* Both are ready before either is watched, so both are ready in one turn; the first that is called
 * frees the other. */
static void
test_watch_freed_by_another_of_the_same_turn_is_not_called(void)
{
    bly_loop *loop = new_loop();
    watched both[2];
    gate_init(&victim_freed, "one of the two watches was called");
    for (int i = 0; i < 2; i++) {
        open_watched(&both[i], loop, BLY_WATCH_READ, free_victim);
        both[i].victim = &both[1 - i];
        send_byte(both[i].ends[1]);
    }
    bly_loop_call(loop, start_both, both);
    gate_wait(&victim_freed);
    for (int i = 0; i < 2; i++)
        close_watched(&both[i]);
    bly_loop_free(loop);
    CU_ASSERT_EQUAL(both[0].calls + both[1].calls, 1);
    gate_fini(&victim_freed);
}

static void
try_regular_file(void *argument)
{
    watched *self = argument;
    self->watch = bly_watch_new(self->loop, self->ends[0], ready, self);
}

static void
test_descriptor_that_cannot_be_watched_gives_no_watch(void)
{
    bly_loop *loop = new_loop();
    watched one = {.loop = loop};
    one.ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(one.ends[0] >= 0);
    close(one.ends[0]); /* not even open */
    bly_loop_call(loop, try_regular_file, &one);
    CU_ASSERT_PTR_NULL(one.watch);
    bly_loop_free(loop);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"readable_is_reported_when_bytes_come", test_readable_is_reported_when_bytes_come},
        {"writable_is_reported_when_there_is_room", test_writable_is_reported_when_there_is_room},
        {"nothing_is_reported_that_is_not_watched", test_nothing_is_reported_that_is_not_watched},
        {"callback_in_a_hurry_has_work_done_at_once_and_once_a_turn",
         test_callback_in_a_hurry_has_work_done_at_once_and_once_a_turn},
        {"hangup_shows_as_ready_for_what_is_watched", test_hangup_shows_as_ready_for_what_is_watched},
        {"error_shows_as_ready_until_the_owner_reacts", test_error_shows_as_ready_until_the_owner_reacts},
        {"watch_may_be_freed_in_its_own_callback", test_watch_may_be_freed_in_its_own_callback},
        {"watch_freed_by_another_of_the_same_turn_is_not_called",
         test_watch_freed_by_another_of_the_same_turn_is_not_called},
        {"descriptor_that_cannot_be_watched_gives_no_watch",
         test_descriptor_that_cannot_be_watched_gives_no_watch},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/watch", tests, argc, argv);
}
