/* SPDX-License-Identifier: MIT */
#include "transport/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "transport/secure.h"
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
    bly_secure *secure; /* NULL: plain */
    /* I/O thread only */
    bly_watch_function handler; /* NULL: nobody listens */
    void *argument;
    unsigned int wanted;     /* what the handler is to be called for */
    bly_loop_deferred again; /* there is more to read than the socket shows */
    bool is_freed;           /* `again` is pending, and frees the memory */
    char error[80];          /* what broke a plain one; empty: nothing yet. TLS keeps its own words */
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

/* ---- TLS ---- */

/* The socket is watched for what waits in TLS as well. */
static void
update_watch(bly_stream *stream)
{
    bool waits = stream->secure != NULL && bly_secure_is_waiting(stream->secure);
    bly_watch_set(stream->watch, stream->wanted | (waits ? BLY_WATCH_WRITE : 0));
}

/* Bytes that TLS holds already are read in this turn's next rounds: the socket will not tell of them. */
static void
read_on_if_more(bly_stream *stream)
{
    if ((stream->wanted & BLY_WATCH_READ) != 0 && bly_secure_has_more(stream->secure))
        bly_loop_defer(stream->loop, &stream->again);
}

/* Reading may have to answer: to a change of keys, say. */
static ssize_t
secure_read(bly_stream *stream, void *data, size_t size)
{
    ssize_t result = bly_secure_read(stream->secure, data, size);
    read_on_if_more(stream);
    if (bly_secure_is_waiting(stream->secure))
        update_watch(stream);
    return result;
}

static ssize_t
secure_write(bly_stream *stream, const struct iovec *vectors, int count)
{
    return bly_secure_write(stream->secure, stream->loop, vectors, count);
}

static const stream_operations secure_operations = {.read = secure_read, .write = secure_write};

static void
read_again(bly_loop_deferred *deferred)
{
    bly_stream *stream = BLY_CONTAINER_OF(deferred, bly_stream, again);
    if (stream->is_freed)
        free(stream);
    else if ((stream->wanted & BLY_WATCH_READ) != 0 && stream->handler != NULL)
        stream->handler(stream->argument, BLY_WATCH_READ);
}

/* The socket takes more. What the handler has to write is not the only thing that may wait for that; that
 * it is broken the handler sees when it reads or writes. */
static unsigned int
send_waiting(bly_stream *stream, unsigned int events)
{
    if (bly_secure_send_waiting(stream->secure) && !bly_secure_is_waiting(stream->secure))
        update_watch(stream);
    return events & stream->wanted;
}

/* ---- beginning and end ---- */

static void
ready(void *argument, unsigned int events)
{
    bly_stream *stream = argument;
    if (stream->secure != NULL && (events & BLY_WATCH_WRITE) != 0)
        events = send_waiting(stream, events);
    if (stream->handler != NULL && events != 0)
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

static bly_stream *
make(bly_loop *loop, int descriptor, const char *peer, bly_secure *secure)
{
    size_t peer_size = strlen(peer) + 1;
    bly_stream *stream = calloc(1, sizeof *stream + peer_size);
    if (stream == NULL) {
        bly_secure_free(secure);
        close(descriptor);
        return NULL;
    }
    stream->operations = secure != NULL ? &secure_operations : &plain_operations;
    stream->secure = secure;
    stream->again.run = read_again;
    stream->loop = loop;
    stream->descriptor = descriptor;
    memcpy(stream->peer, peer, peer_size);
    bly_socket_set_connected(descriptor, family_of(descriptor));
    bly_loop_call(loop, make_watch, stream);
    if (stream->watch == NULL) {
        bly_secure_free(secure);
        close(descriptor);
        free(stream);
        return NULL;
    }
    return stream;
}

bly_stream *
bly_stream_new(bly_loop *loop, int descriptor, const char *peer)
{
    return make(loop, descriptor, peer, NULL);
}

bly_stream *
bly_stream_new_secure(bly_loop *loop, int descriptor, const char *peer, bly_secure *secure)
{
    return make(loop, descriptor, peer, secure);
}

/* All but the descriptor. */
static void
take_apart(bly_stream *stream)
{
    bly_watch_free(stream->watch);
    bly_secure_free(stream->secure); /* which says the end */
    stream->is_freed = true;
    if (!stream->again.pending)
        free(stream);
}

/* What has come and is not read makes a close a reset. */
static void
discard_input(int descriptor)
{
    char bytes[4096];
    for (int i = 0; i < 16; i++)
        if (recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return;
}

void
bly_stream_free(bly_stream *stream)
{
    if (stream == NULL)
        return;
    int descriptor = stream->descriptor;
    take_apart(stream);
    discard_input(descriptor);
    close(descriptor);
}

void
bly_stream_finish(bly_stream *stream, size_t most, bly_linger_count *count)
{
    bly_loop *loop = stream->loop;
    int descriptor = stream->descriptor;
    take_apart(stream);
    bly_linger(loop, descriptor, most, count);
}

int
bly_stream_release(bly_stream *stream)
{
    BLY_ASSERT(stream->secure == NULL);
    int descriptor = stream->descriptor;
    bly_watch_free(stream->watch);
    free(stream);
    return descriptor;
}

belay_peer_identity *
bly_stream_take_identity(bly_stream *stream)
{
    return stream->secure != NULL ? bly_secure_take_identity(stream->secure) : NULL;
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
    stream->wanted = events;
    update_watch(stream);
    if (stream->secure != NULL)
        read_on_if_more(stream);
}

ssize_t
bly_stream_read(bly_stream *stream, void *data, size_t size)
{
    BLY_ASSERT(size > 0); /* 0 bytes would look like the end */
    return stream->operations->read(stream, data, size);
}

bool
bly_stream_reads_on(const bly_stream *stream)
{
    return stream->again.pending;
}

ssize_t
bly_stream_write(bly_stream *stream, const struct iovec *vectors, int count)
{
    return stream->operations->write(stream, vectors, count);
}

bool
bly_stream_is_resumed(const bly_stream *stream)
{
    return stream->secure != NULL && bly_secure_is_resumed(stream->secure);
}

void
bly_stream_limit_messages(bly_stream *stream, uint32_t most)
{
    if (stream->secure != NULL)
        bly_secure_limit_messages(stream->secure, most);
}

bool
bly_stream_has_flooded(const bly_stream *stream)
{
    return stream->secure != NULL && bly_secure_has_flooded(stream->secure);
}

const char *
bly_stream_peer(const bly_stream *stream)
{
    return stream->peer;
}

const char *
bly_stream_error(const bly_stream *stream)
{
    return stream->secure != NULL ? bly_secure_error(stream->secure) : stream->error;
}
