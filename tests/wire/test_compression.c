/* SPDX-License-Identifier: MIT */
/*
 * Compressing and inflating: what comes back is what was there, and nothing that a peer sends instead is
 * believed.
 */
#include "wire/compression.h"

#include "support/suite.h"
#include "wire/random.h"

#define LIMIT (4u << 20)

#define EACH(compression) \
    for (belay_compression compression = BELAY_COMPRESSION_DEFLATE; compression <= BELAY_COMPRESSION_GZIP; \
         compression++)

static const bly_compression_stop never = {NULL, NULL};

/* Nothing, compressed. */
static const uint8_t empty_gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t empty_deflate[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 1};

/* ---- Names --------------------------------------------------------------------------------------------- */

static void
test_names_are_those_of_grpc(void)
{
    static const char *const names[] = {"identity", "deflate", "gzip"};
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        belay_compression compression = (belay_compression)77;
        const char *name = bly_compression_name((belay_compression)i, &size);
        CU_ASSERT_STRING_EQUAL(name, names[i]);
        CU_ASSERT_EQUAL(size, strlen(names[i]));
        CU_ASSERT_TRUE(bly_compression_parse(name, size, &compression));
        CU_ASSERT_EQUAL(compression, i);
        CU_ASSERT_FALSE(bly_compression_parse(name, size - 1, &compression));
        CU_ASSERT_TRUE(bly_compression_is_valid((belay_compression)i));
    }
    CU_ASSERT_FALSE(bly_compression_is_valid((belay_compression)3));
    CU_ASSERT_FALSE(bly_compression_is_valid((belay_compression)-1));
}

static void
test_lists_of_accepted_encodings(void)
{
    enum { IDENTITY = 1, DEFLATE = 2, GZIP = 4 };
    static const struct {
        const char *list;
        unsigned int bits;
    } table[] = {
        {BLY_COMPRESSION_ACCEPTED, GZIP | DEFLATE},
        {"identity,deflate,gzip", IDENTITY | DEFLATE | GZIP},
        {"identity, deflate, gzip", IDENTITY | DEFLATE | GZIP},
        {"gzip", GZIP},
        {"zstd,gzip;q=1,deflate", DEFLATE},
        {" \tgzip\t ,br", GZIP},
        {"gzip gzip", 0},
        {"gzi,zip,gzipp", 0},
        {",,,", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        CU_ASSERT_EQUAL(bly_compression_parse_accepted(table[i].list, strlen(table[i].list)), table[i].bits);
}

/* ---- Whole --------------------------------------------------------------------------------------------- */

/* Text-like data of a size: few letters, so that it becomes smaller. To be freed. */
static uint8_t *
letters_of(uint64_t *state, size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)('a' + random_next(state) % 4);
    return data;
}

/* Inflates an exact copy, so that reading past it is noticed. */
static bly_inflate_result
inflate_copy(belay_compression compression, const void *data, size_t size, uint32_t limit,
             bly_bytes **inflated)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, data, size);
    bly_inflate_result result = bly_inflate(compression, exact, size, limit, never, inflated);
    free(exact);
    return result;
}

static bly_inflate_result
judge(belay_compression compression, const void *data, size_t size, uint32_t limit)
{
    bly_bytes *inflated = NULL;
    bly_inflate_result result = inflate_copy(compression, data, size, limit, &inflated);
    CU_ASSERT_EQUAL(inflated != NULL, result == BLY_INFLATED);
    bly_bytes_free(inflated);
    return result;
}

static bool
comes_back(belay_compression compression, const uint8_t *data, size_t size)
{
    bly_bytes *inflated = NULL, *compressed = bly_compress(compression, data, size, 7, never);
    CU_ASSERT_PTR_NOT_NULL_FATAL(compressed);
    CU_ASSERT_TRUE(compressed->size < size + 7);
    bly_inflate_result result =
        inflate_copy(compression, compressed->data + 7, compressed->size - 7, (uint32_t)size, &inflated);
    bool same = result == BLY_INFLATED && inflated->size == size && memcmp(inflated->data, data, size) == 0;
    bly_bytes_free(compressed);
    bly_bytes_free(inflated);
    return same;
}

static void
test_messages_of_all_sizes_come_back(void)
{
    uint64_t state = 88172645463325252u;
    EACH(compression)
    {
        for (size_t size = 60; size < 1200; size += 1 + random_next(&state) % 7) {
            uint8_t *data = letters_of(&state, size);
            CU_ASSERT_TRUE(comes_back(compression, data, size));
            free(data);
        }
        for (size_t size = 1200; size < 2000000; size = size * 3 / 2 + random_next(&state) % 100) {
            uint8_t *data = letters_of(&state, size);
            CU_ASSERT_TRUE(comes_back(compression, data, size));
            free(data);
        }
    }
}

static void
test_what_would_not_become_smaller_stays(void)
{
    uint64_t state = 88172645463325252u;
    static const size_t sizes[] = {1, 2, 7, 8, 20, 100, 5000, 300000};
    EACH(compression)
    {
        CU_ASSERT_PTR_NULL(bly_compress(compression, (const uint8_t *)"", 0, 5, never));
        CU_ASSERT_PTR_NULL(bly_compress(compression, NULL, 0, 5, never));
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            uint8_t *data = malloc(sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                data[k] = (uint8_t)random_next(&state);
            CU_ASSERT_PTR_NULL(bly_compress(compression, data, sizes[i], 5, never));
            free(data);
        }
    }
}

static void
test_nothing_compressed_is_nothing(void)
{
    bly_bytes *inflated = NULL;
    CU_ASSERT_EQUAL_FATAL(
        inflate_copy(BELAY_COMPRESSION_GZIP, empty_gzip, sizeof empty_gzip, 0, &inflated), BLY_INFLATED);
    CU_ASSERT_EQUAL(inflated->size, 0);
    bly_bytes_free(inflated);
    bly_inflate_result result =
        inflate_copy(BELAY_COMPRESSION_DEFLATE, empty_deflate, sizeof empty_deflate, 0, &inflated);
    CU_ASSERT_EQUAL_FATAL(result, BLY_INFLATED);
    CU_ASSERT_EQUAL(inflated->size, 0);
    bly_bytes_free(inflated);
}

/* ---- Limits -------------------------------------------------------------------------------------------- */

static bly_bytes *
zeros_compressed(belay_compression compression, size_t size)
{
    uint8_t *zeros = calloc(size, 1);
    bly_bytes *compressed = bly_compress(compression, zeros, size, 0, never);
    free(zeros);
    CU_ASSERT_PTR_NOT_NULL_FATAL(compressed);
    return compressed;
}

static void
test_inflating_stops_one_byte_after_the_limit(void)
{
    static const uint32_t sizes[] = {200, 255, 256, 257, 1023, 65536, 65537, 1u << 20};
    EACH(compression)
    {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            bly_bytes *data = zeros_compressed(compression, sizes[i]);
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, sizes[i] + 1), BLY_INFLATED);
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, sizes[i]), BLY_INFLATED);
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, sizes[i] - 1), BLY_INFLATE_TOO_LARGE);
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, 1), BLY_INFLATE_TOO_LARGE);
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, 0), BLY_INFLATE_TOO_LARGE);
            bly_bytes_free(data);
        }
    }
}

typedef struct rounds {
    int asked;
    int stop_at; /* 0: never */
} rounds;

static bool
count_round(const void *argument)
{
    rounds *counted = (rounds *)argument;
    return ++counted->asked == counted->stop_at;
}

/* 64 MiB from 64 KiB: not inflated beyond what may be kept. */
static void
test_bomb_is_not_inflated_to_its_end(void)
{
    EACH(compression)
    {
        bly_bytes *bomb = zeros_compressed(compression, 64u << 20), *inflated = NULL;
        rounds counted = {0, 0};
        bly_compression_stop stop = {count_round, &counted};
        CU_ASSERT_TRUE(bomb->size < 128u << 10);
        CU_ASSERT_EQUAL(bly_inflate(compression, bomb->data, bomb->size, 1u << 20, stop, &inflated),
                        BLY_INFLATE_TOO_LARGE);
        CU_ASSERT_TRUE(counted.asked < 64); /* rounds of 64 KiB at most: all of it would be 1024 */
        bly_bytes_free(bomb);
    }
}

/* ---- What is no such data ------------------------------------------------------------------------------ */

static const char words[] = "the quick brown fox jumps over the lazy dog, the lazy dog sleeps on, "
                            "the quick brown fox is gone";

static bly_bytes *
words_compressed(belay_compression compression)
{
    bly_bytes *data = bly_compress(compression, (const uint8_t *)words, sizeof words - 1, 0, never);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    return data;
}

static void
test_every_cut_is_noticed(void)
{
    EACH(compression)
    {
        bly_bytes *data = words_compressed(compression);
        for (size_t size = 0; size < data->size; size++)
            CU_ASSERT_EQUAL(judge(compression, data->data, size, LIMIT), BLY_INFLATE_MALFORMED);
        CU_ASSERT_EQUAL(judge(compression, data->data, data->size, LIMIT), BLY_INFLATED);
        bly_bytes_free(data);
    }
}

static void
test_what_follows_the_data_is_not_dropped(void)
{
    EACH(compression)
    {
        bly_bytes *data = words_compressed(compression);
        data = bly_bytes_resize(data, data->size + 1);
        for (int byte = 0; byte < 256; byte++) {
            data->data[data->size - 1] = (uint8_t)byte;
            CU_ASSERT_EQUAL(judge(compression, data->data, data->size, LIMIT), BLY_INFLATE_MALFORMED);
        }
        bly_bytes_free(data);
    }
}

static void
test_one_format_is_not_the_other(void)
{
    bly_bytes *gzip = words_compressed(BELAY_COMPRESSION_GZIP);
    bly_bytes *deflate = words_compressed(BELAY_COMPRESSION_DEFLATE);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_DEFLATE, gzip->data, gzip->size, LIMIT), BLY_INFLATE_MALFORMED);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_GZIP, deflate->data, deflate->size, LIMIT),
                    BLY_INFLATE_MALFORMED);
    /* Without its header: what some call deflate. */
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_DEFLATE, deflate->data + 2, deflate->size - 6, LIMIT),
                    BLY_INFLATE_MALFORMED);
    bly_bytes_free(gzip);
    bly_bytes_free(deflate);
}

/* A preset dictionary is nothing that both sides have. */
static void
test_dictionaries_are_not_known(void)
{
    static const uint8_t data[] = {0x78, 0xbb, 1, 2, 3, 4, 3, 0, 0, 0, 0, 1};
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_DEFLATE, data, sizeof data, LIMIT), BLY_INFLATE_MALFORMED);
}

/* The checksum sees to it, wherever the bit is; a gzip header has bits that mean nothing. */
static void
test_every_bit_counts(void)
{
    EACH(compression)
    {
        bly_bytes *data = words_compressed(compression), *inflated = NULL;
        size_t first = compression == BELAY_COMPRESSION_GZIP ? 10 : 0;
        for (size_t bit = first * 8; bit < data->size * 8; bit++) {
            data->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            bly_inflate_result result = inflate_copy(compression, data->data, data->size, LIMIT, &inflated);
            if (result == BLY_INFLATED) { /* a bit that pads the last byte */
                CU_ASSERT_EQUAL(inflated->size, sizeof words - 1);
                CU_ASSERT_EQUAL(memcmp(inflated->data, words, sizeof words - 1), 0);
                bly_bytes_free(inflated);
            } else {
                CU_ASSERT_EQUAL(result, BLY_INFLATE_MALFORMED);
            }
            data->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        bly_bytes_free(data);
    }
}

static void
test_garbage_is_never_believed(void)
{
    uint64_t state = 88172645463325252u;
    EACH(compression)
    {
        for (int i = 0; i < 20000; i++) {
            size_t size;
            char *text = random_text(&state, "\x1f\x8b\x08\x78\x9c\x01\x03\xff", 40, &size);
            bly_bytes *inflated = NULL;
            bly_inflate_result result = inflate_copy(compression, text, size, 1000, &inflated);
            CU_ASSERT_TRUE(result == BLY_INFLATE_MALFORMED || result == BLY_INFLATE_TOO_LARGE);
            bly_bytes_free(inflated);
            free(text);
        }
    }
}

/* ---- Several members ----------------------------------------------------------------------------------- */

static void
test_members_of_gzip_follow_each_other(void)
{
    bly_bytes *one = words_compressed(BELAY_COMPRESSION_GZIP), *inflated = NULL;
    size_t size = 2 * one->size + sizeof empty_gzip;
    uint8_t *three = malloc(size);
    memcpy(three, one->data, one->size);
    memcpy(three + one->size, empty_gzip, sizeof empty_gzip);
    memcpy(three + size - one->size, one->data, one->size);
    CU_ASSERT_EQUAL_FATAL(inflate_copy(BELAY_COMPRESSION_GZIP, three, size, LIMIT, &inflated), BLY_INFLATED);
    CU_ASSERT_EQUAL(inflated->size, 2 * (sizeof words - 1));
    CU_ASSERT_EQUAL(memcmp(inflated->data, words, sizeof words - 1), 0);
    CU_ASSERT_EQUAL(memcmp(inflated->data + sizeof words - 1, words, sizeof words - 1), 0);
    bly_bytes_free(inflated);
    /* The limit is for all together, and each may be cut. */
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_GZIP, three, size, 2 * (sizeof words - 1) - 1),
                    BLY_INFLATE_TOO_LARGE);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_GZIP, three, size - 1, LIMIT), BLY_INFLATE_MALFORMED);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_GZIP, three, one->size + 5, LIMIT), BLY_INFLATE_MALFORMED);
    free(three);
    bly_bytes_free(one);
}

static void
test_many_empty_members_are_nothing(void)
{
    enum { MEMBERS = 50000 };
    uint8_t *data = malloc(MEMBERS * sizeof empty_gzip);
    for (size_t i = 0; i < MEMBERS; i++)
        memcpy(data + i * sizeof empty_gzip, empty_gzip, sizeof empty_gzip);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_GZIP, data, MEMBERS * sizeof empty_gzip, 10), BLY_INFLATED);
    free(data);
}

static void
test_data_of_zlib_has_no_members(void)
{
    uint8_t two[2 * sizeof empty_deflate];
    memcpy(two, empty_deflate, sizeof empty_deflate);
    memcpy(two + sizeof empty_deflate, empty_deflate, sizeof empty_deflate);
    CU_ASSERT_EQUAL(judge(BELAY_COMPRESSION_DEFLATE, two, sizeof two, LIMIT), BLY_INFLATE_MALFORMED);
}

/* ---- Stopping ------------------------------------------------------------------------------------------ */

static void
test_both_stop_between_pieces(void)
{
    uint64_t state = 88172645463325252u;
    const size_t size = 1u << 20;
    uint8_t *data = letters_of(&state, size);
    EACH(compression)
    {
        rounds counted = {0, 3};
        bly_compression_stop stop = {count_round, &counted};
        CU_ASSERT_PTR_NULL(bly_compress(compression, data, size, 0, stop));
        CU_ASSERT_EQUAL(counted.asked, 3);

        bly_bytes *inflated = NULL, *compressed = bly_compress(compression, data, size, 0, never);
        CU_ASSERT_PTR_NOT_NULL_FATAL(compressed);
        counted.asked = 0;
        CU_ASSERT_EQUAL(bly_inflate(compression, compressed->data, compressed->size, LIMIT, stop, &inflated),
                        BLY_INFLATE_STOPPED);
        CU_ASSERT_EQUAL(counted.asked, 3);
        CU_ASSERT_PTR_NULL(inflated);
        bly_bytes_free(compressed);
    }
    free(data);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"names_are_those_of_grpc", test_names_are_those_of_grpc},
        {"lists_of_accepted_encodings", test_lists_of_accepted_encodings},
        {"messages_of_all_sizes_come_back", test_messages_of_all_sizes_come_back},
        {"what_would_not_become_smaller_stays", test_what_would_not_become_smaller_stays},
        {"nothing_compressed_is_nothing", test_nothing_compressed_is_nothing},
        {"inflating_stops_one_byte_after_the_limit", test_inflating_stops_one_byte_after_the_limit},
        {"bomb_is_not_inflated_to_its_end", test_bomb_is_not_inflated_to_its_end},
        {"every_cut_is_noticed", test_every_cut_is_noticed},
        {"what_follows_the_data_is_not_dropped", test_what_follows_the_data_is_not_dropped},
        {"one_format_is_not_the_other", test_one_format_is_not_the_other},
        {"dictionaries_are_not_known", test_dictionaries_are_not_known},
        {"every_bit_counts", test_every_bit_counts},
        {"garbage_is_never_believed", test_garbage_is_never_believed},
        {"members_of_gzip_follow_each_other", test_members_of_gzip_follow_each_other},
        {"many_empty_members_are_nothing", test_many_empty_members_are_nothing},
        {"data_of_zlib_has_no_members", test_data_of_zlib_has_no_members},
        {"both_stop_between_pieces", test_both_stop_between_pieces},
        CU_TEST_INFO_NULL,
    };
    return suite_run("wire/compression", tests, argc, argv);
}
