/* SPDX-License-Identifier: MIT */
/*
 * A channel's limits (<belay/limits.h>).
 */
#include "client/channel.h"

belay_code
belay_channel_options_set_limit(belay_channel_options *options, belay_limit limit, uint64_t value)
{
    if (options == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_code code = bly_limits_set(&options->limits, limit, value);
    if (code == BELAY_OK && limit == BELAY_LIMIT_RECEIVE_SIZE) /* which has had a function of its own before */
        options->max_receive_size = (uint32_t)value;
    return code;
}

void
bly_channel_limits_init(belay_channel *channel, const belay_channel_options *options)
{
    if (options != NULL)
        channel->limits = options->limits;
    else
        bly_limits_init(&channel->limits);
    channel->limits.values[BELAY_LIMIT_RECEIVE_SIZE] = channel->host.receive_size;
    channel->host.stream_window = bly_limits_u32(&channel->limits, BELAY_LIMIT_STREAM_WINDOW);
    bly_limit_record_init(&channel->limit_record, &channel->limits, &channel->runtime->log,
                          "belay_channel_options_set_limit");
}

uint64_t
belay_channel_limit_reached(const belay_channel *channel, belay_limit limit)
{
    return channel != NULL ? bly_limit_count(&channel->limit_record, limit) : 0;
}
