/* SPDX-License-Identifier: MIT */
#include "base/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "support/heap.h"
#include "support/suite.h"

#define MANY 4000

static bool
is_zero(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != 0)
            return false;
    }
    return true;
}

/* Uses a block up, to show that it is whole and zeroed. */
static void *
use(size_t size, unsigned char fill)
{
    void *block = bly_blocks_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_TRUE(is_zero(block, size));
    memset(block, fill, size);
    return block;
}

static void
test_blocks_are_zeroed_whether_new_or_kept(void)
{
    bly_blocks_begin();
    for (size_t size = 1; size <= 4096; size = size * 3 / 2 + 1) {
        bly_blocks_free(use(size, 0xaa), size);
        bly_blocks_free(use(size, 0xbb), size);
    }
    bly_blocks_free(NULL, 10);
    bly_blocks_end();
}

/* Two sizes that share a shelf: what was made for the smaller serves the larger. */
static void
test_sizes_of_one_step_share_whole_blocks(void)
{
    bly_blocks_begin();
    bly_blocks_free(use(65, 1), 65);
    bly_blocks_free(use(128, 2), 128);
    bly_blocks_end();
}

static void
test_more_than_are_kept_are_freed(void)
{
    static void *blocks[MANY];
    bly_blocks_begin();
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = use(100, 3);
    for (size_t i = 0; i < MANY; i++)
        bly_blocks_free(blocks[i], 100);
    bly_blocks_end();
}

static void
test_a_thread_may_keep_few(void)
{
    void *blocks[3];
    bly_blocks_begin_few();
    for (size_t i = 0; i < 3; i++)
        blocks[i] = use(2000, 4);
    for (size_t i = 0; i < 3; i++)
        bly_blocks_free(blocks[i], 2000);
    bly_blocks_free(use(2000, 5), 2000);
    bly_blocks_end();
}

/* Over the sizes that are kept, and back. */
static void
test_resized_blocks_keep_their_bytes(void)
{
    bly_blocks_begin();
    unsigned char *block = bly_blocks_take(10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    memset(block, 1, 10);
    for (size_t size = 20; size < 10000; size = 2 * size) {
        block = bly_blocks_resize(block, size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(block);
        memset(block + 10, 2, size - 10);
    }
    block = bly_blocks_resize(block, 11);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    for (size_t i = 0; i < 11; i++)
        CU_ASSERT_EQUAL(block[i], i < 10 ? 1 : 2);
    bly_blocks_free(block, 11);
    bly_blocks_free(use(64, 3), 64); /* the same, whole */
    bly_blocks_end();
}

static void
free_on_keeping_thread(void *argument)
{
    bly_blocks_begin();
    bly_blocks_free(argument, 70);
    bly_blocks_free(use(120, 4), 120);
    bly_blocks_end();
}

static void
test_blocks_may_be_freed_on_another_thread(void)
{
    pthread_t thread;
    void *block = use(70, 5);
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "blocks", 0, free_on_keeping_thread, block));
    pthread_join(thread, NULL);
}

#define ENDING_THREADS 100
#define KEPT 40 /* of the smallest size: more than malloc keeps for a thread, less than few */

static void
keep_as_a_programs_thread(void *argument)
{
    void *blocks[KEPT];
    bool *keeps = argument;
    bly_blocks_keep_here();
    bly_blocks_keep_here();
    for (size_t i = 0; i < KEPT; i++)
        blocks[i] = use(64, 7);
    size_t before = heap_in_use();
    for (size_t i = 0; i < KEPT; i++)
        bly_blocks_free(blocks[i], 64);
    *keeps = heap_in_use() >= before;
}

static void
test_a_programs_thread_keeps_a_few_until_it_ends(void)
{
    size_t before = heap_in_use();
    for (size_t i = 0; i < ENDING_THREADS; i++) {
        bool keeps = false;
        pthread_t thread;
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&thread, "program", 0, keep_as_a_programs_thread, &keeps));
        pthread_join(thread, NULL);
        CU_ASSERT_TRUE(keeps);
    }
    CU_ASSERT_TRUE(heap_in_use() <= before + ENDING_THREADS * 100);
}

static void
test_threads_that_keep_none_use_malloc(void)
{
    bly_blocks_free(use(100, 6), 100);
    bly_blocks_end();
}

static void
test_a_block_that_is_not_zeroed_can_be_used_whole(void)
{
    bly_blocks_begin();
    for (size_t size = 1; size < 4096; size += 61) {
        unsigned char *block = bly_blocks_take(size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(block);
        memset(block, 0xa5, size);
        bly_blocks_free(block, size);
        bly_blocks_free(use(size, 7), size); /* zeroed again, though it is the same block */
    }
    bly_blocks_end();
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        { "blocks_are_zeroed_whether_new_or_kept", test_blocks_are_zeroed_whether_new_or_kept },
        { "sizes_of_one_step_share_whole_blocks", test_sizes_of_one_step_share_whole_blocks },
        { "more_than_are_kept_are_freed", test_more_than_are_kept_are_freed },
        { "a_thread_may_keep_few", test_a_thread_may_keep_few },
        { "resized_blocks_keep_their_bytes", test_resized_blocks_keep_their_bytes },
        { "blocks_may_be_freed_on_another_thread", test_blocks_may_be_freed_on_another_thread },
        { "a_programs_thread_keeps_a_few_until_it_ends", test_a_programs_thread_keeps_a_few_until_it_ends },
        { "threads_that_keep_none_use_malloc", test_threads_that_keep_none_use_malloc },
        { "a_block_that_is_not_zeroed_can_be_used_whole", test_a_block_that_is_not_zeroed_can_be_used_whole },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/blocks", tests, argc, argv);
}
