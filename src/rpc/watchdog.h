/* SPDX-License-Identifier: MIT */
/*
 * The watch over one handler: what is noted of it when its context is cancelled, and the report when it has not
 * returned some time after that.
 *
 * Nothing is armed for a call that is not cancelled while its handler runs. The timer stands for a reference to the
 * call. Where the worker is open to be asked for its stack the notifier asks and reports, because that takes waiting.
 */
#ifndef BLY_RPC_WATCHDOG_H
#define BLY_RPC_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/identity.h"
#include "io/timer.h"

struct bly_server_call;

typedef struct bly_watch {
    /* const after creation */
    uint64_t patience_ns; /* from cancel to report; BELAY_FOREVER: it is not watched */

    /* guarded by the call's lock */
    const bly_thread_identity *worker; /* whose handler it is: good while that runs */
    bool armed; /* the timer was armed; it may have fired */
    bool has_cpu;
    uint64_t cpu_ns; /* the worker's processor time at the cancel */
    bly_timer timer;
} bly_watch;

/* A handler begins on the calling thread, which is `worker`. Lock held. */
void bly_watch_begin_locked(struct bly_server_call *server, const bly_thread_identity *worker);

/* Its context was cancelled: reads the worker's processor time and arms the timer. Any thread, lock held. */
void bly_watch_cancelled_locked(struct bly_server_call *server);

/* It has returned. True: the timer will not fire, and its reference is the caller's to give back. Lock held. */
bool bly_watch_end_locked(struct bly_server_call *server);

/* The processor time that the calling worker has used since the cancel; false when it is not known. After the
 * cancel, worker. */
bool bly_watch_cpu_since_cancel(const struct bly_server_call *server, uint64_t *ns);

#endif
