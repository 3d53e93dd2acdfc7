/* SPDX-License-Identifier: MIT */
#include <belay/code.h>

const char *
belay_code_name(belay_code code)
{
    switch (code) {
    case BELAY_OK:
        return "OK";
    case BELAY_CANCELLED:
        return "CANCELLED";
    case BELAY_UNKNOWN:
        return "UNKNOWN";
    case BELAY_INVALID_ARGUMENT:
        return "INVALID_ARGUMENT";
    case BELAY_DEADLINE_EXCEEDED:
        return "DEADLINE_EXCEEDED";
    case BELAY_NOT_FOUND:
        return "NOT_FOUND";
    case BELAY_ALREADY_EXISTS:
        return "ALREADY_EXISTS";
    case BELAY_PERMISSION_DENIED:
        return "PERMISSION_DENIED";
    case BELAY_RESOURCE_EXHAUSTED:
        return "RESOURCE_EXHAUSTED";
    case BELAY_FAILED_PRECONDITION:
        return "FAILED_PRECONDITION";
    case BELAY_ABORTED:
        return "ABORTED";
    case BELAY_OUT_OF_RANGE:
        return "OUT_OF_RANGE";
    case BELAY_UNIMPLEMENTED:
        return "UNIMPLEMENTED";
    case BELAY_INTERNAL:
        return "INTERNAL";
    case BELAY_UNAVAILABLE:
        return "UNAVAILABLE";
    case BELAY_DATA_LOSS:
        return "DATA_LOSS";
    case BELAY_UNAUTHENTICATED:
        return "UNAUTHENTICATED";
    case BELAY_END_OF_STREAM:
        return "END_OF_STREAM";
    }
    return "UNKNOWN";
}
