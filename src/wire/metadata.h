/* SPDX-License-Identifier: MIT */
/*
 * Metadata lists, and their form on the wire. Pure; a list is used by one thread at a time.
 */
#ifndef BLY_WIRE_METADATA_H
#define BLY_WIRE_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include <belay/metadata.h>

/* Values that one "-bin" header may hold: a comma is a byte on the wire and an entry here. */
#define BLY_METADATA_MAX_PARTS 128

/* A list without pairs, which stays so. */
extern const belay_metadata bly_metadata_none;

/* Appends a pair as it came from the wire: "-bin" values are decoded (split on commas: one pair for
 * each), others kept as they are. BELAY_OK; BELAY_INTERNAL for bad base64; BELAY_OUT_OF_RANGE for too
 * many values; BELAY_RESOURCE_EXHAUSTED without memory. The list is unchanged on failure. */
belay_code bly_metadata_add_wire(belay_metadata *metadata, const char *key, size_t key_size,
                                 const char *value, size_t value_size);

/* Appends a pair of our own, with bytes of any kind and a key that programs may not use. BELAY_OK or
 * BELAY_RESOURCE_EXHAUSTED. */
belay_code bly_metadata_add_unchecked(belay_metadata *metadata, const char *key, const void *value, size_t value_size);

/* True for header names that never reach a program: pseudo headers, HTTP's own and gRPC's. (A
 * program can read "user-agent", though it cannot set it.) */
bool bly_metadata_is_reserved(const char *key, size_t key_size);

/* Appends copies of all pairs of `from` (NULL: none). BELAY_OK or BELAY_RESOURCE_EXHAUSTED. */
belay_code bly_metadata_append(belay_metadata *to, const belay_metadata *from);

/* A copy, NULL without memory. Of NULL: NULL. */
belay_metadata *bly_metadata_copy(const belay_metadata *metadata);

/* The value of an entry as it is sent: base64 for "-bin" keys, others without the spaces at their ends,
 * which HTTP/2 forbids. Returns a part of the entry's own string when nothing has to be encoded, else
 * writes to `buffer` of at least BLY_BASE64_ENCODED_SIZE(entry->value_size) bytes. */
const char *bly_metadata_wire_value(const belay_metadata_entry *entry, char *buffer, size_t *size);

/* True when bly_metadata_wire_value() needs its buffer. */
bool bly_metadata_is_binary(const belay_metadata_entry *entry);

#endif
