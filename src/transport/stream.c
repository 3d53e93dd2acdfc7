/* SPDX-License-Identifier: MIT */
#include "transport/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "transport/socket.h"

/* Vectors for one sendmsg(): POSIX promises 16, all systems take 1024. */
#define MAX_VECTORS 1024

/* What kinds of stream differ in. I/O thread. */
typedef struct stream_operations {
    ssize_t (*read)(bly_stream *stream, void *data, size_t size);
    ssize_t (*write)(bly_stream *stream, const struct iovec *vectors, int count);
} stream_operations;

struct bly_stream {
    /* const after creation */
    const stream_operations *operations;
    bly_loop *loop;
    int descriptor;
    bly_watch *watch;
    /* I/O thread only */
    bly_watch_function handler; /* NULL: nobody listens */
    void *argument;
    char error[96]; /* what broke it; empty: nothing yet */
    /* const after creation */
    char peer[];
};

/* ---- plain sockets ---- */

static ssize_t
result_of_errno(bly_stream *stream)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return BLY_STREAM_AGAIN;
    char buffer[sizeof stream->error];
    const char *text = bly_socket_error(errno, buffer, sizeof buffer);
    snprintf(stream->error, sizeof stream->error, "%s", text);
    return BLY_STREAM_BROKEN;
}

static ssize_t
plain_read(bly_stream *stream, void *data, size_t size)
{
    ssize_t got;
    do
        got = recv(stream->descriptor, data, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got >= 0 ? got : result_of_errno(stream);
}

static ssize_t
plain_write(bly_stream *stream, const struct iovec *vectors, int count)
{
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)(uintptr_t)vectors; /* only read; the type is older than const */
    message.msg_iovlen = (size_t)(count < MAX_VECTORS ? count : MAX_VECTORS);
    ssize_t sent;
    do
        sent = sendmsg(stream->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : result_of_errno(stream);
}

static const stream_operations plain_operations = {.read = plain_read, .write = plain_write};

/* ---- beginning and end ---- */

static void
ready(void *argument, unsigned int events)
{
    bly_stream *stream = argument;
    if (stream->handler != NULL)
        stream->handler(stream->argument, events);
}

static void
make_watch(void *argument)
{
    bly_stream *stream = argument;
    stream->watch = bly_watch_new(stream->loop, stream->descriptor, ready, stream);
}

static int
family_of(int descriptor)
{
    bly_socket_address name = {.length = sizeof name.storage};
    if (getsockname(descriptor, (struct sockaddr *)&name.storage, &name.length) != 0)
        return AF_UNSPEC;
    return name.storage.ss_family;
}

bly_stream *
bly_stream_new(bly_loop *loop, int descriptor, const char *peer)
{
    size_t peer_size = strlen(peer) + 1;
    bly_stream *stream = calloc(1, sizeof *stream + peer_size);
    if (stream == NULL) {
        close(descriptor);
        return NULL;
    }
    stream->operations = &plain_operations;
    stream->loop = loop;
    stream->descriptor = descriptor;
    memcpy(stream->peer, peer, peer_size);
    bly_socket_set_connected(descriptor, family_of(descriptor));
    bly_loop_call(loop, make_watch, stream);
    if (stream->watch == NULL) {
        close(descriptor);
        free(stream);
        return NULL;
    }
    return stream;
}

void
bly_stream_free(bly_stream *stream)
{
    if (stream == NULL)
        return;
    bly_watch_free(stream->watch); /* before its descriptor is closed */
    close(stream->descriptor);
    free(stream);
}

static void
free_stream(void *argument)
{
    bly_stream_free(argument);
}

int
bly_stream_pair(bly_loop *first_loop, bly_stream **first, bly_loop *second_loop, bly_stream **second)
{
    int ends[2];
    if (!bly_socket_pair(ends))
        return -1;
    bly_stream *one = bly_stream_new(first_loop, ends[0], "pair");
    if (one == NULL) {
        close(ends[1]);
        return -1;
    }
    bly_stream *other = bly_stream_new(second_loop, ends[1], "pair");
    if (other == NULL) {
        bly_loop_call(first_loop, free_stream, one);
        return -1;
    }
    *first = one;
    *second = other;
    return 0;
}

/* ---- operations ---- */

void
bly_stream_set_handler(bly_stream *stream, bly_watch_function function, void *argument)
{
    BLY_ASSERT(bly_loop_is_current(stream->loop));
    stream->handler = function;
    stream->argument = argument;
}

void
bly_stream_watch(bly_stream *stream, unsigned int events)
{
    bly_watch_set(stream->watch, events);
}

ssize_t
bly_stream_read(bly_stream *stream, void *data, size_t size)
{
    BLY_ASSERT(size > 0); /* 0 bytes would look like the end */
    return stream->operations->read(stream, data, size);
}

ssize_t
bly_stream_write(bly_stream *stream, const struct iovec *vectors, int count)
{
    return stream->operations->write(stream, vectors, count);
}

const char *
bly_stream_peer(const bly_stream *stream)
{
    return stream->peer;
}

const char *
bly_stream_error(const bly_stream *stream)
{
    return stream->error;
}
