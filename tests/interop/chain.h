/* SPDX-License-Identifier: MIT */
/*
 * Relay servers in processes of their own, and what is asked of them. Server 0 is the one that the test
 * calls; the route goes on over the others in order.
 */
#ifndef TESTS_INTEROP_CHAIN_H
#define TESTS_INTEROP_CHAIN_H

#include <stdbool.h>

#include <belay/belay.h>

#include "interop/process.h"
#include "relay.belay.h"

#define CHAIN_LIMIT 3

typedef Belay__Testing__RelayRequest relay_request;
typedef Belay__Testing__RelayReply relay_reply;
typedef Belay__Testing__HandlerRecord handler_record;
typedef Belay__Testing__CountersReply relay_counters;

typedef struct chain {
    size_t count;
    process servers[CHAIN_LIMIT];
    char *addresses[CHAIN_LIMIT];
    belay_runtime *runtime;
    belay_channel *channels[CHAIN_LIMIT];
    uint64_t run;
} chain;

/* Starts servers, all with the same further arguments (NULL-terminated; NULL for none). */
void chain_open(chain *servers, size_t count, const char *const *arguments);

/* Starts one more, with its own. */
void chain_add(chain *servers, const char *const *arguments);

/* Has the servers that are left drain, and checks that each exits with 0. */
void chain_close(chain *servers);

/* A request whose route goes over all servers but the first. */
relay_request chain_request(chain *servers, Belay__Testing__Leaf leaf, uint32_t leaf_ms);

/* Starts a call at a server; the program ends when that fails. */
belay_call *chain_call(chain *servers, size_t server, const relay_request *request);
belay_call *chain_stream(chain *servers, const relay_request *first);

/* ---- Asking ---- */

relay_counters chain_counters(const chain *servers, size_t server);

/* Reads the chain's run's last record at a server; false when there is none. What it points to is gone. */
bool chain_record(const chain *servers, size_t server, handler_record *record);
size_t chain_record_count(const chain *servers, size_t server);

/* Wait until a handler of the run is at work / was cancelled / nothing runs there, no child is open. */
void chain_await_running(const chain *servers, size_t server);
void chain_await_cancelled(const chain *servers, size_t server);
void chain_await_returned(const chain *servers, size_t server);
void chain_await_idle(const chain *servers, size_t server);

/* Checks the run's record there: cancelled for that cause, noticed, returned, and in this order. */
void chain_check_cancelled(const chain *servers, size_t server, Belay__Testing__Cause cause);

#endif
