/* SPDX-License-Identifier: MIT */
/*
 * The stack of another thread: it is sent a signal, collects its stack in the signal's handler, and posts a
 * semaphore. One thread is asked at a time, in the whole process.
 *
 * What a handler of signals may do is little. There is one buffer, for good, so that an answer that comes too late
 * harms nobody; who is asked is one word, which the asked thread takes before it writes and the asker takes back when
 * it has waited long enough. backtrace() loads a library when it is first called, so it is called once before.
 */
#ifndef BLY_BASE_STACK_H
#define BLY_BASE_STACK_H

#include <stdbool.h>

#include "base/identity.h"

#define BLY_STACK_FRAMES 64

/* How long an asker waits for the asked thread to get a processor. */
#define BLY_STACK_PATIENCE_NS 100000000

/* Whether this system can do it. Any thread. */
bool bly_stack_is_supported(void);

/* Whether a signal can be used: not one of a fault, nor one that cannot be caught, nor SIGTERM and SIGINT. */
bool bly_stack_signal_is_usable(int signo);

/* Installs the signal's handler; the first of several users does, and the last who gives it back restores what
 * was there before. Threads that were opened to it must have ended by then. False when it cannot be had. Any
 * thread. */
bool bly_stack_signal_take(int signo);
void bly_stack_signal_give_back(int signo);

/* Opens the calling thread to the signal, which somebody has taken. */
void bly_stack_open(int signo);

/* Asking, in three steps: wait for the turn; send the signal, with whatever lock held that keeps the thread alive;
 * wait for the answer and give up the turn. Only the middle one is quick. Lock order: the turn is taken before
 * anything else. Any thread but the I/O threads, which do not wait.
 *
 * bly_stack_ask(): false when the thread is not open to be asked, or an answer is still being written.
 * bly_stack_end(): asked: what the second step returned. Gives the number of frames, at most BLY_STACK_FRAMES, from
 *     the innermost; 0 when none came in time. */
void bly_stack_begin(void);
bool bly_stack_ask(const bly_thread_identity *thread);
int bly_stack_end(bool asked, void **frames);

/* The frames in words, in one line: to be freed with free(). NULL without memory. Any thread. */
char *bly_stack_describe(void *const *frames, int count);

#endif
