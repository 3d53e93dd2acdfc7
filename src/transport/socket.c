/* SPDX-License-Identifier: MIT */
#include "transport/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)

int
bly_socket_open(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
bly_socket_accept(int listener, bly_socket_address *peer)
{
    peer->length = sizeof peer->storage;
    return accept4(listener, (struct sockaddr *)&peer->storage, &peer->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

bool
bly_socket_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0;
}

#else

/* Takes over the descriptor: closed on failure. */
static int
make_quiet(int descriptor)
{
    if (descriptor < 0)
        return -1;
    if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

int
bly_socket_open(int family)
{
    return make_quiet(socket(family, SOCK_STREAM, 0));
}

int
bly_socket_accept(int listener, bly_socket_address *peer)
{
    peer->length = sizeof peer->storage;
    return make_quiet(accept(listener, (struct sockaddr *)&peer->storage, &peer->length));
}

bool
bly_socket_pair(int ends[2])
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return false;
    pair[0] = make_quiet(pair[0]);
    pair[1] = make_quiet(pair[1]);
    if (pair[0] >= 0 && pair[1] >= 0) {
        memcpy(ends, pair, sizeof pair);
        return true;
    }
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
    }
    return false;
}

#endif

void
bly_socket_set_connected(int descriptor, int family)
{
    int on = 1;
    if (family == AF_INET || family == AF_INET6)
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#if defined(SO_NOSIGPIPE)
    setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

/* strerror_r() comes in two kinds: one returns the text, one fills the buffer. */
static inline const char *
text_of_pointer(const char *returned, const char *buffer)
{
    (void)buffer;
    return returned;
}

static inline const char *
text_of_number(int failed, const char *buffer)
{
    return failed == 0 ? buffer : "unknown error";
}

const char *
bly_socket_error(int number, char *buffer, size_t size)
{
    return _Generic(strerror_r(number, buffer, size), int: text_of_number, default: text_of_pointer)(
        strerror_r(number, buffer, size), buffer);
}
