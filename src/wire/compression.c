/* SPDX-License-Identifier: MIT */
#include "wire/compression.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What is done between two looks at whether to stop: a millisecond of compressing, less of inflating. */
#define COMPRESS_PIECE (32u << 10)
#define INFLATE_PIECE (64u << 10)

/* What zlib adds to its windowBits to have gzip's header and trailer. */
#define GZIP_FORMAT 16

#define SMALLEST_WINDOW_BITS 9
#define FIRST_ALLOCATION 256u

/* ---- Names ------------------------------------------------------------------------------------------ */

typedef struct encoding {
    const char *name;
    size_t size;
} encoding;

static const encoding encodings[] = {
    [BELAY_COMPRESSION_NONE] = {"identity", 8},
    [BELAY_COMPRESSION_DEFLATE] = {"deflate", 7},
    [BELAY_COMPRESSION_GZIP] = {"gzip", 4},
};

#define ENCODINGS (sizeof encodings / sizeof encodings[0])

bool
bly_compression_is_valid(belay_compression compression)
{
    return (unsigned int)compression < ENCODINGS;
}

const char *
bly_compression_name(belay_compression compression, size_t *size)
{
    *size = encodings[compression].size;
    return encodings[compression].name;
}

bool
bly_compression_parse(const char *name, size_t size, belay_compression *compression)
{
    for (size_t i = 0; i < ENCODINGS; i++) {
        if (size == encodings[i].size && memcmp(name, encodings[i].name, size) == 0) {
            *compression = (belay_compression)i;
            return true;
        }
    }
    return false;
}

static bool
is_space(char character)
{
    return character == ' ' || character == '\t';
}

/* One element of a list, spaces around it. */
static unsigned int
bit_of_element(const char *begin, const char *end)
{
    belay_compression compression;
    while (begin < end && is_space(*begin))
        begin++;
    while (begin < end && is_space(end[-1]))
        end--;
    bool known = bly_compression_parse(begin, (size_t)(end - begin), &compression);
    return known ? bly_compression_bit(compression) : 0;
}

static unsigned int
parse_list(const char *value, size_t size)
{
    const char *end = value + size;
    unsigned int bits = 0;
    for (const char *comma; value < end; value = comma + 1) {
        comma = memchr(value, ',', (size_t)(end - value));
        if (comma == NULL)
            comma = end;
        bits |= bit_of_element(value, comma);
    }
    return bits;
}

unsigned int
bly_compression_parse_accepted(const char *value, size_t size)
{
    static const char own[] = BLY_COMPRESSION_ACCEPTED;
    /* Every call of a client of ours has this one. */
    if (size == sizeof own - 1 && memcmp(value, own, sizeof own - 1) == 0)
        return bly_compression_bit(BELAY_COMPRESSION_GZIP) | bly_compression_bit(BELAY_COMPRESSION_DEFLATE);
    return parse_list(value, size);
}

/* ---- zlib ------------------------------------------------------------------------------------------- */

/* zlib's own would do. These make its allocations the library's, so that tests can have each of them fail. */
static void *
allocate(void *opaque, unsigned int count, unsigned int size)
{
    (void)opaque;
    return calloc(count, size);
}

static void
release(void *opaque, void *memory)
{
    (void)opaque;
    free(memory);
}

static z_stream
new_stream(const uint8_t *data)
{
    return (z_stream){.zalloc = allocate, .zfree = release, .next_in = (uint8_t *)data};
}

static bool
is_stopped(bly_compression_stop stop)
{
    return stop.asked != NULL && stop.asked(stop.argument);
}

static unsigned int
smaller(size_t a, size_t b)
{
    return (unsigned int)(a < b ? a : b);
}

/* ---- Compressing ------------------------------------------------------------------------------------ */

/* zlib's tables are as large as its window, and are cleared each time: for a small message that would be
 * most of the work. No window is of use that is larger than the message. */
static bool
begin_compressing(z_stream *stream, belay_compression compression, size_t size)
{
    int bits = SMALLEST_WINDOW_BITS;
    while (bits < MAX_WBITS && ((size_t)1 << bits) < size)
        bits++;
    int format = compression == BELAY_COMPRESSION_GZIP ? GZIP_FORMAT : 0;
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits + format, bits - 7,
                        Z_DEFAULT_STRATEGY) == Z_OK;
}

/* Whether all of it fitted in the room that there is. */
static bool
compress_all(z_stream *stream, size_t size, bly_compression_stop stop)
{
    for (;;) {
        if (is_stopped(stop))
            return false;
        stream->avail_in = smaller(size, COMPRESS_PIECE);
        size -= stream->avail_in;
        int result = deflate(stream, size > 0 ? Z_NO_FLUSH : Z_FINISH);
        if (size == 0)
            return result == Z_STREAM_END;
        if (stream->avail_in > 0)
            return false;
    }
}

bly_bytes *
bly_compress(belay_compression compression, const uint8_t *data, size_t size, size_t headroom,
             bly_compression_stop stop)
{
    z_stream stream = new_stream(data);
    if (size == 0 || size > UINT32_MAX || !begin_compressing(&stream, compression, size))
        return NULL;
    bly_bytes *bytes = bly_bytes_new(headroom + size - 1); /* no more: else it would not be smaller */
    bool done = false;
    if (bytes != NULL) {
        stream.next_out = bytes->data + headroom;
        stream.avail_out = (unsigned int)(size - 1);
        done = compress_all(&stream, size, stop);
    }
    deflateEnd(&stream);
    bly_bytes *result = done ? bly_bytes_resize(bytes, headroom + stream.total_out) : NULL;
    if (result == NULL)
        bly_bytes_free(bytes);
    return result;
}

/* ---- Inflating -------------------------------------------------------------------------------------- */

typedef struct inflation {
    z_stream stream;
    belay_compression compression;
    uint32_t limit;
    bly_bytes *bytes;
    size_t filled;
    uint8_t excess; /* where a byte over the limit would go */
} inflation;

/* More room when all is used, doubling up to the limit. */
static bool
grow(inflation *work)
{
    size_t size = work->bytes->size;
    if (work->filled < size || size >= work->limit)
        return true;
    bly_bytes *larger = bly_bytes_resize(work->bytes, smaller(2 * size, work->limit));
    if (larger == NULL)
        return false;
    work->bytes = larger;
    return true;
}

/* Inflates into what is left of the room, or at the limit into one byte that must stay free. */
static int
inflate_piece(inflation *work)
{
    z_stream *stream = &work->stream;
    bool is_full = work->filled == work->bytes->size;
    unsigned int room = is_full ? 1 : smaller(work->bytes->size - work->filled, INFLATE_PIECE);
    stream->next_out = is_full ? &work->excess : work->bytes->data + work->filled;
    stream->avail_out = room;
    int result = inflate(stream, Z_NO_FLUSH);
    work->filled += room - stream->avail_out;
    return result;
}

/* At the end of the data, or of one of its parts. */
static bly_inflate_result
end_part(inflation *work, bool *more)
{
    *more = work->stream.avail_in > 0;
    if (!*more)
        return BLY_INFLATED;
    if (work->compression != BELAY_COMPRESSION_GZIP || inflateReset(&work->stream) != Z_OK)
        return BLY_INFLATE_MALFORMED;
    return BLY_INFLATED;
}

/* Each round takes input or gives output; when neither is to be had zlib says so (Z_BUF_ERROR). */
static bly_inflate_result
inflate_all(inflation *work, bly_compression_stop stop)
{
    bly_inflate_result result = BLY_INFLATED;
    for (bool more = true; more && result == BLY_INFLATED;) {
        if (is_stopped(stop))
            return BLY_INFLATE_STOPPED;
        if (!grow(work))
            return BLY_INFLATE_NO_MEMORY;
        int said = inflate_piece(work);
        if (work->filled > work->limit)
            return BLY_INFLATE_TOO_LARGE;
        if (said == Z_STREAM_END)
            result = end_part(work, &more);
        else if (said != Z_OK)
            result = said == Z_MEM_ERROR ? BLY_INFLATE_NO_MEMORY : BLY_INFLATE_MALFORMED;
    }
    return result;
}

/* What the first room is: most data of programs becomes a few times smaller. */
static size_t
first_room(size_t size, uint32_t limit)
{
    size_t room = size < SIZE_MAX / 4 ? 4 * size : size;
    return smaller(room > FIRST_ALLOCATION ? room : FIRST_ALLOCATION, limit);
}

bly_inflate_result
bly_inflate(belay_compression compression, const uint8_t *data, size_t size, uint32_t limit,
            bly_compression_stop stop, bly_bytes **inflated)
{
    inflation work = {.stream = new_stream(data), .compression = compression, .limit = limit};
    int format = compression == BELAY_COMPRESSION_GZIP ? GZIP_FORMAT : 0;
    if (size > UINT32_MAX)
        return BLY_INFLATE_TOO_LARGE;
    work.stream.avail_in = (unsigned int)size;
    if (inflateInit2(&work.stream, MAX_WBITS + format) != Z_OK)
        return BLY_INFLATE_NO_MEMORY;
    work.bytes = bly_bytes_new(first_room(size, limit));
    bly_inflate_result result = work.bytes != NULL ? inflate_all(&work, stop) : BLY_INFLATE_NO_MEMORY;
    inflateEnd(&work.stream);
    bly_bytes *exact = NULL;
    if (result == BLY_INFLATED && (exact = bly_bytes_resize(work.bytes, work.filled)) == NULL)
        result = BLY_INFLATE_NO_MEMORY;
    if (result == BLY_INFLATED)
        *inflated = exact;
    else
        bly_bytes_free(work.bytes);
    return result;
}
