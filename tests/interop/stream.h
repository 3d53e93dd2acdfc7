/* SPDX-License-Identifier: MIT */
/*
 * Messages of streams, on the heap. What belay_call_recv_message() gives a handler lives as long as its
 * call; a stream may be long, and its messages are to be gone when they were dealt with.
 */
#ifndef TESTS_INTEROP_STREAM_H
#define TESTS_INTEROP_STREAM_H

#include <belay/belay.h>

/* Receives the next message; to be freed with protobuf-c's function for its type. The codes of
 * belay_call_recv_message(); untouched on failure. */
BELAY_WARN_UNUSED belay_code stream_next(belay_call *call, const ProtobufCMessageDescriptor *descriptor,
                                         ProtobufCMessage **message);

#endif
