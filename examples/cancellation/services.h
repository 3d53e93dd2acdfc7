/* SPDX-License-Identifier: MIT */
/* The services of cancellation-server, one to a file. */
#ifndef EXAMPLES_CANCELLATION_SERVICES_H
#define EXAMPLES_CANCELLATION_SERVICES_H

#include <stdint.h>

#include <belay/call.h>
#include <belay/server.h>

belay_code echo_service_add(belay_server *server);
belay_code key_value_store_service_add(belay_server *server);
belay_code greeter_service_add(belay_server *server);
/* A search that has made maximum_hashes in vain cancels its own call. */
belay_code hash_finder_service_add(belay_server *server, uint64_t maximum_hashes);

/* Prints that a call was cancelled, and why, if it was. Returns code, to be returned by the handler. */
belay_code tell_if_cancelled(belay_call *call, belay_code code);

#endif
