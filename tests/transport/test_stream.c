/* SPDX-License-Identifier: MIT */
#include "transport/stream.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/suite.h"

/* Two ends on one loop. Every test is a function that runs on it. */
typedef struct pair {
    bly_loop *loop;
    bly_stream *near;
    bly_stream *far;
    gate ready;
} pair;

static void
free_near(pair *self)
{
    bly_stream_free(self->near);
    self->near = NULL;
}

static void
free_both(void *argument)
{
    pair *self = argument;
    free_near(self);
    bly_stream_free(self->far);
}

static void
open_pair(pair *self)
{
    gate_init(&self->ready, "a stream became ready");
    self->loop = bly_loop_new("test-stream", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->loop);
    CU_ASSERT_EQUAL_FATAL(bly_stream_pair(self->loop, &self->near, self->loop, &self->far), 0);
}

static void
close_pair(pair *self)
{
    bly_loop_call(self->loop, free_both, self);
    bly_loop_free(self->loop);
    gate_fini(&self->ready);
}

static void
with_pair(void (*test)(void *pair))
{
    pair self;
    open_pair(&self);
    bly_loop_call(self.loop, test, &self);
    close_pair(&self);
}

static ssize_t
write_text(bly_stream *stream, const char *text)
{
    struct iovec vector = {(void *)(uintptr_t)text, strlen(text)};
    return bly_stream_write(stream, &vector, 1);
}

/* ---- bytes ---- */

static void
bytes_arrive(void *argument)
{
    pair *self = argument;
    char got[16] = "";
    char bytes[] = "abcde";
    struct iovec vectors[3] = {{bytes, 2}, {bytes, 0}, {bytes + 2, 3}};
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, sizeof got), BLY_STREAM_AGAIN);
    CU_ASSERT_EQUAL(bly_stream_write(self->near, vectors, 3), 5);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, 2), 2);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got + 2, sizeof got - 2), 3);
    CU_ASSERT_STRING_EQUAL(got, "abcde");
    CU_ASSERT_STRING_EQUAL(bly_stream_error(self->far), "");
    CU_ASSERT_STRING_EQUAL(bly_stream_peer(self->far), "pair");
}

static void
test_bytes_of_several_vectors_arrive_in_order(void)
{
    with_pair(bytes_arrive);
}

static void
end_is_zero(void *argument)
{
    pair *self = argument;
    char got[16];
    CU_ASSERT_EQUAL(write_text(self->near, "last"), 4);
    free_near(self);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, sizeof got), 4);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, sizeof got), 0);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, sizeof got), 0);
}

static void
test_end_comes_after_the_last_bytes(void)
{
    with_pair(end_is_zero);
}

/* SIGPIPE keeps its default here, and this thread does not block it: raised, it would end the program. */
static void
write_is_broken(void *argument)
{
    pair *self = argument;
    sigset_t pipe_signal, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe_signal, &before);
    free_near(self);
    CU_ASSERT_EQUAL(write_text(self->far, "lost"), BLY_STREAM_BROKEN);
    CU_ASSERT_EQUAL(write_text(self->far, "lost"), BLY_STREAM_BROKEN);
    CU_ASSERT_STRING_NOT_EQUAL(bly_stream_error(self->far), "");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
test_write_to_a_lost_peer_is_broken_and_raises_no_signal(void)
{
    signal(SIGPIPE, SIG_DFL);
    with_pair(write_is_broken);
}

/* ---- readiness ---- */

static void
full_then_room(void *argument)
{
    pair *self = argument;
    uint8_t *data = bly_loop_buffer(self->loop);
    struct iovec vector = {data, BLY_LOOP_BUFFER_SIZE};
    size_t sent = 0, received = 0;
    ssize_t n;
    memset(data, 'x', BLY_LOOP_BUFFER_SIZE);
    while ((n = bly_stream_write(self->near, &vector, 1)) > 0)
        sent += (size_t)n;
    CU_ASSERT_EQUAL(n, BLY_STREAM_AGAIN);
    CU_ASSERT_STRING_EQUAL(bly_stream_error(self->near), "");
    while ((n = bly_stream_read(self->far, data, BLY_LOOP_BUFFER_SIZE)) > 0)
        received += (size_t)n;
    CU_ASSERT_EQUAL(n, BLY_STREAM_AGAIN);
    CU_ASSERT_EQUAL(sent, received);
    CU_ASSERT_EQUAL(write_text(self->near, "x"), 1);
}

static void
test_full_stream_takes_no_more_until_there_is_room(void)
{
    with_pair(full_then_room);
}

static void
read_and_tell(void *argument, unsigned int events)
{
    pair *self = argument;
    char got[16];
    CU_ASSERT_EQUAL(events, BLY_WATCH_READ);
    CU_ASSERT_EQUAL(bly_stream_read(self->far, got, sizeof got), 5);
    bly_stream_watch(self->far, 0);
    gate_open(&self->ready);
}

static void
watch_far(void *argument)
{
    pair *self = argument;
    bly_stream_set_handler(self->far, read_and_tell, self);
    bly_stream_watch(self->far, BLY_WATCH_READ);
    CU_ASSERT_EQUAL(write_text(self->near, "hello"), 5);
}

static void
test_handler_is_called_when_bytes_come(void)
{
    pair self;
    open_pair(&self);
    bly_loop_call(self.loop, watch_far, &self);
    gate_wait(&self.ready);
    close_pair(&self);
}

static void
test_stream_frees_its_descriptor_when_it_cannot_be_made(void)
{
    bly_loop *loop = bly_loop_new("test-stream", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    char path[] = "/tmp/belay-test-XXXXXX";
    int file = mkstemp(path); /* files cannot be watched */
    CU_ASSERT_TRUE_FATAL(file >= 0);
    CU_ASSERT_PTR_NULL(bly_stream_new(loop, file, "file"));
    CU_ASSERT_EQUAL(close(file), -1);
    unlink(path);
    bly_loop_free(loop);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"bytes_of_several_vectors_arrive_in_order", test_bytes_of_several_vectors_arrive_in_order},
        {"end_comes_after_the_last_bytes", test_end_comes_after_the_last_bytes},
        {"write_to_a_lost_peer_is_broken_and_raises_no_signal",
         test_write_to_a_lost_peer_is_broken_and_raises_no_signal},
        {"full_stream_takes_no_more_until_there_is_room", test_full_stream_takes_no_more_until_there_is_room},
        {"handler_is_called_when_bytes_come", test_handler_is_called_when_bytes_come},
        {"stream_frees_its_descriptor_when_it_cannot_be_made",
         test_stream_frees_its_descriptor_when_it_cannot_be_made},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/stream", tests, argc, argv);
}
