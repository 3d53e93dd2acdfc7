/* SPDX-License-Identifier: MIT */
/*
 * Which calls it is too late for when a worker takes them. The worker looks, and not whoever queues them:
 * only then is it known how long they have waited.
 */
#ifndef BLY_RPC_TIMELY_H
#define BLY_RPC_TIMELY_H

#include "rpc/server_call.h"

/* Ends a call that is not to be run any more: the server's time of grace is over, or what is left until its
 * deadline is less than its method takes. Worker, before it claims the call; no lock held. */
void bly_timely_check(bly_server_call *server);

#endif
