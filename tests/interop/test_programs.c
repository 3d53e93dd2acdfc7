/* SPDX-License-Identifier: MIT */
/*
 * interop-server and interop-client as programs: the test cases, command lines, the end of a server.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interop/chain.h"
#include "support/suite.h"

#define ENDLESS 600000

/* ---- The client --------------------------------------------------------------------------------------- */

static int
run(const char *program, const char *const *arguments)
{
    process program_process;
    process_start(&program_process, program, arguments);
    return process_wait(&program_process);
}

static int
run_case(const chain *servers, const char *name)
{
    char port[32], test_case[64];
    snprintf(port, sizeof port, "--server_port%s", strrchr(servers->addresses[0], ':'));
    *strchr(port, ':') = '=';
    snprintf(test_case, sizeof test_case, "--test_case=%s", name);
    return run("interop-client", (const char *[]){port, test_case, "--use_tls=false", NULL});
}

static void
test_every_case_passes(void)
{
    static const char *const cases[] = {
        "empty_unary", "cacheable_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong",
        "small_messages", "empty_stream", "custom_metadata", "status_code_and_message", "special_status_message",
        "unimplemented_method", "unimplemented_service", "cancel_after_begin", "cancel_after_first_response",
        "timeout_on_sleeping_server", "concurrent_large_unary", "rpc_soak", "channel_soak",
        "per_rpc_creds",
        "client_compressed_unary", "server_compressed_unary", "client_compressed_streaming",
        "server_compressed_streaming",
    };
    chain servers;
    chain_open(&servers, 1, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = run_case(&servers, cases[i]);
        if (status != 0)
            fprintf(stderr, "%s: exit status %d\n", cases[i], status);
        CU_ASSERT_EQUAL(status, 0);
    }
    chain_close(&servers);
}

static void
test_a_case_that_fails_exits_with_1(void)
{
    /* Nobody listens there: port 1 is reserved. */
    static const char *const arguments[] = {"--server_port=1", "--test_case=empty_unary", NULL};
    CU_ASSERT_EQUAL(run("interop-client", arguments), 1);
}

static void
test_what_the_client_cannot_do_exits_with_2(void)
{
    static const char *const wrong[][4] = {
        {"--server_port=1", "--test_case=no_such_case"},
        {"--server_port=1", "--test_case=empty_unary", "--use_tls=perhaps"},
        {"--test_case=empty_unary"},
        {"--server_port=1"},
        {"--server_port=1x", "--test_case=empty_unary"},
        {"help"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(run("interop-client", wrong[i]), 2);
}

/* ---- The server ---------------------------------------------------------------------------------------- */

static void
test_what_the_server_cannot_do_exits_with_2(void)
{
    static const char *const wrong[][3] = {
        {"--port=0", "--keepalive_ms=0"}, {"--port=0", "--deadline_cap_ms=0"},
        {"--port=0", "--watchdog_ms=x"},  {"--port=0", "--use_tls=true"},
        {"--port=0", "--workers=0"},      {"--port=65536"},
        {"--workers=1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(run("interop-server", wrong[i]), 2);
}

static void
test_an_address_in_use_exits_with_1(void)
{
    chain servers;
    char port[32];
    chain_open(&servers, 1, NULL);
    snprintf(port, sizeof port, "--port=%s", strrchr(servers.addresses[0], ':') + 1);
    CU_ASSERT_EQUAL(run("interop-server", (const char *[]){port, NULL}), 1);
    chain_close(&servers);
}

static void
test_a_unix_socket_serves_too(void)
{
    char folder[] = "/tmp/belay-interop-XXXXXX";
    char option[64], target[64], line[128];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(option, sizeof option, "--unix=%s/socket", folder);
    snprintf(target, sizeof target, "unix:%s/socket", folder);
    process server;
    process_start(&server, "interop-server", (const char *[]){option, NULL});
    process_read_line(&server, line, sizeof line);
    CU_ASSERT_TRUE(strncmp(line, "listening on ", 13) == 0 && strcmp(line + 13, target) == 0);

    belay_channel *channel = belay_channel_new(NULL, target, NULL);
    relay_request request = BELAY__TESTING__RELAY_REQUEST__INIT;
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    CU_ASSERT_EQUAL(belay_testing_relay_call(channel, NULL, &request, NULL, NULL, NULL), BELAY_OK);
    belay_channel_free(channel);
    process_signal(&server, SIGTERM);
    CU_ASSERT_EQUAL(process_wait(&server), 0);
    rmdir(folder);
}

/* Reads what the server says up to a line with that in it. */
static void
read_until(process *server, const char *words, char *line, size_t room)
{
    do
        process_read_line(server, line, room);
    while (line[0] != '\0' && strstr(line, words) == NULL);
}

/* ---- Descriptors run out ------------------------------------------------------------------------------- */

#define FEW 48

/* A server that may have so few descriptors, and says where it listens. */
static void
start_with_few_descriptors(process *server, char *line, size_t room)
{
    struct rlimit before, few;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = FEW, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
    process_start_overheard(server, "interop-server", (const char *[]){"--port=0", NULL});
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    read_until(server, "listening on ", line, room);
}

static int
connect_to(const char *address)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    name.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(connect(descriptor, (struct sockaddr *)&name, sizeof name), 0);
    return descriptor;
}

static belay_code
call(belay_channel *channel)
{
    relay_request request = BELAY__TESTING__RELAY_REQUEST__INIT;
    return belay_testing_relay_call(channel, NULL, &request, NULL, NULL, NULL);
}

/* More connections than the server may have descriptors: it serves those that it has, and when some have gone, others. */
static void
test_a_server_survives_running_out_of_descriptors(void)
{
    int crowd[FEW];
    process server;
    char line[512], address[512];
    start_with_few_descriptors(&server, line, sizeof line);
    snprintf(address, sizeof address, "%s", line + strlen("listening on "));
    belay_channel *first = belay_channel_new(NULL, address, NULL), *late = belay_channel_new(NULL, address, NULL);
    CU_ASSERT_FATAL(first != NULL && late != NULL);
    CU_ASSERT_EQUAL(call(first), BELAY_OK);
    for (int i = 0; i < FEW; i++)
        crowd[i] = connect_to(address);
    read_until(&server, "Too many open files", line, sizeof line);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "accept on "));
    CU_ASSERT_EQUAL(call(first), BELAY_OK);
    for (int i = 0; i < FEW; i++)
        close(crowd[i]);
    CU_ASSERT_EQUAL(call(late), BELAY_OK);
    CU_ASSERT_EQUAL(call(first), BELAY_OK);
    belay_channel_free(first);
    belay_channel_free(late);
    process_signal(&server, SIGTERM);
    CU_ASSERT_EQUAL(process_wait(&server), 0);
}

/* ---- The server's end --------------------------------------------------------------------------------- */

static void
test_a_drain_lets_calls_end(void)
{
    chain servers;
    relay_reply *reply;
    chain_open(&servers, 1, (const char *[]){"--drain_ms=600000", NULL});
    relay_request request = chain_request(&servers, BELAY__TESTING__LEAF__LEAF_ECHO, 0);
    belay_call *call = chain_stream(&servers, &request);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(belay_testing_relay_stream_recv_reply(call, &reply), BELAY_OK);
        belay__testing__relay_reply__free_unpacked(reply, NULL);
        process_signal(&servers.servers[0], i == 0 ? SIGTERM : 0);
        CU_ASSERT_EQUAL(belay_testing_relay_stream_send_request(call, &request), BELAY_OK);
    }
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(process_wait(&servers.servers[0]), 0);
    chain_close(&servers);
}

/* Starts a call whose handler works on without end, has the server shut down, and gives its exit status. */
static int
shut_down_under(Belay__Testing__Leaf leaf)
{
    chain servers;
    chain_open(&servers, 1, (const char *[]){"--drain_ms=0", NULL});
    relay_request request = chain_request(&servers, leaf, ENDLESS);
    belay_call *call = chain_call(&servers, 0, &request);
    chain_await_running(&servers, 0);
    process_signal(&servers.servers[0], SIGTERM);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNAVAILABLE);
    int status = process_wait(&servers.servers[0]);
    chain_close(&servers);
    return status;
}

static void
test_shutdown_cancels_what_outlasts_the_grace_time(void)
{
    CU_ASSERT_EQUAL(shut_down_under(BELAY__TESTING__LEAF__LEAF_SPIN), 0);
}

static void
test_handlers_that_ignore_shutdown_are_abandoned(void)
{
    CU_ASSERT_EQUAL(shut_down_under(BELAY__TESTING__LEAF__LEAF_IGNORE), 3);
}

static void
test_the_server_caps_deadlines(void)
{
    chain servers;
    chain_open(&servers, 1, (const char *[]){"--deadline_cap_ms=1", NULL});
    relay_request request = chain_request(&servers, BELAY__TESTING__LEAF__LEAF_SPIN, ENDLESS);
    CU_ASSERT_EQUAL(belay_call_finish(chain_call(&servers, 0, &request), NULL), BELAY_DEADLINE_EXCEEDED);
    chain_close(&servers);
}

static void
test_the_watchdog_reports_a_leaf_that_ignores_its_cancel(void)
{
    process server;
    char line[512];
    process_start_overheard(&server, "interop-server", (const char *[]){"--port=0", "--watchdog_ms=1", NULL});
    read_until(&server, "listening on ", line, sizeof line);
    belay_channel *channel = belay_channel_new(NULL, line + strlen("listening on "), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_call_options_set_timeout(options, BELAY_MILLISECONDS(500)); /* it is to run by then, and not be waited for */
    relay_request request = BELAY__TESTING__RELAY_REQUEST__INIT;
    request.leaf = BELAY__TESTING__LEAF__LEAF_IGNORE;
    request.leaf_ms = ENDLESS;
    CU_ASSERT_EQUAL(belay_testing_relay_call(channel, NULL, &request, options, NULL, NULL), BELAY_DEADLINE_EXCEEDED);
    read_until(&server, "handler ignores its cancellation", line, sizeof line);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "/belay.testing.Relay/Call from 127.0.0.1:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "thread belay-worker-"));
    belay_call_options_free(options);
    belay_channel_free(channel);
    process_signal(&server, SIGKILL);
    CU_ASSERT_EQUAL(process_wait(&server), -SIGKILL);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(every_case_passes),
        TEST(a_case_that_fails_exits_with_1),
        TEST(what_the_client_cannot_do_exits_with_2),
        TEST(what_the_server_cannot_do_exits_with_2),
        TEST(an_address_in_use_exits_with_1),
        TEST(a_unix_socket_serves_too),
        TEST(a_server_survives_running_out_of_descriptors),
        TEST(a_drain_lets_calls_end),
        TEST(shutdown_cancels_what_outlasts_the_grace_time),
        TEST(handlers_that_ignore_shutdown_are_abandoned),
        TEST(the_server_caps_deadlines),
        TEST(the_watchdog_reports_a_leaf_that_ignores_its_cancel),
        CU_TEST_INFO_NULL,
    };
    return suite_run("interop/programs", tests, argc, argv);
}
