/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "support/suite.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

static void
test_allocations_are_aligned_and_do_not_overlap(void)
{
    enum { COUNT = 600 };
    unsigned char *blocks[COUNT];
    bly_arena arena;
    bly_arena_init(&arena);
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i * i / 4; /* from nothing, through all chunk sizes, to large ones */
        blocks[i] = bly_arena_alloc(&arena, size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(blocks[i]);
        CU_ASSERT_EQUAL((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < i * i / 4; at++) {
            if (blocks[i][at] != (i & 0xff))
                CU_FAIL_FATAL("a block was written over");
        }
    }
    bly_arena_fini(&arena);
}

static void
test_empty_allocations_differ(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    void *first = bly_arena_alloc(&arena, 0);
    void *second = bly_arena_alloc(&arena, 0);
    CU_ASSERT_PTR_NOT_NULL(first);
    CU_ASSERT_PTR_NOT_NULL(second);
    CU_ASSERT_PTR_NOT_EQUAL(first, second);
    bly_arena_fini(&arena);
}

static void
test_large_allocation_leaves_the_free_space_in_use(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    char *first = bly_arena_alloc(&arena, 16);
    char *second = bly_arena_alloc(&arena, 16);
    CU_ASSERT_PTR_NOT_NULL(bly_arena_alloc(&arena, 1024 * 1024));
    CU_ASSERT_PTR_NOT_NULL(bly_arena_alloc(&arena, 100 * 1024));
    char *third = bly_arena_alloc(&arena, 16);
    CU_ASSERT_EQUAL(third - second, second - first);
    bly_arena_fini(&arena);
}

static void
test_size_beyond_memory_is_refused(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    CU_ASSERT_PTR_NULL(bly_arena_alloc(&arena, SIZE_MAX));
    CU_ASSERT_PTR_NULL(bly_arena_alloc(&arena, SIZE_MAX - 64));
    CU_ASSERT_PTR_NULL(bly_arena_alloc(&arena, PTRDIFF_MAX));
    CU_ASSERT_PTR_NULL(bly_arena_copy(&arena, "", SIZE_MAX));
    CU_ASSERT_PTR_NOT_NULL(bly_arena_alloc(&arena, 1));
    bly_arena_fini(&arena);
}

static void
test_copy_keeps_all_bytes_and_ends_with_nul(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    char *copy = bly_arena_copy(&arena, "a\0b", 3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_EQUAL(memcmp(copy, "a\0b\0", 4), 0);
    copy = bly_arena_copy(&arena, NULL, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_STRING_EQUAL(copy, "");
    bly_arena_fini(&arena);
}

__attribute__((format(printf, 2, 3))) static char *
format_text(bly_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = bly_arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

static void
test_formatted_text_of_any_length_is_whole(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    for (int length = 0; length < 600; length++) {
        char *text = format_text(&arena, "%*s%d", length, "", 7);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT_EQUAL(strlen(text), (size_t)length + 1);
        CU_ASSERT_EQUAL(text[length], '7');
    }
    char *long_text = format_text(&arena, "%*s%s", 100000, "", "end");
    CU_ASSERT_PTR_NOT_NULL_FATAL(long_text);
    CU_ASSERT_STRING_EQUAL(long_text + 100000, "end");
    bly_arena_fini(&arena);
}

/* What cleanups did, as text. */
struct record {
    bly_arena *arena;
    char text[32];
    char *in_arena;
};

static void
note(struct record *record, char c)
{
    record->text[strlen(record->text)] = c;
}

static void
note_a(void *argument)
{
    note(argument, 'a');
}

static void
note_b(void *argument)
{
    note(argument, 'b');
}

static void
note_c_and_defer_a_and_b(void *argument)
{
    struct record *record = argument;
    note(record, 'c');
    CU_ASSERT_TRUE(bly_arena_defer(record->arena, note_a, record));
    CU_ASSERT_TRUE(bly_arena_defer(record->arena, note_b, record));
}

static void
note_from_arena(void *argument)
{
    struct record *record = argument;
    note(record, record->in_arena[0]);
    record->in_arena[0] = 'x'; /* still its own to write */
}

static void
test_cleanups_run_newest_first(void)
{
    bly_arena arena;
    struct record record = { .arena = &arena };
    bly_arena_init(&arena);
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_a, &record));
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_b, &record));
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_a, &record));
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_a, &record));
    CU_ASSERT_STRING_EQUAL(record.text, "");
    bly_arena_fini(&arena);
    CU_ASSERT_STRING_EQUAL(record.text, "aaba");
}

static void
test_cleanups_registered_by_cleanups_run_next(void)
{
    bly_arena arena;
    struct record record = { .arena = &arena };
    bly_arena_init(&arena);
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_a, &record));
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_c_and_defer_a_and_b, &record));
    bly_arena_fini(&arena);
    CU_ASSERT_STRING_EQUAL(record.text, "cbaa");
}

static void
test_memory_outlives_the_cleanups(void)
{
    bly_arena arena;
    struct record record = { .arena = &arena };
    bly_arena_init(&arena);
    record.in_arena = bly_arena_copy(&arena, "m", 1);
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_from_arena, &record));
    bly_arena_run_cleanups(&arena);
    CU_ASSERT_STRING_EQUAL(record.in_arena, "x");
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_from_arena, &record));
    bly_arena_fini(&arena);
    CU_ASSERT_STRING_EQUAL(record.text, "mx");
}

static void
test_cleanups_run_once(void)
{
    bly_arena arena;
    struct record record = { .arena = &arena };
    bly_arena_init(&arena);
    CU_ASSERT_TRUE(bly_arena_defer(&arena, note_b, &record));
    bly_arena_run_cleanups(&arena);
    bly_arena_run_cleanups(&arena);
    bly_arena_fini(&arena);
    CU_ASSERT_STRING_EQUAL(record.text, "b");
}

static void
test_arena_is_usable_after_fini(void)
{
    bly_arena arena;
    struct record record = { .arena = &arena };
    bly_arena_init(&arena);
    bly_arena_fini(&arena); /* one that was never used */
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NOT_NULL(bly_arena_alloc(&arena, 5000));
        CU_ASSERT_TRUE(bly_arena_defer(&arena, note_a, &record));
        bly_arena_fini(&arena);
    }
    CU_ASSERT_STRING_EQUAL(record.text, "aaa");
}

#ifdef __SANITIZE_ADDRESS__
static void
test_sanitizer_knows_where_allocations_end(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    char *first = bly_arena_alloc(&arena, 13);
    char *second = bly_arena_alloc(&arena, 16);
    char *third = bly_arena_alloc(&arena, 0);
    CU_ASSERT_FALSE(__asan_address_is_poisoned(first + 12));
    CU_ASSERT_TRUE(__asan_address_is_poisoned(first + 13));
    CU_ASSERT_FALSE(__asan_address_is_poisoned(second + 15));
    CU_ASSERT_TRUE(__asan_address_is_poisoned(second + 16));
    CU_ASSERT_TRUE(__asan_address_is_poisoned(third));
    bly_arena_fini(&arena);
}
#endif

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "allocations_are_aligned_and_do_not_overlap", test_allocations_are_aligned_and_do_not_overlap },
        { "empty_allocations_differ", test_empty_allocations_differ },
        { "large_allocation_leaves_the_free_space_in_use",
          test_large_allocation_leaves_the_free_space_in_use },
        { "size_beyond_memory_is_refused", test_size_beyond_memory_is_refused },
        { "copy_keeps_all_bytes_and_ends_with_nul", test_copy_keeps_all_bytes_and_ends_with_nul },
        { "formatted_text_of_any_length_is_whole", test_formatted_text_of_any_length_is_whole },
        { "cleanups_run_newest_first", test_cleanups_run_newest_first },
        { "cleanups_registered_by_cleanups_run_next", test_cleanups_registered_by_cleanups_run_next },
        { "memory_outlives_the_cleanups", test_memory_outlives_the_cleanups },
        { "cleanups_run_once", test_cleanups_run_once },
        { "arena_is_usable_after_fini", test_arena_is_usable_after_fini },
#ifdef __SANITIZE_ADDRESS__
        { "sanitizer_knows_where_allocations_end", test_sanitizer_knows_where_allocations_end },
#endif
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/arena", tests, argc, argv);
}
