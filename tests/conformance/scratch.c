/* SPDX-License-Identifier: MIT */
#include "conformance/scratch.h"

void *
scratch_alloc(scratch_memory *scratch, size_t size)
{
    return bly_arena_alloc(&scratch->arena, size);
}

static void *
allocate(void *scratch, size_t size)
{
    return scratch_alloc(scratch, size);
}

static void
release(void *scratch, void *memory)
{
    (void)scratch, (void)memory;
}

void
scratch_init(scratch_memory *scratch)
{
    bly_arena_init(&scratch->arena);
    scratch->allocator = (ProtobufCAllocator){allocate, release, scratch};
}

void
scratch_fini(scratch_memory *scratch)
{
    bly_arena_fini(&scratch->arena);
}
