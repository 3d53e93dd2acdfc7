/* SPDX-License-Identifier: MIT */
/*
 * The runtime from the inside: I/O threads, notifier, log, timers of contexts.
 */
#ifndef BLY_RPC_RUNTIME_H
#define BLY_RPC_RUNTIME_H

#include <stdint.h>

#include <belay/runtime.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "cancel/context.h"
#include "cancel/notifier.h"
#include "io/loop.h"

#define BLY_RUNTIME_MAX_IO_THREADS 64

struct belay_runtime_options {
    unsigned int io_threads;
    belay_log_function log_function;
    void *log_argument;
    belay_log_level log_level;
};

struct belay_runtime {
    bly_refcount refs;
    /* const after creation */
    bly_context_environment environment;
    bly_notifier *notifier;
    unsigned int loop_count;
    bly_loop *loops[BLY_RUNTIME_MAX_IO_THREADS];
    unsigned int forks; /* that led to its process */
    /* any thread */
    bly_log log;
    bly_notifier_item log_item;
    int log_posted;     /* atomic: acquire and release, with the log queue's own lock */
    unsigned int turn;  /* atomic, relaxed: only spreads */
    int64_t calls_open; /* atomic, relaxed: client calls, for counters */
    bly_mutex residents_lock; /* taken before all others; held while the I/O threads are asked one after the other */
    bly_list residents;       /* guarded by residents_lock: servers and channels (rpc/census.h) */
};

/* belay_runtime_new() with a clock that deadlines are counted on. Waits that end by themselves (sleeping,
 * draining) stay on the system's. Any thread; the clock outlives the runtime. */
belay_runtime *bly_runtime_make(const belay_runtime_options *options, const bly_clock *clock);

/* A loop for a new connection or channel: each in turn. Any thread. */
bly_loop *bly_runtime_next_loop(belay_runtime *runtime);

/* Waits until the log function has had all lines written so far, a second at most: for a caller whose process may
 * be about to end. Any thread but the notifier's. */
void bly_runtime_flush_log(belay_runtime *runtime);

/* True in the process that made it. After fork() without exec it is not usable; says so on standard error. */
bool bly_runtime_usable(belay_runtime *runtime);

#endif
