/* SPDX-License-Identifier: MIT */
/*
 * Credentials of a call: metadata that says who calls, made anew for each call (a token that expires, a
 * signature of what is called). They go over TLS only, unless the program says that plaintext will do.
 */
#ifndef BELAY_CREDENTIALS_H
#define BELAY_CREDENTIALS_H

#include <stdbool.h>

#include <belay/channel.h>
#include <belay/code.h>
#include <belay/export.h>
#include <belay/metadata.h>

BELAY_BEGIN_DECLS

/* The call that credentials are asked for. The strings are valid until the function returns. */
typedef struct belay_credentials_request {
    const char *authority; /* "host:port", as the server sees it */
    const char *method;    /* "/package.Service/Method" */
} belay_credentials_request;

/*
 * Makes the credentials of one call.
 *
 * argument: what was given with the function.
 * request: which call.
 * metadata: an empty list, to be filled with belay_metadata_add(): "authorization" and "Bearer ...", say.
 * Returns BELAY_OK, or why there are none, which the call ends with: BELAY_UNAVAILABLE is for what may go
 *     better the next time, BELAY_UNAUTHENTICATED for what will not. Codes that only servers give become
 *     BELAY_INTERNAL.
 * Threads: the one that starts the call, inside the start function; several at a time when several start
 *     calls. It may block, and call others.
 * Source: gRFC A54.
 */
typedef belay_code (*belay_credentials_function)(void *argument, const belay_credentials_request *request,
                                                 belay_metadata *metadata);

/*
 * Has calls carry credentials, after all other metadata.
 *
 * options: of the calls.
 * function, argument: called for each call; NULL for none, the default. The argument stays the caller's, who
 *     keeps it for as long as calls are started with the options. A call on a channel without TLS is not
 *     sent: it ends with BELAY_UNAUTHENTICATED, and the function is not called.
 * Threads: one at a time.
 * Source: gRPC, "Authentication", call credentials.
 */
BELAY_API void belay_call_options_set_credentials(belay_call_options *options, belay_credentials_function function,
                                                  void *argument);

/*
 * Sets whether credentials may be sent without TLS: over a unix socket, or where something else keeps them
 * secret.
 *
 * options: of the calls.
 * allow: false by default.
 * Threads: one at a time.
 */
BELAY_API void belay_call_options_set_plaintext_credentials(belay_call_options *options, bool allow);

BELAY_END_DECLS

#endif
