/* SPDX-License-Identifier: MIT */
/*
 * The end of a client call in full: code, message, trailing metadata, and whether the server said
 * so or this side decided it.
 */
#ifndef BELAY_STATUS_H
#define BELAY_STATUS_H

#include <stdbool.h>

#include <belay/code.h>
#include <belay/export.h>
#include <belay/metadata.h>

BELAY_BEGIN_DECLS

typedef struct belay_status belay_status;

/*
 * Frees a status.
 *
 * status: one that a client call gave out, or NULL. One that was given out for a call opened with a
 *     handler's own context belongs to that handler's call: freeing it early does nothing.
 * Threads: any.
 */
BELAY_API void belay_status_free(belay_status *status);

/*
 * Gives the code.
 *
 * status: a status; NULL counts as BELAY_OK.
 * Returns the code.
 * Threads: any, one at a time.
 */
BELAY_API belay_code belay_status_code(const belay_status *status);

/*
 * Gives the message that explains the code.
 *
 * status: a status, or NULL.
 * Returns UTF-8 text, never NULL; empty when there is none.
 * Threads: any, one at a time.
 * Lifetime: as long as the status.
 */
BELAY_API const char *belay_status_message(const belay_status *status);

/*
 * Gives the trailing metadata that came with the status.
 *
 * status: a status, or NULL.
 * Returns the list, or NULL when the call ended without trailers.
 * Threads: any, one at a time.
 * Lifetime: as long as the status.
 */
BELAY_API const belay_metadata *belay_status_trailers(const belay_status *status);

/*
 * Tells who decided the status.
 *
 * status: a status, or NULL.
 * Returns true when this side did (cancelled, deadline, no connection, an answer that is no gRPC),
 *     false when it came from the server.
 * Threads: any, one at a time.
 */
BELAY_API bool belay_status_is_local(const belay_status *status);

BELAY_END_DECLS

#endif
