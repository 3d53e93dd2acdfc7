/* SPDX-License-Identifier: MIT */
/*
 * The relay's channels: one to each address, kept for the process's life.
 */
#ifndef TESTS_INTEROP_CHANNELS_H
#define TESTS_INTEROP_CHANNELS_H

#include <stdint.h>

#include <belay/belay.h>

typedef struct channels channels;

/* What the channels are made with; 0 for the library's defaults. */
typedef struct channel_settings {
    uint32_t max_receive_size;
    uint32_t keepalive_ms;
    uint32_t keepalive_timeout_ms; /* nothing without the one above */
} channel_settings;

/* Returns NULL without memory. */
channels *channels_new(belay_runtime *runtime, const channel_settings *settings);

/* Frees the channels; calls still open on them (detached ones) are cancelled. */
void channels_free(channels *all);

/* Gives the channel to an address, made when it is asked for first. Any thread.
 * BELAY_OK; BELAY_INVALID_ARGUMENT for an address that cannot be read; BELAY_RESOURCE_EXHAUSTED. */
BELAY_WARN_UNUSED belay_code channels_get(channels *all, const char *address, belay_channel **channel);

#endif
