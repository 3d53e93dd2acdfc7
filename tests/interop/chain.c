/* SPDX-License-Identifier: MIT */
#include "interop/chain.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/patience.h"
#include "support/suite.h"

#define READY "listening on "
#define MAX_ARGUMENTS 12

/* ---- Servers ---------------------------------------------------------------------------------------- */

static void
start_server(chain *servers, const char *const *arguments)
{
    char line[256];
    size_t index = servers->count++;
    process_start(&servers->servers[index], "interop-server", arguments);
    process_read_line(&servers->servers[index], line, sizeof line);
    if (strncmp(line, READY, strlen(READY)) != 0)
        patience_lost("the server said \"%s\" where it should be listening", line);
    servers->addresses[index] = strdup(line + strlen(READY));
    servers->channels[index] = belay_channel_new(servers->runtime, servers->addresses[index], NULL);
    if (servers->channels[index] == NULL)
        patience_lost("no channel to %s", servers->addresses[index]);
}

void
chain_add(chain *servers, const char *const *arguments)
{
    const char *list[MAX_ARGUMENTS] = {"--port=0"};
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++)
        list[i + 1] = arguments[i];
    start_server(servers, list);
}

void
chain_open(chain *servers, size_t count, const char *const *arguments)
{
    static uint64_t runs;
    memset(servers, 0, sizeof *servers);
    servers->run = ++runs;
    servers->runtime = belay_runtime_new(NULL);
    if (servers->runtime == NULL)
        patience_lost("no runtime");
    for (size_t i = 0; i < count; i++)
        chain_add(servers, arguments);
}

void
chain_close(chain *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        belay_channel_free(servers->channels[i]);
    for (size_t i = 0; i < servers->count; i++)
        process_signal(&servers->servers[i], SIGTERM);
    for (size_t i = 0; i < servers->count; i++) {
        if (servers->servers[i].pid != 0)
            CU_ASSERT_EQUAL(process_wait(&servers->servers[i]), 0);
        free(servers->addresses[i]);
    }
    belay_runtime_unref(servers->runtime);
}

/* ---- Calls ------------------------------------------------------------------------------------------ */

relay_request
chain_request(chain *servers, Belay__Testing__Leaf leaf, uint32_t leaf_ms)
{
    relay_request request = BELAY__TESTING__RELAY_REQUEST__INIT;
    request.run = servers->run;
    request.route = &servers->addresses[1];
    request.n_route = servers->count - 1;
    request.leaf = leaf;
    request.leaf_ms = leaf_ms;
    return request;
}

belay_call *
chain_call(chain *servers, size_t server, const relay_request *request)
{
    belay_call *call;
    if (belay_testing_relay_call_start(servers->channels[server], NULL, request, NULL, &call) != BELAY_OK)
        patience_lost("a call cannot be started");
    return call;
}

belay_call *
chain_stream(chain *servers, const relay_request *first)
{
    belay_call *call;
    if (belay_testing_relay_stream_start(servers->channels[0], NULL, NULL, &call) != BELAY_OK ||
        belay_testing_relay_stream_send_request(call, first) != BELAY_OK)
        patience_lost("a stream cannot be started");
    return call;
}

/* ---- Asking ----------------------------------------------------------------------------------------- */

relay_counters
chain_counters(const chain *servers, size_t server)
{
    Belay__Testing__CountersRequest request = BELAY__TESTING__COUNTERS_REQUEST__INIT;
    relay_counters *reply = NULL;
    belay_code code =
        belay_testing_relay_counters(servers->channels[server], NULL, &request, NULL, &reply, NULL);
    if (code != BELAY_OK)
        patience_lost("Counters of server %zu: %s", server, belay_code_name(code));
    relay_counters counters = *reply;
    belay__testing__counters_reply__free_unpacked(reply, NULL);
    return counters;
}

static Belay__Testing__SeenReply *
ask_seen(const chain *servers, size_t server)
{
    Belay__Testing__SeenRequest request = BELAY__TESTING__SEEN_REQUEST__INIT;
    Belay__Testing__SeenReply *reply = NULL;
    request.run = servers->run;
    belay_code code = belay_testing_relay_seen(servers->channels[server], NULL, &request, NULL, &reply, NULL);
    if (code != BELAY_OK)
        patience_lost("Seen of server %zu: %s", server, belay_code_name(code));
    return reply;
}

size_t
chain_record_count(const chain *servers, size_t server)
{
    Belay__Testing__SeenReply *reply = ask_seen(servers, server);
    size_t count = reply->n_record;
    belay__testing__seen_reply__free_unpacked(reply, NULL);
    return count;
}

bool
chain_record(const chain *servers, size_t server, handler_record *record)
{
    Belay__Testing__SeenReply *reply = ask_seen(servers, server);
    bool found = reply->n_record > 0;
    if (found) {
        *record = *reply->record[reply->n_record - 1];
        record->reason = NULL;
    }
    belay__testing__seen_reply__free_unpacked(reply, NULL);
    return found;
}

/* ---- Waiting ---------------------------------------------------------------------------------------- */

typedef struct place {
    const chain *chain;
    size_t server;
} place;

static bool
is_running(void *argument)
{
    const place *at = argument;
    handler_record record;
    return chain_record(at->chain, at->server, &record) && record.returned_ns == 0;
}

static bool
is_cancelled(void *argument)
{
    const place *at = argument;
    handler_record record;
    return chain_record(at->chain, at->server, &record) && record.cause != BELAY__TESTING__CAUSE__CAUSE_NONE;
}

static bool
has_returned(void *argument)
{
    const place *at = argument;
    handler_record record;
    return chain_record(at->chain, at->server, &record) && record.returned_ns != 0;
}

static bool
is_idle(void *argument)
{
    const place *at = argument;
    relay_counters counters = chain_counters(at->chain, at->server);
    return counters.handlers_running == 0 && counters.children_open == 0;
}

void
chain_await_running(const chain *servers, size_t server)
{
    wait_until(is_running, &(place){servers, server}, "a handler runs");
}

void
chain_await_cancelled(const chain *servers, size_t server)
{
    wait_until(is_cancelled, &(place){servers, server}, "a handler is cancelled");
}

void
chain_await_returned(const chain *servers, size_t server)
{
    wait_until(has_returned, &(place){servers, server}, "a handler has returned");
}

void
chain_await_idle(const chain *servers, size_t server)
{
    wait_until(is_idle, &(place){servers, server}, "a server is idle");
}

void
chain_check_cancelled(const chain *servers, size_t server, Belay__Testing__Cause cause)
{
    handler_record record = BELAY__TESTING__HANDLER_RECORD__INIT;
    CU_ASSERT_TRUE(chain_record(servers, server, &record));
    CU_ASSERT_EQUAL(record.cause, cause);
    CU_ASSERT_TRUE(record.started_ns > 0);
    CU_ASSERT_TRUE(record.cancelled_ns >= record.started_ns);
    CU_ASSERT_TRUE(record.noticed_ns >= record.cancelled_ns);
    CU_ASSERT_TRUE(record.returned_ns >= record.noticed_ns);
}
