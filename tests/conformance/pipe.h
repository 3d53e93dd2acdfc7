/* SPDX-License-Identifier: MIT */
/*
 * Messages on standard input and output: each after its size, four bytes, big-endian.
 */
#ifndef TESTS_CONFORMANCE_PIPE_H
#define TESTS_CONFORMANCE_PIPE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

/* Reads one; NULL at the end of the input, or for what is none: said on standard error. Freed with
 * protobuf_c_message_free_unpacked(). */
ProtobufCMessage *pipe_read(const ProtobufCMessageDescriptor *descriptor);

/* False when nobody reads, or without memory. */
bool pipe_write(const ProtobufCMessage *message);

#endif
