/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include "support/suite.h"
#include "wire/random.h"

#define R "\xef\xbf\xbd" /* U+FFFD */

/* True when text, with its size, becomes `wanted`. */
static bool
becomes(const char *text, size_t size, const char *wanted)
{
    size_t valid_size = 77;
    char *exact = malloc(size ? size : 1); /* so that reading past it is noticed */
    memcpy(exact, text, size);
    char *valid = bly_utf8_sanitize(exact, size, &valid_size);
    bool same = valid && valid_size == strlen(wanted) && strcmp(valid, wanted) == 0;
    free(valid);
    free(exact);
    return same;
}

#define BECOMES(text, wanted) CU_ASSERT_TRUE(becomes(text, sizeof text - 1, wanted))

static void
test_valid_text_stays(void)
{
    BECOMES("", "");
    BECOMES("plain", "plain");
    BECOMES("\x01\x7f", "\x01\x7f");
    BECOMES("\xc2\x80", "\xc2\x80");                 /* the first and last of each length */
    BECOMES("\xdf\xbf", "\xdf\xbf");
    BECOMES("\xe0\xa0\x80", "\xe0\xa0\x80");
    BECOMES("\xed\x9f\xbf", "\xed\x9f\xbf");         /* last before the surrogates */
    BECOMES("\xee\x80\x80", "\xee\x80\x80");         /* first after them */
    BECOMES("\xef\xbf\xbf", "\xef\xbf\xbf");
    BECOMES("\xf0\x90\x80\x80", "\xf0\x90\x80\x80");
    BECOMES("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
    BECOMES("a\xc3\xa9" "b\xe2\x98\xba" "c\xf0\x9f\x98\x88", "a\xc3\xa9" "b\xe2\x98\xba" "c\xf0\x9f\x98\x88");
    BECOMES(R, R);
}

static void
test_nuls_are_kept(void)
{
    size_t size = 0;
    char *valid = bly_utf8_sanitize("a\0\xff\0", 4, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(valid);
    CU_ASSERT_EQUAL(size, 6);
    CU_ASSERT_EQUAL(memcmp(valid, "a\0" R "\0", 7), 0);
    free(valid);
    valid = bly_utf8_sanitize("a", 1, NULL); /* the size is not wanted */
    CU_ASSERT_PTR_NOT_NULL_FATAL(valid);
    CU_ASSERT_STRING_EQUAL(valid, "a");
    free(valid);
    valid = bly_utf8_sanitize(NULL, 0, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(valid);
    CU_ASSERT_EQUAL(size, 0);
    free(valid);
}

static void
test_bytes_that_begin_nothing_are_replaced_one_by_one(void)
{
    BECOMES("\x80", R);
    BECOMES("\xbf\x80z", R R "z");
    BECOMES("\xc0\x80", R R); /* overlong NUL */
    BECOMES("\xc1\xbf", R R);
    BECOMES("\xf5\x80\x80\x80", R R R R);
    BECOMES("\xf8\x88\x80\x80\x80", R R R R R);
    BECOMES("\xfe\xff", R R);
}

static void
test_overlong_forms_surrogates_and_too_high_are_replaced(void)
{
    BECOMES("\xe0\x80\x80", R R R);
    BECOMES("\xe0\x9f\xbf", R R R);
    BECOMES("\xed\xa0\x80", R R R);
    BECOMES("\xed\xbf\xbf", R R R);
    BECOMES("\xed\xa0\xbd\xed\xb8\x88", R R R R R R); /* a pair of them */
    BECOMES("\xf0\x80\x80\x80", R R R R);
    BECOMES("\xf0\x8f\xbf\xbf", R R R R);
    BECOMES("\xf4\x90\x80\x80", R R R R);
}

static void
test_character_cut_short_is_one_replacement(void)
{
    BECOMES("\xc3", R);
    BECOMES("\xe2\x98", R);
    BECOMES("\xf0\x9f\x98", R);
    BECOMES("\xf0\x9f", R);
    BECOMES("\xc3z", R "z");
    BECOMES("\xe2\x98z", R "z");
    BECOMES("\xf0\x9f\x98z", R "z");
    BECOMES("\xe2\xe2\x98\xba", R "\xe2\x98\xba");
    BECOMES("\xf0\x9f\xc3\xa9", R "\xc3\xa9");
    /* The Unicode standard's own example of maximal parts. */
    BECOMES("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", "a" R R R "b" R "c" R R "d");
}

static size_t
length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >> 5 == 6)
        return 2;
    if (lead >> 4 == 14)
        return 3;
    return lead >> 3 == 30 ? 4 : 0;
}

/* Decodes strictly, in another way than the code under test: by the value of each character. */
static bool
is_valid(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t length = length_of(text[i]);
        if (length == 0 || length > size - i)
            return false;
        uint32_t value = length == 1 ? text[i] : text[i] & (0x7fu >> length);
        for (size_t k = 1; k < length; k++) {
            if (text[i + k] >> 6 != 2)
                return false;
            value = value << 6 | (text[i + k] & 0x3f);
        }
        if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
            return false;
        i += length;
    }
    return true;
}

static void
test_every_result_is_valid_and_valid_text_is_unchanged(void)
{
    static const char letters[] =
        "az\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xdf\xe0\xe2\xed\xef\xf0\xf1\xf4\xf5\xff";
    uint64_t random = 3;
    int valid_count = 0;
    for (int i = 0; i < 100000; i++) {
        size_t size;
        size_t valid_size;
        char *text = random_text(&random, letters, 12, &size);
        char *valid = bly_utf8_sanitize(text, size, &valid_size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(valid);
        bool was_valid = is_valid((unsigned char *)text, size);
        if (!is_valid((unsigned char *)valid, valid_size) || valid[valid_size] != '\0')
            CU_FAIL("the result is not valid");
        if (was_valid != (valid_size == size && memcmp(valid, text, size) == 0))
            CU_FAIL("valid text changed, or invalid text did not");
        valid_count += was_valid;
        free(valid);
        free(text);
    }
    CU_ASSERT_TRUE(valid_count > 0);
}

/* Every sequence of three bytes with the lead bytes that have rules of their own. */
static void
test_all_short_sequences_agree_with_strict_decoding(void)
{
    static const unsigned char leads[] = { 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5 };
    for (size_t lead = 0; lead < sizeof leads; lead++) {
        for (unsigned int rest = 0; rest < 0x10000; rest++) {
            unsigned char text[3] = { leads[lead], (unsigned char)(rest >> 8), (unsigned char)rest };
            size_t size;
            char *valid = bly_utf8_sanitize((char *)text, 3, &size);
            bool unchanged = size == 3 && memcmp(valid, text, 3) == 0;
            if (unchanged != is_valid(text, 3) || !is_valid((unsigned char *)valid, size))
                CU_FAIL("a sequence is judged wrongly");
            free(valid);
        }
    }
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "valid_text_stays", test_valid_text_stays },
        { "nuls_are_kept", test_nuls_are_kept },
        { "bytes_that_begin_nothing_are_replaced_one_by_one",
          test_bytes_that_begin_nothing_are_replaced_one_by_one },
        { "overlong_forms_surrogates_and_too_high_are_replaced",
          test_overlong_forms_surrogates_and_too_high_are_replaced },
        { "character_cut_short_is_one_replacement", test_character_cut_short_is_one_replacement },
        { "every_result_is_valid_and_valid_text_is_unchanged",
          test_every_result_is_valid_and_valid_text_is_unchanged },
        { "all_short_sequences_agree_with_strict_decoding",
          test_all_short_sequences_agree_with_strict_decoding },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/utf8", tests, argc, argv);
}
