/* SPDX-License-Identifier: MIT */
/*
 * Connecting: resolves the address, then tries each result in turn (a connection attempt that gets no
 * answer for `attempt_timeout_ns` gives way to the next). Whether who answers is who was wanted its user finds out, in
 * a TLS handshake say, and has it try the rest if not. I/O thread only.
 */
#ifndef BLY_TRANSPORT_CONNECTOR_H
#define BLY_TRANSPORT_CONNECTOR_H

#include <stdint.h>

#include "io/loop.h"
#include "transport/address.h"
#include "transport/stream.h"

typedef struct bly_connector bly_connector;

/* stream: the connected stream, which the callee owns; NULL when no result is left, and error says why in words
 * for people ("connect to 127.0.0.1:1: Connection refused"), as long as the connector lives. Never called inside
 * bly_connector_start(); may free the connector. */
typedef void (*bly_connect_function)(void *argument, bly_stream *stream, const char *error);

/* Begins. NULL without memory. */
bly_connector *bly_connector_start(bly_loop *loop, const bly_address *address, uint64_t attempt_timeout_ns,
                                   bly_connect_function function, void *argument);

/* Goes on with the next result: the stream it gave last was no good, and error says why, which counts more than that
 * others cannot be reached. The function may be called at once. */
void bly_connector_go_on(bly_connector *connector, const char *error);

/* Frees it: the function will not be called any more. NULL: nothing. */
void bly_connector_free(bly_connector *connector);

#endif
