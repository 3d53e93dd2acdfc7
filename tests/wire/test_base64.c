/* SPDX-License-Identifier: MIT */
#include "wire/base64.h"

#include "support/suite.h"
#include "wire/random.h"

/* RFC 4648, 10, and the same without padding. */
static const struct {
    const char *data;
    const char *unpadded;
    const char *padded;
} vectors[] = {
    { "", "", "" },
    { "f", "Zg", "Zg==" },
    { "fo", "Zm8", "Zm8=" },
    { "foo", "Zm9v", "Zm9v" },
    { "foob", "Zm9vYg", "Zm9vYg==" },
    { "fooba", "Zm9vYmE", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
    { "\xff\xfe\xfd\xfb\xef\xbe", "//79++++", "//79++++" },
};

#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

/* Decodes into an allocation of exactly the documented bound. */
static bool
decodes(const char *text, size_t size, const char *wanted, size_t wanted_size)
{
    size_t decoded_size = 77;
    uint8_t *data = malloc(BLY_BASE64_DECODED_SIZE(size));
    bool same = bly_base64_decode(text, size, data, &decoded_size) && decoded_size == wanted_size
                && memcmp(data, wanted, wanted_size) == 0;
    free(data);
    return same;
}

static void
test_text_is_written_without_padding(void)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        size_t size = strlen(vectors[i].data);
        char *text = malloc(BLY_BASE64_ENCODED_SIZE(size));
        CU_ASSERT_EQUAL(bly_base64_encode((const uint8_t *)vectors[i].data, size, text),
                        strlen(vectors[i].unpadded));
        CU_ASSERT_STRING_EQUAL(text, vectors[i].unpadded);
        free(text);
    }
}

static void
test_text_is_read_with_and_without_padding(void)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        const char *data = vectors[i].data;
        CU_ASSERT_TRUE(decodes(vectors[i].unpadded, strlen(vectors[i].unpadded), data, strlen(data)));
        CU_ASSERT_TRUE(decodes(vectors[i].padded, strlen(vectors[i].padded), data, strlen(data)));
    }
}

static void
test_trailing_bits_are_not_looked_at(void)
{
    CU_ASSERT_TRUE(decodes("Zh", 2, "f", 1));
    CU_ASSERT_TRUE(decodes("Z//=", 4, "g\xff", 2));
    CU_ASSERT_TRUE(decodes("Zm9", 3, "fo", 2));
    CU_ASSERT_TRUE(decodes("Zv==", 4, "f", 1));
}

static void
test_what_is_no_base64_is_refused(void)
{
    static const char *const texts[] = {
        "A",    "AAAAA", "=",     "==",       "===",   "====",    "A=",       "A==",  "A===",      "AA=",
        "AAA==", "AA===", "AAAA=", "AAAA====", "=AAA",  "AA=A",    "AAA=AAAA", "AA==AAAA", "AA==A",  " AAAA",
        "AAAA ", "AA AA", "AAA\n", "AAA-",     "AAA_",  "AAA.",    "AAA,",     "AAA:", "AAA@",      "AAA[",
        "AAA`",  "AAA{",  "AAA\x80", ("\xc3\xa9" "AA"), "AAA\xff", "AAAA\nAAAA",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t data[32];
        size_t size = 77;
        CU_ASSERT_FALSE(bly_base64_decode(texts[i], strlen(texts[i]), data, &size));
        CU_ASSERT_EQUAL(size, 77);
    }
    uint8_t data[32];
    size_t size = 77;
    CU_ASSERT_FALSE(bly_base64_decode("AA\0A", 4, data, &size));
    CU_ASSERT_EQUAL(size, 77);
}

static void
test_all_bytes_come_back(void)
{
    uint64_t random = 6;
    for (size_t size = 0; size < 600; size++) {
        uint8_t *data = malloc(size + 1);
        char *text = malloc(BLY_BASE64_ENCODED_SIZE(size));
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)(size < 256 ? i + size : random_next(&random));
        size_t text_size = bly_base64_encode(data, size, text);
        CU_ASSERT_EQUAL(text_size, strlen(text));
        CU_ASSERT_TRUE(text_size < BLY_BASE64_ENCODED_SIZE(size));
        CU_ASSERT_TRUE(decodes(text, text_size, (char *)data, size));
        free(text);
        free(data);
    }
}

static void
test_random_input_is_read_or_refused(void)
{
    uint64_t random = 7;
    int read_count = 0;
    for (int i = 0; i < 200000; i++) {
        size_t size;
        size_t decoded_size = 77777;
        char *text = random_text(&random, "ABYZabyz0189+/====", 12, &size);
        uint8_t *data = malloc(BLY_BASE64_DECODED_SIZE(size));
        bool read = bly_base64_decode(text, size, data, &decoded_size);
        if (read ? decoded_size > size * 3 / 4 : decoded_size != 77777)
            CU_FAIL("a random text was not handled");
        read_count += read;
        free(data);
        free(text);
    }
    CU_ASSERT_TRUE(read_count > 0);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "text_is_written_without_padding", test_text_is_written_without_padding },
        { "text_is_read_with_and_without_padding", test_text_is_read_with_and_without_padding },
        { "trailing_bits_are_not_looked_at", test_trailing_bits_are_not_looked_at },
        { "what_is_no_base64_is_refused", test_what_is_no_base64_is_refused },
        { "all_bytes_come_back", test_all_bytes_come_back },
        { "random_input_is_read_or_refused", test_random_input_is_read_or_refused },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/base64", tests, argc, argv);
}
