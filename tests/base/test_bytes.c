/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include <string.h>

#include "support/suite.h"

static bly_bytes *
bytes_with(const char *text)
{
    bly_bytes *bytes = bly_bytes_new(strlen(text));
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes->data, text, bytes->size);
    return bytes;
}

/* Takes the first one out and frees it; true when it says `text`. */
static bool
pops(bly_bytes_queue *queue, const char *text)
{
    bly_bytes *bytes = bly_bytes_queue_pop(queue);
    bool same = bytes && !bytes->next && bytes->size == strlen(text)
                && memcmp(bytes->data, text, bytes->size) == 0;
    bly_bytes_free(bytes);
    return same;
}

static void
test_bytes_know_their_size(void)
{
    for (size_t size = 0; size < 70; size++) {
        bly_bytes *bytes = bly_bytes_new(size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
        CU_ASSERT_EQUAL(bytes->size, size);
        CU_ASSERT_PTR_NULL(bytes->next);
        memset(bytes->data, 1, size);
        bly_bytes_free(bytes);
    }
    bly_bytes_free(NULL);
}

static void
test_size_beyond_memory_is_refused(void)
{
    bly_bytes *bytes = bytes_with("kept");
    CU_ASSERT_PTR_NULL(bly_bytes_new(SIZE_MAX));
    CU_ASSERT_PTR_NULL(bly_bytes_new(PTRDIFF_MAX));
    CU_ASSERT_PTR_NULL(bly_bytes_resize(bytes, SIZE_MAX));
    CU_ASSERT_EQUAL(bytes->size, 4);
    CU_ASSERT_EQUAL(memcmp(bytes->data, "kept", 4), 0);
    bly_bytes_free(bytes);
}

static void
test_resizing_keeps_what_fits(void)
{
    bly_bytes *bytes = bytes_with("abcdef");
    bytes = bly_bytes_resize(bytes, 100000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL(bytes->size, 100000);
    CU_ASSERT_EQUAL(memcmp(bytes->data, "abcdef", 6), 0);
    memset(bytes->data + 6, 2, 100000 - 6);
    bytes = bly_bytes_resize(bytes, 3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL(bytes->size, 3);
    CU_ASSERT_EQUAL(memcmp(bytes->data, "abc", 3), 0);
    bly_bytes_free(bytes);
}

static void
test_queue_keeps_order_and_counts_bytes(void)
{
    bly_bytes_queue queue;
    bly_bytes_queue_init(&queue);
    CU_ASSERT_PTR_NULL(bly_bytes_queue_pop(&queue));
    bly_bytes_queue_push(&queue, bytes_with("one"));
    bly_bytes_queue_push(&queue, bytes_with(""));
    CU_ASSERT_EQUAL(queue.total, 3);
    CU_ASSERT_TRUE(pops(&queue, "one"));
    bly_bytes_queue_push(&queue, bytes_with("three"));
    CU_ASSERT_EQUAL(queue.total, 5);
    CU_ASSERT_TRUE(pops(&queue, ""));
    CU_ASSERT_TRUE(pops(&queue, "three"));
    CU_ASSERT_EQUAL(queue.total, 0);
    CU_ASSERT_PTR_NULL(bly_bytes_queue_pop(&queue));
    bly_bytes_queue_push(&queue, bytes_with("again"));
    CU_ASSERT_TRUE(pops(&queue, "again"));
}

static void
test_splice_moves_everything(void)
{
    bly_bytes_queue to;
    bly_bytes_queue from;
    bly_bytes_queue_init(&to);
    bly_bytes_queue_init(&from);
    bly_bytes_queue_splice(&to, &from);
    CU_ASSERT_PTR_NULL(to.first);
    bly_bytes_queue_push(&from, bytes_with("a"));
    bly_bytes_queue_splice(&to, &from); /* into an empty one */
    CU_ASSERT_PTR_NULL(bly_bytes_queue_pop(&from));
    CU_ASSERT_EQUAL(from.total, 0);
    bly_bytes_queue_push(&from, bytes_with("bc"));
    bly_bytes_queue_push(&from, bytes_with("d"));
    bly_bytes_queue_splice(&to, &from); /* behind others */
    bly_bytes_queue_push(&from, bytes_with("other"));
    bly_bytes_queue_push(&to, bytes_with("e"));
    CU_ASSERT_EQUAL(to.total, 5);
    CU_ASSERT_TRUE(pops(&to, "a") && pops(&to, "bc") && pops(&to, "d") && pops(&to, "e"));
    CU_ASSERT_TRUE(pops(&from, "other"));
}

static void
test_cleared_queue_is_empty_and_usable(void)
{
    bly_bytes_queue queue;
    bly_bytes_queue_init(&queue);
    bly_bytes_queue_clear(&queue);
    bly_bytes_queue_push(&queue, bytes_with("a"));
    bly_bytes_queue_push(&queue, bytes_with("b"));
    bly_bytes_queue_clear(&queue);
    CU_ASSERT_EQUAL(queue.total, 0);
    CU_ASSERT_PTR_NULL(bly_bytes_queue_pop(&queue));
    bly_bytes_queue_push(&queue, bytes_with("c"));
    CU_ASSERT_TRUE(pops(&queue, "c"));
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "bytes_know_their_size", test_bytes_know_their_size },
        { "size_beyond_memory_is_refused", test_size_beyond_memory_is_refused },
        { "resizing_keeps_what_fits", test_resizing_keeps_what_fits },
        { "queue_keeps_order_and_counts_bytes", test_queue_keeps_order_and_counts_bytes },
        { "splice_moves_everything", test_splice_moves_everything },
        { "cleared_queue_is_empty_and_usable", test_cleared_queue_is_empty_and_usable },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/bytes", tests, argc, argv);
}
