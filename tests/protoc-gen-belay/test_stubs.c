/* SPDX-License-Identifier: MIT */
/*
 * What is generated from kinds.proto, with the library's side played by this page: which functions are
 * called with what, and what becomes of their results.
 */
#include "kinds.belay.h"

#include <string.h>

#include "support/suite.h"

typedef Test__Kinds__Question question;
typedef Test__Kinds__Answer answer;

/* What the last call into the library was given, and what it answers. */
static struct {
    const char *function;
    const void *server_or_channel;
    const void *context;
    const void *options;
    const void *call;
    const void *handlers;
    const void *data;
    const belay_service *service;
    const belay_method *method;
    const ProtobufCMessage *sent;
    const ProtobufCMessageDescriptor *descriptor;
    bool wants_reply;
    belay_status **status;

    belay_code code;
    ProtobufCMessage *message;
    belay_call *started;
} library;

/* Handles that nothing looks into. */
static char things[8];
#define A_CALL ((belay_call *)(void *)&things[0])
#define A_CHANNEL ((belay_channel *)(void *)&things[1])
#define A_CONTEXT ((belay_context *)(void *)&things[2])
#define SOME_OPTIONS ((belay_call_options *)(void *)&things[3])
#define A_SERVER ((belay_server *)(void *)&things[4])
#define ANOTHER_CALL ((belay_call *)(void *)&things[5])

static question asked = TEST__KINDS__QUESTION__INIT;
static answer answered = TEST__KINDS__ANSWER__INIT;

/* The library is to answer with a code, and where it gives out a message, with that. */
static void
play(belay_code code, void *message)
{
    memset(&library, 0, sizeof(library));
    library.code = code;
    library.message = message;
    library.started = ANOTHER_CALL;
}

/* ---- The library's side ------------------------------------------------------------------------ */

belay_code
belay_fail(belay_call *call, belay_code code, const char *format, ...)
{
    library.function = "belay_fail";
    library.call = call;
    CU_ASSERT_STRING_EQUAL(format, "/test.kinds.Oracle/Talk is not implemented");
    return code;
}

belay_code
belay_server_add_service(belay_server *server, const belay_service *service, const void *handlers, void *data)
{
    library.function = "belay_server_add_service";
    library.server_or_channel = server;
    library.service = service;
    library.handlers = handlers;
    library.data = data;
    return library.code;
}

static void
record_start(belay_channel *channel, belay_context *context, const belay_method *method,
             const ProtobufCMessage *request, const belay_call_options *options)
{
    library.server_or_channel = channel;
    library.context = context;
    library.method = method;
    library.sent = request;
    library.options = options;
}

belay_code
belay_call_start(belay_channel *channel, belay_context *context, const belay_method *method,
                 const ProtobufCMessage *request, const belay_call_options *options, belay_call **call)
{
    library.function = "belay_call_start";
    record_start(channel, context, method, request, options);
    if (library.code == BELAY_OK)
        *call = library.started;
    return library.code;
}

static belay_code
give_reply(ProtobufCMessage **reply, belay_status **status)
{
    library.wants_reply = reply != NULL;
    library.status = status;
    if (library.code == BELAY_OK && reply != NULL)
        *reply = library.message;
    return library.code;
}

belay_code
belay_call_unary(belay_channel *channel, belay_context *context, const belay_method *method,
                 const ProtobufCMessage *request, const belay_call_options *options,
                 ProtobufCMessage **reply, belay_status **status)
{
    library.function = "belay_call_unary";
    record_start(channel, context, method, request, options);
    return give_reply(reply, status);
}

belay_code
belay_call_finish_unary(belay_call *call, ProtobufCMessage **reply, belay_status **status)
{
    library.function = "belay_call_finish_unary";
    library.call = call;
    return give_reply(reply, status);
}

belay_code
belay_call_recv_message(belay_call *call, const ProtobufCMessageDescriptor *descriptor,
                        ProtobufCMessage **message)
{
    library.function = "belay_call_recv_message";
    library.call = call;
    library.descriptor = descriptor;
    if (library.code == BELAY_OK)
        *message = library.message;
    return library.code;
}

belay_code
belay_call_send_message(belay_call *call, const ProtobufCMessage *message)
{
    library.function = "belay_call_send_message";
    library.call = call;
    library.sent = message;
    return library.code;
}

/* ---- Handlers ---------------------------------------------------------------------------------- */

static struct {
    const belay_call *call;
    const question *request;
    const answer *reply;
} handled;

static belay_code
handle_ask(belay_call *call, const question *request, answer *reply)
{
    handled.call = call;
    handled.request = request;
    handled.reply = reply;
    return BELAY_NOT_FOUND;
}

static belay_code
handle_ask_at_length(belay_call *call, const question *request)
{
    handled.call = call;
    handled.request = request;
    return BELAY_ABORTED;
}

static belay_code
handle_gather(belay_call *call, answer *reply)
{
    handled.call = call;
    handled.reply = reply;
    return BELAY_DATA_LOSS;
}

static belay_code
handle_talk(belay_call *call)
{
    handled.call = call;
    return BELAY_OK;
}

static const test_kinds_oracle_handlers oracle = {
    .ask = handle_ask,
    .ask_at_length = handle_ask_at_length,
    .gather = handle_gather,
    .talk = handle_talk,
};

/* Calls a method as the server does. */
static belay_code
dispatch(size_t method, const test_kinds_oracle_handlers *handlers, const void *request, void *reply)
{
    memset(&handled, 0, sizeof(handled));
    return test_kinds_oracle_service.methods[method].thunk(A_CALL, handlers, request, reply);
}

static void
test_each_kind_reaches_its_handler(void)
{
    CU_ASSERT_EQUAL(dispatch(0, &oracle, &asked, &answered), BELAY_NOT_FOUND);
    CU_ASSERT_TRUE(handled.call == A_CALL && handled.request == &asked && handled.reply == &answered);
    CU_ASSERT_EQUAL(dispatch(1, &oracle, &asked, NULL), BELAY_ABORTED);
    CU_ASSERT_TRUE(handled.call == A_CALL && handled.request == &asked);
    CU_ASSERT_EQUAL(dispatch(2, &oracle, NULL, &answered), BELAY_DATA_LOSS);
    CU_ASSERT_TRUE(handled.call == A_CALL && handled.reply == &answered);
    CU_ASSERT_EQUAL(dispatch(3, &oracle, NULL, NULL), BELAY_OK);
    CU_ASSERT_PTR_EQUAL(handled.call, A_CALL);
}

static void
test_missing_handler_is_unimplemented(void)
{
    static const test_kinds_oracle_handlers none;

    play(BELAY_OK, NULL);
    CU_ASSERT_EQUAL(dispatch(3, &none, NULL, NULL), BELAY_UNIMPLEMENTED);
    CU_ASSERT_STRING_EQUAL(library.function, "belay_fail");
    CU_ASSERT_PTR_EQUAL(library.call, A_CALL);
}

static void
check_method(size_t index, const char *path, unsigned int flags)
{
    const belay_method *method = &test_kinds_oracle_service.methods[index];

    CU_ASSERT_STRING_EQUAL(method->path, path);
    CU_ASSERT_EQUAL(method->flags, flags);
    CU_ASSERT_PTR_EQUAL(method->request, &test__kinds__question__descriptor);
    CU_ASSERT_PTR_EQUAL(method->reply, &test__kinds__answer__descriptor);
}

static void
test_service_describes_its_methods(void)
{
    CU_ASSERT_STRING_EQUAL(test_kinds_oracle_service.name, "test.kinds.Oracle");
    CU_ASSERT_EQUAL(test_kinds_oracle_service.handlers_size, sizeof(oracle));
    CU_ASSERT_EQUAL_FATAL(test_kinds_oracle_service.method_count, 4);
    check_method(0, "/test.kinds.Oracle/Ask", 0);
    check_method(1, "/test.kinds.Oracle/AskAtLength", BELAY_SERVER_STREAMING);
    check_method(2, "/test.kinds.Oracle/Gather", BELAY_CLIENT_STREAMING);
    check_method(3, "/test.kinds.Oracle/Talk", BELAY_CLIENT_STREAMING | BELAY_SERVER_STREAMING);
}

static void
test_add_hands_everything_to_the_server(void)
{
    play(BELAY_ALREADY_EXISTS, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_add(A_SERVER, &oracle, &handled), BELAY_ALREADY_EXISTS);
    CU_ASSERT_PTR_EQUAL(library.server_or_channel, A_SERVER);
    CU_ASSERT_PTR_EQUAL(library.service, &test_kinds_oracle_service);
    CU_ASSERT_PTR_EQUAL(library.handlers, &oracle);
    CU_ASSERT_PTR_EQUAL(library.data, &handled);
}

/* ---- Clients ----------------------------------------------------------------------------------- */

static void
check_started(const char *function, size_t method, const question *request)
{
    CU_ASSERT_STRING_EQUAL(library.function, function);
    CU_ASSERT_PTR_EQUAL(library.server_or_channel, A_CHANNEL);
    CU_ASSERT_PTR_EQUAL(library.context, A_CONTEXT);
    CU_ASSERT_PTR_EQUAL(library.method, &test_kinds_oracle_service.methods[method]);
    CU_ASSERT_PTR_EQUAL(library.options, SOME_OPTIONS);
    CU_ASSERT_PTR_EQUAL(library.sent, request);
}

static void
test_whole_call_gives_the_reply(void)
{
    answer *reply = NULL;
    belay_status *status = NULL;

    play(BELAY_OK, &answered);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask(A_CHANNEL, A_CONTEXT, &asked, SOME_OPTIONS, &reply, &status),
                    BELAY_OK);
    check_started("belay_call_unary", 0, &asked);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
    CU_ASSERT_PTR_EQUAL(library.status, &status);
}

static void
test_failed_call_leaves_the_reply_alone(void)
{
    answer *reply = &answered;

    play(BELAY_UNAVAILABLE, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask(A_CHANNEL, A_CONTEXT, &asked, SOME_OPTIONS, &reply, NULL),
                    BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
    CU_ASSERT_PTR_NULL(library.status);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask_finish(A_CALL, &reply, NULL), BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
}

static void
test_reply_that_nobody_wants_is_not_asked_for(void)
{
    play(BELAY_OK, &answered);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask(A_CHANNEL, A_CONTEXT, &asked, SOME_OPTIONS, NULL, NULL), BELAY_OK);
    CU_ASSERT_FALSE(library.wants_reply);
    CU_ASSERT_EQUAL(test_kinds_oracle_gather_finish(A_CALL, NULL, NULL), BELAY_OK);
    CU_ASSERT_FALSE(library.wants_reply);
}

static void
test_start_sends_the_request_where_there_is_one(void)
{
    belay_call *call = NULL;

    play(BELAY_OK, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask_start(A_CHANNEL, A_CONTEXT, &asked, SOME_OPTIONS, &call), BELAY_OK);
    check_started("belay_call_start", 0, &asked);
    CU_ASSERT_PTR_EQUAL(call, ANOTHER_CALL);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask_at_length_start(A_CHANNEL, A_CONTEXT, &asked, SOME_OPTIONS, &call),
                    BELAY_OK);
    check_started("belay_call_start", 1, &asked);
    CU_ASSERT_EQUAL(test_kinds_oracle_gather_start(A_CHANNEL, A_CONTEXT, SOME_OPTIONS, &call), BELAY_OK);
    check_started("belay_call_start", 2, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_talk_start(A_CHANNEL, A_CONTEXT, SOME_OPTIONS, &call), BELAY_OK);
    check_started("belay_call_start", 3, NULL);
}

static void
test_finish_gives_the_reply(void)
{
    answer *reply = NULL;
    belay_status *status = NULL;

    play(BELAY_OK, &answered);
    CU_ASSERT_EQUAL(test_kinds_oracle_gather_finish(A_CALL, &reply, &status), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(library.function, "belay_call_finish_unary");
    CU_ASSERT_PTR_EQUAL(library.call, A_CALL);
    CU_ASSERT_PTR_EQUAL(library.status, &status);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
}

/* ---- Streams ----------------------------------------------------------------------------------- */

static void
test_messages_are_received(void)
{
    question *request = NULL;
    answer *reply = NULL;

    play(BELAY_OK, &asked);
    CU_ASSERT_EQUAL(test_kinds_oracle_gather_recv_request(A_CALL, &request), BELAY_OK);
    CU_ASSERT_PTR_EQUAL(request, &asked);
    CU_ASSERT_PTR_EQUAL(library.call, A_CALL);
    CU_ASSERT_PTR_EQUAL(library.descriptor, &test__kinds__question__descriptor);
    play(BELAY_OK, &answered);
    CU_ASSERT_EQUAL(test_kinds_oracle_talk_recv_reply(A_CALL, &reply), BELAY_OK);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
    CU_ASSERT_PTR_EQUAL(library.descriptor, &test__kinds__answer__descriptor);
}

static void
test_end_of_stream_leaves_the_message_alone(void)
{
    question *request = &asked;
    answer *reply = &answered;

    play(BELAY_END_OF_STREAM, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_talk_recv_request(A_CALL, &request), BELAY_END_OF_STREAM);
    CU_ASSERT_PTR_EQUAL(request, &asked);
    CU_ASSERT_EQUAL(test_kinds_oracle_ask_at_length_recv_reply(A_CALL, &reply), BELAY_END_OF_STREAM);
    CU_ASSERT_PTR_EQUAL(reply, &answered);
}

static void
test_messages_are_sent(void)
{
    play(BELAY_CANCELLED, NULL);
    CU_ASSERT_EQUAL(test_kinds_oracle_talk_send_reply(A_CALL, &answered), BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(library.function, "belay_call_send_message");
    CU_ASSERT_PTR_EQUAL(library.sent, &answered);
    CU_ASSERT_EQUAL(test_kinds_oracle_gather_send_request(A_CALL, &asked), BELAY_CANCELLED);
    CU_ASSERT_PTR_EQUAL(library.sent, &asked);
    CU_ASSERT_PTR_EQUAL(library.call, A_CALL);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"each_kind_reaches_its_handler", test_each_kind_reaches_its_handler},
        {"missing_handler_is_unimplemented", test_missing_handler_is_unimplemented},
        {"service_describes_its_methods", test_service_describes_its_methods},
        {"add_hands_everything_to_the_server", test_add_hands_everything_to_the_server},
        {"whole_call_gives_the_reply", test_whole_call_gives_the_reply},
        {"failed_call_leaves_the_reply_alone", test_failed_call_leaves_the_reply_alone},
        {"reply_that_nobody_wants_is_not_asked_for", test_reply_that_nobody_wants_is_not_asked_for},
        {"start_sends_the_request_where_there_is_one", test_start_sends_the_request_where_there_is_one},
        {"finish_gives_the_reply", test_finish_gives_the_reply},
        {"messages_are_received", test_messages_are_received},
        {"end_of_stream_leaves_the_message_alone", test_end_of_stream_leaves_the_message_alone},
        {"messages_are_sent", test_messages_are_sent},
        CU_TEST_INFO_NULL,
    };

    return suite_run("protoc-gen-belay/stubs", tests, argc, argv);
}
