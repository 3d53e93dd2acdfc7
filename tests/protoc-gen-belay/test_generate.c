/* SPDX-License-Identifier: MIT */
/* Requests that protoc makes seldom or never; test_protoc.sh has the usual ones. */
#include "protoc-gen-belay/generate.h"

#include <string.h>

#include "support/suite.h"

/* A request for x.proto: package p, message M, service S with the method Do. Tests change it. */
static struct {
    gen_pool pool;
    Plugin__MethodDescriptorProto method;
    Plugin__MethodDescriptorProto *methods[1];
    Plugin__ServiceDescriptorProto service;
    Plugin__ServiceDescriptorProto *services[1];
    Plugin__DescriptorProto message;
    Plugin__DescriptorProto *messages[1];
    Plugin__FileOptions__ProtobufC protobuf_c;
    Plugin__FileOptions options;
    Plugin__FileDescriptorProto file;
    Plugin__FileDescriptorProto *files[1];
    char *names[1];
    Plugin__CodeGeneratorRequest request;
} given;

static void
set_up_declarations(void)
{
    plugin__method_descriptor_proto__init(&given.method);
    given.method.name = (char *)"Do";
    given.method.input_type = (char *)".p.M";
    given.method.output_type = (char *)".p.M";
    given.methods[0] = &given.method;
    plugin__service_descriptor_proto__init(&given.service);
    given.service.name = (char *)"S";
    given.service.method = given.methods;
    given.service.n_method = 1;
    given.services[0] = &given.service;
    plugin__descriptor_proto__init(&given.message);
    given.message.name = (char *)"M";
    given.messages[0] = &given.message;
}

static void
set_up(void)
{
    set_up_declarations();
    plugin__file_options__protobuf_c__init(&given.protobuf_c);
    plugin__file_options__init(&given.options);
    given.options.pb_c_file = &given.protobuf_c;
    plugin__file_descriptor_proto__init(&given.file);
    given.file.name = (char *)"x.proto";
    given.file.package = (char *)"p";
    given.file.syntax = (char *)"proto3";
    given.file.options = &given.options;
    given.file.service = given.services;
    given.file.n_service = 1;
    given.file.message_type = given.messages;
    given.file.n_message_type = 1;
    given.files[0] = &given.file;
    given.names[0] = given.file.name;
    plugin__code_generator_request__init(&given.request);
    given.request.file_to_generate = given.names;
    given.request.n_file_to_generate = 1;
    given.request.proto_file = given.files;
    given.request.n_proto_file = 1;
}

static void
tear_down(void)
{
    pool_free_all(&given.pool);
}

/* The response's error, "" when there is none, or NULL without a response. */
static const char *
error(void)
{
    const Plugin__CodeGeneratorResponse *response = generate(&given.pool, &given.request);

    if (response == NULL)
        return NULL;
    CU_ASSERT_EQUAL(response->n_file, response->error != NULL ? 0 : 2);
    return response->error != NULL ? response->error : "";
}

static const char *
header(void)
{
    const Plugin__CodeGeneratorResponse *response = generate(&given.pool, &given.request);

    CU_ASSERT_FATAL(response != NULL && response->error == NULL && response->n_file == 2);
    CU_ASSERT_STRING_EQUAL(response->file[0]->name, "x.belay.h");
    CU_ASSERT_STRING_EQUAL(response->file[1]->name, "x.belay.c");
    return response->file[0]->content;
}

static bool
has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void
test_header_and_source_are_made(void)
{
    const char *text;

    set_up();
    text = header();
    CU_ASSERT_TRUE(has(text, "extern const belay_service p_s_service;"));
    CU_ASSERT_TRUE(has(text, "belay_code (*do_)(belay_call *call, const P__M *request, P__M *reply);"));
    CU_ASSERT_TRUE(has(text, "belay_code p_s_do(belay_channel *channel"));
    tear_down();
}

static void
test_c_package_replaces_the_package(void)
{
    const char *text;

    set_up();
    given.protobuf_c.c_package = (char *)"New.CPkg";
    text = header();
    CU_ASSERT_TRUE(has(text, "new_c_pkg_s_service"));
    CU_ASSERT_TRUE(has(text, "const New__CPkg__M *request"));
    CU_ASSERT_TRUE(has(text, "---- p.S ----"));
    given.protobuf_c.c_package = (char *)"";
    CU_ASSERT_TRUE(has(header(), "(*do_)(belay_call *call, const M *request"));
    tear_down();
}

/* Field 1 of the descriptor is its name: 10, 7, "x.proto". Comments (field 9) are none of a program's. */
static void
test_files_with_services_embed_their_descriptors(void)
{
    Plugin__SourceCodeInfo info = PLUGIN__SOURCE_CODE_INFO__INIT;
    const char *plain;

    set_up();
    given.file.source_code_info = NULL;
    plain = generate(&given.pool, &given.request)->file[1]->content;
    CU_ASSERT_TRUE(has(plain, "file_0[] = {\n    10,7,120,46,112,114,111,116,111,"));
    CU_ASSERT_TRUE(has(plain, "{\"x.proto\", file_0, sizeof file_0},\n};"));
    CU_ASSERT_TRUE(has(plain, "    .files = files,\n"));
    given.file.source_code_info = &info;
    CU_ASSERT_STRING_EQUAL(generate(&given.pool, &given.request)->file[1]->content, plain);
    CU_ASSERT_PTR_EQUAL(given.file.source_code_info, &info);
    given.file.n_service = 0;
    CU_ASSERT_FALSE(has(generate(&given.pool, &given.request)->file[1]->content, "file_0"));
    tear_down();
}

static void
test_proto3_optional_is_supported(void)
{
    set_up();
    CU_ASSERT_EQUAL(generate(&given.pool, &given.request)->supported_features, 1);
    tear_down();
}

static void
test_editions_are_refused(void)
{
    set_up();
    given.file.syntax = (char *)"editions";
    CU_ASSERT_STRING_EQUAL(error(), "x.proto: only proto2 and proto3 can be generated, no editions");
    tear_down();
}

static void
test_missing_syntax_is_proto2(void)
{
    set_up();
    given.file.syntax = NULL;
    CU_ASSERT_STRING_EQUAL(error(), "");
    tear_down();
}

static void
test_no_generate_is_refused_only_with_services(void)
{
    set_up();
    given.protobuf_c.no_generate = true;
    CU_ASSERT_TRUE(has(error(), "x.proto: its services need the .pb-c.h"));
    given.file.n_service = 0;
    CU_ASSERT_FALSE(has(header(), "pb-c.h"));
    tear_down();
}

static void
test_unknown_message_names_file_and_method(void)
{
    set_up();
    given.method.output_type = (char *)".p.N";
    CU_ASSERT_STRING_EQUAL(error(), "x.proto: p.S.Do: no file declares the message \"p.N\"");
    tear_down();
}

static void
test_message_without_its_whole_package_is_unknown(void)
{
    set_up();
    given.method.output_type = (char *)".pp.M";
    CU_ASSERT_TRUE(has(error(), "\"pp.M\""));
    given.method.output_type = NULL;
    CU_ASSERT_TRUE(has(error(), "\"\""));
    tear_down();
}

static void
test_path_that_breaks_an_include_is_refused(void)
{
    set_up();
    given.file.name = given.names[0] = (char *)"x\".proto";
    CU_ASSERT_STRING_EQUAL(error(), "x\".proto: the file's name cannot be written into #include");
    tear_down();
}

static void
test_unknown_parameter_is_named(void)
{
    set_up();
    given.request.parameter = (char *)"fast=1,small";
    CU_ASSERT_STRING_EQUAL(error(), "unknown parameter \"fast=1\"; there are none");
    given.request.parameter = (char *)"";
    CU_ASSERT_STRING_EQUAL(error(), "");
    tear_down();
}

static void
test_request_that_protoc_does_not_make_gets_no_response(void)
{
    set_up();
    given.names[0] = (char *)"y.proto";
    CU_ASSERT_PTR_NULL(error());
    given.names[0] = given.file.name;
    given.file.name = NULL;
    CU_ASSERT_PTR_NULL(error());
    given.request.n_file_to_generate = 0;
    CU_ASSERT_PTR_NULL(error());
    tear_down();
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"header_and_source_are_made", test_header_and_source_are_made},
        {"c_package_replaces_the_package", test_c_package_replaces_the_package},
        {"files_with_services_embed_their_descriptors", test_files_with_services_embed_their_descriptors},
        {"proto3_optional_is_supported", test_proto3_optional_is_supported},
        {"editions_are_refused", test_editions_are_refused},
        {"missing_syntax_is_proto2", test_missing_syntax_is_proto2},
        {"no_generate_is_refused_only_with_services", test_no_generate_is_refused_only_with_services},
        {"unknown_message_names_file_and_method", test_unknown_message_names_file_and_method},
        {"message_without_its_whole_package_is_unknown", test_message_without_its_whole_package_is_unknown},
        {"path_that_breaks_an_include_is_refused", test_path_that_breaks_an_include_is_refused},
        {"unknown_parameter_is_named", test_unknown_parameter_is_named},
        {"request_that_protoc_does_not_make_gets_no_response",
         test_request_that_protoc_does_not_make_gets_no_response},
        CU_TEST_INFO_NULL,
    };

    return suite_run("protoc-gen-belay/generate", tests, argc, argv);
}
