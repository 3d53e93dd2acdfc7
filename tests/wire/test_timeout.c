/* SPDX-License-Identifier: MIT */
#include "wire/timeout.h"

#include <stdio.h>
#include <string.h>

#include <belay/time.h>

#include "support/suite.h"
#include "wire/random.h"

#define MINUTE BELAY_SECONDS(60)
#define HOUR BELAY_SECONDS(3600)

static void
test_units_are_read(void)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        { "1n", 1 },
        { "1u", 1000 },
        { "1m", 1000000 },
        { "1S", BELAY_SECONDS(1) },
        { "1M", MINUTE },
        { "1H", HOUR },
        { "99999999n", 99999999 },
        { "99999999u", UINT64_C(99999999000) },
        { "99999999m", UINT64_C(99999999000000) },
        { "99999999S", BELAY_SECONDS(99999999) },
        { "99999999M", 99999999 * MINUTE },
        { "5124095H", 5124095 * HOUR }, /* the last that fits */
        { "00000001S", BELAY_SECONDS(1) },
        { "0n", 0 },
        { "0H", 0 },
        { "00000000m", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t ns = 77;
        CU_ASSERT_TRUE(bly_timeout_parse(cases[i].text, strlen(cases[i].text), &ns));
        CU_ASSERT_EQUAL(ns, cases[i].ns);
    }
}

static void
test_overflow_is_clamped_below_forever(void)
{
    static const char *const texts[] = { "99999999H", "5124096H", "10000000H" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t ns = 0;
        CU_ASSERT_TRUE(bly_timeout_parse(texts[i], strlen(texts[i]), &ns));
        CU_ASSERT_EQUAL(ns, BELAY_FOREVER - 1);
    }
}

static void
test_malformed_values_are_refused(void)
{
    static const char *const texts[] = {
        "",     "1",    "S",    "n",    "12345678",  "123456789S", "000000001S", "000000000n", "+1S",  "-1S",
        " 1S",  "1 S",  "1S ",  "1\tS", "1s",        "1h",         "1U",         "1N",         "1x",   "1SS",
        "1mS",  "1ms",  "1us",  "1.5S", "1,5S",      "0x1S",       "1e3S",       "S1",         "1S1",  "1\0",
        "1/",   "1:S",  "/1S",  "1d",   "1s1S",      "--S",        "+S",         " S",         "1S\n",
        "\xd9\xa1S",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t ns = 77;
        CU_ASSERT_FALSE(bly_timeout_parse(texts[i], strlen(texts[i]), &ns));
        CU_ASSERT_EQUAL(ns, 77);
    }
    uint64_t ns = 77;
    CU_ASSERT_FALSE(bly_timeout_parse("1\0S", 3, &ns));
    CU_ASSERT_FALSE(bly_timeout_parse("1S\0", 3, &ns));
    CU_ASSERT_EQUAL(ns, 77);
}

/* What the size says ends the value, not what follows in memory. */
static void
test_value_ends_where_its_size_says(void)
{
    uint64_t ns = 77;
    CU_ASSERT_TRUE(bly_timeout_parse("12S34", 3, &ns));
    CU_ASSERT_EQUAL(ns, BELAY_SECONDS(12));
    CU_ASSERT_FALSE(bly_timeout_parse("12S", 2, &ns));
}

static void
test_timeouts_are_written_in_the_finest_unit_that_fits(void)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        { 0, "1n" }, /* never 0 for a live one */
        { 1, "1n" },
        { 99999999, "99999999n" },
        { 100000000, "100000u" },
        { 100000001, "100001u" }, /* up */
        { UINT64_C(99999999000), "99999999u" },
        { UINT64_C(99999999001), "100000m" },
        { UINT64_C(99999999000000), "99999999m" },
        { UINT64_C(99999999000001), "100000S" },
        { BELAY_SECONDS(99999999), "99999999S" },
        { BELAY_SECONDS(99999999) + 1, "1666667M" },
        { BELAY_SECONDS(100000020), "1666667M" },
        { 99999999 * MINUTE, "99999999M" },
        { 99999999 * MINUTE + 1, "1666667H" },
        { BELAY_FOREVER - 1, "5124096H" },
        { BELAY_FOREVER, "5124096H" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[BLY_TIMEOUT_TEXT_SIZE];
        CU_ASSERT_EQUAL(bly_timeout_format(cases[i].ns, text), strlen(cases[i].text));
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

static void
test_what_is_written_is_read_as_no_less(void)
{
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t ns = (uint64_t)random_next(&random) << 32 | random_next(&random);
        ns >>= random_next(&random) % 64;
        char text[BLY_TIMEOUT_TEXT_SIZE];
        uint64_t read = 0;
        size_t size = bly_timeout_format(ns, text);
        if (size >= BLY_TIMEOUT_TEXT_SIZE || !bly_timeout_parse(text, size, &read) || read == 0)
            CU_FAIL_FATAL("a written timeout cannot be read");
        if (read < ns && read != BELAY_FOREVER - 1)
            CU_FAIL("a timeout became shorter");
        if (read - ns > ns / 1000 && ns > 100000000)
            CU_FAIL("a timeout became much longer");
    }
}

static void
test_random_values_are_read_or_refused(void)
{
    uint64_t random = 2;
    int read_count = 0;
    for (int i = 0; i < 100000; i++) {
        size_t size;
        char *text = random_text(&random, "0123456789HMSmun", 10, &size);
        uint64_t ns = 77;
        bool read = bly_timeout_parse(text, size, &ns);
        if ((!read && ns != 77) || ns == BELAY_FOREVER || (read && (size < 2 || size > 9)))
            CU_FAIL("a random value was not handled");
        read_count += read;
        free(text);
    }
    CU_ASSERT_TRUE(read_count > 0);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "units_are_read", test_units_are_read },
        { "overflow_is_clamped_below_forever", test_overflow_is_clamped_below_forever },
        { "malformed_values_are_refused", test_malformed_values_are_refused },
        { "value_ends_where_its_size_says", test_value_ends_where_its_size_says },
        { "timeouts_are_written_in_the_finest_unit_that_fits",
          test_timeouts_are_written_in_the_finest_unit_that_fits },
        { "what_is_written_is_read_as_no_less", test_what_is_written_is_read_as_no_less },
        { "random_values_are_read_or_refused", test_random_values_are_read_or_refused },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/timeout", tests, argc, argv);
}
