/* SPDX-License-Identifier: MIT */
#include "rpc/credentials.h"

#include "rpc/client_call.h"
#include "wire/metadata.h"
#include "wire/status.h"

void
belay_call_options_set_credentials(belay_call_options *options, belay_credentials_function function, void *argument)
{
    options->credentials.function = function;
    options->credentials.argument = argument;
}

void
belay_call_options_set_plaintext_credentials(belay_call_options *options, bool allow)
{
    options->credentials.plaintext = allow;
}

/* What a call ends with when there are no credentials for it: never a code that would read as the server's answer. */
static belay_code
failure_of(belay_code code)
{
    switch (bly_status_valid(code)) {
    case BELAY_INVALID_ARGUMENT:
    case BELAY_NOT_FOUND:
    case BELAY_ALREADY_EXISTS:
    case BELAY_FAILED_PRECONDITION:
    case BELAY_ABORTED:
    case BELAY_OUT_OF_RANGE:
    case BELAY_DATA_LOSS:
        return BELAY_INTERNAL;
    default:
        return bly_status_valid(code);
    }
}

/* Appends all of a list; *to is made when it is NULL. */
static belay_code
append(belay_metadata **to, const belay_metadata *from)
{
    if (*to == NULL && (*to = belay_metadata_new()) == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    return bly_metadata_append(*to, from);
}

belay_code
bly_credentials_add(const bly_credentials *credentials, bool is_secure, const belay_credentials_request *request,
                    belay_metadata **metadata, const char **words)
{
    if (!is_secure && !credentials->plaintext) {
        *words = "credentials are not sent without TLS";
        return BELAY_UNAUTHENTICATED;
    }
    belay_metadata *made = belay_metadata_new();
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    *words = "no memory for credentials";
    if (made != NULL) {
        code = failure_of(credentials->function(credentials->argument, request, made));
        if (code != BELAY_OK)
            *words = "there are no credentials for the call";
        else
            code = append(metadata, made);
    }
    belay_metadata_free(made);
    return code;
}
