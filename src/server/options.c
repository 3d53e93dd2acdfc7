/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "base/stack.h"
#include "server/server.h"

#define STACK_MINIMUM (64u << 10)

const belay_server_options bly_server_default_options = {
    .workers_minimum = 0, /* the number of processors, at least 4 */
    .workers_maximum = 256,
    .stack_size = 512u << 10,
    .send_mark = 64u << 10,
    .drain_grace_ns = BELAY_SECONDS(10),
    .drain_limit_ns = BELAY_SECONDS(10),
    .watchdog_ns = BELAY_SECONDS(1),
    .keeping =
        {
            .keepalive = BELAY_SECONDS(2 * 60 * 60),
            .keepalive_timeout = BELAY_SECONDS(20),
            .ping_interval = BELAY_SECONDS(5 * 60),
            .idle_ping_interval = BELAY_SECONDS(2 * 60 * 60),
            .idle = BELAY_FOREVER,
            .age = BELAY_FOREVER,
            .grace = BELAY_FOREVER,
        },
};

void
bly_server_options_init(belay_server_options *options)
{
    *options = bly_server_default_options;
    bly_limits_init(&options->limits);
}

belay_server_options *
belay_server_options_new(void)
{
    belay_server_options *options = malloc(sizeof *options);
    if (options != NULL)
        bly_server_options_init(options);
    return options;
}

void
belay_server_options_free(belay_server_options *options)
{
    free(options);
}

belay_code
belay_server_options_set_workers(belay_server_options *options, unsigned int minimum, unsigned int maximum)
{
    if (options == NULL || minimum == 0 || minimum > maximum)
        return BELAY_INVALID_ARGUMENT;
    options->workers_minimum = minimum;
    options->workers_maximum = maximum;
    return BELAY_OK;
}

belay_code
belay_server_options_set_stack_size(belay_server_options *options, size_t bytes)
{
    if (options == NULL || bytes < STACK_MINIMUM)
        return BELAY_INVALID_ARGUMENT;
    options->stack_size = bytes;
    return BELAY_OK;
}

void
belay_server_options_set_batch_scheduling(belay_server_options *options, belay_batch_scheduling batch)
{
    options->batch_scheduling = batch;
}

void
belay_server_options_set_queue(belay_server_options *options, unsigned int calls)
{
    options->limits.values[BELAY_LIMIT_QUEUE] = calls;
}

void
belay_server_options_set_max_receive_size(belay_server_options *options, uint32_t bytes)
{
    options->limits.values[BELAY_LIMIT_RECEIVE_SIZE] = bytes;
}

void
belay_server_options_set_send_mark(belay_server_options *options, uint32_t bytes)
{
    options->send_mark = bytes;
}

belay_code
belay_server_options_set_compression(belay_server_options *options, belay_compression compression)
{
    if (options == NULL || !bly_compression_is_valid(compression))
        return BELAY_INVALID_ARGUMENT;
    options->compression = compression;
    return BELAY_OK;
}

void
belay_server_options_set_connection_handlers(belay_server_options *options, unsigned int calls)
{
    options->limits.values[BELAY_LIMIT_HANDLERS] = calls > 0 ? calls : 1;
}

void
belay_server_options_set_drop_late(belay_server_options *options, bool drop)
{
    options->drop_late = drop;
}

void
belay_server_options_set_drain(belay_server_options *options, uint64_t grace_ns, uint64_t limit_ns)
{
    options->drain_grace_ns = grace_ns;
    options->drain_limit_ns = limit_ns;
}

void
belay_server_options_set_watchdog(belay_server_options *options, uint64_t after_ns)
{
    options->watchdog_ns = after_ns;
}

belay_code
belay_server_options_set_watchdog_stacks(belay_server_options *options, int signo)
{
    if (options == NULL || (signo != 0 && !bly_stack_signal_is_usable(signo)))
        return BELAY_INVALID_ARGUMENT;
    if (signo != 0 && !bly_stack_is_supported())
        return BELAY_UNIMPLEMENTED;
    options->watchdog_signal = signo;
    return BELAY_OK;
}
