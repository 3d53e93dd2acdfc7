/* SPDX-License-Identifier: MIT */
/* Memory that is freed at once: of what belongs to one message. */
#ifndef TESTS_CONFORMANCE_SCRATCH_H
#define TESTS_CONFORMANCE_SCRATCH_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

typedef struct scratch_memory {
    bly_arena arena;
    ProtobufCAllocator allocator;
} scratch_memory;

void scratch_init(scratch_memory *scratch);
void scratch_fini(scratch_memory *scratch);
void *scratch_alloc(scratch_memory *scratch, size_t size); /* NULL without memory */

#endif
