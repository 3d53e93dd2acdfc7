/* SPDX-License-Identifier: MIT */
/*
 * Connecting: resolves the address, then tries each result in turn (a connection attempt that gets no
 * answer for `attempt_timeout_ns` gives way to the next). I/O thread only.
 */
#ifndef BLY_TRANSPORT_CONNECTOR_H
#define BLY_TRANSPORT_CONNECTOR_H

#include <stdint.h>

#include "io/loop.h"
#include "transport/address.h"
#include "transport/stream.h"

typedef struct bly_connector bly_connector;

/* stream: the connected stream, which the callee owns; NULL on failure, and error says why in words
 * for people ("connect to 127.0.0.1:1: Connection refused"), valid during the call. The connector is
 * gone when this is called; it is never called inside bly_connector_start(). */
typedef void (*bly_connect_function)(void *argument, bly_stream *stream, const char *error);

/* Begins. NULL without memory. */
bly_connector *bly_connector_start(bly_loop *loop, const bly_address *address, uint64_t attempt_timeout_ns,
                                   bly_connect_function function, void *argument);

/* Gives up: the function will not be called. Not after it was called. */
void bly_connector_cancel(bly_connector *connector);

#endif
