/* SPDX-License-Identifier: MIT */
#include "wire/status.h"

#include <stdio.h>
#include <string.h>

#include "support/suite.h"

static belay_metadata *
some_trailers(void)
{
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(trailers);
    CU_ASSERT_EQUAL(belay_metadata_add(trailers, "key", "value", 5), BELAY_OK);
    return trailers;
}

static void
check_full(const belay_status *status, const char *message)
{
    const belay_metadata_entry *entry = belay_metadata_get(belay_status_trailers(status), "key");
    CU_ASSERT_EQUAL(belay_status_code(status), BELAY_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), message);
    CU_ASSERT_TRUE(belay_status_is_local(status));
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_STRING_EQUAL(entry->value, "value");
}

static void
test_status_on_the_heap_owns_copies(void)
{
    char message[] = "no such thing";
    belay_status *status = bly_status_new(BELAY_NOT_FOUND, message, some_trailers(), true, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(status);
    memset(message, 'x', sizeof message - 1);
    check_full(status, "no such thing");
    belay_status_free(status);
}

static void
test_status_in_an_arena_goes_with_it(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    belay_status *status = bly_status_new(BELAY_NOT_FOUND, "gone", some_trailers(), true, &arena);
    CU_ASSERT_PTR_NOT_NULL_FATAL(status);
    belay_status_free(status); /* early: does nothing */
    check_full(status, "gone");
    bly_arena_fini(&arena); /* the leak checker looks for the trailers */
}

static void
test_status_may_have_nothing_but_a_code(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    for (int i = 0; i < 2; i++) {
        belay_status *status = bly_status_new(BELAY_ABORTED, NULL, NULL, false, i ? &arena : NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(status);
        CU_ASSERT_EQUAL(belay_status_code(status), BELAY_ABORTED);
        CU_ASSERT_STRING_EQUAL(belay_status_message(status), "");
        CU_ASSERT_PTR_NULL(belay_status_trailers(status));
        CU_ASSERT_FALSE(belay_status_is_local(status));
        belay_status_free(status);
    }
    bly_arena_fini(&arena);
}

static void
test_no_status_counts_as_ok(void)
{
    CU_ASSERT_EQUAL(belay_status_code(NULL), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(belay_status_message(NULL), "");
    CU_ASSERT_PTR_NULL(belay_status_trailers(NULL));
    CU_ASSERT_FALSE(belay_status_is_local(NULL));
    belay_status_free(NULL);
}

static void
test_codes_are_written_and_read_in_decimal(void)
{
    for (int code = 0; code <= 16; code++) {
        char wanted[16];
        size_t size = 77;
        snprintf(wanted, sizeof wanted, "%d", code);
        const char *text = bly_status_text((belay_code)code, &size);
        CU_ASSERT_STRING_EQUAL(text, wanted);
        CU_ASSERT_EQUAL(size, strlen(wanted));
        CU_ASSERT_EQUAL(bly_status_parse(text, size), (belay_code)code);
        CU_ASSERT_EQUAL(bly_status_valid((belay_code)code), (belay_code)code);
    }
}

static void
test_what_is_no_code_of_grpcs_is_unknown(void)
{
    static const int numbers[] = { -1, 17, 18, 32, 33, 99, 256, 1 << 30 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t size = 77;
        CU_ASSERT_EQUAL(bly_status_valid((belay_code)numbers[i]), BELAY_UNKNOWN);
        CU_ASSERT_STRING_EQUAL(bly_status_text((belay_code)numbers[i], &size), "2");
        CU_ASSERT_EQUAL(size, 1);
    }
}

static void
test_unreadable_codes_are_unknown(void)
{
    static const char *const texts[] = {
        "", "17", "32", "99", "00", "01", "05", "010", "-1", "+1", " 1", "1 ", "1x", "x", "1.0", "0x1", "OK",
        "100", "4294967296", "18446744073709551616", "NOT_FOUND",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        CU_ASSERT_EQUAL(bly_status_parse(texts[i], strlen(texts[i])), BELAY_UNKNOWN);
    CU_ASSERT_EQUAL(bly_status_parse("1\0", 2), BELAY_UNKNOWN);
    CU_ASSERT_EQUAL(bly_status_parse("14", 1), BELAY_CANCELLED); /* the size counts */
}

static void
test_http_statuses_are_mapped(void)
{
    static const struct {
        int http;
        belay_code code;
    } cases[] = {
        { 400, BELAY_INTERNAL },    { 401, BELAY_UNAUTHENTICATED }, { 403, BELAY_PERMISSION_DENIED },
        { 404, BELAY_UNIMPLEMENTED }, { 429, BELAY_UNAVAILABLE },   { 502, BELAY_UNAVAILABLE },
        { 503, BELAY_UNAVAILABLE }, { 504, BELAY_UNAVAILABLE },     { 200, BELAY_UNKNOWN },
        { 204, BELAY_UNKNOWN },     { 302, BELAY_UNKNOWN },         { 402, BELAY_UNKNOWN },
        { 405, BELAY_UNKNOWN },     { 415, BELAY_UNKNOWN },         { 500, BELAY_UNKNOWN },
        { 501, BELAY_UNKNOWN },     { 0, BELAY_UNKNOWN },           { -1, BELAY_UNKNOWN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(bly_status_from_http(cases[i].http), cases[i].code);
}

static void
test_stream_errors_are_mapped(void)
{
    static const belay_code codes[] = {
        BELAY_INTERNAL,           /* NO_ERROR */
        BELAY_INTERNAL,           /* PROTOCOL_ERROR */
        BELAY_INTERNAL,           /* INTERNAL_ERROR */
        BELAY_INTERNAL,           /* FLOW_CONTROL_ERROR */
        BELAY_INTERNAL,           /* SETTINGS_TIMEOUT */
        BELAY_UNKNOWN,            /* STREAM_CLOSED */
        BELAY_INTERNAL,           /* FRAME_SIZE_ERROR */
        BELAY_UNAVAILABLE,        /* REFUSED_STREAM */
        BELAY_CANCELLED,          /* CANCEL */
        BELAY_INTERNAL,           /* COMPRESSION_ERROR */
        BELAY_INTERNAL,           /* CONNECT_ERROR */
        BELAY_RESOURCE_EXHAUSTED, /* ENHANCE_YOUR_CALM */
        BELAY_PERMISSION_DENIED,  /* INADEQUATE_SECURITY */
        BELAY_UNKNOWN,            /* HTTP_1_1_REQUIRED */
        BELAY_INTERNAL,           /* no error of HTTP/2's */
    };
    for (uint32_t error = 0; error < sizeof codes / sizeof codes[0]; error++)
        CU_ASSERT_EQUAL(bly_status_from_h2(error), codes[error]);
    CU_ASSERT_EQUAL(bly_status_from_h2(UINT32_MAX), BELAY_INTERNAL);
}

static void
test_content_types_of_grpc_are_known(void)
{
    static const struct {
        const char *text;
        bool is_grpc;
        bool is_protobuf;
    } cases[] = {
        { "application/grpc", true, true },
        { "application/grpc+proto", true, true },
        { "application/grpc+json", true, false },
        { "application/grpc+prot", true, false },
        { "application/grpc+proton", true, false },
        { "application/grpc+", true, false },
        { "application/grpc;charset=utf-8", true, true },
        { "application/grpc+proto;x=y", true, true },
        { "Application/GRPC+Proto", true, true },
        { "", false, false },
        { "application", false, false },
        { "application/grp", false, false },
        { "application/grpc-web", false, false },
        { "application/grpc-web+proto", false, false },
        { "application/grpcx", false, false },
        { "application/grpc proto", false, false },
        { " application/grpc", false, false },
        { "application/json", false, false },
        { "text/html", false, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(bly_content_type_is_grpc(cases[i].text, strlen(cases[i].text)), cases[i].is_grpc);
        if (cases[i].is_grpc)
            CU_ASSERT_EQUAL(bly_content_type_is_protobuf(cases[i].text, strlen(cases[i].text)),
                            cases[i].is_protobuf);
    }
    CU_ASSERT_TRUE(bly_content_type_is_grpc("application/grpcx", 16)); /* the size counts */
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "status_on_the_heap_owns_copies", test_status_on_the_heap_owns_copies },
        { "status_in_an_arena_goes_with_it", test_status_in_an_arena_goes_with_it },
        { "status_may_have_nothing_but_a_code", test_status_may_have_nothing_but_a_code },
        { "no_status_counts_as_ok", test_no_status_counts_as_ok },
        { "codes_are_written_and_read_in_decimal", test_codes_are_written_and_read_in_decimal },
        { "what_is_no_code_of_grpcs_is_unknown", test_what_is_no_code_of_grpcs_is_unknown },
        { "unreadable_codes_are_unknown", test_unreadable_codes_are_unknown },
        { "http_statuses_are_mapped", test_http_statuses_are_mapped },
        { "stream_errors_are_mapped", test_stream_errors_are_mapped },
        { "content_types_of_grpc_are_known", test_content_types_of_grpc_are_known },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/status", tests, argc, argv);
}
