/* SPDX-License-Identifier: MIT */
/*
 * The pieces of one write, however little of them the kernel takes at a time.
 */
#include "h2/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

#define MOST 20000

typedef struct desk {
    bly_h2_pieces pieces;
    struct iovec list[BLY_H2_MAX_PIECES];
    uint8_t *buffer;
    uint8_t expected[MOST];
    size_t size;
    uint8_t got[MOST];
    size_t taken;
} desk;

static desk *
desk_new(void)
{
    desk *made = calloc(1, sizeof *made);
    made->buffer = malloc(BLY_LOOP_BUFFER_SIZE);
    bly_h2_pieces_init(&made->pieces);
    bly_h2_pieces_begin(&made->pieces, made->buffer, made->list);
    return made;
}

static void
desk_free(desk *used)
{
    bly_h2_pieces_fini(&used->pieces);
    free(used->buffer);
    free(used);
}

/* Writes down what is to come out. */
static void
expect(desk *used, const uint8_t *data, size_t size)
{
    memcpy(used->expected + used->size, data, size);
    used->size += size;
}

static void
add_copy(desk *used, size_t size)
{
    uint8_t data[100];
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(used->size + i);
    expect(used, data, size);
    bly_h2_pieces_copy(&used->pieces, data, size);
}

static bly_bytes *
add_large(desk *used, size_t size)
{
    bly_bytes *message = bly_bytes_new(size);
    for (size_t i = 0; i < size; i++)
        message->data[i] = (uint8_t)((used->size + i) * 7 / 3);
    expect(used, message->data, size);
    bly_h2_pieces_refer(&used->pieces, message->data, size);
    bly_h2_pieces_hold(&used->pieces, message);
    return message;
}

/* Headers and messages as they come, and two messages with nothing between them. */
static void
fill(desk *used)
{
    add_copy(used, 30);
    add_copy(used, 9);
    add_large(used, 5000);
    add_copy(used, 9);
    add_large(used, 4096);
    add_large(used, 4097);
    add_copy(used, 1);
    bly_h2_pieces_end(&used->pieces);
}

/* A kernel that takes so many bytes. */
static bool
take(desk *used, size_t size)
{
    size_t left = size;
    for (size_t i = 0; i < used->pieces.count && left > 0; i++) {
        size_t part = used->pieces.list[i].iov_len < left ? used->pieces.list[i].iov_len : left;
        memcpy(used->got + used->taken, used->pieces.list[i].iov_base, part);
        used->taken += part;
        left -= part;
    }
    CU_ASSERT_EQUAL(left, 0);
    return bly_h2_pieces_written(&used->pieces, size);
}

/* What was lent is another's now. */
static void
take_back(desk *used)
{
    memset(used->buffer, 0xee, BLY_LOOP_BUFFER_SIZE);
    memset(used->list, 0xee, sizeof used->list);
}

static bool
has_all(const desk *used)
{
    return used->taken == used->size && memcmp(used->got, used->expected, used->size) == 0;
}

/* ---- the tests ---- */

static void
test_one_write_takes_all_in_order(void)
{
    desk *used = desk_new();
    fill(used);
    CU_ASSERT_EQUAL(used->pieces.size, used->size);
    CU_ASSERT_EQUAL(used->pieces.count, 6);
    CU_ASSERT_TRUE(take(used, used->size));
    CU_ASSERT_EQUAL(used->pieces.count, 0);
    CU_ASSERT_FALSE(bly_h2_pieces_has_rest(&used->pieces));
    CU_ASSERT_TRUE(has_all(used));
    desk_free(used);
}

static void
test_rest_is_whole_wherever_a_write_ends(void)
{
    for (size_t first = 0;; first++) {
        desk *used = desk_new();
        fill(used);
        if (first == used->size) {
            desk_free(used);
            return;
        }
        bool kept = take(used, first);
        take_back(used);
        kept &= bly_h2_pieces_has_rest(&used->pieces);
        kept &= take(used, (used->size - first) / 2);
        kept &= take(used, used->size - used->taken);
        if (!kept || !has_all(used) || bly_h2_pieces_has_rest(&used->pieces))
            CU_FAIL("bytes were lost");
        desk_free(used);
    }
}

static void
test_rest_leaves_byte_by_byte(void)
{
    desk *used = desk_new();
    fill(used);
    CU_ASSERT_TRUE(take(used, 0));
    take_back(used);
    while (used->taken < used->size)
        take(used, 1);
    CU_ASSERT_TRUE(has_all(used));
    CU_ASSERT_FALSE(bly_h2_pieces_has_rest(&used->pieces));
    desk_free(used);
}

static void
test_messages_are_not_copied_and_go_with_the_last_byte(void)
{
    desk *used = desk_new();
    add_copy(used, 9);
    const bly_bytes *message = add_large(used, 5000);
    add_copy(used, 9);
    bly_h2_pieces_end(&used->pieces);
    take(used, 9 + 1000);
    CU_ASSERT_PTR_EQUAL(used->pieces.list[0].iov_base, message->data + 1000);
    take(used, 4000 + 8);
    CU_ASSERT_PTR_EQUAL(used->pieces.held.first, message);
    take(used, 1);
    CU_ASSERT_PTR_NULL(used->pieces.held.first);
    CU_ASSERT_TRUE(has_all(used));
    desk_free(used);
}

static void
test_rest_that_never_leaves_is_freed(void)
{
    desk *used = desk_new();
    fill(used);
    take(used, 3000);
    desk_free(used); /* the leak checker looks */
}

static void
test_next_write_begins_where_the_last_ended(void)
{
    desk *used = desk_new();
    fill(used);
    take(used, 100);
    take(used, used->size - 100);
    bly_h2_pieces_begin(&used->pieces, used->buffer, used->list);
    CU_ASSERT_EQUAL(bly_h2_pieces_room(&used->pieces), BLY_LOOP_BUFFER_SIZE);
    add_copy(used, 50);
    bly_h2_pieces_end(&used->pieces);
    CU_ASSERT_EQUAL(used->pieces.size, 50);
    CU_ASSERT_TRUE(take(used, 50));
    CU_ASSERT_TRUE(has_all(used));
    desk_free(used);
}

static const CU_TestInfo tests[] = {
    {"one write takes all in order", test_one_write_takes_all_in_order},
    {"rest is whole wherever a write ends", test_rest_is_whole_wherever_a_write_ends},
    {"rest leaves byte by byte", test_rest_leaves_byte_by_byte},
    {"messages are not copied and go with the last byte", test_messages_are_not_copied_and_go_with_the_last_byte},
    {"rest that never leaves is freed", test_rest_that_never_leaves_is_freed},
    {"next write begins where the last ended", test_next_write_begins_where_the_last_ended},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/pieces", tests, argc, argv);
}
