/* SPDX-License-Identifier: MIT */
/*
 * A channel's options for how its connections are made and kept.
 */
#include <belay/connection.h>

#include "client/channel.h"

const bly_channel_keeping bly_channel_default_keeping = {
    .keepalive = BELAY_FOREVER,
    .keepalive_timeout = BELAY_SECONDS(20),
    .idle = BELAY_SECONDS(30 * 60),
    .backoff_first = BELAY_SECONDS(1),
    .backoff_most = BELAY_SECONDS(120),
    .connect_timeout = BELAY_SECONDS(20),
};

belay_code
belay_channel_options_set_keepalive(belay_channel_options *options, uint64_t interval_ns, uint64_t timeout_ns,
                                    bool without_calls)
{
    if (options == NULL || interval_ns == 0 || timeout_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.keepalive = interval_ns;
    options->keeping.keepalive_timeout = timeout_ns;
    options->keeping.keepalive_without_calls = without_calls;
    return BELAY_OK;
}

belay_code
belay_channel_options_set_idle(belay_channel_options *options, uint64_t idle_ns)
{
    if (options == NULL || idle_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.idle = idle_ns;
    return BELAY_OK;
}

belay_code
belay_channel_options_set_backoff(belay_channel_options *options, uint64_t first_ns, uint64_t most_ns)
{
    if (options == NULL || first_ns == 0 || first_ns > most_ns)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.backoff_first = first_ns;
    options->keeping.backoff_most = most_ns;
    return BELAY_OK;
}

belay_code
belay_channel_options_set_connect_timeout(belay_channel_options *options, uint64_t timeout_ns)
{
    if (options == NULL || timeout_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.connect_timeout = timeout_ns;
    return BELAY_OK;
}
