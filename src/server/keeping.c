/* SPDX-License-Identifier: MIT */
/*
 * A server's options for how its connections are kept.
 */
#include <belay/connection.h>

#include "server/server.h"

belay_code
belay_server_options_set_keepalive(belay_server_options *options, uint64_t interval_ns, uint64_t timeout_ns)
{
    if (options == NULL || interval_ns == 0 || timeout_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.keepalive = interval_ns;
    options->keeping.keepalive_timeout = timeout_ns;
    return BELAY_OK;
}

void
belay_server_options_set_ping_limits(belay_server_options *options, uint64_t interval_ns, uint64_t idle_interval_ns,
                                     unsigned int strikes)
{
    options->keeping.ping_interval = interval_ns;
    options->keeping.idle_ping_interval = idle_interval_ns;
    options->limits.values[BELAY_LIMIT_PING_STRIKES] = strikes;
}

belay_code
belay_server_options_set_connection_idle(belay_server_options *options, uint64_t idle_ns)
{
    if (options == NULL || idle_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.idle = idle_ns;
    return BELAY_OK;
}

belay_code
belay_server_options_set_connection_age(belay_server_options *options, uint64_t age_ns, uint64_t grace_ns)
{
    if (options == NULL || age_ns == 0)
        return BELAY_INVALID_ARGUMENT;
    options->keeping.age = age_ns;
    options->keeping.grace = grace_ns;
    return BELAY_OK;
}
