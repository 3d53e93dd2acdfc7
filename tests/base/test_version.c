/* SPDX-License-Identifier: MIT */
#include <belay/version.h>

#include <stdio.h>

#include "support/suite.h"

static void
test_library_and_headers_have_one_version(void)
{
    CU_ASSERT_STRING_EQUAL(belay_version(), BELAY_VERSION_STRING);
}

static void
test_number_is_the_string_a_byte_each(void)
{
    char text[32];
    unsigned int number = BELAY_VERSION_NUMBER;
    snprintf(text, sizeof text, "%u.%u.%u", number >> 16, number >> 8 & 0xff, number & 0xff);
    CU_ASSERT_STRING_EQUAL(text, BELAY_VERSION_STRING);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"test_library_and_headers_have_one_version", test_library_and_headers_have_one_version},
        {"test_number_is_the_string_a_byte_each", test_number_is_the_string_a_byte_each},
        CU_TEST_INFO_NULL,
    };
    return suite_run("version", tests, argc, argv);
}
