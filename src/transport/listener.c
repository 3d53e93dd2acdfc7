/* SPDX-License-Identifier: MIT */
#include "transport/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/timer.h"
#include "io/watch.h"
#include "transport/socket.h"
#include "transport/unix_path.h"

#define ACCEPTS_PER_TURN 32
#define PAUSE_NS UINT64_C(100000000)

struct bly_listener {
    /* const after creation */
    bly_log *log;
    bool is_unix;
    bool made_file; /* a unix socket's, at `path` */
    char path[256];
    bly_unix_path file;
    char address[BLY_ADDRESS_TEXT_SIZE];
    /* const after start */
    bly_loop *loop; /* NULL: not started */
    bly_accept_function function;
    void *argument;
    /* I/O thread only, once started */
    int descriptor; /* -1: stopped */
    bly_watch *watch;
    bly_timer pause; /* armed: waiting for descriptors or memory. It needs no reference of its own: it is
                      * armed, disarmed and fired on one thread, and disarmed before the end */
    bool complained; /* about the shortage that lasts */
};

/* ---- opening ---- */

/* What of opening failed, in errno: closes the descriptor and keeps errno. */
static int
give_up(int descriptor)
{
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

static int
open_unix(const bly_socket_address *address, const char *path, mode_t mode, bly_unix_path *file)
{
    int descriptor = bly_socket_open(AF_UNIX);
    if (descriptor < 0)
        return -1;
    if (!bly_unix_path_bind(descriptor, address, file))
        return give_up(descriptor);
    /* Nobody connects before it listens. */
    if ((mode != 0 && chmod(path, mode) != 0) || listen(descriptor, SOMAXCONN) != 0) {
        int error = errno;
        bly_unix_path_remove(path, file);
        errno = error;
        return give_up(descriptor);
    }
    return descriptor;
}

static int
open_tcp(const struct addrinfo *info)
{
    int on = 1, off = 0;
    int descriptor = bly_socket_open(info->ai_family);
    if (descriptor < 0)
        return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) /* "[::]" means IPv4 as well, on every system */
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(descriptor, info->ai_addr, info->ai_addrlen) != 0)
        return give_up(descriptor);
    if (listen(descriptor, SOMAXCONN) != 0)
        return give_up(descriptor);
    return descriptor;
}

/* The first of a host's addresses that can be bound. -1: *why says why not. */
static int
open_host(const bly_address *address, const char **why, char *buffer, size_t size)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *results;
    int failed = getaddrinfo(address->host, address->port, &hints, &results);
    if (failed != 0) {
        *why = gai_strerror(failed);
        return -1;
    }
    int descriptor = -1;
    for (const struct addrinfo *info = results; info != NULL && descriptor < 0; info = info->ai_next) {
        descriptor = open_tcp(info);
        if (descriptor < 0)
            *why = bly_socket_error(errno, buffer, size);
    }
    freeaddrinfo(results);
    return descriptor;
}

static int
open_socket(bly_listener *listener, const bly_address *address, mode_t mode, const char **why, char *buffer,
            size_t size)
{
    if (!address->is_unix)
        return open_host(address, why, buffer, size);
    bly_socket_address name;
    bly_address_literal(address, &name);
    memcpy(listener->path, address->host, sizeof listener->path);
    int descriptor = open_unix(&name, listener->path, mode, &listener->file);
    if (descriptor < 0)
        *why = bly_socket_error(errno, buffer, size);
    return descriptor;
}

/* With the port that the kernel chose. */
static void
note_address(bly_listener *listener, const bly_address *address)
{
    bly_socket_address name = {.length = sizeof name.storage};
    bly_address_write(address, listener->address, sizeof listener->address);
    if (listener->is_unix)
        return;
    if (getsockname(listener->descriptor, (struct sockaddr *)&name.storage, &name.length) == 0)
        bly_address_format((struct sockaddr *)&name.storage, name.length, listener->address,
                           sizeof listener->address);
}

static void end_pause(bly_timer *timer);

bly_listener *
bly_listener_open(const bly_address *address, bly_log *log, char *error, size_t error_size)
{
    return bly_listener_open_mode(address, 0, log, error, error_size);
}

bly_listener *
bly_listener_open_mode(const bly_address *address, mode_t mode, bly_log *log, char *error, size_t error_size)
{
    bly_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    char buffer[96];
    const char *why = "no address";
    listener->log = log;
    listener->is_unix = listener->made_file = address->is_unix;
    bly_timer_init(&listener->pause, end_pause);
    listener->descriptor = open_socket(listener, address, mode, &why, buffer, sizeof buffer);
    if (listener->descriptor < 0) {
        char text[BLY_ADDRESS_TEXT_SIZE];
        bly_address_write(address, text, sizeof text);
        snprintf(error, error_size, "listen on %s: %s", text, why);
        free(listener);
        return NULL;
    }
    note_address(listener, address);
    return listener;
}

/* ---- taking over ---- */

static bool
is_known_family(int family)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

bool
bly_listener_may_adopt(int descriptor, char *error, size_t error_size)
{
    char buffer[96];
    int type = 0, listens = 0;
    socklen_t size = sizeof type, listens_size = sizeof listens;
    bly_socket_address name = {.length = sizeof name.storage};
    const char *what = NULL;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&name.storage, &name.length) != 0)
        what = bly_socket_error(errno, buffer, sizeof buffer);
    else if (type != SOCK_STREAM || !is_known_family(name.storage.ss_family))
        what = "no stream socket of TCP or unix";
    else if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || !listens)
        what = "it does not listen";
    if (what != NULL)
        snprintf(error, error_size, "descriptor %d: %s", descriptor, what);
    return what == NULL;
}

bly_listener *
bly_listener_adopt(int descriptor, bly_log *log)
{
    bly_socket_address name = {.length = sizeof name.storage};
    bly_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return NULL;
    listener->log = log;
    listener->descriptor = descriptor;
    bly_timer_init(&listener->pause, end_pause);
    fcntl(descriptor, F_SETFD, fcntl(descriptor, F_GETFD) | FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    if (getsockname(descriptor, (struct sockaddr *)&name.storage, &name.length) == 0) {
        listener->is_unix = name.storage.ss_family == AF_UNIX;
        bly_address_format((struct sockaddr *)&name.storage, name.length, listener->address,
                           sizeof listener->address);
    }
    return listener;
}

int
bly_listener_descriptor(const bly_listener *listener)
{
    return listener->descriptor;
}

const char *
bly_listener_address(const bly_listener *listener)
{
    return listener->address;
}

/* ---- accepting ---- */

static void
end_pause(bly_timer *timer)
{
    bly_listener *listener = BLY_CONTAINER_OF(timer, bly_listener, pause);
    bly_watch_set(listener->watch, BLY_WATCH_READ);
}

/* Descriptors or memory ran out. The connection stays in the kernel's queue, so the socket stays
 * readable: without a pause this would be a busy loop. */
static void
pause_accepting(bly_listener *listener, int error)
{
    if (!listener->complained) {
        char buffer[96];
        bly_log_write(listener->log, BELAY_LOG_ERROR, "accept on %s: %s; accepting again when there is room",
                      listener->address, bly_socket_error(error, buffer, sizeof buffer));
        listener->complained = true;
    }
    uint64_t now = bly_clock_now(bly_loop_clock(listener->loop));
    if (bly_timer_arm(listener->loop, &listener->pause, bly_clock_after(now, PAUSE_NS)))
        bly_watch_set(listener->watch, 0);
}

static void
hand_over(bly_listener *listener, int descriptor, const bly_socket_address *peer)
{
    char text[BLY_ADDRESS_TEXT_SIZE];
    const struct sockaddr *name = (const struct sockaddr *)&peer->storage;
    bly_socket_set_connected(descriptor, name->sa_family);
    if (listener->is_unix) /* clients have no name there */
        snprintf(text, sizeof text, "%s", listener->address);
    else
        bly_address_format(name, peer->length, text, sizeof text);
    listener->function(listener->argument, descriptor, text);
}

/* Errors of one connection, which is gone; Linux passes what its network met. */
static bool
concerns_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static void
accept_some(void *argument, unsigned int events)
{
    bly_listener *listener = argument;
    (void)events;
    /* The function may stop the listener. */
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->descriptor >= 0; i++) {
        bly_socket_address peer;
        int descriptor = bly_socket_accept(listener->descriptor, &peer);
        if (descriptor >= 0) {
            hand_over(listener, descriptor, &peer);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            listener->complained = false;
            return;
        } else if (!concerns_one_connection(errno)) {
            pause_accepting(listener, errno);
            return;
        }
    }
}

bool
bly_listener_start(bly_listener *listener, bly_loop *loop, bly_accept_function function, void *argument)
{
    BLY_ASSERT(listener->loop == NULL && listener->descriptor >= 0);
    bly_watch *watch = bly_watch_new(loop, listener->descriptor, accept_some, listener);
    if (watch == NULL)
        return false;
    listener->loop = loop;
    listener->function = function;
    listener->argument = argument;
    listener->watch = watch;
    bly_watch_set(watch, BLY_WATCH_READ);
    return true;
}

void
bly_listener_stop(bly_listener *listener)
{
    if (listener->descriptor < 0)
        return;
    if (listener->loop != NULL) {
        BLY_ASSERT(bly_loop_is_current(listener->loop));
        bly_timer_disarm(listener->loop, &listener->pause);
        bly_watch_free(listener->watch);
        listener->watch = NULL;
    }
    close(listener->descriptor);
    listener->descriptor = -1;
    if (listener->made_file)
        bly_unix_path_remove(listener->path, &listener->file);
}

void
bly_listener_free(bly_listener *listener)
{
    if (listener == NULL)
        return;
    BLY_ASSERT(listener->descriptor < 0 || listener->loop == NULL);
    bly_listener_stop(listener);
    free(listener);
}
