/* SPDX-License-Identifier: MIT */
/*
 * Result codes. The first seventeen are gRPC's status codes with gRPC's numbers, so that a code
 * that a handler returns is the code that its caller sees. BELAY_END_OF_STREAM never crosses the
 * wire: it tells a reader that the other side sent its last message.
 */
#ifndef BELAY_CODE_H
#define BELAY_CODE_H

#include <belay/export.h>

BELAY_BEGIN_DECLS

typedef enum belay_code {
    BELAY_OK = 0,
    BELAY_CANCELLED = 1,
    BELAY_UNKNOWN = 2,
    BELAY_INVALID_ARGUMENT = 3,
    BELAY_DEADLINE_EXCEEDED = 4,
    BELAY_NOT_FOUND = 5,
    BELAY_ALREADY_EXISTS = 6,
    BELAY_PERMISSION_DENIED = 7,
    BELAY_RESOURCE_EXHAUSTED = 8,
    BELAY_FAILED_PRECONDITION = 9,
    BELAY_ABORTED = 10,
    BELAY_OUT_OF_RANGE = 11,
    BELAY_UNIMPLEMENTED = 12,
    BELAY_INTERNAL = 13,
    BELAY_UNAVAILABLE = 14,
    BELAY_DATA_LOSS = 15,
    BELAY_UNAUTHENTICATED = 16,
    BELAY_END_OF_STREAM = 32
} belay_code;

/*
 * Names a code, as gRPC's documents write it: "NOT_FOUND".
 *
 * code: any value; one that is no code gives "UNKNOWN".
 * Returns a string constant.
 * Threads: any.
 * Source: gRPC, "Status codes and their use in gRPC".
 */
BELAY_API const char *belay_code_name(belay_code code);

BELAY_END_DECLS

#endif
