/* SPDX-License-Identifier: MIT */
/* Channels that are made at their first use and kept: one to each target. */
#ifndef BENCH_CHANNELS_H
#define BENCH_CHANNELS_H

#include <pthread.h>

#include <belay/channel.h>
#include <belay/runtime.h>

typedef struct channel_cache {
    belay_runtime *runtime; /* const after channels_init() */
    pthread_mutex_t lock;
    struct kept_channel *first; /* guarded by lock */
} channel_cache;

/* The runtime outlives the channels. */
void channels_init(channel_cache *all, belay_runtime *runtime);

/* Frees the channels; nobody uses them any more. */
void channels_fini(channel_cache *all);

/* The channel to a target, or NULL when it cannot be made. It lives until channels_fini(). Any thread. */
belay_channel *channels_get(channel_cache *all, const char *target);

#endif
