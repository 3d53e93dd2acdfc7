/* SPDX-License-Identifier: MIT */
/*
 * Blocks of a few fixed sizes that are wanted again at once: calls, contexts, messages, what nghttp2 needs for a
 * stream. A thread that keeps blocks (an I/O thread, a worker, one of a program's that calls) takes from its own and
 * keeps what it gives back, without a lock; on all others, and when the thread has none or enough, this is malloc and
 * free. With sanitizers it always is, so that they see the use of freed memory.
 */
#ifndef BLY_BASE_BLOCKS_H
#define BLY_BASE_BLOCKS_H

#include <stddef.h>

/* Of more bytes than this none are kept. */
#define BLY_BLOCKS_LARGEST 2048

/* Around the life of a thread that keeps blocks; few of them, where there are many such threads. */
void bly_blocks_begin(void);
void bly_blocks_begin_few(void);
void bly_blocks_end(void);

/* Has the calling thread, if it keeps none yet, keep a few (4 KiB of each size) until it ends. For threads that are a
 * program's. */
void bly_blocks_keep_here(void);

/* A zeroed block, for what two threads share: of more than a cache line it begins with one, unless the thread has kept
 * one that was taken as follows. NULL without memory. Any thread. */
void *bly_blocks_new(size_t size);

/* The same, not zeroed, nor at the beginning of a line: for what goes by once. */
void *bly_blocks_take(size_t size);

/* Gives a block another size, its bytes up to the smaller one kept; the old pointer is gone. NULL without memory:
 * then nothing has changed. Any thread. */
void *bly_blocks_resize(void *block, size_t size);

/* Gives it back, with the size that it was asked for. Any thread. NULL: nothing. */
void bly_blocks_free(void *block, size_t size);

#endif
