/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include <stdio.h>

#include "support/suite.h"
#include "wire/random.h"

#define LIMIT (4 * 1024 * 1024)

/* A reader and what came out of it. */
struct desk {
    bly_frame_reader reader;
    bly_bytes_queue complete;
};

static void
desk_init(struct desk *desk, uint32_t limit)
{
    bly_frame_reader_init(&desk->reader, limit);
    bly_bytes_queue_init(&desk->complete);
}

static void
desk_fini(struct desk *desk)
{
    bly_frame_reader_fini(&desk->reader);
    bly_bytes_queue_clear(&desk->complete);
}

/* Feeds a copy of exactly that size, so that reading past it is noticed. */
static bly_frame_error
feed(struct desk *desk, const void *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    bly_frame_error error = bly_frame_reader_feed(&desk->reader, exact, size, &desk->complete);
    free(exact);
    return error;
}

static bool
gives(struct desk *desk, const void *data, size_t size)
{
    bly_bytes *message = bly_bytes_queue_pop(&desk->complete);
    bool same = message && message->size == size && memcmp(message->data, data, size) == 0;
    bly_bytes_free(message);
    return same;
}

static bool
gives_nothing(struct desk *desk)
{
    return desk->complete.first == NULL;
}

static const char three[] = "\0\0\0\0\x05" "hello" "\0\0\0\0\0" "\0\0\0\0\x02" "\0\xff";
#define THREE_SIZE (sizeof three - 1)
static const size_t three_ends[] = { 10, 15, 22 };

static bool
gives_three(struct desk *desk)
{
    return gives(desk, "hello", 5) && gives(desk, "", 0) && gives(desk, "\0\xff", 2) && gives_nothing(desk);
}

static void
test_prefix_is_flag_and_length(void)
{
    uint8_t prefix[BLY_FRAME_PREFIX];
    bly_frame_prefix(prefix, false, 0);
    CU_ASSERT_EQUAL(memcmp(prefix, "\0\0\0\0\0", 5), 0);
    bly_frame_prefix(prefix, true, 0x01020304);
    CU_ASSERT_EQUAL(memcmp(prefix, "\x01\x01\x02\x03\x04", 5), 0);
    bly_frame_prefix(prefix, false, UINT32_MAX);
    CU_ASSERT_EQUAL(memcmp(prefix, "\0\xff\xff\xff\xff", 5), 0);
}

static void
test_messages_come_whole_from_every_split_in_three(void)
{
    for (size_t first = 0; first <= THREE_SIZE; first++) {
        for (size_t second = first; second <= THREE_SIZE; second++) {
            struct desk desk;
            desk_init(&desk, LIMIT);
            CU_ASSERT_EQUAL(feed(&desk, three, first), BLY_FRAME_OK);
            CU_ASSERT_EQUAL(feed(&desk, three + first, second - first), BLY_FRAME_OK);
            CU_ASSERT_EQUAL(feed(&desk, three + second, THREE_SIZE - second), BLY_FRAME_OK);
            CU_ASSERT_TRUE(bly_frame_reader_is_between(&desk.reader));
            CU_ASSERT_TRUE(gives_three(&desk));
            desk_fini(&desk);
        }
    }
}

static size_t
count_complete(const struct desk *desk)
{
    size_t count = 0;
    for (const bly_bytes *message = desk->complete.first; message; message = message->next)
        count++;
    return count;
}

static void
test_messages_come_with_their_last_byte(void)
{
    struct desk desk;
    size_t wanted = 0;
    desk_init(&desk, LIMIT);
    for (size_t i = 0; i < THREE_SIZE; i++) {
        CU_ASSERT_EQUAL(feed(&desk, three + i, 1), BLY_FRAME_OK);
        wanted += i + 1 == three_ends[wanted];
        CU_ASSERT_EQUAL(count_complete(&desk), wanted);
    }
    CU_ASSERT_TRUE(gives_three(&desk));
    desk_fini(&desk);
}

static void
test_reader_tells_what_is_missing(void)
{
    struct desk desk;
    desk_init(&desk, LIMIT);
    CU_ASSERT_TRUE(bly_frame_reader_is_between(&desk.reader));
    CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), 0);
    for (size_t i = 1; i < BLY_FRAME_PREFIX; i++) {
        feed(&desk, "\0", 1);
        CU_ASSERT_FALSE(bly_frame_reader_is_between(&desk.reader));
        CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), BLY_FRAME_PREFIX - i);
    }
    feed(&desk, "\x04", 1);
    CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), 4);
    feed(&desk, "abc", 3);
    CU_ASSERT_FALSE(bly_frame_reader_is_between(&desk.reader));
    CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), 1);
    CU_ASSERT_TRUE(gives_nothing(&desk));
    feed(&desk, "d", 1);
    CU_ASSERT_TRUE(bly_frame_reader_is_between(&desk.reader));
    CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), 0);
    CU_ASSERT_TRUE(gives(&desk, "abcd", 4));
    desk_fini(&desk);
}

static void
test_message_at_the_limit_is_taken_and_one_above_refused_by_its_prefix(void)
{
    struct desk desk;
    desk_init(&desk, 4);
    CU_ASSERT_EQUAL(feed(&desk, "\0\0\0\0\x04" "abcd", 9), BLY_FRAME_OK);
    CU_ASSERT_TRUE(gives(&desk, "abcd", 4));
    CU_ASSERT_EQUAL(feed(&desk, "\0\0\0\0", 4), BLY_FRAME_OK);
    CU_ASSERT_EQUAL(feed(&desk, "\x05", 1), BLY_FRAME_TOO_LARGE);
    CU_ASSERT_EQUAL(desk.reader.announced, 5);
    CU_ASSERT_FALSE(bly_frame_reader_is_between(&desk.reader));
    desk_fini(&desk);

    desk_init(&desk, LIMIT);
    CU_ASSERT_EQUAL(feed(&desk, "\0\xff\xff\xff\xff", 5), BLY_FRAME_TOO_LARGE);
    CU_ASSERT_EQUAL(desk.reader.announced, UINT32_MAX);
    desk_fini(&desk);

    desk_init(&desk, 0);
    CU_ASSERT_EQUAL(feed(&desk, "\0\0\0\0\0" "\0\0\0\0\x01", 10), BLY_FRAME_TOO_LARGE);
    CU_ASSERT_TRUE(gives(&desk, "", 0));
    desk_fini(&desk);
}

static void
test_flags_are_judged_by_the_prefix(void)
{
    struct desk desk;
    desk_init(&desk, LIMIT);
    CU_ASSERT_EQUAL(feed(&desk, "\x01\0\0\0", 4), BLY_FRAME_OK);
    CU_ASSERT_EQUAL(feed(&desk, "\x03", 1), BLY_FRAME_COMPRESSED);
    desk_fini(&desk);
    static const uint8_t flags[] = { 2, 3, 0x80, 0xff };
    for (size_t i = 0; i < sizeof flags; i++) {
        uint8_t prefix[BLY_FRAME_PREFIX] = { flags[i], 0, 0, 0, 1 };
        desk_init(&desk, LIMIT);
        CU_ASSERT_EQUAL(feed(&desk, prefix, sizeof prefix), BLY_FRAME_BAD_FLAG);
        desk_fini(&desk);
    }
}

/* With an encoding: they come as they are, however they are cut, and say which they are. */
static void
test_compressed_messages_are_told_from_others(void)
{
    static const char data[] = "\x01\0\0\0\x02" "zz" "\0\0\0\0\x01" "p" "\x01\0\0\0\0";
    struct desk desk;
    desk_init(&desk, LIMIT);
    desk.reader.has_encoding = true;
    for (size_t i = 0; i < sizeof data - 1; i++)
        CU_ASSERT_EQUAL(feed(&desk, data + i, 1), BLY_FRAME_OK);
    CU_ASSERT_EQUAL_FATAL(count_complete(&desk), 3);
    const bly_bytes *message = desk.complete.first;
    CU_ASSERT_TRUE(message->compressed);
    CU_ASSERT_FALSE(message->next->compressed);
    CU_ASSERT_TRUE(message->next->next->compressed);
    CU_ASSERT_TRUE(gives(&desk, "zz", 2) && gives(&desk, "p", 1) && gives(&desk, "", 0));
    CU_ASSERT_EQUAL(feed(&desk, "\x02\0\0\0\0", 5), BLY_FRAME_BAD_FLAG);
    desk_fini(&desk);
}

static void
test_nothing_is_taken_after_an_error(void)
{
    struct desk desk;
    desk_init(&desk, LIMIT);
    CU_ASSERT_EQUAL(feed(&desk, "\0\0\0\0\x01" "a" "\x07\0\0\0\x01" "\0\0\0\0\x01" "b", 17),
                    BLY_FRAME_BAD_FLAG);
    CU_ASSERT_EQUAL(feed(&desk, "\0\0\0\0\x01" "c", 6), BLY_FRAME_BAD_FLAG);
    CU_ASSERT_EQUAL(feed(&desk, "", 0), BLY_FRAME_BAD_FLAG);
    CU_ASSERT_TRUE(gives(&desk, "a", 1)); /* what was complete before stays */
    CU_ASSERT_TRUE(gives_nothing(&desk));
    desk_fini(&desk);
}

#define FIRST_ALLOCATION (2 * 1024 * 1024)

static void
test_room_beyond_the_first_two_mebibytes_is_made_as_bytes_come(void)
{
    struct desk desk;
    static uint8_t piece[4096];
    desk_init(&desk, 4 * LIMIT);
    CU_ASSERT_EQUAL(feed(&desk, "\0\x01\0\0\0", 5), BLY_FRAME_OK); /* 16 MiB */
    CU_ASSERT_EQUAL(bly_frame_reader_rest(&desk.reader), 4 * LIMIT);
    for (size_t come = 0; come < 4 * LIMIT; come += sizeof piece) {
        size_t reserved = desk.reader.message->size;
        CU_ASSERT_TRUE(reserved <= FIRST_ALLOCATION || reserved <= 2 * come);
        CU_ASSERT_EQUAL(feed(&desk, piece, sizeof piece), BLY_FRAME_OK);
    }
    CU_ASSERT_TRUE(bly_frame_reader_is_between(&desk.reader));
    CU_ASSERT_EQUAL(desk.complete.total, 4 * LIMIT);
    desk_fini(&desk);
}

/* Resident pages, where the system tells; allocators of sanitizers touch what they give. */
static long
resident_pages(void)
{
    long size = 0;
    long resident = 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
#endif
    return resident;
}

static void
test_announcements_that_are_not_kept_cost_no_memory(void)
{
    enum { DESKS = 100 };
    struct desk desks[DESKS];
    long before = resident_pages();
    for (int i = 0; i < DESKS; i++) {
        desk_init(&desks[i], LIMIT);
        CU_ASSERT_EQUAL(feed(&desks[i], "\0\0\x40\0\0" "x", 6), BLY_FRAME_OK); /* 4 MiB, and one byte of it */
    }
    CU_ASSERT_TRUE(resident_pages() - before <= 5 * DESKS);
    for (int i = 0; i < DESKS; i++)
        desk_fini(&desks[i]);
}

static void
test_message_up_to_two_mebibytes_is_one_exact_allocation(void)
{
    static const size_t sizes[] = {1, 0xffff, 1024 * 1024 + 4, FIRST_ALLOCATION};
    static uint8_t bytes[FIRST_ALLOCATION];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct desk desk;
        uint8_t prefix[BLY_FRAME_PREFIX];
        desk_init(&desk, LIMIT);
        bly_frame_prefix(prefix, false, (uint32_t)sizes[i]);
        CU_ASSERT_EQUAL(feed(&desk, prefix, sizeof prefix), BLY_FRAME_OK);
        bly_bytes *reserved = desk.reader.message;
        CU_ASSERT_EQUAL(reserved->size, sizes[i]);
        for (size_t at = 0; at < sizes[i]; at += 1000)
            feed(&desk, bytes, sizes[i] - at < 1000 ? sizes[i] - at : 1000);
        CU_ASSERT_PTR_EQUAL(desk.complete.first, reserved);
        desk_fini(&desk);
    }
}

static void
test_unfinished_message_is_freed_with_the_reader(void)
{
    struct desk desk;
    desk_init(&desk, LIMIT);
    feed(&desk, "\0\0\0\0\x09" "abc", 8);
    desk_fini(&desk); /* the leak checker looks */
    CU_ASSERT_PTR_NULL(desk.reader.message);
}

/* Writes random messages one behind the other; returns their size. */
static size_t
write_messages(uint64_t *random, uint8_t *stream, const size_t *sizes, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        bly_frame_prefix(stream + at, false, (uint32_t)sizes[i]);
        at += BLY_FRAME_PREFIX;
        for (size_t k = 0; k < sizes[i]; k++)
            stream[at++] = (uint8_t)random_next(random);
    }
    return at;
}

static void
test_random_messages_come_back_from_random_pieces(void)
{
    enum { COUNT = 6, LARGEST = 300000 };
    uint64_t random = 8;
    uint8_t *stream = malloc(COUNT * (LARGEST + BLY_FRAME_PREFIX));
    for (int round = 0; round < 20; round++) {
        size_t sizes[COUNT];
        struct desk desk;
        desk_init(&desk, LARGEST);
        for (size_t i = 0; i < COUNT; i++)
            sizes[i] = (random_next(&random) % LARGEST) >> random_next(&random) % 19;
        size_t size = write_messages(&random, stream, sizes, COUNT);
        for (size_t at = 0; at < size;) {
            size_t piece = 1 + random_next(&random) % 16384;
            piece = piece < size - at ? piece : size - at;
            CU_ASSERT_EQUAL_FATAL(feed(&desk, stream + at, piece), BLY_FRAME_OK);
            at += piece;
        }
        for (size_t i = 0, at = 0; i < COUNT; at += BLY_FRAME_PREFIX + sizes[i++])
            CU_ASSERT_TRUE(gives(&desk, stream + at + BLY_FRAME_PREFIX, sizes[i]));
        CU_ASSERT_TRUE(gives_nothing(&desk) && bly_frame_reader_is_between(&desk.reader));
        desk_fini(&desk);
    }
    free(stream);
}

static void
test_random_bytes_give_messages_or_an_error(void)
{
    uint64_t random = 9;
    int errors[BLY_FRAME_NO_MEMORY + 1] = { 0 };
    for (int i = 0; i < 20000; i++) {
        struct desk desk;
        bly_frame_error error = BLY_FRAME_OK;
        desk_init(&desk, 0x2000000);
        for (int piece = 0; piece < 4; piece++) {
            size_t size;
            char *text = random_text(&random, "\x01\x02", 12, &size);
            for (size_t k = 0; k < size; k++)
                text[k] = random_next(&random) % 4 ? 0 : text[k];
            bly_frame_error again = feed(&desk, text, size);
            if (error != BLY_FRAME_OK && again != error)
                CU_FAIL("an error was forgotten");
            error = again;
            free(text);
        }
        errors[error]++;
        desk_fini(&desk);
    }
    for (int error = BLY_FRAME_OK; error < BLY_FRAME_NO_MEMORY; error++)
        CU_ASSERT_TRUE(errors[error] > 0); /* the input reaches all of them */
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "prefix_is_flag_and_length", test_prefix_is_flag_and_length },
        { "messages_come_whole_from_every_split_in_three",
          test_messages_come_whole_from_every_split_in_three },
        { "messages_come_with_their_last_byte", test_messages_come_with_their_last_byte },
        { "reader_tells_what_is_missing", test_reader_tells_what_is_missing },
        { "message_at_the_limit_is_taken_and_one_above_refused_by_its_prefix",
          test_message_at_the_limit_is_taken_and_one_above_refused_by_its_prefix },
        { "flags_are_judged_by_the_prefix", test_flags_are_judged_by_the_prefix },
        { "compressed_messages_are_told_from_others", test_compressed_messages_are_told_from_others },
        { "nothing_is_taken_after_an_error", test_nothing_is_taken_after_an_error },
        { "room_beyond_the_first_two_mebibytes_is_made_as_bytes_come",
          test_room_beyond_the_first_two_mebibytes_is_made_as_bytes_come },
        { "announcements_that_are_not_kept_cost_no_memory",
          test_announcements_that_are_not_kept_cost_no_memory },
        { "message_up_to_two_mebibytes_is_one_exact_allocation",
          test_message_up_to_two_mebibytes_is_one_exact_allocation },
        { "unfinished_message_is_freed_with_the_reader", test_unfinished_message_is_freed_with_the_reader },
        { "random_messages_come_back_from_random_pieces", test_random_messages_come_back_from_random_pieces },
        { "random_bytes_give_messages_or_an_error", test_random_bytes_give_messages_or_an_error },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/frame", tests, argc, argv);
}
