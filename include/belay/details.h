/* SPDX-License-Identifier: MIT */
/*
 * Rich errors: messages of any type that travel with a status and tell more than its code and text do. The
 * status with its details is sent as a google.rpc.Status in the trailer grpc-status-details-bin, as other
 * stacks of gRPC do it. Google's own types (google.rpc.BadRequest, RetryInfo ...) are common but not needed:
 * any message that both sides know will do.
 */
#ifndef BELAY_DETAILS_H
#define BELAY_DETAILS_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/call.h>
#include <belay/code.h>
#include <belay/export.h>
#include <belay/status.h>

BELAY_BEGIN_DECLS

/* ---- Handlers: saying more --------------------------------------------------------------------- */

/*
 * Adds a detail to the status with which the handler fails, after those that were added before. They are sent
 * with whatever code the handler returns, and the message of belay_fail(); not with BELAY_OK, nor when the
 * call is cancelled.
 *
 * call: a handler's call.
 * detail: the message; packed now, stays the caller's. It is sent as a google.protobuf.Any of the type
 *     "type.googleapis.com/" and its full name.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for a client call or without a message; BELAY_RESOURCE_EXHAUSTED
 *     without memory, or when the details of the call would come to more than 4 KiB, which not all peers
 *     would take.
 * Threads: the handler's.
 * Source: google/rpc/status.proto; gRPC, "Richer error model".
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_add_detail(belay_call *call, const ProtobufCMessage *detail);

/*
 * Adds a detail that is packed already, as one that came from another server is; otherwise as
 * belay_call_add_detail().
 *
 * type_url: names the type after its last '/': "type.googleapis.com/google.rpc.RetryInfo"; UTF-8; copied.
 * value, value_size: the packed message; copied.
 * Returns BELAY_INVALID_ARGUMENT also for a type_url without a '/'.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_call_add_packed_detail(belay_call *call, const char *type_url,
                                                                    const void *value, size_t value_size);

/* ---- Clients: reading it ------------------------------------------------------------------------ */

/* One detail of a status: a packed message and its type. */
typedef struct belay_detail {
    const char *type_url;
    const void *value;
    size_t value_size;
} belay_detail;

/*
 * Counts the details that came with a status. (The google.rpc.Status as bytes is in belay_status_trailers(),
 * under "grpc-status-details-bin".) A call whose details contradict its code ended with BELAY_INTERNAL.
 *
 * status: a status, or NULL.
 * Returns their number; 0 also when what came cannot be read.
 * Threads: any, one at a time.
 * Source: gRPC over HTTP/2, "Status-Details".
 */
BELAY_API size_t belay_status_detail_count(const belay_status *status);

/*
 * Gives one detail.
 *
 * status: a status, or NULL.
 * index: less than belay_status_detail_count().
 * detail: receives it; untouched on failure.
 * Returns BELAY_OK, or BELAY_NOT_FOUND for an index out of range.
 * Threads: any, one at a time.
 * Lifetime: what detail points to lives as long as the status.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_status_detail_at(const belay_status *status, size_t index,
                                                              belay_detail *detail);

/*
 * Tells whether a detail is of a type.
 *
 * detail: one that a status gave.
 * descriptor: of the type.
 * Returns true when what follows the last '/' of the detail's type_url is the type's full name.
 * Threads: any.
 */
BELAY_API bool belay_detail_is(const belay_detail *detail, const ProtobufCMessageDescriptor *descriptor);

/*
 * Unpacks a detail of a type that is known.
 *
 * detail: one that a status gave.
 * descriptor: of its type.
 * allocator: where the message is to live: belay_call_allocator() in a handler; NULL for malloc, then the
 *     caller frees it with protobuf_c_message_free_unpacked(message, NULL).
 * message: receives the message; untouched on failure.
 * Returns BELAY_OK; BELAY_NOT_FOUND for a detail of another type; BELAY_INTERNAL for bytes that are no such
 *     message; BELAY_RESOURCE_EXHAUSTED for one that unpacks too large or too deep, or without memory;
 *     BELAY_INVALID_ARGUMENT.
 * Threads: any; the allocator's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_detail_unpack(const belay_detail *detail,
                                                           const ProtobufCMessageDescriptor *descriptor,
                                                           ProtobufCAllocator *allocator,
                                                           ProtobufCMessage **message);

BELAY_END_DECLS

#endif
