/* SPDX-License-Identifier: MIT */
/*
 * A channel's limits (<belay/limits.h>).
 */
#include "client/channel.h"

belay_code
belay_channel_options_set_limit(belay_channel_options *options, belay_limit limit, uint64_t value)
{
    return options != NULL ? bly_limits_set(&options->limits, limit, value) : BELAY_INVALID_ARGUMENT;
}

uint64_t
belay_channel_limit_reached(const belay_channel *channel, belay_limit limit)
{
    return channel != NULL ? bly_limit_count(&channel->limit_record, limit) : 0;
}
