/* SPDX-License-Identifier: MIT */
/*
 * What systemd is told, and the sockets that it passes. The test is the systemd: it has the environment and
 * descriptors 3 and 4 to itself, which are kept occupied in between so that nobody else gets them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/runtime.h"
#include "server/systemd.h"
#include "support/fixture.h"

/* ---- Sockets of the test's own ------------------------------------------------------------------- */

static void
occupy(int fd)
{
    int null = open("/dev/null", O_RDONLY);
    CU_ASSERT_TRUE_FATAL(null >= 0);
    if (null != fd) {
        dup2(null, fd);
        close(null);
    }
}

static void
forget_environment(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    occupy(BLY_SYSTEMD_FIRST);
    occupy(BLY_SYSTEMD_FIRST + 1);
}

/* Puts a socket where systemd would. */
static int
place(int from, int at)
{
    CU_ASSERT_TRUE_FATAL(from > BLY_SYSTEMD_FIRST + 1);
    CU_ASSERT_EQUAL_FATAL(dup2(from, at), at);
    close(from);
    return at;
}

static int
make_tcp(int at, bool listens)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    if (listens)
        CU_ASSERT_EQUAL_FATAL(listen(fd, 5), 0);
    return place(fd, at);
}

static void
set_passed(int count, const char *names)
{
    char number[32];
    snprintf(number, sizeof number, "%ld", (long)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
}

/* Where the test's socket is: "127.0.0.1:port". */
static void
tell_address(int fd, char *text, size_t size)
{
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    snprintf(text, size, "127.0.0.1:%u", (unsigned int)ntohs(name.sin_port));
}

/* ---- A server ------------------------------------------------------------------------------------ */

static belay_code
answer(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    (void)request;
    (void)reply;
    return BELAY_OK;
}

typedef struct log_lines {
    int count; /* atomic, relaxed */
    char last[512];
} log_lines;

static void
note_line(void *argument, belay_log_level level, const char *text)
{
    log_lines *lines = argument;
    (void)level;
    snprintf(lines->last, sizeof lines->last, "%s", text);
    __atomic_fetch_add(&lines->count, 1, __ATOMIC_RELAXED);
}

static belay_runtime *
make_runtime(log_lines *lines)
{
    belay_runtime_options *options = belay_runtime_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    memset(lines, 0, sizeof *lines);
    belay_runtime_options_set_log(options, note_line, lines, BELAY_LOG_WARNING);
    belay_runtime *runtime = belay_runtime_new(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    belay_runtime_options_free(options);
    return runtime;
}

typedef struct bench {
    log_lines lines;
    belay_runtime *runtime;
    belay_server *server;
} bench;

static void
bench_open(bench *b)
{
    static const belay_test_probe_handlers handlers = {.unary = answer};
    b->runtime = make_runtime(&b->lines);
    b->server = belay_server_new(b->runtime, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->server);
    CU_ASSERT_EQUAL(belay_test_probe_add(b->server, &handlers, NULL), BELAY_OK);
}

static void
bench_close(bench *b)
{
    belay_server_free(b->server);
    belay_runtime_unref(b->runtime);
    forget_environment();
}

static belay_code
call_at(bench *b, const char *address)
{
    belay_channel *channel = belay_channel_new(b->runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    belay_code code = belay_test_probe_unary(channel, NULL, NOTE("?"), NULL, NULL, NULL);
    belay_channel_free(channel);
    return code;
}

/* ---- Telling ------------------------------------------------------------------------------------- */

/* A datagram socket, as $NOTIFY_SOCKET. */
static int
make_notify_socket(const char *text)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t size = strlen(text);
    CU_ASSERT_TRUE_FATAL(size < sizeof name.sun_path);
    memcpy(name.sun_path, text, size);
    if (text[0] == '@')
        name.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (text[0] == '@' ? 0 : 1));
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&name, length), 0);
    setenv("NOTIFY_SOCKET", text, 1);
    return fd;
}

static void
expect_datagram(int fd, const char *text)
{
    char buffer[128];
    ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    CU_ASSERT_EQUAL((size_t)size, strlen(text));
    CU_ASSERT_EQUAL(memcmp(buffer, text, strlen(text)), 0);
}

static void *
run_in_thread(void *argument)
{
    bench *b = argument;
    CU_ASSERT_EQUAL(belay_server_run(b->server), BELAY_OK);
    return NULL;
}

static void
expect_run_tells(const char *socket_name)
{
    bench b;
    pthread_t thread;
    char byte;
    int fd = make_notify_socket(socket_name);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_in_thread, &b), 0);
    expect_datagram(fd, "READY=1");
    CU_ASSERT_EQUAL(call_at(&b, belay_server_address(b.server, 0)), BELAY_OK);
    CU_ASSERT_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    raise(SIGTERM);
    expect_datagram(fd, "STOPPING=1");
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), -1); /* and no more */
    CU_ASSERT_EQUAL(strcmp(getenv("NOTIFY_SOCKET"), socket_name), 0);
    close(fd);
    bench_close(&b);
}

static void
test_run_tells_when_it_is_ready_and_when_it_stops(void)
{
    char folder[] = "/tmp/belay-systemd-XXXXXX";
    char path[64], name[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/notify", folder);
    expect_run_tells(path);
    unlink(path);
    rmdir(folder);
#ifdef __linux__
    snprintf(name, sizeof name, "@belay-test-%ld", (long)getpid());
    expect_run_tells(name);
#else
    (void)name;
#endif
}

static void
test_a_socket_that_cannot_be_told_is_complained_of_and_no_more(void)
{
    char too_long[256];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    const char *const names[] = {"relative", "/", "@", "vsock:2:1", too_long,
                                 "/tmp/belay-nobody-is-here/notify"};
    log_lines lines;
    belay_runtime *runtime = make_runtime(&lines);
    size_t count = sizeof names / sizeof names[0];
    for (size_t i = 0; i < count; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        bly_systemd_notify(&runtime->log, "READY=1");
    }
    setenv("NOTIFY_SOCKET", "", 1); /* as good as none */
    bly_systemd_notify(&runtime->log, "READY=1");
    unsetenv("NOTIFY_SOCKET");
    bly_systemd_notify(&runtime->log, "READY=1");
    belay_runtime_unref(runtime); /* says what it has to say */
    CU_ASSERT_EQUAL(lines.count, (int)count);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines.last, "cannot send READY=1 to $NOTIFY_SOCKET /tmp/belay-nobody"));
    forget_environment();
}

/* ---- Taking over --------------------------------------------------------------------------------- */

static void
test_all_sockets_that_were_passed_are_served(void)
{
    bench b;
    char addresses[2][64];
    for (int i = 0; i < 2; i++)
        tell_address(make_tcp(BLY_SYSTEMD_FIRST + i, true), addresses[i], sizeof addresses[i]);
    set_passed(2, NULL);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(b.server), BELAY_OK);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_STRING_EQUAL(belay_server_address(b.server, (size_t)i), addresses[i]);
        CU_ASSERT_EQUAL(call_at(&b, addresses[i]), BELAY_OK);
        CU_ASSERT_TRUE((fcntl(BLY_SYSTEMD_FIRST + i, F_GETFD) & FD_CLOEXEC) != 0);
    }
    CU_ASSERT_PTR_NULL(belay_server_address(b.server, 2));
    CU_ASSERT_PTR_NOT_NULL(getenv("LISTEN_PID"));
    CU_ASSERT_EQUAL(belay_server_drain(b.server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    CU_ASSERT_EQUAL(fcntl(BLY_SYSTEMD_FIRST, F_GETFD), -1); /* closed, as its own would be */
    bench_close(&b);
}

static void
test_sockets_are_chosen_by_name(void)
{
    bench b;
    char first[64], second[64];
    tell_address(make_tcp(BLY_SYSTEMD_FIRST, true), first, sizeof first);
    tell_address(make_tcp(BLY_SYSTEMD_FIRST + 1, true), second, sizeof second);
    set_passed(2, "front:back");
    bench_open(&b);
    static const char *const absent[] = {"systemd:fron", "systemd:frontt", "systemd:ack",
                                         "systemd:front:back"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        CU_ASSERT_EQUAL(belay_server_listen(b.server, absent[i], NULL), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd:back", NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_server_address(b.server, 0), second);
    CU_ASSERT_PTR_NULL(belay_server_address(b.server, 1));
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd:front", NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_server_address(b.server, 1), first);
    bench_close(&b);
}

static void
test_what_was_passed_to_others_is_not_taken(void)
{
    static const char *const pids[] = {NULL, "1", "", "0x1", "99999999999999999999999"};
    static const char *const counts[] = {NULL, "0", "-1", "1x", ""};
    bench b;
    make_tcp(BLY_SYSTEMD_FIRST, true);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_NOT_FOUND);
    for (size_t i = 0; i < sizeof pids / sizeof pids[0]; i++) {
        set_passed(1, NULL);
        if (pids[i] != NULL)
            setenv("LISTEN_PID", pids[i], 1);
        else
            unsetenv("LISTEN_PID");
        CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_NOT_FOUND);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        set_passed(1, NULL);
        if (counts[i] != NULL)
            setenv("LISTEN_FDS", counts[i], 1);
        else
            unsetenv("LISTEN_FDS");
        CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_NOT_FOUND);
    }
    CU_ASSERT_PTR_NULL(belay_server_address(b.server, 0));
    bench_close(&b);
}

static void
test_what_does_not_listen_stays_the_callers(void)
{
    bench b;
    make_tcp(BLY_SYSTEMD_FIRST, true);
    make_tcp(BLY_SYSTEMD_FIRST + 1, false);
    set_passed(2, NULL);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_NULL(belay_server_address(b.server, 0)); /* the good one neither */
    CU_ASSERT_TRUE(fcntl(BLY_SYSTEMD_FIRST, F_GETFD) >= 0);
    place(socket(AF_INET, SOCK_DGRAM, 0), BLY_SYSTEMD_FIRST + 1);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "fd:4", NULL), BELAY_UNAVAILABLE);
    occupy(BLY_SYSTEMD_FIRST + 1);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "fd:4", NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "fd:999999", NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_TRUE(fcntl(BLY_SYSTEMD_FIRST + 1, F_GETFD) >= 0);
    bench_close(&b);
}

static void
test_a_descriptor_is_taken_by_its_number_once(void)
{
    bench b;
    char address[64];
    tell_address(make_tcp(BLY_SYSTEMD_FIRST, true), address, sizeof address);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "fd:3", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "fd:3", NULL), BELAY_ALREADY_EXISTS);
    set_passed(1, NULL);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_ALREADY_EXISTS);
    CU_ASSERT_EQUAL(belay_server_start(b.server), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(&b, address), BELAY_OK);
    bench_close(&b);
}

static void
test_the_file_of_a_socket_that_was_passed_stays(void)
{
    bench b;
    char folder[] = "/tmp/belay-systemd-XXXXXX";
    char address[80];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", folder);
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(listen(fd, 5), 0);
    place(fd, BLY_SYSTEMD_FIRST);
    set_passed(1, NULL);
    bench_open(&b);
    CU_ASSERT_EQUAL(belay_server_listen(b.server, "systemd", NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_server_address(b.server, 0), address);
    CU_ASSERT_EQUAL(belay_server_start(b.server), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(&b, address), BELAY_OK);
    bench_close(&b);
    CU_ASSERT_EQUAL(access(name.sun_path, F_OK), 0);
    unlink(name.sun_path);
    rmdir(folder);
}

static void
test_malformed_addresses_are_refused(void)
{
    static const char *const wrong[] = {"fd:", "fd:x", "fd:-1", "fd:3x", "fd:99999999999", "systemd:"};
    bench b;
    bench_open(&b);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(belay_server_listen(b.server, wrong[i], NULL), BELAY_INVALID_ARGUMENT);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(run_tells_when_it_is_ready_and_when_it_stops),
        TEST(a_socket_that_cannot_be_told_is_complained_of_and_no_more),
        TEST(all_sockets_that_were_passed_are_served),
        TEST(sockets_are_chosen_by_name),
        TEST(what_was_passed_to_others_is_not_taken),
        TEST(what_does_not_listen_stays_the_callers),
        TEST(a_descriptor_is_taken_by_its_number_once),
        TEST(the_file_of_a_socket_that_was_passed_stays),
        TEST(malformed_addresses_are_refused),
        CU_TEST_INFO_NULL,
    };
    /* Before CUnit or anybody else opens one. */
    dup2(open("/dev/null", O_RDONLY), BLY_SYSTEMD_FIRST);
    dup2(BLY_SYSTEMD_FIRST, BLY_SYSTEMD_FIRST + 1);
    return suite_run("systemd", tests, argc, argv);
}
