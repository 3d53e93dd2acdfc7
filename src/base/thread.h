/* SPDX-License-Identifier: MIT */
/*
 * Threads of belay: all signals blocked but those of their own faults, explicit attributes, a name that top
 * and gdb show.
 */
#ifndef BLY_BASE_THREAD_H
#define BLY_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>
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

/* Blocks what threads of belay block, and tells what was blocked before, for pthread_sigmask() to set again: around
 * what may start a thread, which inherits it. */
void bly_thread_block_signals(sigset_t *before);

/*
 * How the system's scheduler is asked to treat the calling thread, among others of its kind; its share of the
 * processors stays the same. Where this cannot be had (Linux before 6.12 knows no slices, others neither) nothing
 * changes. What fork() makes of the thread does not inherit it.
 */
/* It works for moments at a time, and others wait for it: it is to run as soon as it is woken, also when every processor
 * is busy with threads that compute. For I/O threads. */
void bly_thread_be_prompt(void);

/* It computes: when it is woken it waits for its turn rather than interrupt somebody. For workers whose handlers
 * do. */
void bly_thread_be_patient(void);

/* As it was made. */
void bly_thread_be_ordinary(void);

/* So many threads of this process may come to sleep at a time: where the system can make waking them cheaper it
 * is asked to (Linux from 6.16). For the whole process, and never to less than it has. Any thread, once there
 * are two. */
void bly_thread_expect(unsigned int count);

/* In a shared library each use of a thread-local would else ask the dynamic linker. glibc keeps room for a few such
 * words in libraries that are loaded later. */
#if defined(__linux__) && defined(__GLIBC__)
#define BLY_FAST_TLS __attribute__((tls_model("initial-exec")))
#else
#define BLY_FAST_TLS
#endif

extern _Thread_local char bly_thread_mark BLY_FAST_TLS;

/* A number for the calling thread, never 0, cheap: the address of a thread-local. */
static inline uintptr_t
bly_thread_self(void)
{
    return (uintptr_t)&bly_thread_mark;
}

#endif
