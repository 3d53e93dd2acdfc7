/* SPDX-License-Identifier: MIT */
#include <belay/code.h>

#include "support/suite.h"

/* Names by number, as gRPC's table of status codes has them. */
static const char *const names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

static void
test_codes_have_grpcs_names_and_numbers(void)
{
    CU_ASSERT_EQUAL(sizeof names / sizeof names[0], 17);
    for (int i = 0; i < 17; i++)
        CU_ASSERT_STRING_EQUAL(belay_code_name((belay_code)i), names[i]);
}

static void
test_end_of_stream_has_a_name_of_its_own(void)
{
    CU_ASSERT_STRING_EQUAL(belay_code_name(BELAY_END_OF_STREAM), "END_OF_STREAM");
}

static void
test_no_code_is_unknown(void)
{
    CU_ASSERT_STRING_EQUAL(belay_code_name((belay_code)17), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(belay_code_name((belay_code)33), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(belay_code_name((belay_code)60), "UNKNOWN");
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "codes_have_grpcs_names_and_numbers", test_codes_have_grpcs_names_and_numbers },
        { "end_of_stream_has_a_name_of_its_own", test_end_of_stream_has_a_name_of_its_own },
        { "no_code_is_unknown", test_no_code_is_unknown },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/code", tests, argc, argv);
}
