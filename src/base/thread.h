/* SPDX-License-Identifier: MIT */
/*
 * Threads of belay: all signals blocked but those of their own faults, explicit attributes, a name that top
 * and gdb show.
 */
#ifndef BLY_BASE_THREAD_H
#define BLY_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Starts a joinable thread (or, with thread == NULL, a detached one). `name` is cut to 15 bytes.
 * stack_size 0: the default of 512 KiB; a guard page comes on top. Scheduling policy SCHED_OTHER,
 * not inherited. Returns false when it cannot be had.
 */
bool bly_thread_start(pthread_t *thread, const char *name, size_t stack_size, void (*run)(void *argument),
                      void *argument);

/* A number for the calling thread, never 0, cheap: the address of a thread-local. */
uintptr_t bly_thread_self(void);

#endif
