/* SPDX-License-Identifier: MIT */
/* Answers to requests that are not gRPC's: for browsers, scanners, and clients of other protocols. */
#ifndef BLY_RPC_REFUSAL_H
#define BLY_RPC_REFUSAL_H

#include <stdbool.h>

#include <belay/code.h>

#include "h2/connection.h"

/*
 * Answers with an HTTP status, the words as plain text, and gRPC's status behind them in trailers. Windows hold for
 * the words as for every body.
 *
 * is_head: the request asks for headers alone, and gets no more.
 * Returns false without memory. Threads: the I/O thread's.
 */
bool bly_refusal_send(bly_h2_stream *stream, int http_status, bool is_head, belay_code code, const char *words);

#endif
