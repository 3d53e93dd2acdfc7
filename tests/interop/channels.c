/* SPDX-License-Identifier: MIT */
#include "interop/channels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Addresses come from requests: an end to them. */
#define CHANNELS_LIMIT 1000u

struct channels {
    /* const after creation */
    belay_runtime *runtime;
    belay_channel_options *options;

    pthread_mutex_t lock;
    /* guarded by lock */
    size_t count;
    belay_channel *list[CHANNELS_LIMIT];
};

static belay_code
set_options(belay_channel_options *options, const channel_settings *settings)
{
    uint64_t timeout = BELAY_SECONDS(20);
    if (settings->max_receive_size != 0)
        belay_channel_options_set_max_receive_size(options, settings->max_receive_size);
    if (settings->keepalive_ms == 0)
        return BELAY_OK;
    if (settings->keepalive_timeout_ms != 0)
        timeout = BELAY_MILLISECONDS(settings->keepalive_timeout_ms);
    return belay_channel_options_set_keepalive(options, BELAY_MILLISECONDS(settings->keepalive_ms), timeout, false);
}

channels *
channels_new(belay_runtime *runtime, const channel_settings *settings)
{
    channels *all = calloc(1, sizeof *all);
    belay_channel_options *options = belay_channel_options_new();
    if (all == NULL || options == NULL || set_options(options, settings) != BELAY_OK) {
        free(all);
        belay_channel_options_free(options);
        return NULL;
    }
    all->runtime = belay_runtime_ref(runtime);
    all->options = options;
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void
channels_free(channels *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->count; i++)
        belay_channel_free(all->list[i]);
    belay_channel_options_free(all->options);
    belay_runtime_unref(all->runtime);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static belay_code
get_locked(channels *all, const char *address, belay_channel **channel)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(belay_channel_target(all->list[i]), address) == 0) {
            *channel = all->list[i];
            return BELAY_OK;
        }
    }
    if (all->count == CHANNELS_LIMIT)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_channel *made = belay_channel_new(all->runtime, address, all->options);
    if (made == NULL)
        return BELAY_INVALID_ARGUMENT;
    all->list[all->count++] = made;
    *channel = made;
    return BELAY_OK;
}

belay_code
channels_get(channels *all, const char *address, belay_channel **channel)
{
    pthread_mutex_lock(&all->lock);
    belay_code code = get_locked(all, address, channel);
    pthread_mutex_unlock(&all->lock);
    return code;
}
