/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/comments.h"

#include "support/suite.h"

static gen_pool pool;

static const char *
written(const char *indent, const char *comment)
{
    gen_text out;

    text_init(&out, &pool);
    comments_add(&out, indent, comment);
    return out.string;
}

static void
test_one_line_stays_one_line(void)
{
    CU_ASSERT_STRING_EQUAL(written("", " Says hello.\n"), "/* Says hello. */\n");
    CU_ASSERT_STRING_EQUAL(written("    ", "Says hello.  \r\n"), "    /* Says hello. */\n");
}

static void
test_several_lines_are_indented(void)
{
    CU_ASSERT_STRING_EQUAL(written("  ", " a\n   code\n\n b\n"),
                           "  /*\n"
                           "   * a\n"
                           "   *   code\n"
                           "   *\n"
                           "   * b\n"
                           "   */\n");
}

static void
test_nothing_is_written_for_nothing(void)
{
    CU_ASSERT_STRING_EQUAL(written("", NULL), "");
    CU_ASSERT_STRING_EQUAL(written("", ""), "");
    CU_ASSERT_STRING_EQUAL(written("", " \n\t\n"), "");
    CU_ASSERT_STRING_EQUAL(written("", "*\n"), "");
}

static void
test_javadoc_opening_is_dropped(void)
{
    CU_ASSERT_STRING_EQUAL(written("", "*\n Says hello.\n"), "/* Says hello. */\n");
    CU_ASSERT_STRING_EQUAL(written("", "* Says hello. "), "/* Says hello. */\n");
}

static void
test_comment_cannot_end_early(void)
{
    CU_ASSERT_STRING_EQUAL(written("", " a */ b"), "/* a * / b */\n");
    CU_ASSERT_STRING_EQUAL(written("", " **/"), "/* ** / */\n");
    CU_ASSERT_STRING_EQUAL(written("", " a\n/b\n"), "/*\n * a\n * /b\n */\n");
}

static void
test_comment_gives_no_warning(void)
{
    CU_ASSERT_STRING_EQUAL(written("", " a/*.c"), "/* a/ *.c */\n");
    CU_ASSERT_STRING_EQUAL(written("", " /*/"), "/* / * / */\n");
    CU_ASSERT_STRING_EQUAL(written("", " what?\?/"), "/* what?\? / */\n");
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"one_line_stays_one_line", test_one_line_stays_one_line},
        {"several_lines_are_indented", test_several_lines_are_indented},
        {"nothing_is_written_for_nothing", test_nothing_is_written_for_nothing},
        {"javadoc_opening_is_dropped", test_javadoc_opening_is_dropped},
        {"comment_cannot_end_early", test_comment_cannot_end_early},
        {"comment_gives_no_warning", test_comment_gives_no_warning},
        CU_TEST_INFO_NULL,
    };
    int result = suite_run("protoc-gen-belay/comments", tests, argc, argv);

    pool_free_all(&pool);
    return result;
}
