/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "support/suite.h"

#define WRITERS 4
#define LINES 3000

/* A program's log function: remembers the last lines and counts. */
struct reader {
    int count;
    belay_log_level level;
    char text[256]; /* of the last line */
    char first[256];
    unsigned int dropped;
    int wakes; /* atomic: counted by writers */
    bly_log *answer_to;
};

static void
take_line(void *argument, belay_log_level level, const char *text)
{
    struct reader *reader = argument;
    snprintf(reader->count == 0 ? reader->first : reader->text, sizeof reader->text, "%s", text);
    reader->level = level;
    reader->count++;
    if (strstr(text, " log lines dropped"))
        reader->dropped += (unsigned int)strtoul(text, NULL, 10);
    if (reader->answer_to)
        bly_log_write(reader->answer_to, BELAY_LOG_ERROR, "answer");
}

static void
count_wake(void *argument)
{
    struct reader *reader = argument;
    __atomic_fetch_add(&reader->wakes, 1, __ATOMIC_RELAXED);
}

static void
start(bly_log *log, struct reader *reader, belay_log_level level)
{
    *reader = (struct reader){ .count = 0 };
    bly_log_init(log, take_line, reader, level, count_wake, reader);
}

static void
test_lines_arrive_in_order_when_drained(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    bly_log_write(&log, BELAY_LOG_ERROR, "%s %d", "first", 1);
    bly_log_write(&log, BELAY_LOG_INFO, "second");
    CU_ASSERT_EQUAL(reader.count, 0);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, 2);
    CU_ASSERT_STRING_EQUAL(reader.first, "first 1");
    CU_ASSERT_STRING_EQUAL(reader.text, "second");
    CU_ASSERT_EQUAL(reader.level, BELAY_LOG_INFO);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, 2);
    bly_log_fini(&log);
}

static void
test_lines_above_the_level_are_not_made(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_WARNING);
    bly_log_write(&log, BELAY_LOG_INFO, "no");
    bly_log_write(&log, BELAY_LOG_DEBUG, "no");
    CU_ASSERT_EQUAL(reader.wakes, 0);
    bly_log_write(&log, BELAY_LOG_WARNING, "yes");
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, 1);
    CU_ASSERT_STRING_EQUAL(reader.first, "yes");
    bly_log_fini(&log);
}

static void
test_wake_is_called_only_when_the_queue_was_empty(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_WARNING);
    for (int i = 0; i < 5; i++)
        bly_log_write(&log, BELAY_LOG_ERROR, "line");
    CU_ASSERT_EQUAL(reader.wakes, 1);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.wakes, 1);
    bly_log_write(&log, BELAY_LOG_ERROR, "line");
    CU_ASSERT_EQUAL(reader.wakes, 2);
    bly_log_drain(&log);
    bly_log_fini(&log);
}

static void
test_overflow_drops_the_newest_and_says_how_many(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    for (int i = 0; i < BLY_LOG_CAPACITY + 3; i++)
        bly_log_write(&log, BELAY_LOG_INFO, "line %d", i);
    CU_ASSERT_EQUAL(reader.wakes, 1);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, BLY_LOG_CAPACITY + 1);
    CU_ASSERT_STRING_EQUAL(reader.first, "line 0");
    CU_ASSERT_STRING_EQUAL(reader.text, "3 log lines dropped");
    CU_ASSERT_EQUAL(reader.level, BELAY_LOG_WARNING);
    bly_log_write(&log, BELAY_LOG_INFO, "after");
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, BLY_LOG_CAPACITY + 2); /* the count began anew */
    CU_ASSERT_STRING_EQUAL(reader.text, "after");
    bly_log_fini(&log);
}

static void
test_full_queue_is_no_overflow(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    for (int i = 0; i < BLY_LOG_CAPACITY; i++)
        bly_log_write(&log, BELAY_LOG_INFO, "line %d", i);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, BLY_LOG_CAPACITY);
    CU_ASSERT_EQUAL(reader.dropped, 0);
    bly_log_fini(&log);
}

static void
test_dropped_errors_are_reported_to_a_reader_of_errors_only(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_ERROR);
    for (int i = 0; i < BLY_LOG_CAPACITY + 1; i++)
        bly_log_write(&log, BELAY_LOG_ERROR, "line");
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.dropped, 1);
    CU_ASSERT_EQUAL(reader.level, BELAY_LOG_ERROR);
    bly_log_fini(&log);
}

static void
test_line_stays_one_line(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    bly_log_write(&log, BELAY_LOG_INFO, "peer said: %s", "a\nerror: b\r\t\x1b[2J\x7f \xc3\xa9");
    bly_log_drain(&log);
    CU_ASSERT_STRING_EQUAL(reader.first, "peer said: a error: b   [2J  \xc3\xa9");
    bly_log_fini(&log);
}

static void
take_length(void *argument, belay_log_level level, const char *text)
{
    (void)level;
    *(size_t *)argument = strlen(text);
}

static void
test_long_lines_are_whole(void)
{
    bly_log log;
    size_t length = 0;
    bly_log_init(&log, take_length, &length, BELAY_LOG_INFO, NULL, NULL);
    bly_log_write(&log, BELAY_LOG_INFO, "%*s", 100000, "");
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(length, 100000);
    bly_log_fini(&log);
}

static void
test_function_may_log_itself(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    reader.answer_to = &log;
    bly_log_write(&log, BELAY_LOG_INFO, "question");
    bly_log_drain(&log); /* and not for ever */
    CU_ASSERT_EQUAL(reader.count, 1);
    CU_ASSERT_EQUAL(reader.wakes, 2);
    reader.answer_to = NULL;
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(reader.count, 2);
    CU_ASSERT_STRING_EQUAL(reader.text, "answer");
    bly_log_fini(&log);
}

static void
test_nobody_to_tell_is_no_error(void)
{
    bly_log log;
    int wakes = 0;
    bly_log_write(NULL, BELAY_LOG_ERROR, "lost");
    bly_log_init(&log, NULL, NULL, BELAY_LOG_DEBUG, count_wake, &wakes);
    bly_log_write(&log, BELAY_LOG_ERROR, "lost");
    CU_ASSERT_EQUAL(wakes, 0);
    bly_log_drain(&log);
    bly_log_fini(&log);
}

static void
test_lines_never_drained_are_freed(void)
{
    bly_log log;
    struct reader reader;
    start(&log, &reader, BELAY_LOG_INFO);
    for (int i = 0; i < 10; i++)
        bly_log_write(&log, BELAY_LOG_INFO, "line");
    bly_log_fini(&log); /* the leak checker looks */
    CU_ASSERT_EQUAL(reader.count, 0);
}

static void
write_many(void *argument)
{
    for (int i = 0; i < LINES; i++)
        bly_log_write(argument, BELAY_LOG_INFO, "line %d", i);
}

static void
test_every_line_of_many_writers_is_delivered_or_counted(void)
{
    bly_log log;
    struct reader reader;
    pthread_t threads[WRITERS];
    start(&log, &reader, BELAY_LOG_INFO);
    for (int i = 0; i < WRITERS; i++)
        CU_ASSERT_TRUE_FATAL(bly_thread_start(&threads[i], "writer", 0, write_many, &log));
    for (int i = 0; i < 50; i++)
        bly_log_drain(&log);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    bly_log_drain(&log);
    int reports = reader.count - (WRITERS * LINES - (int)reader.dropped);
    CU_ASSERT_TRUE(reports >= 0 && reports <= 51);
    CU_ASSERT_TRUE((reports == 0) == (reader.dropped == 0));
    bly_log_fini(&log);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "lines_arrive_in_order_when_drained", test_lines_arrive_in_order_when_drained },
        { "lines_above_the_level_are_not_made", test_lines_above_the_level_are_not_made },
        { "wake_is_called_only_when_the_queue_was_empty",
          test_wake_is_called_only_when_the_queue_was_empty },
        { "overflow_drops_the_newest_and_says_how_many", test_overflow_drops_the_newest_and_says_how_many },
        { "full_queue_is_no_overflow", test_full_queue_is_no_overflow },
        { "dropped_errors_are_reported_to_a_reader_of_errors_only",
          test_dropped_errors_are_reported_to_a_reader_of_errors_only },
        { "line_stays_one_line", test_line_stays_one_line },
        { "long_lines_are_whole", test_long_lines_are_whole },
        { "function_may_log_itself", test_function_may_log_itself },
        { "nobody_to_tell_is_no_error", test_nobody_to_tell_is_no_error },
        { "lines_never_drained_are_freed", test_lines_never_drained_are_freed },
        { "every_line_of_many_writers_is_delivered_or_counted",
          test_every_line_of_many_writers_is_delivered_or_counted },
        CU_TEST_INFO_NULL,
    };
    return suite_run("base/log", tests, argc, argv);
}
