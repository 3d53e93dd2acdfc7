/* SPDX-License-Identifier: MIT */
/* The ceiling: what gRPC costs without a framework. Bare nghttp2 and epoll, one I/O thread, answers by hand.
 *
 *     limit-server PORT [WORKERS] [each|batch|chain]
 *
 * Without workers calls are answered in the I/O thread; Spin needs one. The third word says how workers are
 * woken: see workers.h. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/limits/connection.h"
#include "bench/limits/workers.h"

#define EVENTS 256
#define BACKLOG 4096
#define MAX_WORKERS 64

typedef struct limit_arguments {
    uint16_t port;
    unsigned int workers;
    wake_mode mode;
} limit_arguments;

/* What the loop waits for besides connections. Their addresses are what epoll gives back. */
static int listener;
static int done_event;

static bool
read_number(const char *text, unsigned long limit, unsigned long *number)
{
    char *end;
    *number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *number <= limit;
}

static bool
read_mode(const char *text, wake_mode *mode)
{
    static const char *const names[] = {"each", "batch", "chain"};
    for (unsigned int i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = (wake_mode)i;
            return true;
        }
    }
    return false;
}

static bool
read_arguments(int argc, char **argv, limit_arguments *read)
{
    unsigned long port = 0, workers = 0;
    if (argc < 2 || argc > 4 || !read_number(argv[1], UINT16_MAX, &port)
        || (argc > 2 && !read_number(argv[2], MAX_WORKERS, &workers))
        || (argc > 3 && !read_mode(argv[3], &read->mode)))
        return false;
    read->port = (uint16_t)port;
    read->workers = (unsigned int)workers;
    return true;
}

/* Says where it listens. */
static bool
open_listener(uint16_t port)
{
    const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, BACKLOG) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return false;
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

static void
accept_all(void)
{
    const int on = 1;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection_new(fd);
    }
}

static void
handle_event(const struct epoll_event *event)
{
    uint64_t count;
    if (event->data.ptr == &listener) {
        accept_all();
    } else if (event->data.ptr == &done_event) {
        if (read(done_event, &count, sizeof count) < 0)
            abort();
    } else {
        limit_connection *connection = event->data.ptr;
        connection_mark(connection);
        if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            connection_read(connection);
    }
}

static void
answer_done_calls(void)
{
    limit_call *next;
    for (limit_call *call = workers_take_done(); call != NULL; call = next) {
        next = call->next;
        connection_call_done(call);
    }
}

/* A turn: read everything, hand over all calls at once, answer what came back, send everything. */
static void
run(int epoll, bool with_workers)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++)
            handle_event(&events[i]);
        workers_end_of_turn();
        if (with_workers)
            answer_done_calls();
        connections_flush();
    }
}

static bool
watch(int epoll, int *fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, *fd, &event) == 0;
}

int
main(int argc, char **argv)
{
    limit_arguments arguments = {.mode = WAKE_EACH};
    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "usage: limit-server PORT [WORKERS] [each|batch|chain]\n");
        return 2;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    done_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    connections_init(epoll, arguments.workers != 0);
    if (epoll < 0 || done_event < 0 || !workers_start(arguments.workers, arguments.mode, done_event)
        || !open_listener(arguments.port) || !watch(epoll, &listener) || !watch(epoll, &done_event)) {
        perror("limit-server");
        return 1;
    }
    run(epoll, arguments.workers != 0);
    return 0;
}
