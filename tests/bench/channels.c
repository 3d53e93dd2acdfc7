/* SPDX-License-Identifier: MIT */
#include "bench/channels.h"

#include <stdlib.h>
#include <string.h>

struct kept_channel {
    struct kept_channel *next;
    belay_channel *channel;
};

void
channels_init(channel_cache *all, belay_runtime *runtime)
{
    all->runtime = runtime;
    pthread_mutex_init(&all->lock, NULL);
    all->first = NULL;
}

void
channels_fini(channel_cache *all)
{
    while (all->first != NULL) {
        struct kept_channel *kept = all->first;
        all->first = kept->next;
        belay_channel_free(kept->channel);
        free(kept);
    }
    pthread_mutex_destroy(&all->lock);
}

static struct kept_channel *
find_locked(const channel_cache *all, const char *target)
{
    struct kept_channel *kept = all->first;
    while (kept != NULL && strcmp(belay_channel_target(kept->channel), target) != 0)
        kept = kept->next;
    return kept;
}

static struct kept_channel *
make_locked(channel_cache *all, const char *target)
{
    struct kept_channel *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return NULL;
    kept->channel = belay_channel_new(all->runtime, target, NULL);
    if (kept->channel == NULL) {
        free(kept);
        return NULL;
    }
    kept->next = all->first;
    all->first = kept;
    return kept;
}

belay_channel *
channels_get(channel_cache *all, const char *target)
{
    pthread_mutex_lock(&all->lock);
    struct kept_channel *kept = find_locked(all, target);
    if (kept == NULL)
        kept = make_locked(all, target);
    pthread_mutex_unlock(&all->lock);
    return kept != NULL ? kept->channel : NULL;
}
