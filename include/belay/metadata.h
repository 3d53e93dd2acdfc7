/* SPDX-License-Identifier: MIT */
/*
 * Metadata: the ordered list of key and value pairs that travels before (headers) and after
 * (trailers) the messages of a call. Keys are lower case and may repeat; order and duplicates are
 * kept. A key that ends in "-bin" has a value of arbitrary bytes, every other key one of printable
 * ASCII.
 */
#ifndef BELAY_METADATA_H
#define BELAY_METADATA_H

#include <stddef.h>

#include <belay/code.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef struct belay_metadata belay_metadata;

/* One pair. The strings belong to the list and end with a NUL that value_size does not count. */
typedef struct belay_metadata_entry {
    const char *key;
    const char *value;
    size_t value_size;
} belay_metadata_entry;

/*
 * Makes an empty list.
 *
 * Returns the list, which the caller frees with belay_metadata_free(), or NULL without memory.
 * Threads: any; one list is used by one thread at a time.
 */
BELAY_API belay_metadata *belay_metadata_new(void);

/*
 * Frees a list.
 *
 * metadata: a list from belay_metadata_new(), or NULL.
 * Threads: any.
 * Lifetime: its entries are gone with it.
 */
BELAY_API void belay_metadata_free(belay_metadata *metadata);

/*
 * Appends a pair.
 *
 * metadata: the list; on failure unchanged.
 * key: lower case letters, digits, '-', '_', '.'; copied. Keys that begin with "grpc-" or ':' and
 *     those that HTTP/2 or gRPC define (content-type, te, connection ...) are reserved.
 * value, value_size: the value and its size in bytes; copied. May hold any bytes when the key ends
 *     in "-bin", else the characters 0x20 to 0x7e.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for a key or value that cannot be sent;
 *     BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: one at a time.
 * Source: gRPC over HTTP/2, "Custom-Metadata".
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_metadata_add(belay_metadata *metadata, const char *key,
                                                          const void *value, size_t value_size);

/*
 * Finds the last value of a key.
 *
 * metadata: the list; NULL is an empty one.
 * key: a NUL-terminated key, compared byte by byte.
 * Returns the entry, or NULL when the key is not there.
 * Threads: one at a time.
 * Lifetime: valid until the list changes or is freed.
 */
BELAY_API const belay_metadata_entry *belay_metadata_get(const belay_metadata *metadata, const char *key);

/*
 * Counts the pairs.
 *
 * metadata: the list; NULL is an empty one.
 * Returns the number of pairs.
 * Threads: one at a time.
 */
BELAY_API size_t belay_metadata_count(const belay_metadata *metadata);

/*
 * Gives the pair at a position.
 *
 * metadata: the list.
 * index: less than belay_metadata_count().
 * Returns the entry, or NULL for an index out of range.
 * Threads: one at a time.
 * Lifetime: valid until the list changes or is freed.
 */
BELAY_API const belay_metadata_entry *belay_metadata_at(const belay_metadata *metadata, size_t index);

BELAY_END_DECLS

#endif
