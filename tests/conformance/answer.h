/* SPDX-License-Identifier: MIT */
/*
 * The parts of a handler's answer: what it saw of the request, the metadata, delay and error that are asked for. All
 * of it lives as long as the call.
 */
#ifndef TESTS_CONFORMANCE_ANSWER_H
#define TESTS_CONFORMANCE_ANSWER_H

#include "conformance/names.h"

#define UNARY_DEFINITION(which) CONNECTRPC__CONFORMANCE__V1__UNARY_RESPONSE_DEFINITION__RESPONSE_##which

/* The requests of a call, packed. */
typedef struct request_list {
    any **all;
    size_t count;
    size_t room;
} request_list;

belay_code requests_add(belay_call *call, request_list *requests, const ProtobufCMessage *request);

/* Receives one more; BELAY_END_OF_STREAM after the last. */
belay_code requests_receive(belay_call *call, request_list *requests, const ProtobufCMessageDescriptor *type);

/* The first one, unpacked; NULL when there is none. */
ProtobufCMessage *requests_first(belay_call *call, const request_list *requests,
                                 const ProtobufCMessageDescriptor *type);

/* What the server saw: the requests, and with `all` headers and time-out too. */
belay_code answer_info(belay_call *call, const request_list *requests, bool all, request_info **info);

/* A payload without data; NULL without memory. info: may be NULL. */
payload *answer_payload(belay_call *call, request_info *info);

belay_code answer_metadata(belay_call *call, header *const *headers, size_t header_count, header *const *trailers,
                           size_t trailer_count);
belay_code answer_delay(belay_call *call, uint32_t milliseconds);

/* Prepares the status of a handler that is to fail, and gives its code. info: a detail more, or NULL. */
belay_code answer_error(belay_call *call, const error_definition *error, const request_info *info);

#endif
