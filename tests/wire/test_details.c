/* SPDX-License-Identifier: MIT */
#include "wire/details.h"

#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "wire/details.pb-c.h"
#include "wire/metadata.h"
#include "wire/random.h"
#include "wire/status.h"

#define URL "type.googleapis.com/belay.wire.Any"

/* A status that came with these details, in a way that suits the test. */
static belay_status *
status_with(const void *bytes, size_t size, bly_arena *arena)
{
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(trailers);
    CU_ASSERT_EQUAL(bly_metadata_add_unchecked(trailers, BLY_DETAILS_KEY, bytes, size), BELAY_OK);
    belay_status *status = bly_status_new(BELAY_NOT_FOUND, NULL, trailers, false, arena);
    CU_ASSERT_PTR_NOT_NULL_FATAL(status);
    return status;
}

/* What is gathered and packed comes out again; the bytes are those of google.rpc.Status. */
static void
test_details_are_a_google_rpc_status(void)
{
    static const char packed[] = "\x08\x05\x12\x05words\x1a\x28\x0a\x22" URL "\x12\x02hi\x1a\x05\x0a\x03x/y";
    bly_arena arena;
    bly_details *details = NULL;
    bly_arena_init(&arena);
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, URL, "hi", 2), BELAY_OK);
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", "", 0), BELAY_OK);
    CU_ASSERT_EQUAL(bly_details_pack(details, BELAY_NOT_FOUND, "words", trailers), BELAY_OK);
    const belay_metadata_entry *entry = belay_metadata_get(trailers, BLY_DETAILS_KEY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_EQUAL_FATAL(entry->value_size, sizeof packed - 1);
    CU_ASSERT_EQUAL(memcmp(entry->value, packed, sizeof packed - 1), 0);

    belay_status *status = bly_status_new(BELAY_NOT_FOUND, NULL, trailers, false, NULL);
    belay_detail detail;
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 2);
    CU_ASSERT_EQUAL_FATAL(belay_status_detail_at(status, 0, &detail), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(detail.type_url, URL);
    CU_ASSERT_EQUAL_FATAL(detail.value_size, 2);
    CU_ASSERT_EQUAL(memcmp(detail.value, "hi", 2), 0);
    CU_ASSERT_EQUAL_FATAL(belay_status_detail_at(status, 1, &detail), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(detail.type_url, "x/y");
    CU_ASSERT_EQUAL(detail.value_size, 0);
    CU_ASSERT_EQUAL(belay_status_detail_at(status, 2, &detail), BELAY_NOT_FOUND);
    CU_ASSERT_EQUAL(belay_status_detail_at(status, 0, NULL), BELAY_INVALID_ARGUMENT);
    belay_status_free(status);
    bly_arena_fini(&arena);
}

static void
test_message_that_is_no_utf_8_is_made_so(void)
{
    bly_arena arena;
    bly_details *details = NULL;
    bly_arena_init(&arena);
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", "", 0), BELAY_OK);
    CU_ASSERT_EQUAL(bly_details_pack(details, BELAY_ABORTED, "caf\xe9", trailers), BELAY_OK);
    const belay_metadata_entry *entry = belay_metadata_get(trailers, BLY_DETAILS_KEY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_EQUAL(memcmp(entry->value, "\x08\x0a\x12\x06" "caf\xef\xbf\xbd", 10), 0);
    belay_metadata_free(trailers);
    bly_arena_fini(&arena);
}

/* The whole of it stands in grpc-message, if anywhere. */
static void
test_message_is_cut_between_characters(void)
{
    enum { CHARACTERS = BLY_DETAILS_LIMIT }; /* of two bytes, behind one of one */
    static char message[1 + 2 * CHARACTERS + 1] = "x";
    bly_arena arena;
    bly_details *details = NULL;
    bly_arena_init(&arena);
    for (size_t i = 1; i < sizeof message - 1; i += 2)
        memcpy(message + i, "\xc3\xa9", 2);
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", "", 0), BELAY_OK);
    CU_ASSERT_EQUAL(bly_details_pack(details, BELAY_ABORTED, message, trailers), BELAY_OK);
    const belay_metadata_entry *entry = belay_metadata_get(trailers, BLY_DETAILS_KEY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_TRUE(entry->value_size > BLY_DETAILS_LIMIT && entry->value_size < BLY_DETAILS_LIMIT + 32);
    CU_ASSERT_EQUAL(memcmp(entry->value + 5, message, BLY_DETAILS_LIMIT - 1), 0);
    CU_ASSERT_EQUAL(entry->value[5 + BLY_DETAILS_LIMIT - 1], 0x1a); /* the first detail */
    belay_metadata_free(trailers);
    bly_arena_fini(&arena);
}

static void
test_details_are_kept_below_what_peers_take(void)
{
    static const char much[BLY_DETAILS_LIMIT];
    bly_arena arena;
    bly_details *details = NULL;
    bly_arena_init(&arena);
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", much, sizeof much), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", much, sizeof much - 100), BELAY_OK);
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", much, 100), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(bly_details_add(&details, &arena, "x/y", much, SIZE_MAX), BELAY_RESOURCE_EXHAUSTED);
    int count = 1;
    while (bly_details_add(&details, &arena, "x/y", "", 0) == BELAY_OK)
        count++;
    belay_metadata *trailers = belay_metadata_new();
    CU_ASSERT_EQUAL(bly_details_pack(details, BELAY_ABORTED, NULL, trailers), BELAY_OK);
    const belay_metadata_entry *entry = belay_metadata_get(trailers, BLY_DETAILS_KEY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_TRUE(entry->value_size <= BLY_DETAILS_LIMIT);
    belay_status *status = bly_status_new(BELAY_ABORTED, NULL, trailers, false, NULL);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), (size_t)count);
    belay_status_free(status);
    bly_arena_fini(&arena);
}

static void
test_no_details_are_none(void)
{
    belay_detail detail;
    CU_ASSERT_EQUAL(belay_status_detail_count(NULL), 0);
    CU_ASSERT_EQUAL(belay_status_detail_at(NULL, 0, &detail), BELAY_NOT_FOUND);
    belay_status *status = bly_status_new(BELAY_ABORTED, NULL, NULL, false, NULL);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
    CU_ASSERT_EQUAL(belay_status_detail_at(status, 0, &detail), BELAY_NOT_FOUND);
    belay_status_free(status);
}

/* No message, a message cut short, and more than one: none of them says anything. */
static void
test_details_that_cannot_be_read_are_none(void)
{
    static const char *const bytes[] = {"\xff\xff", "\x1a\x28\x0a", "\x08"};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        belay_status *status = status_with(bytes[i], strlen(bytes[i]), NULL);
        CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
        CU_ASSERT_FALSE(bly_details_contradict(belay_status_trailers(status), BELAY_NOT_FOUND));
        belay_status_free(status);
    }
    belay_status *status = status_with("\x08\x05\x1a\x05\x0a\x03x/y", 9, NULL);
    CU_ASSERT_EQUAL(bly_metadata_add_unchecked(status->trailers, BLY_DETAILS_KEY, "\x08\x06", 2), BELAY_OK);
    CU_ASSERT_EQUAL(belay_status_detail_count(status), 0);
    CU_ASSERT_FALSE(bly_details_contradict(belay_status_trailers(status), BELAY_ABORTED));
    belay_status_free(status);
}

static void
test_details_of_another_code_contradict(void)
{
    belay_status *status = status_with("\x08\x05", 2, NULL);
    CU_ASSERT_FALSE(bly_details_contradict(belay_status_trailers(status), BELAY_NOT_FOUND));
    CU_ASSERT_TRUE(bly_details_contradict(belay_status_trailers(status), BELAY_ABORTED));
    CU_ASSERT_TRUE(bly_details_contradict(belay_status_trailers(status), BELAY_OK));
    CU_ASSERT_FALSE(bly_details_contradict(NULL, BELAY_OK));
    belay_status_free(status);
}

static void
test_details_in_an_arena_go_with_it(void)
{
    bly_arena arena;
    belay_detail detail;
    bly_arena_init(&arena);
    belay_status *status = status_with("\x08\x05\x1a\x05\x0a\x03x/y", 9, &arena);
    CU_ASSERT_EQUAL(belay_status_detail_at(status, 0, &detail), BELAY_OK);
    belay_status_free(status); /* early: does nothing */
    CU_ASSERT_STRING_EQUAL(detail.type_url, "x/y");
    bly_arena_fini(&arena); /* the leak checker looks for the details */
}

static void
test_details_are_unpacked_by_their_type(void)
{
    static const char bytes[] = "\x0a\x03one\x12\x03two";
    const ProtobufCMessageDescriptor *type = &belay__wire__any__descriptor;
    belay_detail detail = {URL, bytes, sizeof bytes - 1};
    ProtobufCMessage *message = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_detail_unpack(&detail, type, NULL, &message), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(((Belay__Wire__Any *)message)->type_url, "one");
    protobuf_c_message_free_unpacked(message, NULL);
    message = NULL;
    CU_ASSERT_EQUAL(belay_detail_unpack(&detail, &belay__wire__status__descriptor, NULL, &message), BELAY_NOT_FOUND);
    detail.value_size--;
    CU_ASSERT_EQUAL(belay_detail_unpack(&detail, type, NULL, &message), BELAY_INTERNAL);
    CU_ASSERT_EQUAL(belay_detail_unpack(NULL, type, NULL, &message), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(message);
}

static void
test_types_are_what_follows_the_last_slash(void)
{
    static const struct {
        const char *url;
        bool is;
    } table[] = {
        {URL, true},
        {"a/b/belay.wire.Any", true},
        {"/belay.wire.Any", true},
        {"belay.wire.Any", false},
        {"type.googleapis.com/belay.wire.An", false},
        {"type.googleapis.com/belay.wire.Any ", false},
        {"type.googleapis.com/x.belay.wire.Any", false},
        {"", false},
        {NULL, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        belay_detail detail = {table[i].url, "", 0};
        CU_ASSERT_EQUAL(belay_detail_is(&detail, &belay__wire__any__descriptor), table[i].is);
    }
    CU_ASSERT_FALSE(belay_detail_is(NULL, &belay__wire__any__descriptor));
}

static void
test_random_details_are_read_or_not(void)
{
    uint64_t state = 7;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[48] = {0x08, 0x05, 0x1a};
        size_t size = random_next(&state) % (sizeof bytes + 1);
        for (size_t i = random_next(&state) % 4; i < size; i++)
            bytes[i] = (uint8_t)(random_next(&state) % 40);
        belay_status *status = status_with(bytes, size, NULL);
        belay_detail detail;
        for (size_t i = belay_status_detail_count(status); i-- > 0;)
            CU_ASSERT_EQUAL(belay_status_detail_at(status, i, &detail), BELAY_OK);
        belay_status_free(status);
    }
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_details_are_a_google_rpc_status),
        TEST(test_message_that_is_no_utf_8_is_made_so),
        TEST(test_message_is_cut_between_characters),
        TEST(test_details_are_kept_below_what_peers_take),
        TEST(test_no_details_are_none),
        TEST(test_details_that_cannot_be_read_are_none),
        TEST(test_details_of_another_code_contradict),
        TEST(test_details_in_an_arena_go_with_it),
        TEST(test_details_are_unpacked_by_their_type),
        TEST(test_types_are_what_follows_the_last_slash),
        TEST(test_random_details_are_read_or_not),
        CU_TEST_INFO_NULL,
    };
    return suite_run("details", tests, argc, argv);
}
