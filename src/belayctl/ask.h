/* SPDX-License-Identifier: MIT */
/*
 * Asking the server. What goes wrong is said on standard error, with what to do about it.
 */
#ifndef BELAYCTL_ASK_H
#define BELAYCTL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/belay.h>

#include "admin.belay.h"

typedef Belay__Admin__V1__Call call_row;
typedef Belay__Admin__V1__ListCallsReply call_list;
typedef Belay__Admin__V1__StatsReply server_stats;

typedef struct admin_client {
    const char *server;
    belay_channel *channel;
    belay_call_options *options;
} admin_client;

/* Nothing is connected yet. False: the address cannot be read, or memory is out. */
bool ask_open(admin_client *asker, const char *server);
void ask_close(admin_client *asker);

/* Each gives what the server answered, freed with protobuf_c_message_free_unpacked(&answer->base, NULL); NULL when it
 * did not. */
call_list *ask_calls(const admin_client *asker);
server_stats *ask_stats(const admin_client *asker);

/* These two give the exit code, and say what was done. */
int ask_cancel(const admin_client *asker, uint64_t id, bool subtree, const char *reason);
int ask_drain(const admin_client *asker);

#endif
