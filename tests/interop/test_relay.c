/* SPDX-License-Identifier: MIT */
/*
 * Chains and trees of servers in processes of their own: what goes along them, and what ends when.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "interop/chain.h"
#include "support/suite.h"

/* Longer than any test: work that is meant to be cut short. */
#define ENDLESS 600000

#define ECHO BELAY__TESTING__LEAF__LEAF_ECHO
#define SPIN BELAY__TESTING__LEAF__LEAF_SPIN
#define SLEEP BELAY__TESTING__LEAF__LEAF_SLEEP
#define RECV BELAY__TESTING__LEAF__LEAF_RECV
#define IGNORE BELAY__TESTING__LEAF__LEAF_IGNORE

#define PEER_CANCELLED BELAY__TESTING__CAUSE__CAUSE_PEER_CANCELLED
#define DEADLINE BELAY__TESTING__CAUSE__CAUSE_DEADLINE
#define CONNECTION_LOST BELAY__TESTING__CAUSE__CAUSE_CONNECTION_LOST
#define NOT_CANCELLED BELAY__TESTING__CAUSE__CAUSE_NONE

static belay_code
finish(belay_call *call)
{
    return belay_testing_relay_call_finish(call, NULL, NULL);
}

static void
check_path(const chain *servers, const relay_reply *reply)
{
    CU_ASSERT_EQUAL_FATAL(reply->n_path, servers->count);
    for (size_t i = 0; i < servers->count; i++)
        CU_ASSERT_STRING_EQUAL(reply->path[i], servers->addresses[i]);
}

/* ---- Calls that end by themselves -------------------------------------------------------------------- */

static void
test_a_chain_answers_with_its_path_and_the_payload(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, ECHO, 0);
    relay_reply *reply = NULL;
    request.payload = (ProtobufCBinaryData){5, (uint8_t *)"h\0llo"};
    CU_ASSERT_EQUAL_FATAL(belay_testing_relay_call_finish(chain_call(&servers, 0, &request), &reply, NULL),
                          BELAY_OK);
    check_path(&servers, reply);
    CU_ASSERT_TRUE(reply->payload.len == 5 && memcmp(reply->payload.data, "h\0llo", 5) == 0);
    belay__testing__relay_reply__free_unpacked(reply, NULL);

    handler_record record;
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE_FATAL(chain_record(&servers, i, &record));
        CU_ASSERT_EQUAL(record.hops_left, 2 - i);
        CU_ASSERT_EQUAL(record.cause, NOT_CANCELLED);
        CU_ASSERT_EQUAL(record.cancelled_ns, 0);
        CU_ASSERT_EQUAL(record.noticed_ns, 0);
        CU_ASSERT_TRUE(record.returned_ns >= record.started_ns);
    }
    chain_close(&servers);
}

static void
test_fan_out_makes_a_tree(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, ECHO, 0);
    request.fan_out = 3;
    CU_ASSERT_EQUAL(finish(chain_call(&servers, 0, &request)), BELAY_OK);
    CU_ASSERT_EQUAL(chain_record_count(&servers, 0), 1);
    CU_ASSERT_EQUAL(chain_record_count(&servers, 1), 3);
    CU_ASSERT_EQUAL(chain_record_count(&servers, 2), 9);
    chain_close(&servers);
}

static void
test_a_leaf_that_would_receive_needs_a_stream(void)
{
    chain servers;
    chain_open(&servers, 2, NULL);
    relay_request request = chain_request(&servers, RECV, 0);
    CU_ASSERT_EQUAL(finish(chain_call(&servers, 0, &request)), BELAY_INVALID_ARGUMENT);
    chain_close(&servers);
}

/* ---- Streams ---------------------------------------------------------------------------------------- */

static void
expect_reply(const chain *servers, belay_call *call, const relay_request *request)
{
    relay_reply *reply;
    CU_ASSERT_EQUAL_FATAL(belay_testing_relay_stream_recv_reply(call, &reply), BELAY_OK);
    check_path(servers, reply);
    CU_ASSERT_EQUAL(reply->payload.len, request->payload.len);
    belay__testing__relay_reply__free_unpacked(reply, NULL);
}

static void
test_a_stream_passes_messages_on_and_back(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, ECHO, 0);
    belay_call *call = chain_stream(&servers, &request);
    expect_reply(&servers, call, &request);
    request.payload.len = 3u << 20; /* near the limit of one message */
    request.payload.data = calloc(1, request.payload.len);
    request.n_route = 0; /* the first message has set it */
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(belay_testing_relay_stream_send_request(call, &request), BELAY_OK);
        expect_reply(&servers, call, &request);
    }
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_OK);
    free(request.payload.data);
    chain_close(&servers);
}

#define MANY 200

typedef struct sender {
    belay_call *call;
    const relay_request *request;
    int sent;
} sender;

static void *
send_many(void *argument)
{
    sender *many = argument;
    belay_code code = BELAY_OK;
    while (many->sent < MANY && code == BELAY_OK) {
        code = belay_testing_relay_stream_send_request(many->call, many->request);
        many->sent += code == BELAY_OK;
    }
    return NULL;
}

/* More than all windows and queues on the way hold. */
static void
test_a_stream_that_is_full_both_ways_goes_on(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, ECHO, 0);
    request.payload.len = 100000;
    request.payload.data = calloc(1, request.payload.len);
    sender many = {chain_stream(&servers, &request), &request, 1};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_many, &many), 0);
    for (int i = 0; i < MANY; i++)
        expect_reply(&servers, many.call, &request);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(many.sent, MANY);
    CU_ASSERT_EQUAL(belay_call_finish(many.call, NULL), BELAY_OK);
    free(request.payload.data);
    chain_close(&servers);
}

/* ---- Cancelled at the root ---------------------------------------------------------------------------- */

/* Ends a call whose leaf is at work, and sees all servers stop because their callers left. */
static void
cancel_and_check(const chain *servers, belay_call *call)
{
    chain_await_running(servers, servers->count - 1);
    belay_cancel(belay_call_context(call), "enough");
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_CANCELLED);
    for (size_t i = 0; i < servers->count; i++) {
        chain_await_cancelled(servers, i);
        chain_await_idle(servers, i);
        chain_check_cancelled(servers, i, PEER_CANCELLED);
        CU_ASSERT_EQUAL(chain_counters(servers, i).calls_cancelled, 1);
    }
}

static void
cancel_at_root(Belay__Testing__Leaf leaf)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, leaf, ENDLESS);
    cancel_and_check(&servers, chain_call(&servers, 0, &request));
    chain_close(&servers);
}

static void
test_cancel_at_the_root_stops_a_leaf_that_computes(void)
{
    cancel_at_root(SPIN);
}

static void
test_cancel_at_the_root_stops_a_leaf_that_sleeps(void)
{
    cancel_at_root(SLEEP);
}

static void
test_cancel_at_the_root_stops_a_leaf_that_receives(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, RECV, 0);
    cancel_and_check(&servers, chain_stream(&servers, &request));
    chain_close(&servers);
}

/* The leaf is cancelled, and does not notice. */
static void
test_a_leaf_that_ignores_its_cancellation_is_recorded(void)
{
    chain servers;
    handler_record record;
    chain_open(&servers, 2, NULL);
    relay_request request = chain_request(&servers, IGNORE, 2000);
    belay_call *call = chain_call(&servers, 0, &request);
    chain_await_running(&servers, 1);
    belay_call_free(call);
    chain_await_cancelled(&servers, 1);
    chain_await_idle(&servers, 1);
    CU_ASSERT_TRUE_FATAL(chain_record(&servers, 1, &record));
    CU_ASSERT_EQUAL(record.cause, PEER_CANCELLED);
    CU_ASSERT_TRUE(record.cancelled_ns > 0);
    CU_ASSERT_EQUAL(record.noticed_ns, 0);
    CU_ASSERT_TRUE(record.returned_ns > 0);
    chain_close(&servers);
}

/* What is detached goes on when its handler was cancelled, and ends with the process that started it. */
static void
detached_children_go_on(bool stream)
{
    chain servers;
    handler_record record;
    chain_open(&servers, 2, NULL);
    relay_request request = chain_request(&servers, SLEEP, ENDLESS);
    request.detach = true;
    belay_call *call = stream ? chain_stream(&servers, &request) : chain_call(&servers, 0, &request);
    chain_await_running(&servers, 1);
    belay_call_free(call);
    chain_await_returned(&servers, 0);
    chain_check_cancelled(&servers, 0, PEER_CANCELLED);
    CU_ASSERT_EQUAL(chain_counters(&servers, 0).children_open, 1);
    CU_ASSERT_TRUE_FATAL(chain_record(&servers, 1, &record));
    CU_ASSERT_EQUAL(record.cause, NOT_CANCELLED);
    CU_ASSERT_EQUAL(chain_counters(&servers, 1).handlers_running, 1);

    process_signal(&servers.servers[0], SIGTERM);
    CU_ASSERT_EQUAL(process_wait(&servers.servers[0]), 0);
    chain_await_cancelled(&servers, 1);
    chain_await_idle(&servers, 1);
    chain_close(&servers);
}

static void
test_detached_calls_go_on(void)
{
    detached_children_go_on(false);
}

static void
test_detached_streams_go_on(void)
{
    detached_children_go_on(true);
}

/* ---- Deadlines ---------------------------------------------------------------------------------------- */

/* Its own deadline, or that of its caller which was a moment earlier. */
static void
check_out_of_time(const chain *servers, size_t server)
{
    handler_record record = BELAY__TESTING__HANDLER_RECORD__INIT;
    chain_await_cancelled(servers, server);
    chain_await_idle(servers, server);
    CU_ASSERT_TRUE(chain_record(servers, server, &record));
    CU_ASSERT_TRUE(record.cause == DEADLINE || record.cause == PEER_CANCELLED);
    CU_ASSERT_TRUE(record.noticed_ns >= record.cancelled_ns && record.cancelled_ns > 0);
}

static void
test_a_deadline_holds_along_the_chain(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, SLEEP, ENDLESS);
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    belay_call_options_set_timeout(options, BELAY_MILLISECONDS(300));
    belay_code code = belay_testing_relay_call(servers.channels[0], NULL, &request, options, NULL, NULL);
    belay_call_options_free(options);
    CU_ASSERT_EQUAL(code, BELAY_DEADLINE_EXCEEDED);
    for (size_t i = 0; i < 3; i++)
        check_out_of_time(&servers, i);
    chain_close(&servers);
}

static void
test_a_hops_own_deadline_is_for_its_children(void)
{
    chain servers;
    handler_record record;
    belay_status *status = NULL;
    chain_open(&servers, 2, NULL);
    relay_request request = chain_request(&servers, SLEEP, ENDLESS);
    request.child_timeout_ms = 200;
    belay_code code = belay_testing_relay_call_finish(chain_call(&servers, 0, &request), NULL, &status);
    CU_ASSERT_EQUAL(code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_FALSE(belay_status_is_local(status));
    belay_status_free(status);
    check_out_of_time(&servers, 1);
    CU_ASSERT_TRUE_FATAL(chain_record(&servers, 0, &record));
    CU_ASSERT_EQUAL(record.cause, NOT_CANCELLED);
    chain_close(&servers);
}

/* ---- Servers that fail -------------------------------------------------------------------------------- */

static void
kill_server(chain *servers, size_t index)
{
    process_signal(&servers->servers[index], SIGKILL);
    CU_ASSERT_EQUAL(process_wait(&servers->servers[index]), -SIGKILL);
}

static void
test_the_middle_server_is_killed(void)
{
    chain servers;
    handler_record record;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, SPIN, ENDLESS);
    belay_call *call = chain_call(&servers, 0, &request);
    chain_await_running(&servers, 2);
    kill_server(&servers, 1);
    CU_ASSERT_EQUAL(finish(call), BELAY_UNAVAILABLE);
    chain_await_idle(&servers, 2);
    chain_check_cancelled(&servers, 2, CONNECTION_LOST);
    chain_await_idle(&servers, 0);
    CU_ASSERT_TRUE_FATAL(chain_record(&servers, 0, &record));
    CU_ASSERT_EQUAL(record.cause, NOT_CANCELLED);
    chain_close(&servers);
}

static void
test_the_first_server_is_killed_under_a_stream(void)
{
    chain servers;
    chain_open(&servers, 3, NULL);
    relay_request request = chain_request(&servers, RECV, 0);
    belay_call *call = chain_stream(&servers, &request);
    chain_await_running(&servers, 2);
    kill_server(&servers, 0);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNAVAILABLE);
    for (size_t i = 1; i < 3; i++)
        chain_await_idle(&servers, i);
    chain_check_cancelled(&servers, 1, CONNECTION_LOST);
    chain_check_cancelled(&servers, 2, PEER_CANCELLED);
    chain_close(&servers);
}

static bool
has_dropped_one(void *servers)
{
    return chain_counters(servers, 1).dropped_in_queue == 1;
}

/* The leaf's only worker is busy and one call may wait: of two children one is refused, and takes the other
 * along. */
static void
test_a_child_that_fails_cancels_its_siblings(void)
{
    static const char *const one_worker[] = {"--workers=1", "--max_workers=1", "--queue=1", NULL};
    chain servers;
    chain_open(&servers, 1, NULL);
    chain_add(&servers, one_worker);
    relay_request busy = chain_request(&servers, SLEEP, ENDLESS);
    busy.n_route = 0;
    belay_call *blocker = chain_call(&servers, 1, &busy);
    chain_await_running(&servers, 1);
    relay_request request = chain_request(&servers, SLEEP, ENDLESS);
    request.fan_out = 2;
    CU_ASSERT_EQUAL(finish(chain_call(&servers, 0, &request)), BELAY_RESOURCE_EXHAUSTED);
    wait_until(has_dropped_one, &servers, "the sibling is dropped");
    chain_await_idle(&servers, 0);
    CU_ASSERT_EQUAL(chain_counters(&servers, 1).handlers_started, 1);
    belay_call_free(blocker);
    chain_await_idle(&servers, 1);
    chain_close(&servers);
}

/* ---- Counting ----------------------------------------------------------------------------------------- */

/* The questions are answered while the only worker computes, and count nowhere. */
static void
test_a_full_pool_answers_questions(void)
{
    static const char *const one_worker[] = {"--workers=1", "--max_workers=1", NULL};
    chain servers;
    chain_open(&servers, 1, one_worker);
    relay_request request = chain_request(&servers, SPIN, ENDLESS);
    belay_call *call = chain_call(&servers, 0, &request);
    chain_await_running(&servers, 0);
    relay_counters counters = chain_counters(&servers, 0);
    CU_ASSERT_EQUAL(counters.handlers_started, 1);
    CU_ASSERT_EQUAL(counters.handlers_running, 1);
    CU_ASSERT_EQUAL(counters.calls_cancelled, 0);
    CU_ASSERT_EQUAL(counters.children_open, 0);
    CU_ASSERT_EQUAL(counters.connections, 1);
    belay_call_free(call);
    chain_await_idle(&servers, 0);
    counters = chain_counters(&servers, 0);
    CU_ASSERT_EQUAL(counters.handlers_started, 1);
    CU_ASSERT_EQUAL(counters.calls_cancelled, 1);
    chain_close(&servers);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(a_chain_answers_with_its_path_and_the_payload),
        TEST(fan_out_makes_a_tree),
        TEST(a_leaf_that_would_receive_needs_a_stream),
        TEST(a_stream_passes_messages_on_and_back),
        TEST(a_stream_that_is_full_both_ways_goes_on),
        TEST(cancel_at_the_root_stops_a_leaf_that_computes),
        TEST(cancel_at_the_root_stops_a_leaf_that_sleeps),
        TEST(cancel_at_the_root_stops_a_leaf_that_receives),
        TEST(a_leaf_that_ignores_its_cancellation_is_recorded),
        TEST(detached_calls_go_on),
        TEST(detached_streams_go_on),
        TEST(a_deadline_holds_along_the_chain),
        TEST(a_hops_own_deadline_is_for_its_children),
        TEST(the_middle_server_is_killed),
        TEST(the_first_server_is_killed_under_a_stream),
        TEST(a_child_that_fails_cancels_its_siblings),
        TEST(a_full_pool_answers_questions),
        CU_TEST_INFO_NULL,
    };
    return suite_run("interop/relay", tests, argc, argv);
}
