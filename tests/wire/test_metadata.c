/* SPDX-License-Identifier: MIT */
#include "wire/metadata.h"

#include "support/suite.h"
#include "wire/base64.h"
#include "wire/random.h"

static bool
is_pair(const belay_metadata_entry *entry, const char *key, const char *value, size_t size)
{
    return entry && strcmp(entry->key, key) == 0 && entry->value_size == size
           && memcmp(entry->value, value, size) == 0 && entry->value[size] == '\0';
}

static bool
is_text(const belay_metadata_entry *entry, const char *key, const char *value)
{
    return is_pair(entry, key, value, strlen(value));
}

static belay_code
add(belay_metadata *metadata, const char *key, const char *value)
{
    return belay_metadata_add(metadata, key, value, strlen(value));
}

static belay_code
add_wire(belay_metadata *metadata, const char *key, const char *value)
{
    return bly_metadata_add_wire(metadata, key, strlen(key), value, strlen(value));
}

static belay_metadata *
new_list(void)
{
    belay_metadata *metadata = belay_metadata_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(metadata);
    return metadata;
}

static void
test_order_and_duplicates_are_kept(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_EQUAL(add(metadata, "b", "1"), BELAY_OK);
    CU_ASSERT_EQUAL(add(metadata, "a", "2"), BELAY_OK);
    CU_ASSERT_EQUAL(add(metadata, "b", "3"), BELAY_OK);
    CU_ASSERT_EQUAL(add(metadata, "b", "3"), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 4);
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 0), "b", "1"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 1), "a", "2"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 2), "b", "3"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 3), "b", "3"));
    CU_ASSERT_PTR_NULL(belay_metadata_at(metadata, 4));
    CU_ASSERT_PTR_NULL(belay_metadata_at(metadata, SIZE_MAX));
    belay_metadata_free(metadata);
}

static void
test_last_value_of_a_key_is_found(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_PTR_NULL(belay_metadata_get(metadata, "a"));
    CU_ASSERT_EQUAL(add(metadata, "a", "1") + add(metadata, "ab", "2") + add(metadata, "a", "3"), BELAY_OK);
    CU_ASSERT_TRUE(is_text(belay_metadata_get(metadata, "a"), "a", "3"));
    CU_ASSERT_TRUE(is_text(belay_metadata_get(metadata, "ab"), "ab", "2"));
    CU_ASSERT_PTR_NULL(belay_metadata_get(metadata, "A"));
    CU_ASSERT_PTR_NULL(belay_metadata_get(metadata, "b"));
    CU_ASSERT_PTR_NULL(belay_metadata_get(metadata, ""));
    CU_ASSERT_PTR_NULL(belay_metadata_get(metadata, NULL));
    belay_metadata_free(metadata);
}

static void
test_no_list_is_an_empty_one(void)
{
    CU_ASSERT_EQUAL(belay_metadata_count(NULL), 0);
    CU_ASSERT_PTR_NULL(belay_metadata_get(NULL, "a"));
    CU_ASSERT_PTR_NULL(belay_metadata_at(NULL, 0));
    CU_ASSERT_PTR_NULL(bly_metadata_copy(NULL));
    CU_ASSERT_EQUAL(add(NULL, "a", "1"), BELAY_INVALID_ARGUMENT);
    belay_metadata_free(NULL);
}

static void
test_keys_and_values_are_copies(void)
{
    belay_metadata *metadata = new_list();
    char key[] = "key";
    char value[] = "value";
    CU_ASSERT_EQUAL(add(metadata, key, value), BELAY_OK);
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(add(metadata, "more", "and more"), BELAY_OK);
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 0), "key", "value"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 1000), "more", "and more"));
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 1001);
    belay_metadata_free(metadata);
}

static void
test_keys_that_can_be_sent_are_taken(void)
{
    static const char *const keys[] = {
        "a", "z", "0", "9", "x-user", "a_b", "a.b", "-", "_", ".", "-bin", "trace-bin", "grpc", "grpcx",
        "test", "tee", "t", "hosts", "x-grpc-test", "connection2", "content-types", "user-agent2",
        "authorization", "abcdefghijklmnopqrstuvwxyz0123456789-_.",
    };
    belay_metadata *metadata = new_list();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        CU_ASSERT_EQUAL(add(metadata, keys[i], "v"), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), sizeof keys / sizeof keys[0]);
    belay_metadata_free(metadata);
}

static void
test_keys_that_cannot_be_sent_are_refused(void)
{
    static const char *const keys[] = {
        "", "A", "Key", "kEy", "KEY-BIN", "key ", " key", "a b", "a:b", ":path", ":", "a/b", "a\tb", "a\x7f",
        "\xc3\xa9", "a,b", "a=b", "a@", "a[", "a`", "a{", "grpc-", "grpc-timeout", "grpc-status", "grpc-x",
        "grpc-trace-bin", "content-type", "content-length", "te", "connection", "keep-alive",
        "proxy-connection", "transfer-encoding", "upgrade", "host", "user-agent",
    };
    belay_metadata *metadata = new_list();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        CU_ASSERT_EQUAL(add(metadata, keys[i], "v"), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, NULL, "v", 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 0);
    belay_metadata_free(metadata);
}

static void
test_text_values_are_printable_and_binary_ones_anything(void)
{
    belay_metadata *metadata = new_list();
    for (int c = 0; c < 256; c++) {
        char value[3] = { 'a', (char)c, 'b' };
        belay_code text = c >= 0x20 && c <= 0x7e ? BELAY_OK : BELAY_INVALID_ARGUMENT;
        CU_ASSERT_EQUAL(belay_metadata_add(metadata, "key", value, 3), text);
        CU_ASSERT_EQUAL(belay_metadata_add(metadata, "key-bin", value, 3), BELAY_OK);
        CU_ASSERT_TRUE(is_pair(belay_metadata_get(metadata, "key-bin"), "key-bin", value, 3));
    }
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 256 + 0x7f - 0x20);
    belay_metadata_free(metadata);
}

static void
test_empty_values_are_values(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, "a", "", 0), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, "b", NULL, 0), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, "c-bin", NULL, 0), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_add(metadata, "d", NULL, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(add_wire(metadata, "e", ""), BELAY_OK);
    CU_ASSERT_EQUAL(add_wire(metadata, "f-bin", ""), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 5);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, i), belay_metadata_at(metadata, i)->key, ""));
    belay_metadata_free(metadata);
}

static void
test_odd_text_from_the_wire_is_kept(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_EQUAL(add_wire(metadata, "key", "tab\there, \x80\xff and comma"), BELAY_OK);
    CU_ASSERT_EQUAL(add_wire(metadata, "user-agent", "grpc-c/1.0"), BELAY_OK);
    CU_ASSERT_EQUAL(add_wire(metadata, "odd!key", "v"), BELAY_OK);
    CU_ASSERT_EQUAL(bly_metadata_add_wire(metadata, "longer", 4, "value", 3), BELAY_OK); /* sizes count */
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 0), "key", "tab\there, \x80\xff and comma"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 1), "user-agent", "grpc-c/1.0"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 2), "odd!key", "v"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 3), "long", "val"));
    belay_metadata_free(metadata);
}

static void
test_binary_values_are_decoded_and_split_on_commas(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_EQUAL(add_wire(metadata, "a-bin", "AAH/"), BELAY_OK);
    CU_ASSERT_EQUAL(add_wire(metadata, "a-bin", "Zg==,Zm8"), BELAY_OK);
    CU_ASSERT_EQUAL(add_wire(metadata, "a-bin", "Zg , \tZm9v, "), BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), 6);
    CU_ASSERT_TRUE(is_pair(belay_metadata_at(metadata, 0), "a-bin", "\0\x01\xff", 3));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 1), "a-bin", "f"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 2), "a-bin", "fo"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 3), "a-bin", "f"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 4), "a-bin", "foo"));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 5), "a-bin", ""));
    belay_metadata_free(metadata);
}

static void
test_bad_base64_leaves_the_list_unchanged(void)
{
    static const char *const values[] = { "A", "Zg=", "Z g", "Zg,A", "Zg,Zm8=,!", ",A", "Zg==Zg==", "Zm9-" };
    belay_metadata *metadata = new_list();
    CU_ASSERT_EQUAL(add(metadata, "first", "1"), BELAY_OK);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CU_ASSERT_EQUAL(add_wire(metadata, "a-bin", values[i]), BELAY_INTERNAL);
        CU_ASSERT_EQUAL(belay_metadata_count(metadata), 1);
    }
    CU_ASSERT_TRUE(is_text(belay_metadata_at(metadata, 0), "first", "1"));
    belay_metadata_free(metadata);
}

static void
test_one_header_gives_a_bounded_number_of_values(void)
{
    char commas[2 * BLY_METADATA_MAX_PARTS];
    belay_metadata *metadata = new_list();
    memset(commas, ',', sizeof commas);
    CU_ASSERT_EQUAL(bly_metadata_add_wire(metadata, "a-bin", 5, commas, BLY_METADATA_MAX_PARTS - 1),
                    BELAY_OK);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), BLY_METADATA_MAX_PARTS);
    CU_ASSERT_EQUAL(bly_metadata_add_wire(metadata, "a-bin", 5, commas, BLY_METADATA_MAX_PARTS),
                    BELAY_OUT_OF_RANGE);
    CU_ASSERT_EQUAL(bly_metadata_add_wire(metadata, "a-bin", 5, commas, sizeof commas),
                    BELAY_OUT_OF_RANGE);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), BLY_METADATA_MAX_PARTS);
    belay_metadata_free(metadata);
}

static void
test_reserved_names_never_reach_a_program(void)
{
    static const char *const reserved[] = {
        ":path", ":", ":status", "grpc-", "grpc-timeout", "grpc-encoding", "content-type", "content-length",
        "te", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host",
    };
    static const char *const free_names[] = {
        "user-agent", "grpc", "t", "tee", "", "authorization", "x-te", "date",
    };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        CU_ASSERT_TRUE(bly_metadata_is_reserved(reserved[i], strlen(reserved[i])));
    for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
        CU_ASSERT_FALSE(bly_metadata_is_reserved(free_names[i], strlen(free_names[i])));
    CU_ASSERT_TRUE(bly_metadata_is_reserved("tea", 2)); /* the size counts */
}

static void
test_copies_and_appended_lists_stand_alone(void)
{
    belay_metadata *from = new_list();
    belay_metadata *to = new_list();
    CU_ASSERT_EQUAL(belay_metadata_add(from, "a-bin", "\0\xff", 2) + add(from, "b", "2"), BELAY_OK);
    CU_ASSERT_EQUAL(add(to, "b", "1"), BELAY_OK);
    CU_ASSERT_EQUAL(bly_metadata_append(to, from), BELAY_OK);
    CU_ASSERT_EQUAL(bly_metadata_append(to, NULL), BELAY_OK);
    belay_metadata *copy = bly_metadata_copy(from);
    belay_metadata_free(from);
    CU_ASSERT_EQUAL(belay_metadata_count(to), 3);
    CU_ASSERT_TRUE(is_text(belay_metadata_at(to, 0), "b", "1"));
    CU_ASSERT_TRUE(is_pair(belay_metadata_at(to, 1), "a-bin", "\0\xff", 2));
    CU_ASSERT_TRUE(is_text(belay_metadata_at(to, 2), "b", "2"));
    CU_ASSERT_EQUAL(belay_metadata_count(copy), 2);
    CU_ASSERT_TRUE(is_pair(belay_metadata_at(copy, 0), "a-bin", "\0\xff", 2));
    CU_ASSERT_EQUAL(bly_metadata_append(copy, copy), BELAY_OK); /* to itself: once more */
    CU_ASSERT_EQUAL(belay_metadata_count(copy), 4);
    CU_ASSERT_TRUE(is_text(belay_metadata_at(copy, 3), "b", "2"));
    belay_metadata_free(copy);
    belay_metadata_free(to);
}

static bool
is_sent_as(belay_metadata *metadata, const char *key, const char *value, size_t value_size,
           const char *wanted)
{
    size_t size = 77;
    if (belay_metadata_add(metadata, key, value, value_size) != BELAY_OK)
        return false;
    const belay_metadata_entry *entry = belay_metadata_get(metadata, key);
    char *buffer = bly_metadata_is_binary(entry) ? malloc(BLY_BASE64_ENCODED_SIZE(value_size)) : NULL;
    const char *sent = bly_metadata_wire_value(entry, buffer, &size);
    bool same = size == strlen(wanted) && memcmp(sent, wanted, size) == 0;
    free(buffer);
    return same;
}

static void
test_values_are_sent_as_http_allows(void)
{
    belay_metadata *metadata = new_list();
    CU_ASSERT_TRUE(is_sent_as(metadata, "a", "plain, text", 11, "plain, text"));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a", "", 0, ""));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a", "  two words ", 12, "two words"));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a", "   ", 3, ""));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a-bin", "", 0, ""));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a-bin", "f", 1, "Zg"));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a-bin", " f ", 3, "IGYg"));
    CU_ASSERT_TRUE(is_sent_as(metadata, "a-bin", "\0\xff\xfe", 3, "AP/+"));
    CU_ASSERT_FALSE(bly_metadata_is_binary(belay_metadata_get(metadata, "a")));
    CU_ASSERT_TRUE(bly_metadata_is_binary(belay_metadata_get(metadata, "a-bin")));
    belay_metadata_free(metadata);
}

static void
test_random_headers_are_taken_or_refused(void)
{
    uint64_t random = 10;
    int counts[2] = { 0, 0 };
    for (int i = 0; i < 20000; i++) {
        belay_metadata *metadata = new_list();
        for (int k = 0; k < 3; k++) {
            size_t size;
            size_t before = belay_metadata_count(metadata);
            char *value = random_text(&random, "ABab01+/==,, ", 16, &size);
            belay_code code = bly_metadata_add_wire(metadata, "x-bin", 5, value, size);
            if ((code == BELAY_OK) != (belay_metadata_count(metadata) > before))
                CU_FAIL("the list does not say what the code says");
            counts[code != BELAY_OK]++;
            free(value);
        }
        belay_metadata_free(metadata);
    }
    CU_ASSERT_TRUE(counts[0] > 0 && counts[1] > 0);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "order_and_duplicates_are_kept", test_order_and_duplicates_are_kept },
        { "last_value_of_a_key_is_found", test_last_value_of_a_key_is_found },
        { "no_list_is_an_empty_one", test_no_list_is_an_empty_one },
        { "keys_and_values_are_copies", test_keys_and_values_are_copies },
        { "keys_that_can_be_sent_are_taken", test_keys_that_can_be_sent_are_taken },
        { "keys_that_cannot_be_sent_are_refused", test_keys_that_cannot_be_sent_are_refused },
        { "text_values_are_printable_and_binary_ones_anything",
          test_text_values_are_printable_and_binary_ones_anything },
        { "empty_values_are_values", test_empty_values_are_values },
        { "odd_text_from_the_wire_is_kept", test_odd_text_from_the_wire_is_kept },
        { "binary_values_are_decoded_and_split_on_commas",
          test_binary_values_are_decoded_and_split_on_commas },
        { "bad_base64_leaves_the_list_unchanged", test_bad_base64_leaves_the_list_unchanged },
        { "one_header_gives_a_bounded_number_of_values", test_one_header_gives_a_bounded_number_of_values },
        { "reserved_names_never_reach_a_program", test_reserved_names_never_reach_a_program },
        { "copies_and_appended_lists_stand_alone", test_copies_and_appended_lists_stand_alone },
        { "values_are_sent_as_http_allows", test_values_are_sent_as_http_allows },
        { "random_headers_are_taken_or_refused", test_random_headers_are_taken_or_refused },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/metadata", tests, argc, argv);
}
