/* SPDX-License-Identifier: MIT */
#include "transport/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/suite.h"
#include "transport/socket.h"

#define MAX_CLIENTS 64

/* A listener on a loop of its own. Accepted descriptors are kept until the end. */
typedef struct server {
    bly_loop *loop;
    bly_listener *listener;
    bly_log log;
    gate accepted;
    gate logged;
    bool stop_after_first;
    /* I/O thread only */
    int descriptors[MAX_CLIENTS];
    char peers[MAX_CLIENTS][64];
    int count;
} server;

static void
keep(void *argument, int descriptor, const char *peer)
{
    server *self = argument;
    if (self->count == MAX_CLIENTS)
        abort();
    snprintf(self->peers[self->count], sizeof self->peers[0], "%s", peer);
    self->descriptors[self->count++] = descriptor;
    if (self->stop_after_first)
        bly_listener_stop(self->listener);
    gate_open(&self->accepted);
}

static void
ignore_line(void *argument, belay_log_level level, const char *text)
{
    (void)argument;
    (void)level;
    (void)text;
}

static void
tell_line(void *argument)
{
    gate_open(argument);
}

static bly_listener *
open_listener(const char *text, bly_log *log)
{
    bly_address address;
    char error[256] = "";
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &address));
    bly_listener *listener = bly_listener_open(&address, log, error, sizeof error);
    if (listener == NULL)
        fprintf(stderr, "%s\n", error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(listener);
    return listener;
}

static void
start(void *argument)
{
    server *self = argument;
    if (!bly_listener_start(self->listener, self->loop, keep, self))
        abort();
}

static void
stop(void *argument)
{
    server *self = argument;
    bly_listener_stop(self->listener);
}

static void
open_server(server *self, const char *text)
{
    memset(self, 0, sizeof *self);
    gate_init(&self->accepted, "a connection was accepted");
    gate_init(&self->logged, "a line was logged");
    bly_log_init(&self->log, ignore_line, NULL, BELAY_LOG_ERROR, tell_line, &self->logged);
    self->loop = bly_loop_new("test-listener", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->loop);
    self->listener = open_listener(text, &self->log);
}

static void
close_server(server *self)
{
    bly_loop_call(self->loop, stop, self);
    bly_loop_free(self->loop);
    bly_listener_free(self->listener);
    for (int i = 0; i < self->count; i++)
        close(self->descriptors[i]);
    bly_log_drain(&self->log);
    bly_log_fini(&self->log);
    gate_fini(&self->accepted);
    gate_fini(&self->logged);
}

/* Connects, blocking, to where a listener is; -1 and errno. */
static int
connect_to(const char *text)
{
    bly_address address;
    bly_socket_address name;
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &address));
    CU_ASSERT_TRUE_FATAL(bly_address_literal(&address, &name));
    int descriptor = socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    if (connect(descriptor, (struct sockaddr *)&name.storage, name.length) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

/* ---- TCP ---- */

static void
test_port_zero_gives_a_real_port(void)
{
    bly_listener *first = open_listener("127.0.0.1:0", NULL);
    bly_listener *second = open_listener("127.0.0.1:0", NULL);
    int port;
    char rest;
    CU_ASSERT_EQUAL(sscanf(bly_listener_address(first), "127.0.0.1:%d%c", &port, &rest), 1);
    CU_ASSERT_TRUE(port > 0);
    CU_ASSERT_STRING_NOT_EQUAL(bly_listener_address(first), bly_listener_address(second));
    bly_listener_free(first);
    bly_listener_free(second);
    bly_listener_free(NULL);
}

/* Connections queue in the kernel before the start. */
static void
test_connections_are_accepted_ready_for_use(void)
{
    server host;
    int clients[3];
    open_server(&host, "127.0.0.1:0");
    for (int i = 0; i < 3; i++)
        clients[i] = connect_to(bly_listener_address(host.listener));
    bly_loop_call(host.loop, start, &host);
    gate_wait_count(&host.accepted, 3);
    bly_loop_call(host.loop, stop, &host);
    CU_ASSERT_EQUAL(host.count, 3);
    for (int i = 0; i < 3; i++) {
        int nodelay = 0;
        socklen_t length = sizeof nodelay;
        getsockopt(host.descriptors[i], IPPROTO_TCP, TCP_NODELAY, &nodelay, &length);
        CU_ASSERT_NOT_EQUAL(nodelay, 0);
        CU_ASSERT_TRUE(fcntl(host.descriptors[i], F_GETFL) & O_NONBLOCK);
        CU_ASSERT_TRUE(fcntl(host.descriptors[i], F_GETFD) & FD_CLOEXEC);
        CU_ASSERT_EQUAL(strncmp(host.peers[i], "127.0.0.1:", 10), 0);
        close(clients[i]);
    }
    close_server(&host);
}

static void
test_more_connections_than_one_turn_takes_are_all_accepted(void)
{
    server host;
    int clients[MAX_CLIENTS];
    open_server(&host, "127.0.0.1:0");
    for (int i = 0; i < MAX_CLIENTS; i++)
        clients[i] = connect_to(bly_listener_address(host.listener));
    bly_loop_call(host.loop, start, &host);
    gate_wait_count(&host.accepted, MAX_CLIENTS);
    for (int i = 0; i < MAX_CLIENTS; i++)
        close(clients[i]);
    close_server(&host);
}

static void
test_stopped_listener_refuses(void)
{
    server host;
    char where[64];
    open_server(&host, "127.0.0.1:0");
    snprintf(where, sizeof where, "%s", bly_listener_address(host.listener));
    bly_loop_call(host.loop, start, &host);
    bly_loop_call(host.loop, stop, &host);
    CU_ASSERT_EQUAL(connect_to(where), -1);
    CU_ASSERT_EQUAL(errno, ECONNREFUSED);
    close_server(&host);
}

static void
test_accept_function_may_stop_the_listener(void)
{
    server host;
    open_server(&host, "127.0.0.1:0");
    host.stop_after_first = true;
    int first = connect_to(bly_listener_address(host.listener));
    int second = connect_to(bly_listener_address(host.listener));
    bly_loop_call(host.loop, start, &host);
    gate_wait(&host.accepted);
    close_server(&host);
    CU_ASSERT_EQUAL(host.count, 1);
    close(first);
    close(second);
}

static void
expect_open_error(const char *text, const char *part)
{
    bly_address address;
    char error[256] = "";
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &address));
    CU_ASSERT_PTR_NULL(bly_listener_open(&address, NULL, error, sizeof error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, text));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, part));
}

static void
test_error_names_the_address_and_the_reason(void)
{
    bly_listener *first = open_listener("127.0.0.1:0", NULL);
    expect_open_error(bly_listener_address(first), strerror(EADDRINUSE));
    expect_open_error("unix:/nonexistent/belay/socket", strerror(ENOENT));
    bly_listener_free(first);
}

/* ---- descriptors run out ---- */

/* Lowers the limit to what is open now, so that the very next descriptor is one too many. */
static void
forbid_descriptors(struct rlimit *before)
{
    int next = dup(0);
    CU_ASSERT_TRUE_FATAL(next >= 0);
    close(next);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit limit = {.rlim_cur = (rlim_t)next, .rlim_max = before->rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
test_listener_survives_running_out_of_descriptors(void)
{
    server host;
    struct rlimit before;
    open_server(&host, "127.0.0.1:0");
    bly_loop_call(host.loop, start, &host);
    int client = connect_to(bly_listener_address(host.listener));
    gate_wait(&host.accepted);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bly_socket_address name;
    bly_address address;
    bly_address_parse(bly_listener_address(host.listener), &address);
    bly_address_literal(&address, &name);
    forbid_descriptors(&before);
    CU_ASSERT_EQUAL(connect(late, (struct sockaddr *)&name.storage, name.length), 0);
    gate_wait(&host.logged);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    gate_wait_count(&host.accepted, 2);
    close(client);
    close(late);
    close_server(&host);
    CU_ASSERT_EQUAL(host.logged.opened, 1);
}

static void
test_listener_can_be_stopped_while_it_waits_for_descriptors(void)
{
    server host;
    struct rlimit before;
    open_server(&host, "127.0.0.1:0");
    bly_loop_call(host.loop, start, &host);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bly_socket_address name;
    bly_address address;
    bly_address_parse(bly_listener_address(host.listener), &address);
    bly_address_literal(&address, &name);
    forbid_descriptors(&before);
    CU_ASSERT_EQUAL(connect(late, (struct sockaddr *)&name.storage, name.length), 0);
    gate_wait(&host.logged);
    close_server(&host);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(host.count, 0);
    close(late);
}

/* ---- unix sockets ---- */

typedef struct unix_place {
    char directory[64];
    char path[80];
    char address[96];
} unix_place;

static void
open_place(unix_place *place)
{
    snprintf(place->directory, sizeof place->directory, "/tmp/belay-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/s", place->directory);
    snprintf(place->address, sizeof place->address, "unix:%s", place->path);
}

/* Fails when anything was left behind. */
static void
close_place(unix_place *place)
{
    CU_ASSERT_EQUAL(rmdir(place->directory), 0);
}

static void
test_unix_socket_is_made_and_removed(void)
{
    server host;
    unix_place place;
    open_place(&place);
    open_server(&host, place.address);
    CU_ASSERT_STRING_EQUAL(bly_listener_address(host.listener), place.address);
    bly_loop_call(host.loop, start, &host);
    int client = connect_to(place.address);
    CU_ASSERT_TRUE(client >= 0);
    gate_wait(&host.accepted);
    close_server(&host);
    CU_ASSERT_STRING_EQUAL(host.peers[0], place.address);
    close(client);
    close_place(&place);
}

static void
test_unix_socket_left_by_the_dead_is_replaced(void)
{
    unix_place place;
    bly_address address;
    bly_socket_address name;
    open_place(&place);
    CU_ASSERT_TRUE(bly_address_parse(place.address, &address));
    CU_ASSERT_TRUE(bly_address_literal(&address, &name));
    int dead = bly_socket_open(AF_UNIX);
    CU_ASSERT_EQUAL(bind(dead, (struct sockaddr *)&name.storage, name.length), 0);
    close(dead);
    bly_listener *listener = open_listener(place.address, NULL);
    bly_listener_free(listener);
    close_place(&place);
}

static void
test_unix_socket_of_the_living_is_in_use(void)
{
    unix_place place;
    open_place(&place);
    bly_listener *listener = open_listener(place.address, NULL);
    expect_open_error(place.address, strerror(EADDRINUSE));
    int client = connect_to(place.address);
    CU_ASSERT_TRUE(client >= 0); /* the attempt did it no harm */
    close(client);
    bly_listener_free(listener);
    close_place(&place);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"port_zero_gives_a_real_port", test_port_zero_gives_a_real_port},
        {"connections_are_accepted_ready_for_use", test_connections_are_accepted_ready_for_use},
        {"more_connections_than_one_turn_takes_are_all_accepted",
         test_more_connections_than_one_turn_takes_are_all_accepted},
        {"stopped_listener_refuses", test_stopped_listener_refuses},
        {"accept_function_may_stop_the_listener", test_accept_function_may_stop_the_listener},
        {"error_names_the_address_and_the_reason", test_error_names_the_address_and_the_reason},
        {"listener_survives_running_out_of_descriptors", test_listener_survives_running_out_of_descriptors},
        {"listener_can_be_stopped_while_it_waits_for_descriptors",
         test_listener_can_be_stopped_while_it_waits_for_descriptors},
        {"unix_socket_is_made_and_removed", test_unix_socket_is_made_and_removed},
        {"unix_socket_left_by_the_dead_is_replaced", test_unix_socket_left_by_the_dead_is_replaced},
        {"unix_socket_of_the_living_is_in_use", test_unix_socket_of_the_living_is_in_use},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/listener", tests, argc, argv);
}
