/* SPDX-License-Identifier: MIT */
/*
 * Statuses: how codes are read and written, and what HTTP's and HTTP/2's errors mean in gRPC. Also the
 * belay_status object. Pure.
 */
#ifndef BLY_WIRE_STATUS_H
#define BLY_WIRE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/status.h>

#include "base/arena.h"

struct belay_status {
    belay_code code;
    bool is_local;
    bool in_arena;
    char *message; /* own, or NULL */
    belay_metadata *trailers; /* own, or NULL */
    ProtobufCMessage *details; /* own, on the heap; NULL: none, or nobody has asked (details.c) */
    bool details_read;
};

/* Makes a status. message: copied, may be NULL. trailers: taken over, also on failure, may be NULL.
 * arena: where it lives; NULL for the heap. NULL without memory. */
belay_status *bly_status_new(belay_code code, const char *message, belay_metadata *trailers, bool is_local,
                             bly_arena *arena);

/* Reads grpc-status: decimal, no leading zeros but "0" itself; what cannot be read, or is no code of
 * gRPC's, is BELAY_UNKNOWN. */
belay_code bly_status_parse(const char *text, size_t size);

/* The text of a code that is sent, and its size. Constants. */
const char *bly_status_text(belay_code code, size_t *size);

/* What a handler may return: one of the seventeen; anything else is BELAY_UNKNOWN. */
belay_code bly_status_valid(belay_code code);

/* An answer without grpc-status: the code for an HTTP status (http-grpc-status-mapping). */
belay_code bly_status_from_http(int http_status);

/* The code for an RST_STREAM that ends a call (PROTOCOL-HTTP2, Errors). */
belay_code bly_status_from_h2(uint32_t h2_error);

/* True for "application/grpc" alone or followed by '+' or ';', in upper or lower case. */
bool bly_content_type_is_grpc(const char *text, size_t size);

/* Of one that is gRPC's: true when the messages are protobuf, by default or by "+proto". */
bool bly_content_type_is_protobuf(const char *text, size_t size);

#endif
