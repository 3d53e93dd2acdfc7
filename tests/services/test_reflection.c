/* SPDX-License-Identifier: MIT */
/*
 * The reflection service over real sockets, in both versions; and the table of names under it.
 */
#include <belay/reflection.h>

#include <stdlib.h>
#include <string.h>

#include "services/grpc/reflection/v1/reflection.belay.h"
#include "services/grpc/reflection/v1alpha/reflection.belay.h"
#include "services/symbols.h"
#include "support/fixture.h"
#include "support/raw_peer.h"
#include "zoo.belay.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

#define QUESTION(which, field, value)                                                                       \
    (&(question){PROTOBUF_C_MESSAGE_INIT(&grpc__reflection__v1__server_reflection_request__descriptor),      \
                 .host = (char *)"a.host", .message_request_case = which, {.field = (value)}})
#define BY_NAME(name)                                                                                       \
    QUESTION(GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME, file_by_filename, \
             (char *)(name))
#define BY_SYMBOL(name)                                                                                     \
    QUESTION(GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL,        \
             file_containing_symbol, (char *)(name))
#define NUMBERS_OF(name)                                                                                    \
    QUESTION(GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE, \
             all_extension_numbers_of_type, (char *)(name))
#define SERVICES                                                                                            \
    QUESTION(GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES, list_services,  \
             (char *)"")

static void
configure(belay_server *server)
{
    CU_ASSERT_EQUAL_FATAL(belay_reflection_add(server), BELAY_OK);
    CU_ASSERT_EQUAL(belay_reflection_add(server), BELAY_ALREADY_EXISTS);
    /* After it: it tells of all that are there at the start. */
    CU_ASSERT_EQUAL_FATAL(belay_zoo_keeper_add(server, &(belay_zoo_keeper_handlers){.feed = NULL}, NULL), BELAY_OK);
}

typedef struct talk {
    fixture fixture;
    belay_call *call;
} talk;

static void
open_talk(talk *t, const belay_server_options *server, const belay_channel_options *channel)
{
    fixture_open(&t->fixture, &(fixture_options){
                                  .configure = configure, .admin = true, .server = server, .channel = channel});
    CU_ASSERT_EQUAL_FATAL(grpc_reflection_v1_server_reflection_server_reflection_info_start(
                              t->fixture.channel, NULL, NULL, &t->call),
                          BELAY_OK);
}

static answer *
ask(talk *t, const question *asked)
{
    answer *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_call_send_message(t->call, &asked->base), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(
        grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t->call, &reply), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(reply->valid_host, "a.host");
    CU_ASSERT_EQUAL(reply->original_request->message_request_case, asked->message_request_case);
    return reply;
}

static void
drop(answer *reply)
{
    grpc__reflection__v1__server_reflection_response__free_unpacked(reply, NULL);
}

/* Ends the talk as a client that has heard enough does. */
static void
close_talk(talk *t)
{
    answer *reply;
    CU_ASSERT_EQUAL(belay_call_close_send(t->call), BELAY_OK);
    CU_ASSERT_EQUAL(grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t->call, &reply),
                    BELAY_END_OF_STREAM);
    belay_call_free(t->call);
    fixture_close(&t->fixture);
}

/* Whether the file at a place of an answer has a name, and nothing that tells of its source. */
static bool
is_file(const answer *reply, size_t index, const char *name)
{
    const Grpc__Reflection__V1__FileDescriptorResponse *files = reply->file_descriptor_response;
    Belay__Descriptor__File *file = belay__descriptor__file__unpack(NULL, files->file_descriptor_proto[index].len,
                                                                    files->file_descriptor_proto[index].data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    bool is_it = strcmp(file->name, name) == 0;
    for (unsigned int i = 0; i < file->base.n_unknown_fields; i++)
        is_it &= file->base.unknown_fields[i].tag != 9;
    belay__descriptor__file__free_unpacked(file, NULL);
    return is_it;
}

static void
expect_zoo(talk *t, const question *asked)
{
    answer *reply = ask(t, asked);
    CU_ASSERT_EQUAL_FATAL(reply->message_response_case,
                          GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    CU_ASSERT_EQUAL_FATAL(reply->file_descriptor_response->n_file_descriptor_proto, 2);
    CU_ASSERT_TRUE(is_file(reply, 0, "zoo.proto"));
    CU_ASSERT_TRUE(is_file(reply, 1, "zoo_parts.proto"));
    drop(reply);
}

static void
expect_not_found(talk *t, const question *asked)
{
    answer *reply = ask(t, asked);
    CU_ASSERT_EQUAL_FATAL(reply->message_response_case,
                          GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    CU_ASSERT_EQUAL(reply->error_response->error_code, BELAY_NOT_FOUND);
    drop(reply);
}

/* ---- Questions ---------------------------------------------------------------------------------------- */

static void
test_files_come_with_all_that_they_import(void)
{
    talk t;
    open_talk(&t, NULL, NULL);
    expect_zoo(&t, BY_NAME("zoo.proto"));
    expect_not_found(&t, BY_NAME("animals.proto"));
    close_talk(&t);
}

static void
test_symbols_of_every_kind_are_found(void)
{
    static const char *const names[] = {
        "belay.zoo.Animal",      "belay.zoo.Animal.name", "belay.zoo.Animal.home",      "belay.zoo.Animal.Tail",
        "belay.zoo.Animal.Mood", "belay.zoo.Animal.CALM", "belay.zoo.Animal.bought_at", "belay.zoo.keeper",
        "belay.zoo.Keeper",      "belay.zoo.Keeper.Feed", "belay.zoo.Animal.Tail.length",
    };
    talk t;
    open_talk(&t, NULL, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_zoo(&t, BY_SYMBOL(names[i]));
    expect_not_found(&t, BY_SYMBOL("belay.zoo.Anima"));
    expect_not_found(&t, BY_SYMBOL("belay.zoo"));
    expect_not_found(&t, BY_SYMBOL(""));
    close_talk(&t);
}

static const question *
extension(Grpc__Reflection__V1__ExtensionRequest *what, question *asked, const char *type, int32_t number)
{
    grpc__reflection__v1__extension_request__init(what);
    what->containing_type = (char *)type;
    what->extension_number = number;
    *asked = *QUESTION(GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION,
                       file_containing_extension, what);
    return asked;
}

static void
test_extensions_are_found_by_type_and_number(void)
{
    Grpc__Reflection__V1__ExtensionRequest what;
    question asked;
    talk t;
    open_talk(&t, NULL, NULL);
    expect_zoo(&t, extension(&what, &asked, "belay.zoo.Animal", 120));
    expect_zoo(&t, extension(&what, &asked, "belay.zoo.Food", 104));
    expect_not_found(&t, extension(&what, &asked, "belay.zoo.Animal", 119));
    expect_not_found(&t, extension(&what, &asked, "belay.zoo.Tail", 120));
    close_talk(&t);
}

static void
test_the_numbers_of_a_types_extensions_are_listed(void)
{
    talk t;
    open_talk(&t, NULL, NULL);
    answer *reply = ask(&t, NUMBERS_OF("belay.zoo.Animal"));
    const Grpc__Reflection__V1__ExtensionNumberResponse *numbers = reply->all_extension_numbers_response;
    CU_ASSERT_STRING_EQUAL(numbers->base_type_name, "belay.zoo.Animal");
    CU_ASSERT_EQUAL_FATAL(numbers->n_extension_number, 2);
    CU_ASSERT_EQUAL(numbers->extension_number[0], 101);
    CU_ASSERT_EQUAL(numbers->extension_number[1], 120);
    drop(reply);
    reply = ask(&t, NUMBERS_OF("belay.zoo.Animal.Tail")); /* has none, and is there */
    CU_ASSERT_EQUAL(reply->all_extension_numbers_response->n_extension_number, 0);
    drop(reply);
    expect_not_found(&t, NUMBERS_OF("belay.zoo.Nobody"));
    expect_not_found(&t, NUMBERS_OF("belay.zoo.Animal.name")); /* a field, no type */
    close_talk(&t);
}

static void
test_services_are_listed_but_not_an_operators(void)
{
    static const char *const expected[] = {
        "belay.test.Probe", "belay.zoo.Keeper", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"};
    talk t;
    open_talk(&t, NULL, NULL);
    answer *reply = ask(&t, SERVICES);
    const Grpc__Reflection__V1__ListServiceResponse *services = reply->list_services_response;
    CU_ASSERT_EQUAL_FATAL(services->n_service, 4);
    for (size_t i = 0; i < 4; i++) {
        bool found = false;
        for (size_t j = 0; j < 4; j++)
            found |= strcmp(services->service[j]->name, expected[i]) == 0;
        CU_ASSERT_TRUE(found);
    }
    drop(reply);
    close_talk(&t);
}

static void
test_a_question_without_a_question_ends_the_stream(void)
{
    talk t;
    answer *reply;
    open_talk(&t, NULL, NULL);
    question empty = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    CU_ASSERT_EQUAL(belay_call_send_message(t.call, &empty.base), BELAY_OK);
    CU_ASSERT_EQUAL(grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t.call, &reply),
                    BELAY_INVALID_ARGUMENT);
    belay_call_free(t.call);
    fixture_close(&t.fixture);
}

/* The I/O thread is not to unpack what has no business to be large. */
static void
test_a_question_that_is_too_large_ends_the_stream(void)
{
    talk t;
    answer *reply;
    char *name = malloc(100001);
    memset(name, 'n', 100000);
    name[100000] = '\0';
    open_talk(&t, NULL, NULL);
    CU_ASSERT_EQUAL(belay_call_send_message(t.call, &BY_NAME(name)->base), BELAY_OK);
    CU_ASSERT_EQUAL(grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t.call, &reply),
                    BELAY_RESOURCE_EXHAUSTED);
    belay_call_free(t.call);
    fixture_close(&t.fixture);
    free(name);
}

/* Both sides would compress: what comes is inflated, what goes is not worth an I/O thread's time. */
static void
test_a_compressed_question_is_answered_plainly(void)
{
    talk t;
    belay_server_options *server = belay_server_options_new();
    belay_channel_options *channel = belay_channel_options_new();
    char *name = malloc(50001), *huge = malloc(100001);
    memset(name, 'n', 50000);
    memset(huge, 'n', 100000);
    name[50000] = huge[100000] = '\0';
    CU_ASSERT_EQUAL_FATAL(belay_server_options_set_compression(server, BELAY_COMPRESSION_GZIP), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_channel_options_set_compression(channel, BELAY_COMPRESSION_GZIP), BELAY_OK);
    open_talk(&t, server, channel);
    expect_not_found(&t, BY_NAME(name));
    CU_ASSERT_FALSE(belay_call_received_compressed(t.call));
    /* Small on the wire, too large inflated. */
    answer *reply;
    CU_ASSERT_EQUAL(belay_call_send_message(t.call, &BY_NAME(huge)->base), BELAY_OK);
    CU_ASSERT_EQUAL(grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t.call, &reply),
                    BELAY_RESOURCE_EXHAUSTED);
    belay_call_free(t.call);
    fixture_close(&t.fixture);
    belay_server_options_free(server);
    belay_channel_options_free(channel);
    free(name);
    free(huge);
}

#define QUESTIONS 250
#define QUESTION_SIZE (5 + 3 + 1000)

/* So many questions for a file with a name of 1000 bytes, which the answers say again. */
static void
ask_many(raw_peer *peer, uint32_t id)
{
    static const uint8_t head[] = {0, 0, 0, 0x03, 0xeb, 0x1a, 0xe8, 0x07};
    uint8_t asked[QUESTION_SIZE];
    memcpy(asked, head, sizeof head);
    memset(asked + sizeof head, 'n', sizeof asked - sizeof head);
    for (int i = 0; i < QUESTIONS; i++)
        raw_data(peer, id, asked, sizeof asked, false);
}

/* What is not taken gives no window for more: to ask without listening fills nobody's memory. */
static void
test_who_reads_no_answers_is_not_listened_to(void)
{
    static const char *const fields[] = {
        ":method", "POST", ":scheme", "http", ":path", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ":authority", "test", "te", "trailers", "content-type", "application/grpc", NULL};
    talk t;
    raw_peer peer;
    open_talk(&t, NULL, NULL);
    raw_connect(&peer, t.fixture.address, (raw_settings){.has_window = true, .window = 0});
    raw_headers(&peer, 1, fields, false);
    ask_many(&peer, 1);
    raw_sync(&peer);
    fixture_settle(&t.fixture);
    raw_sync(&peer);
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->body, 0);
    CU_ASSERT(raw_of(&peer, 1)->given < QUESTIONS * QUESTION_SIZE / 2);
    raw_window(&peer, 0, 1 << 20);
    raw_window(&peer, 1, 1 << 20);
    CU_ASSERT_TRUE(raw_await_body(&peer, 1, QUESTIONS * 1000));
    raw_data(&peer, 1, "", 0, true);
    CU_ASSERT_TRUE(raw_await_end(&peer, 1));
    CU_ASSERT_EQUAL(raw_of(&peer, 1)->grpc_status, BELAY_OK);
    raw_close(&peer);
    close_talk(&t);
}

static void
test_v1alpha_answers_as_v1_does(void)
{
    talk t;
    Grpc__Reflection__V1alpha__ServerReflectionRequest asked =
        GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__INIT;
    Grpc__Reflection__V1alpha__ServerReflectionResponse *reply = NULL;
    belay_call *call;
    open_talk(&t, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(grpc_reflection_v1alpha_server_reflection_server_reflection_info_start(
                              t.fixture.channel, NULL, NULL, &call),
                          BELAY_OK);
    asked.message_request_case =
        GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    asked.file_containing_symbol = (char *)"grpc.reflection.v1alpha.ExtensionRequest";
    CU_ASSERT_EQUAL(belay_call_send_message(call, &asked.base), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(
        grpc_reflection_v1alpha_server_reflection_server_reflection_info_recv_reply(call, &reply), BELAY_OK);
    CU_ASSERT_EQUAL(
        reply->message_response_case,
        GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    CU_ASSERT_EQUAL(reply->file_descriptor_response->n_file_descriptor_proto, 1);
    protobuf_c_message_free_unpacked(&reply->base, NULL);
    belay_call_free(call);
    close_talk(&t);
}

/* More is asked for than the server may have waiting: it goes on when the client reads. */
static void
test_a_client_that_asks_much_and_reads_late_gets_all_its_answers(void)
{
    enum { MANY = 2000 };
    talk t;
    open_talk(&t, NULL, NULL);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL_FATAL(belay_call_send_message(t.call, &BY_NAME("zoo.proto")->base), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&t.fixture).handlers_started, 0);
    for (int i = 0; i < MANY; i++) {
        answer *reply = NULL;
        CU_ASSERT_EQUAL_FATAL(
            grpc_reflection_v1_server_reflection_server_reflection_info_recv_reply(t.call, &reply), BELAY_OK);
        drop(reply);
    }
    close_talk(&t);
}

/* ---- The table of names -------------------------------------------------------------------------------- */

static void
test_what_is_no_descriptor_is_left_out(void)
{
    static const unsigned char rubbish[] = {0x0a, 0xff};
    static const belay_file files[] = {{"bad.proto", rubbish, sizeof rubbish}};
    static const belay_service service = {.name = "a.B", .files = files, .file_count = 1};
    const belay_service *services[] = {&service, &belay_zoo_keeper_service, &belay_zoo_keeper_service};
    bly_symbols symbols;
    CU_ASSERT_TRUE_FATAL(bly_symbols_init(&symbols, services, 3));
    CU_ASSERT_EQUAL(symbols.file_count, 2); /* and no file is there twice */
    CU_ASSERT_EQUAL(bly_symbols_find_file(&symbols, "bad.proto"), symbols.file_count);
    bly_symbols_fini(&symbols);
    CU_ASSERT_TRUE_FATAL(bly_symbols_init(&symbols, NULL, 0));
    CU_ASSERT_EQUAL(bly_symbols_find(&symbols, "a.B"), 0);
    bly_symbols_fini(&symbols);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"files with what they import", test_files_come_with_all_that_they_import},
        {"symbols of every kind", test_symbols_of_every_kind_are_found},
        {"extensions by number", test_extensions_are_found_by_type_and_number},
        {"numbers of extensions", test_the_numbers_of_a_types_extensions_are_listed},
        {"services", test_services_are_listed_but_not_an_operators},
        {"no question", test_a_question_without_a_question_ends_the_stream},
        {"who reads no answers", test_who_reads_no_answers_is_not_listened_to},
        {"a question too large", test_a_question_that_is_too_large_ends_the_stream},
        {"a compressed question", test_a_compressed_question_is_answered_plainly},
        {"v1alpha", test_v1alpha_answers_as_v1_does},
        {"asks much and reads late", test_a_client_that_asks_much_and_reads_late_gets_all_its_answers},
        {"what is no descriptor", test_what_is_no_descriptor_is_left_out},
        CU_TEST_INFO_NULL,
    };
    return suite_run("reflection", tests, argc, argv);
}
