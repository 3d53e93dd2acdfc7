/* SPDX-License-Identifier: MIT */
#include <belay/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/answers.h"
#include "support/fixture.h"

static const belay_test_probe_handlers echoing = {.unary = answer_next};

static void
count_line(void *argument, belay_log_level level, const char *text)
{
    (void)level;
    (void)text;
    __atomic_add_fetch((int *)argument, 1, __ATOMIC_RELAXED);
}

/* A runtime that counts its log lines, or says nothing. */
static belay_runtime *
make_runtime(unsigned int io_threads, int *lines)
{
    belay_runtime_options *options = belay_runtime_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_runtime_options_set_log(options, lines != NULL ? count_line : NULL, lines, BELAY_LOG_WARNING);
    CU_ASSERT_EQUAL(belay_runtime_options_set_io_threads(options, io_threads), BELAY_OK);
    belay_runtime *runtime = belay_runtime_new(options);
    belay_runtime_options_free(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(runtime);
    return runtime;
}

static belay_server *
make_server(belay_runtime *runtime)
{
    belay_server *server = belay_server_new(runtime, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_EQUAL(belay_test_probe_add(server, &echoing, NULL), BELAY_OK);
    return server;
}

static belay_code
call_at(belay_runtime *runtime, const char *address)
{
    belay_channel *channel = belay_channel_new(runtime, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    Belay__Test__Note *reply = NULL;
    belay_code code = belay_test_probe_unary(channel, NULL, NOTE("hello"), NULL, &reply, NULL);
    if (code == BELAY_OK)
        belay__test__note__free_unpacked(reply, NULL);
    belay_channel_free(channel);
    return code;
}

/* A folder that no other test uses. */
static void
make_folder(char path[32])
{
    strcpy(path, "/tmp/belay-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
}

/* ---- Addresses ----------------------------------------------------------------------------------- */

static void
test_port_0_picks_one_and_the_address_tells_which(void)
{
    belay_server *server = make_server(NULL);
    CU_ASSERT_PTR_NULL(belay_server_address(server, 0));
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    int port = 0;
    CU_ASSERT_EQUAL(sscanf(belay_server_address(server, 0), "127.0.0.1:%d", &port), 1);
    CU_ASSERT_TRUE(port > 0);
    CU_ASSERT_PTR_NULL(belay_server_address(server, 1));
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(belay_server_runtime(server), belay_server_address(server, 0)), BELAY_OK);
    belay_server_free(server);
}

static void
test_addresses_that_cannot_be_read_are_refused(void)
{
    static const char *const bad[] = {
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "[::1:80",
        "unix:",
    };
    belay_server *server = make_server(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(belay_server_listen(server, bad[i], NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_listen(server, NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_listen(NULL, "127.0.0.1:0", NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(belay_server_address(server, 0));
    belay_server_free(server);
}

static void
test_a_port_in_use_is_unavailable_and_the_log_says_so(void)
{
    int lines = 0;
    belay_runtime *runtime = make_runtime(1, &lines);
    belay_server *first = make_server(runtime);
    belay_server *second = make_server(runtime);
    CU_ASSERT_EQUAL(belay_server_listen(first, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(second, belay_server_address(first, 0), NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_NULL(belay_server_address(second, 0));
    CU_ASSERT_EQUAL(belay_server_listen(second, "127.0.0.1:0", NULL), BELAY_OK); /* it is not spoilt */
    belay_server_free(first);
    belay_server_free(second);
    belay_runtime_unref(runtime); /* which says all that it has to say first */
    CU_ASSERT_EQUAL(__atomic_load_n(&lines, __ATOMIC_RELAXED), 1);
}

static void
test_all_addresses_are_served(void)
{
    enum { COUNT = 4 };
    char folder[32], path[64];
    belay_server *server = make_server(NULL);
    make_folder(folder);
    snprintf(path, sizeof path, "unix:%s/socket", folder);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, path, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, "localhost:0", NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_server_address(server, 1), path);
    CU_ASSERT_STRING_NOT_EQUAL(belay_server_address(server, 0), belay_server_address(server, 2));
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    for (size_t i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(call_at(belay_server_runtime(server), belay_server_address(server, i)), BELAY_OK);
    belay_server_free(server);
    CU_ASSERT_EQUAL(rmdir(folder), 0); /* the socket is gone */
}

/* ---- Unix sockets -------------------------------------------------------------------------------- */

static void
test_a_socket_that_somebody_listens_on_is_in_use(void)
{
    char folder[32], path[64];
    belay_runtime *runtime = make_runtime(1, NULL);
    belay_server *first = make_server(runtime);
    belay_server *second = make_server(runtime);
    make_folder(folder);
    snprintf(path, sizeof path, "unix:%s/socket", folder);
    CU_ASSERT_EQUAL(belay_server_listen(first, path, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(first), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(second, path, NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(call_at(runtime, path), BELAY_OK); /* the first is unharmed */
    belay_server_free(first);
    CU_ASSERT_EQUAL(belay_server_listen(second, path, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(second), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(runtime, path), BELAY_OK);
    belay_server_free(second);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    belay_runtime_unref(runtime);
}

static void
test_a_file_that_is_no_socket_is_left_alone(void)
{
    char folder[32], path[64];
    belay_runtime *runtime = make_runtime(1, NULL);
    belay_server *server = make_server(runtime);
    make_folder(folder);
    snprintf(path, sizeof path, "unix:%s/file", folder);
    FILE *file = fopen(path + 5, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(belay_server_listen(server, path, NULL), BELAY_UNAVAILABLE);
    belay_server_free(server);
    CU_ASSERT_EQUAL(unlink(path + 5), 0);
    snprintf(path, sizeof path, "unix:%s/no/such/folder", folder);
    server = make_server(runtime);
    CU_ASSERT_EQUAL(belay_server_listen(server, path, NULL), BELAY_UNAVAILABLE);
    belay_server_free(server);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    belay_runtime_unref(runtime);
}

/* ---- Order --------------------------------------------------------------------------------------- */

static void
test_what_must_come_before_the_start_is_refused_after_it(void)
{
    belay_server *server = make_server(NULL);
    static const char path[] = "/belay.test.Probe/Unary";
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_FAILED_PRECONDITION); /* no address */
    CU_ASSERT_EQUAL(belay_server_drain(server, 0, 0), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_test_probe_add(server, &echoing, NULL), BELAY_ALREADY_EXISTS);
    CU_ASSERT_EQUAL(belay_server_reserve_method(server, "/belay.test.Probe/Nothing"), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_server_reserve_method(server, path), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_test_probe_add(server, &echoing, NULL), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_server_reserve_method(server, path), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_server_drain(server, 0, 0), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_FAILED_PRECONDITION);
    belay_server_free(server);
}

static void
test_nothing_comes_of_nothing(void)
{
    belay_server *server = make_server(NULL);
    CU_ASSERT_EQUAL(belay_server_add_service(NULL, &belay_test_probe_service, &echoing, NULL),
                    BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_add_service(server, NULL, &echoing, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_reserve_method(NULL, "/a/b"), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_reserve_method(server, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_start(NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_drain(NULL, 0, 0), BELAY_FAILED_PRECONDITION);
    belay_server_free(server); /* never started */
    belay_server_free(NULL);
}

static void
test_before_the_start_clients_wait(void)
{
    belay_server *server = make_server(NULL);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    belay_channel *channel =
        belay_channel_new(belay_server_runtime(server), belay_server_address(server, 0), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    belay_call *call = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE("early"), NULL, &call), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_test_probe_unary_finish(call, NULL, NULL), BELAY_OK);
    belay_channel_free(channel);
    belay_server_free(server);
}

/* ---- Runtimes ------------------------------------------------------------------------------------ */

static void
test_two_servers_share_a_runtime(void)
{
    belay_runtime *runtime = make_runtime(1, NULL);
    belay_server *servers[2] = {make_server(runtime), make_server(runtime)};
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_PTR_EQUAL(belay_server_runtime(servers[i]), runtime);
        CU_ASSERT_EQUAL(belay_server_listen(servers[i], "127.0.0.1:0", NULL), BELAY_OK);
        CU_ASSERT_EQUAL(belay_server_start(servers[i]), BELAY_OK);
    }
    CU_ASSERT_EQUAL(call_at(runtime, belay_server_address(servers[0], 0)), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(runtime, belay_server_address(servers[1], 0)), BELAY_OK);
    belay_server_free(servers[0]);
    CU_ASSERT_EQUAL(call_at(runtime, belay_server_address(servers[1], 0)), BELAY_OK);
    belay_runtime_unref(runtime);
    belay_server_free(servers[1]);
}

static void
test_server_and_channel_may_have_runtimes_of_their_own(void)
{
    belay_server *server = make_server(NULL);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    CU_ASSERT_EQUAL(call_at(NULL, belay_server_address(server, 0)), BELAY_OK);
    belay_server_free(server);
}

/* More connections than I/O threads, so that each of them has some. */
static void
test_connections_are_spread_over_all_io_threads(void)
{
    enum { CHANNELS = 9, THREADS = 3 };
    belay_runtime *runtime = make_runtime(THREADS, NULL);
    belay_server *server = make_server(runtime);
    belay_channel *channels[CHANNELS];
    belay_call *calls[CHANNELS];
    belay_server_counters counters;
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_start(server), BELAY_OK);
    for (int i = 0; i < CHANNELS; i++) {
        channels[i] = belay_channel_new(runtime, belay_server_address(server, 0), NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(channels[i]);
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CHANNELS; i++) {
            belay_code code = belay_test_probe_unary_start(channels[i], NULL, NOTE("x"), NULL, &calls[i]);
            CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
        }
        for (int i = 0; i < CHANNELS; i++)
            CU_ASSERT_EQUAL(belay_test_probe_unary_finish(calls[i], NULL, NULL), BELAY_OK);
    }
    belay_server_counters_read(server, &counters, sizeof counters);
    CU_ASSERT_EQUAL(counters.connections, CHANNELS);
    CU_ASSERT_EQUAL(counters.handlers_started, 20 * CHANNELS);
    CU_ASSERT_EQUAL(belay_server_drain(server, BELAY_FOREVER, BELAY_FOREVER), BELAY_OK);
    for (int i = 0; i < CHANNELS; i++)
        belay_channel_free(channels[i]);
    belay_server_free(server);
    belay_runtime_unref(runtime);
}

/* ---- The end ------------------------------------------------------------------------------------- */

typedef struct ended {
    gate entered;
    belay_code slept;
    belay_cause cause;
    bool returned;
} ended;

static belay_code
sleep_on(belay_call *call)
{
    ended *self = belay_call_data(call);
    gate_open(&self->entered);
    self->slept = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    self->cause = belay_context_cause(belay_call_context(call));
    self->returned = true;
    return self->slept;
}

static void
test_a_server_that_is_freed_cancels_its_calls_and_waits_for_them(void)
{
    fixture f;
    ended self = {.returned = false};
    gate_init(&self.entered, "handler entered");
    fixture_open(&f, &(fixture_options){.handlers = {.chat = sleep_on}, .data = &self});
    belay_call *call = start_chat(&f, NULL, BELAY_FOREVER);
    gate_wait(&self.entered);
    belay_server_free(f.server);
    CU_ASSERT_TRUE(self.returned);
    CU_ASSERT_EQUAL(self.slept, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(self.cause, BELAY_CAUSE_SHUTDOWN);
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(end.message, "server is shutting down");
    CU_ASSERT_FALSE(end.is_local);
    belay_channel_free(f.channel);
    belay_runtime_unref(f.runtime);
    gate_fini(&f.held);
    gate_fini(&f.resume);
    gate_fini(&self.entered);
}

/* The number of this process's threads and a constant; 0 where the system does not tell. By a link count and
 * without a descriptor, for which the thread sanitizer would not know that another thread has closed it. */
static unsigned long
count_threads(void)
{
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 ? (unsigned long)tasks.st_nlink : 0;
}

static bool
as_many_threads(void *argument)
{
    return count_threads() <= *(unsigned long *)argument;
}

typedef struct last_holder {
    gate dropped; /* only the callback holds the runtime */
    gate ends;
} last_holder;

static void
hold_last(belay_context *context, void *argument)
{
    last_holder *self = argument;
    (void)context;
    gate_wait(&self->dropped);
    gate_open(&self->ends);
}

static void
test_the_last_reference_to_a_runtime_may_go_on_a_thread_of_its_own(void)
{
    last_holder self;
    unsigned long threads = count_threads();
    gate_init(&self.dropped, "only the callback holds the runtime");
    gate_init(&self.ends, "the callback ends");
    belay_runtime *runtime = make_runtime(2, NULL);
    belay_context *context = belay_context_new(runtime);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    CU_ASSERT_EQUAL(belay_on_cancel(context, hold_last, &self, NULL), BELAY_OK);
    belay_runtime_unref(runtime);
    belay_cancel(context, NULL);
    belay_context_unref(context);
    gate_open(&self.dropped);
    gate_wait(&self.ends);
    wait_until(as_many_threads, &threads, "the runtime's threads have ended");
    gate_fini(&self.dropped);
    gate_fini(&self.ends);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(port_0_picks_one_and_the_address_tells_which),
        TEST(addresses_that_cannot_be_read_are_refused),
        TEST(a_port_in_use_is_unavailable_and_the_log_says_so),
        TEST(all_addresses_are_served),
        TEST(a_socket_that_somebody_listens_on_is_in_use),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(what_must_come_before_the_start_is_refused_after_it),
        TEST(nothing_comes_of_nothing),
        TEST(before_the_start_clients_wait),
        TEST(two_servers_share_a_runtime),
        TEST(server_and_channel_may_have_runtimes_of_their_own),
        TEST(connections_are_spread_over_all_io_threads),
        TEST(a_server_that_is_freed_cancels_its_calls_and_waits_for_them),
        TEST(the_last_reference_to_a_runtime_may_go_on_a_thread_of_its_own),
        CU_TEST_INFO_NULL,
    };
    return suite_run("server", tests, argc, argv);
}
