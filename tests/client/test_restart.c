/* SPDX-License-Identifier: MIT */
/*
 * Servers that are drained and started anew while clients call without a pause: not one call fails. Calls wait for
 * ready, since there is a moment in which nobody listens; those that a server did not look at go once more.
 */
#include <stdio.h>
#include <string.h>

#include "support/answers.h"
#include "support/fixture.h"

enum { CLIENTS = 8, RESTARTS = 12, CALLS_BETWEEN = 200 };

typedef struct bench {
    belay_runtime *runtime;
    belay_channel *channels[2];
    char address[64];
    int done;     /* atomic, relaxed: calls that ended well */
    int failed;   /* atomic, relaxed */
    int stopping; /* atomic, relaxed */
} bench;

typedef struct client {
    bench *bench;
    belay_channel *channel;
    pthread_t thread;
    char message[320]; /* of a call that failed */
} client;

static belay_server *
serve(const bench *b, const char *address)
{
    static const belay_test_probe_handlers handlers = {.unary = answer_next, .upload = answer_count};
    belay_server *server = belay_server_new(b->runtime, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_add(server, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, address, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    return server;
}

static ending
call_unary(belay_channel *channel, const belay_call_options *options)
{
    belay_call *call = NULL;
    if (belay_test_probe_unary_start(channel, NULL, NOTE("x"), options, &call) != BELAY_OK)
        return (ending){.code = BELAY_INTERNAL};
    return finish(call);
}

static ending
call_upload(belay_channel *channel, const belay_call_options *options)
{
    belay_call *call = NULL;
    if (belay_test_probe_upload_start(channel, NULL, options, &call) != BELAY_OK)
        return (ending){.code = BELAY_INTERNAL};
    for (int i = 0; i < 3; i++)
        (void)!belay_test_probe_upload_send_request(call, NOTE("x")); /* the end tells */
    return finish(call);
}

static void *
call_and_call(void *argument)
{
    client *self = argument;
    bench *b = self->bench;
    belay_call_options *options = belay_call_options_new();
    belay_call_options_set_wait_for_ready(options, true);
    for (int i = 0; !__atomic_load_n(&b->stopping, __ATOMIC_RELAXED); i++) {
        ending end = i % 4 == 0 ? call_upload(self->channel, options) : call_unary(self->channel, options);
        if (end.code != BELAY_OK) {
            snprintf(self->message, sizeof self->message, "%s: %s", belay_code_name(end.code), end.message);
            __atomic_add_fetch(&b->failed, 1, __ATOMIC_RELAXED);
        }
        __atomic_add_fetch(&b->done, 1, __ATOMIC_RELAXED);
    }
    belay_call_options_free(options);
    return NULL;
}

static void
start_clients(bench *b, client clients[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.bench = b, .channel = b->channels[i % 2]};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&clients[i].thread, NULL, call_and_call, &clients[i]), 0);
    }
}

static void
join_clients(bench *b, client clients[CLIENTS])
{
    __atomic_store_n(&b->stopping, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].message[0] != '\0')
            printf("client %d: %s\n", i, clients[i].message);
    }
}

typedef struct progress {
    bench *bench;
    int wanted;
} progress;

static bool
has_progressed(void *argument)
{
    progress *self = argument;
    return __atomic_load_n(&self->bench->done, __ATOMIC_RELAXED) >= self->wanted;
}

static void
await_calls(bench *b, int count_of_calls)
{
    progress self = {b, __atomic_load_n(&b->done, __ATOMIC_RELAXED) + count_of_calls};
    wait_until(has_progressed, &self, "clients get their answers");
}

/* Channels that come back at once, and a server's place that is known. */
static void
bench_open(bench *b, belay_server **server)
{
    memset(b, 0, sizeof *b);
    b->runtime = belay_runtime_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->runtime);
    *server = serve(b, "127.0.0.1:0");
    snprintf(b->address, sizeof b->address, "%s", belay_server_address(*server, 0));
    belay_channel_options *options = belay_channel_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_EQUAL(belay_channel_options_set_backoff(options, BELAY_MILLISECONDS(1), BELAY_MILLISECONDS(20)),
                    BELAY_OK);
    for (int i = 0; i < 2; i++) {
        b->channels[i] = belay_channel_new(b->runtime, b->address, options);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b->channels[i]);
    }
    belay_channel_options_free(options);
}

static void
bench_close(bench *b, belay_server *server)
{
    for (int i = 0; i < 2; i++)
        belay_channel_free(b->channels[i]);
    belay_server_free(server);
    belay_runtime_unref(b->runtime);
}

static void
test_restarts_fail_no_call(void)
{
    bench b;
    client clients[CLIENTS];
    belay_server *server;
    bench_open(&b, &server);
    start_clients(&b, clients);
    for (int i = 0; i < RESTARTS; i++) {
        await_calls(&b, CALLS_BETWEEN);
        CU_ASSERT_EQUAL(belay_server_drain(server, BELAY_SECONDS(20), BELAY_SECONDS(20)), BELAY_OK);
        belay_server_free(server);
        server = serve(&b, b.address);
    }
    await_calls(&b, CALLS_BETWEEN);
    join_clients(&b, clients);
    CU_ASSERT_EQUAL(b.failed, 0);
    bench_close(&b, server);
}

/* Connections that are ended by their age, again and again. */
static void
test_connections_that_age_fail_no_call(void)
{
    static const belay_test_probe_handlers handlers = {.unary = answer_next, .upload = answer_count};
    bench b;
    client clients[CLIENTS];
    belay_server *first;
    bench_open(&b, &first);
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_EQUAL(belay_server_options_set_connection_age(options, BELAY_MILLISECONDS(5), BELAY_FOREVER), BELAY_OK);
    belay_server *server = belay_server_new(b.runtime, options);
    belay_server_options_free(options);
    belay_server_free(first);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_add(server, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, b.address, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    start_clients(&b, clients);
    await_calls(&b, RESTARTS * CALLS_BETWEEN);
    join_clients(&b, clients);
    CU_ASSERT_EQUAL(b.failed, 0);
    bench_close(&b, server);
}

#define TEST(name) {#name, name}

static const CU_TestInfo tests[] = {
    TEST(test_restarts_fail_no_call),
    TEST(test_connections_that_age_fail_no_call),
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("restart", tests, argc, argv);
}
