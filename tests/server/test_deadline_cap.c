/* SPDX-License-Identifier: MIT */
/*
 * Deadlines that the server caps. The clock stands still but for what a test moves it on, so that a handler
 * can answer with the time it was given.
 */
#include <string.h>

#include "support/fixture.h"

#define SERVICE "/belay.test.Probe/"
#define UNARY "/belay.test.Probe/Unary"

typedef struct bench {
    fixture fixture;
    gate entered;
    gate left;
    belay_code code;
    belay_cause cause;
} bench;

static belay_code
tell_time_left(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    uint64_t left = belay_context_time_left(belay_call_context(call));
    reply->number = left == BELAY_FOREVER ? -1 : (int64_t)left;
    return BELAY_OK;
}

static belay_code
tell_time_left_of_stream(belay_call *call, Belay__Test__Note *reply)
{
    return tell_time_left(call, NULL, reply);
}

static belay_code
wait_for_end(belay_call *call)
{
    bench *b = belay_call_data(call);
    gate_open(&b->entered);
    b->code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    b->cause = belay_context_cause(belay_call_context(call));
    gate_open(&b->left);
    return BELAY_OK;
}

static void
bench_open(bench *b, void (*configure)(belay_server *server))
{
    memset(b, 0, sizeof *b);
    gate_init(&b->entered, "handler entered");
    gate_init(&b->left, "handler left");
    fixture_open(&b->fixture, &(fixture_options){
        .handlers = {.unary = tell_time_left, .upload = tell_time_left_of_stream, .chat = wait_for_end},
        .data = b,
        .configure = configure,
        .own_clock = true,
    });
}

static void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->entered);
    gate_fini(&b->left);
}

/* What a call's handler says: its time, -1 for no deadline. */
static int64_t
time_given(belay_call *call)
{
    ProtobufCMessage *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_call_finish_unary(call, &reply, NULL), BELAY_OK);
    int64_t left = ((Belay__Test__Note *)reply)->number;
    protobuf_c_message_free_unpacked(reply, NULL);
    return left;
}

static void
cap(belay_server *server, const char *path, uint64_t ns)
{
    CU_ASSERT_EQUAL(belay_server_cap_deadline(server, path, ns), BELAY_OK);
}

/* ---- Which one holds ----------------------------------------------------------------------------- */

static void
expect(void (*configure)(belay_server *server), uint64_t timeout_ns, int64_t unary, int64_t upload)
{
    bench b;
    bench_open(&b, configure);
    CU_ASSERT_EQUAL(time_given(start_unary(&b.fixture, NULL, timeout_ns)), unary);
    CU_ASSERT_EQUAL(time_given(start_upload(&b.fixture, NULL, timeout_ns)), upload);
    bench_close(&b);
}

#define S(n) ((int64_t)BELAY_SECONDS(n))

static void
test_without_a_cap_the_clients_word_holds(void)
{
    expect(NULL, BELAY_FOREVER, -1, -1);
    expect(NULL, BELAY_SECONDS(5), S(5), S(5));
}

static void
cap_server(belay_server *server)
{
    cap(server, NULL, BELAY_SECONDS(3));
}

static void
test_the_earlier_of_cap_and_clients_deadline_holds(void)
{
    expect(cap_server, BELAY_FOREVER, S(3), S(3));
    expect(cap_server, BELAY_SECONDS(5), S(3), S(3));
    expect(cap_server, BELAY_SECONDS(2), S(2), S(2));
}

static void
cap_service(belay_server *server)
{
    cap(server, SERVICE, BELAY_SECONDS(4));
    cap(server, NULL, BELAY_SECONDS(3)); /* in whatever order */
}

static void
cap_method(belay_server *server)
{
    cap(server, UNARY, BELAY_SECONDS(9));
    cap(server, UNARY, BELAY_SECONDS(5)); /* the last word */
    cap_service(server);
}

static void
cap_all_but_one(belay_server *server)
{
    cap(server, NULL, BELAY_SECONDS(3));
    cap(server, UNARY, BELAY_FOREVER);
}

static void
test_the_most_specific_cap_holds_also_when_it_is_longer(void)
{
    expect(cap_service, BELAY_FOREVER, S(4), S(4));
    expect(cap_method, BELAY_FOREVER, S(5), S(4));
    expect(cap_all_but_one, BELAY_FOREVER, -1, S(3));
}

/* ---- When it passes ------------------------------------------------------------------------------ */

static void
test_a_cap_that_passes_ends_the_call_as_a_deadline_does(void)
{
    bench b;
    bench_open(&b, cap_server);
    belay_call *call = start_chat(&b.fixture, NULL, BELAY_FOREVER);
    gate_wait(&b.entered);
    fixture_advance(&b.fixture, BELAY_SECONDS(3) - 1);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 0);
    fixture_advance(&b.fixture, 1);
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_FALSE(end.is_local); /* the client had none */
    gate_wait(&b.left);
    CU_ASSERT_EQUAL(b.code, BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(b.cause, BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).calls_cancelled, 1);
    bench_close(&b);
}

/* ---- What is no cap ------------------------------------------------------------------------------ */

static void
try_what_is_wrong(belay_server *server)
{
    static const char *const unknown[] = {"/belay.test.Probe/Unar", "/belay.test.Probe/Unaryy",
                                          "/belay.test.Prob/", "/belay.test.Probe", "/nobody/"};
    static const char *const malformed[] = {"", "/", "belay.test.Probe/Unary"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CU_ASSERT_EQUAL(belay_server_cap_deadline(server, unknown[i], 1), BELAY_NOT_FOUND);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        CU_ASSERT_EQUAL(belay_server_cap_deadline(server, malformed[i], 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_cap_deadline(server, NULL, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_cap_deadline(NULL, NULL, 1), BELAY_INVALID_ARGUMENT);
}

static void
test_what_is_wrong_caps_nothing(void)
{
    bench b;
    expect(try_what_is_wrong, BELAY_FOREVER, -1, -1);
    bench_open(&b, NULL);
    CU_ASSERT_EQUAL(belay_server_cap_deadline(b.fixture.server, NULL, 1), BELAY_FAILED_PRECONDITION);
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(without_a_cap_the_clients_word_holds),
        TEST(the_earlier_of_cap_and_clients_deadline_holds),
        TEST(the_most_specific_cap_holds_also_when_it_is_longer),
        TEST(a_cap_that_passes_ends_the_call_as_a_deadline_does),
        TEST(what_is_wrong_caps_nothing),
        CU_TEST_INFO_NULL,
    };
    return suite_run("deadline_cap", tests, argc, argv);
}
