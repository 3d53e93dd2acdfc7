/* SPDX-License-Identifier: MIT */
/*
 * Walks through the allocations of base and wire and has each one fail in turn (the program is linked with
 * --wrap): the failure is reported, what was there before stays, and nothing leaks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "support/suite.h"
#include "wire/compression.h"
#include "wire/frame.h"
#include "wire/metadata.h"
#include "wire/percent.h"
#include "wire/status.h"
#include "wire/utf8.h"

/* The next allocation to fail, counted down; 0: none. Volatile, as compilers take it that malloc() looks at
 * nothing of a program's. The suite's watchdog allocates nothing. */
static volatile int countdown;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static bool
fails_now(void)
{
    return countdown > 0 && --countdown == 0;
}

void *
__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

char *
__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

/* Runs the work with its first, second, ... allocation failing until it gets through; the work tells whether
 * it succeeded. Returns how many failures it met. */
static int
walk(bool (*work)(void))
{
    for (int failing = 1; failing < 1000; failing++) {
        countdown = failing;
        bool succeeded = work();
        bool failed_on_the_way = countdown == 0;
        countdown = 0;
        CU_ASSERT_EQUAL(succeeded, !failed_on_the_way);
        if (!failed_on_the_way)
            return failing - 1;
    }
    return -1;
}

/* Stops counting while a test prepares or looks. */
static int
pause_failing(void)
{
    int left = countdown;
    countdown = 0;
    return left;
}

/* Too long for a list to keep many of them in itself. */
static const char long_parts[] = "Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9v,"
                                 "Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9v,"
                                 "Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9v";
static const char long_value[] = "................................................................";

static bool
build_list(void)
{
    belay_metadata *metadata = belay_metadata_new();
    if (!metadata)
        return false;
    bool done = true;
    for (size_t i = 0; done && i < 10; i++) {
        size_t before = belay_metadata_count(metadata);
        belay_code code = i % 2 ? belay_metadata_add(metadata, "key", long_value, sizeof long_value - 1)
                                : bly_metadata_add_wire(metadata, "key-bin", 7, long_parts, sizeof long_parts - 1);
        done = code == BELAY_OK;
        CU_ASSERT_TRUE(done || code == BELAY_RESOURCE_EXHAUSTED);
        CU_ASSERT_EQUAL(belay_metadata_count(metadata), before + (done ? (i % 2 ? 1 : 3) : 0));
    }
    belay_metadata_free(metadata);
    return done;
}

static belay_metadata *
prepared_list(void)
{
    int left = pause_failing();
    belay_metadata *metadata = belay_metadata_new();
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(belay_metadata_add(metadata, "key", long_value, sizeof long_value - 1), BELAY_OK);
    countdown = left;
    return metadata;
}

static bool
copy_list(void)
{
    belay_metadata *metadata = prepared_list();
    belay_metadata *copy = bly_metadata_copy(metadata);
    bool done = copy != NULL;
    CU_ASSERT_TRUE(!copy || belay_metadata_count(copy) == 5);
    belay_metadata_free(copy);
    belay_metadata_free(metadata);
    return done;
}

static bool
append_list(void)
{
    belay_metadata *metadata = prepared_list();
    belay_code code = bly_metadata_append(metadata, metadata);
    CU_ASSERT_EQUAL(belay_metadata_count(metadata), code == BELAY_OK ? 10 : 5);
    belay_metadata_free(metadata);
    return code == BELAY_OK;
}

static void
test_lists_are_unchanged_by_failures(void)
{
    CU_ASSERT_TRUE(walk(build_list) >= 20);
    CU_ASSERT_TRUE(walk(copy_list) >= 4);
    CU_ASSERT_TRUE(walk(append_list) >= 5);
}

static bool
make_status(void)
{
    belay_status *status = bly_status_new(BELAY_ABORTED, "message", prepared_list(), false, NULL);
    bool done = status != NULL; /* else the trailers are gone all the same */
    belay_status_free(status);
    return done;
}

static size_t already_used; /* of the arena's first chunk */

static bool
make_status_in_arena(void)
{
    bly_arena arena;
    bly_arena_init(&arena);
    int left = pause_failing();
    CU_ASSERT_PTR_NOT_NULL(bly_arena_alloc(&arena, already_used));
    countdown = left;
    bool done = bly_status_new(BELAY_ABORTED, "message", prepared_list(), false, &arena) != NULL;
    bly_arena_fini(&arena);
    return done;
}

static void
test_statuses_free_their_trailers_also_on_failure(void)
{
    CU_ASSERT_EQUAL(walk(make_status), 2);
    /* The more is used, the earlier the status, its message or its cleanup needs a chunk and fails. */
    int failures = 0;
    for (already_used = 0; already_used < 2048; already_used += 16)
        failures += walk(make_status_in_arena);
    CU_ASSERT_TRUE(failures >= 3);
}

static bool
encode_text(void)
{
    char *encoded = bly_percent_encode("a\xff%", 3, NULL);
    bool done = encoded != NULL;
    free(encoded);
    return done;
}

static bool
decode_text(void)
{
    char *decoded = bly_percent_decode("a%ff", 4);
    bool done = decoded != NULL;
    free(decoded);
    return done;
}

static bool
sanitize_text(void)
{
    size_t size = 77;
    char *valid = bly_utf8_sanitize("a\xff", 2, &size);
    bool done = valid != NULL;
    CU_ASSERT_TRUE(done || size == 77);
    free(valid);
    return done;
}

static void
test_texts_are_null_without_memory(void)
{
    CU_ASSERT_EQUAL(walk(encode_text), 2);
    CU_ASSERT_EQUAL(walk(decode_text), 2);
    CU_ASSERT_EQUAL(walk(sanitize_text), 1);
}

#define LARGE 5000000

static bool
read_large_message(void)
{
    static uint8_t data[BLY_FRAME_PREFIX + LARGE];
    const size_t piece = 1000;
    bly_bytes_queue complete;
    bly_frame_reader reader;
    bly_frame_error error = BLY_FRAME_OK;
    bly_frame_prefix(data, false, LARGE);
    bly_bytes_queue_init(&complete);
    bly_frame_reader_init(&reader, LARGE);
    for (size_t at = 0; at < sizeof data; at += piece) {
        size_t size = sizeof data - at < piece ? sizeof data - at : piece;
        error = bly_frame_reader_feed(&reader, data + at, size, &complete);
    }
    CU_ASSERT_TRUE(error == BLY_FRAME_OK || error == BLY_FRAME_NO_MEMORY);
    CU_ASSERT_EQUAL(complete.total, error == BLY_FRAME_OK ? LARGE : 0);
    CU_ASSERT_EQUAL(bly_frame_reader_is_between(&reader), error == BLY_FRAME_OK);
    bly_frame_reader_fini(&reader);
    bly_bytes_queue_clear(&complete);
    return error == BLY_FRAME_OK;
}

static void
test_reader_without_memory_says_so_for_good(void)
{
    CU_ASSERT_TRUE(walk(read_large_message) >= 3); /* the first 2 MiB, then doubled, then all */
}

#define COMPRESSED 100000

static const bly_compression_stop never = {NULL, NULL};

/* Without memory a message goes as it is. */
static bool
compress_message(void)
{
    static const uint8_t zeros[COMPRESSED];
    bly_bytes *compressed = bly_compress(BELAY_COMPRESSION_GZIP, zeros, sizeof zeros, 5, never);
    bool done = compressed != NULL;
    bly_bytes_free(compressed);
    return done;
}

static bool
inflate_message(void)
{
    static const uint8_t zeros[COMPRESSED];
    int left = pause_failing();
    bly_bytes *inflated = NULL;
    bly_bytes *compressed = bly_compress(BELAY_COMPRESSION_GZIP, zeros, sizeof zeros, 0, never);
    countdown = left;
    bly_inflate_result result = bly_inflate(BELAY_COMPRESSION_GZIP, compressed->data, compressed->size,
                                            COMPRESSED, never, &inflated);
    CU_ASSERT_TRUE(result == BLY_INFLATED || result == BLY_INFLATE_NO_MEMORY);
    CU_ASSERT_EQUAL(inflated != NULL, result == BLY_INFLATED);
    bly_bytes_free(inflated);
    bly_bytes_free(compressed);
    return result == BLY_INFLATED;
}

static void
test_compression_without_memory(void)
{
    CU_ASSERT_TRUE(walk(compress_message) >= 3);
    CU_ASSERT_TRUE(walk(inflate_message) >= 5); /* zlib's two, the first room, and more of it */
}

static void
count(void *argument)
{
    int *counter = argument;
    (*counter)++;
}

static bool
fill_arena(void)
{
    bly_arena arena;
    int registered = 0;
    int ran = 0;
    bool done = true;
    bly_arena_init(&arena);
    for (size_t i = 0; done && i < 40; i++) {
        done = bly_arena_alloc(&arena, i * 500) && bly_arena_defer(&arena, count, &ran);
        registered += done;
    }
    bly_arena_fini(&arena);
    CU_ASSERT_EQUAL(ran, registered);
    return done;
}

static void
test_arena_without_memory_still_runs_its_cleanups(void)
{
    CU_ASSERT_TRUE(walk(fill_arena) >= 8);
}

struct heard {
    int lines;
    int wakes;
    char last[64];
};

static void
hear(void *argument, belay_log_level level, const char *text)
{
    struct heard *heard = argument;
    (void)level;
    heard->lines++;
    strncpy(heard->last, text, sizeof heard->last - 1);
}

static void
hear_wake(void *argument)
{
    ((struct heard *)argument)->wakes++;
}

static void
test_log_counts_lines_it_had_no_memory_for(void)
{
    bly_log log;
    struct heard heard = { 0 };
    bly_log_init(&log, hear, &heard, BELAY_LOG_INFO, hear_wake, &heard);
    countdown = 1;
    bly_log_write(&log, BELAY_LOG_ERROR, "lost");
    CU_ASSERT_EQUAL(countdown, 0);
    CU_ASSERT_EQUAL(heard.wakes, 1); /* there is something to say */
    bly_log_write(&log, BELAY_LOG_ERROR, "kept");
    CU_ASSERT_EQUAL(heard.wakes, 1);
    bly_log_drain(&log);
    CU_ASSERT_EQUAL(heard.lines, 2);
    CU_ASSERT_STRING_EQUAL(heard.last, "1 log lines dropped");
    bly_log_fini(&log);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        { "lists_are_unchanged_by_failures", test_lists_are_unchanged_by_failures },
        { "statuses_free_their_trailers_also_on_failure", test_statuses_free_their_trailers_also_on_failure },
        { "texts_are_null_without_memory", test_texts_are_null_without_memory },
        { "reader_without_memory_says_so_for_good", test_reader_without_memory_says_so_for_good },
        { "compression_without_memory", test_compression_without_memory },
        { "arena_without_memory_still_runs_its_cleanups", test_arena_without_memory_still_runs_its_cleanups },
        { "log_counts_lines_it_had_no_memory_for", test_log_counts_lines_it_had_no_memory_for },
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/out_of_memory", tests, argc, argv);
}
