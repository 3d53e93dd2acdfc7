/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/names.h"

#include "support/suite.h"

static gen_pool pool;

static void
test_protobuf_c_types_lose_underscores_and_keep_capitals(void)
{
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "helloworld.HelloRequest"), "Helloworld__HelloRequest");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "My.Pkg2.subHTTP.HTTPRequest"),
                           "My__Pkg2__SubHTTP__HTTPRequest");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "lower_case_message"), "LowerCaseMessage");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "FOO_BAR"), "FOOBAR");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "_Under"), "Under");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "Trailing_"), "Trailing");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "two__under"), "TwoUnder");
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "aB"), "AB");
}

static void
test_protobuf_c_functions_split_before_first_capital_of_a_run(void)
{
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "helloworld.HelloRequest"), "helloworld__hello_request");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "My.Pkg2.subHTTP.HTTPRequest"),
                           "my__pkg2__sub_http__httprequest");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "Foo2Bar"), "foo2_bar");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "D33p"), "d33p");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "A1B2"), "a1_b2");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "ABC"), "abc");
}

static void
test_protobuf_c_functions_keep_underscores_and_add_theirs(void)
{
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "Foo_Bar"), "foo__bar");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "_Under"), "__under");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "Trailing_"), "trailing_");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "lower_case_message"), "lower_case_message");
}

static void
test_protobuf_c_drops_empty_pieces(void)
{
    CU_ASSERT_STRING_EQUAL(names_pbc_type(&pool, "x..Y_z..Req"), "X__YZ__Req");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, "x..Y_z..Req"), "x__y_z__req");
    CU_ASSERT_STRING_EQUAL(names_pbc_lower(&pool, ""), "");
}

static void
test_snake_case_keeps_abbreviations_together(void)
{
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "SayHello"), "say_hello");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "GetHTTPUrl2"), "get_http_url2");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "HTTP2Server"), "http2_server");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "Foo2Bar"), "foo2_bar");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "GetURL"), "get_url");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "foo"), "foo");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "Foo_Bar"), "foo_bar");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "ABC"), "abc");
}

static void
test_snake_case_joins_packages_with_underscores(void)
{
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "helloworld.Greeter"), "helloworld_greeter");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "grpc.testing.TestService"), "grpc_testing_test_service");
    CU_ASSERT_STRING_EQUAL(names_snake(&pool, "A.B.C"), "a_b_c");
}

static void
test_members_that_the_language_keeps_get_an_underscore(void)
{
    static const char *const kept[] = {"alignas", "delete", "do", "errno", "new", "register", "xor_eq"};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        CU_ASSERT_STRING_EQUAL(names_member(&pool, kept[i]), pool_format(&pool, "%s_", kept[i]));
    CU_ASSERT_STRING_EQUAL(names_member(&pool, "say_hello"), "say_hello");
    CU_ASSERT_STRING_EQUAL(names_member(&pool, "deleted"), "deleted");
}

static void
test_stem_is_the_path_without_proto(void)
{
    CU_ASSERT_STRING_EQUAL(names_stem(&pool, "dir/x.proto"), "dir/x");
    CU_ASSERT_STRING_EQUAL(names_stem(&pool, "x.protodevel"), "x");
    CU_ASSERT_STRING_EQUAL(names_stem(&pool, "x.proto.txt"), "x.proto.txt");
    CU_ASSERT_STRING_EQUAL(names_stem(&pool, "proto"), "proto");
}

static void
test_guards_differ_where_paths_differ(void)
{
    CU_ASSERT_STRING_EQUAL(names_guard(&pool, "a/b.proto"), "a_2fb_2eproto");
    CU_ASSERT_STRING_EQUAL(names_guard(&pool, "a_b.proto"), "a_5fb_2eproto");
    CU_ASSERT_STRING_EQUAL(names_guard(&pool, "\xc3\xa4.proto"), "_c3_a4_2eproto");
}

static void
test_paths_that_break_an_include_are_noticed(void)
{
    CU_ASSERT_TRUE(names_is_includable("a/b c.proto"));
    CU_ASSERT_FALSE(names_is_includable("a\"b.proto"));
    CU_ASSERT_FALSE(names_is_includable("a\\b.proto"));
    CU_ASSERT_FALSE(names_is_includable("a\nb.proto"));
    CU_ASSERT_FALSE(names_is_includable("a*/b.proto"));
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"protobuf_c_types_lose_underscores_and_keep_capitals",
         test_protobuf_c_types_lose_underscores_and_keep_capitals},
        {"protobuf_c_functions_split_before_first_capital_of_a_run",
         test_protobuf_c_functions_split_before_first_capital_of_a_run},
        {"protobuf_c_functions_keep_underscores_and_add_theirs",
         test_protobuf_c_functions_keep_underscores_and_add_theirs},
        {"protobuf_c_drops_empty_pieces", test_protobuf_c_drops_empty_pieces},
        {"snake_case_keeps_abbreviations_together", test_snake_case_keeps_abbreviations_together},
        {"snake_case_joins_packages_with_underscores", test_snake_case_joins_packages_with_underscores},
        {"members_that_the_language_keeps_get_an_underscore",
         test_members_that_the_language_keeps_get_an_underscore},
        {"stem_is_the_path_without_proto", test_stem_is_the_path_without_proto},
        {"guards_differ_where_paths_differ", test_guards_differ_where_paths_differ},
        {"paths_that_break_an_include_are_noticed", test_paths_that_break_an_include_are_noticed},
        CU_TEST_INFO_NULL,
    };
    int result = suite_run("protoc-gen-belay/names", tests, argc, argv);

    pool_free_all(&pool);
    return result;
}
