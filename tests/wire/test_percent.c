/* SPDX-License-Identifier: MIT */
#include "wire/percent.h"

#include "support/suite.h"
#include "wire/random.h"

#define R "\xef\xbf\xbd" /* U+FFFD */

static bool
encodes(const char *text, size_t size, const char *wanted)
{
    size_t encoded_size = 77;
    char *encoded = bly_percent_encode(text, size, &encoded_size);
    bool same = encoded && strcmp(encoded, wanted) == 0 && encoded_size == strlen(wanted);
    free(encoded);
    return same;
}

static bool
decodes(const char *text, size_t size, const char *wanted)
{
    char *decoded = bly_percent_decode(text, size);
    bool same = decoded && strcmp(decoded, wanted) == 0;
    free(decoded);
    return same;
}

#define ENCODES(text, wanted) CU_ASSERT_TRUE(encodes(text, sizeof text - 1, wanted))
#define DECODES(text, wanted) CU_ASSERT_TRUE(decodes(text, sizeof text - 1, wanted))

static void
test_printable_text_is_sent_as_it_is(void)
{
    char text[0x7f - 0x21 + 1];
    size_t size = 0;
    for (int c = 0x21; c <= 0x7e; c++) {
        if (c != '%')
            text[size++] = (char)c;
    }
    text[size] = '\0';
    CU_ASSERT_TRUE(encodes(text, size, text));
    ENCODES("", "");
    ENCODES("a b  c", "a b  c");
}

static void
test_everything_else_is_escaped_in_upper_case(void)
{
    ENCODES("100%", "100%25");
    ENCODES("\t\n\r\x1f\x7f", "%09%0A%0D%1F%7F");
    ENCODES("a\0b", "a%00b");
    ENCODES("\xc3\xa9", "%C3%A9");
    /* the interop case special_status_message */
    ENCODES("\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n",
            "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A");
}

static void
test_spaces_at_the_ends_are_escaped(void)
{
    ENCODES(" ", "%20");
    ENCODES("  ", "%20%20");
    ENCODES(" a b ", "%20a b%20");
}

static void
test_bytes_that_are_not_utf8_become_replacements(void)
{
    ENCODES("a\xff", "a%EF%BF%BD");
    ENCODES("\xed\xa0\x80", "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
    char *encoded = bly_percent_encode("a", 1, NULL); /* the size is not wanted */
    CU_ASSERT_PTR_NOT_NULL_FATAL(encoded);
    CU_ASSERT_STRING_EQUAL(encoded, "a");
    free(encoded);
}

static void
test_escapes_are_decoded_in_either_case(void)
{
    DECODES("", "");
    DECODES("a b", "a b");
    DECODES("100%25", "100%");
    DECODES("%c3%A9%C3%a9", "\xc3\xa9\xc3\xa9");
    DECODES("%09%0Atest%0d%0a", "\t\ntest\r\n");
    DECODES("%41%42", "AB");
    DECODES("%2541", "%41"); /* once, not twice */
}

static void
test_what_is_no_escape_stays(void)
{
    DECODES("%", "%");
    DECODES("%%", "%%");
    DECODES("%4", "%4");
    DECODES("%4g", "%4g");
    DECODES("%g4", "%g4");
    DECODES("%%41", "%A");
    DECODES("%4%41", "%4A");
    DECODES("% 41", "% 41");
    DECODES("%-1", "%-1");
    DECODES("%+1%0x", "%+1%0x");
    DECODES("100% sure", "100% sure");
    DECODES("a%00b", "a%00b"); /* would cut the text short */
    CU_ASSERT_TRUE(decodes("%41", 2, "%4"));
    CU_ASSERT_TRUE(decodes("%41", 1, "%"));
}

static void
test_decoded_bytes_are_made_valid(void)
{
    DECODES("a%ffb", "a" R "b");
    DECODES("%C3", R);
    DECODES("%ED%A0%80", R R R);
    DECODES("\xc3%A9", "\xc3\xa9");
    DECODES("raw \xff", "raw " R);
}

static void
test_encoding_and_decoding_give_the_text_back(void)
{
    uint64_t random = 4;
    for (int i = 0; i < 50000; i++) {
        size_t size;
        size_t encoded_size;
        char *text = random_text(&random, "ab %\n~\x7f", 16, &size);
        for (size_t k = 0; k < size; k++)
            text[k] &= 0x7f; /* valid as it is */
        if (memchr(text, 0, size)) {
            free(text);
            continue;
        }
        char *encoded = bly_percent_encode(text, size, &encoded_size);
        char *decoded = encoded ? bly_percent_decode(encoded, encoded_size) : NULL;
        CU_ASSERT_PTR_NOT_NULL_FATAL(decoded);
        if (strlen(decoded) != size || memcmp(decoded, text, size) != 0)
            CU_FAIL("another text came back");
        if (strspn(encoded, " !\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`{|}~"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != encoded_size)
            CU_FAIL("a byte cannot be sent");
        free(decoded);
        free(encoded);
        free(text);
    }
}

static void
test_random_input_is_always_decoded(void)
{
    uint64_t random = 5;
    for (int i = 0; i < 100000; i++) {
        size_t size;
        char *text = random_text(&random, "%%%%0123456789abcdefABCDEFg \xc3\xa9", 20, &size);
        char *decoded = bly_percent_decode(text, size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(decoded);
        if (!memchr(text, 0, size) && (size == 0) != (decoded[0] == '\0'))
            CU_FAIL("a message was dropped");
        free(decoded);
        free(text);
    }
}

static void
test_texts_are_cut_between_characters(void)
{
    static const char text[] = "a b%C3%A9%E2%98%BA%25c"; /* e with an accent, a smiling face, a percent sign */
    static const struct {
        size_t most;
        size_t wanted;
    } cuts[] = {{0, 0}, {1, 1}, {2, 1}, {3, 3}, {4, 3}, {5, 3}, {6, 3}, {8, 3}, {9, 9}, {10, 9}, {12, 9}, {15, 9},
                {17, 9}, {18, 18}, {20, 18}, {21, 21}, {22, 22}, {99, 22}};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        CU_ASSERT_EQUAL(bly_percent_cut(text, sizeof text - 1, cuts[i].most), cuts[i].wanted);
}

/* Those that follow the first begin with 8, 9, A or B. */
static void
test_no_byte_of_a_character_begins_what_is_cut_off(void)
{
    for (unsigned int byte = 0x80; byte <= 0xbf; byte++) {
        char text[32];
        size_t size = (size_t)snprintf(text, sizeof text, "x%%F1%%%X%%80%%9F.", byte);
        for (size_t most = 1; most < size - 1; most++)
            CU_ASSERT_EQUAL(bly_percent_cut(text, size, most), 1);
        CU_ASSERT_EQUAL(bly_percent_cut(text, size, size - 1), size - 1);
    }
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "printable_text_is_sent_as_it_is", test_printable_text_is_sent_as_it_is },
        { "everything_else_is_escaped_in_upper_case", test_everything_else_is_escaped_in_upper_case },
        { "spaces_at_the_ends_are_escaped", test_spaces_at_the_ends_are_escaped },
        { "bytes_that_are_not_utf8_become_replacements", test_bytes_that_are_not_utf8_become_replacements },
        { "escapes_are_decoded_in_either_case", test_escapes_are_decoded_in_either_case },
        { "what_is_no_escape_stays", test_what_is_no_escape_stays },
        { "decoded_bytes_are_made_valid", test_decoded_bytes_are_made_valid },
        { "encoding_and_decoding_give_the_text_back", test_encoding_and_decoding_give_the_text_back },
        { "texts_are_cut_between_characters", test_texts_are_cut_between_characters },
        { "no_byte_of_a_character_begins_what_is_cut_off", test_no_byte_of_a_character_begins_what_is_cut_off },
        { "random_input_is_always_decoded", test_random_input_is_always_decoded },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/percent", tests, argc, argv);
}
