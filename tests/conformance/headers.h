/* SPDX-License-Identifier: MIT */
/*
 * Between belay's metadata and the suite's Headers, where the values of one name are together and those of
 * "-bin" names are base64.
 */
#ifndef TESTS_CONFORMANCE_HEADERS_H
#define TESTS_CONFORMANCE_HEADERS_H

#include "conformance/names.h"

/* Adds one pair to wherever metadata goes. */
typedef belay_code (*headers_add)(void *target, const char *key, const void *value, size_t value_size);

/* Adds all values of all Headers, in their order. Returns BELAY_OK or the first failure. */
belay_code headers_to_metadata(header *const *headers, size_t count, headers_add add, void *target);

/* Makes Headers of metadata, which may be NULL. All of it is allocated with `allocator`. Returns false without
 * memory; what was allocated by then is the allocator's. */
bool headers_from_metadata(const belay_metadata *metadata, ProtobufCAllocator *allocator, header ***headers,
                           size_t *count);

#endif
