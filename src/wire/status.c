/* SPDX-License-Identifier: MIT */
#include "wire/status.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const code_texts[] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
};

#define CODE_COUNT (sizeof code_texts / sizeof code_texts[0])

/* ---- The object -------------------------------------------------------------------------------- */

static belay_status *
new_on_heap(const char *message)
{
    belay_status *status = calloc(1, sizeof *status);
    if (!status || !message)
        return status;
    status->message = strdup(message);
    if (!status->message) {
        free(status);
        return NULL;
    }
    return status;
}

/* What it holds besides the arena's memory. */
static void
release(void *argument)
{
    belay_status *status = argument;
    belay_metadata_free(status->trailers);
    protobuf_c_message_free_unpacked(status->details, NULL);
}

static belay_status *
new_in_arena(const char *message, const belay_metadata *trailers, bly_arena *arena)
{
    belay_status *status = bly_arena_alloc(arena, sizeof *status);
    if (!status)
        return NULL;
    *status = (belay_status){ .in_arena = true };
    if (message) {
        status->message = bly_arena_copy(arena, message, strlen(message));
        if (!status->message)
            return NULL;
    }
    if (trailers && !bly_arena_defer(arena, release, status))
        return NULL;
    return status;
}

belay_status *
bly_status_new(belay_code code, const char *message, belay_metadata *trailers, bool is_local,
               bly_arena *arena)
{
    belay_status *status = arena ? new_in_arena(message, trailers, arena) : new_on_heap(message);
    if (!status) {
        belay_metadata_free(trailers);
        return NULL;
    }
    status->code = code;
    status->is_local = is_local;
    status->trailers = trailers;
    return status;
}

void
belay_status_free(belay_status *status)
{
    if (!status || status->in_arena)
        return;
    free(status->message);
    release(status);
    free(status);
}

belay_code
belay_status_code(const belay_status *status)
{
    return status ? status->code : BELAY_OK;
}

const char *
belay_status_message(const belay_status *status)
{
    return status && status->message ? status->message : "";
}

const belay_metadata *
belay_status_trailers(const belay_status *status)
{
    return status ? status->trailers : NULL;
}

bool
belay_status_is_local(const belay_status *status)
{
    return status && status->is_local;
}

/* ---- Codes ------------------------------------------------------------------------------------- */

belay_code
bly_status_parse(const char *text, size_t size)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (strlen(code_texts[i]) == size && memcmp(code_texts[i], text, size) == 0)
            return (belay_code)i;
    }
    return BELAY_UNKNOWN;
}

const char *
bly_status_text(belay_code code, size_t *size)
{
    const char *text = code_texts[bly_status_valid(code)];
    *size = strlen(text);
    return text;
}

belay_code
bly_status_valid(belay_code code)
{
    return (unsigned int)code < CODE_COUNT ? code : BELAY_UNKNOWN;
}

belay_code
bly_status_from_http(int http_status)
{
    switch (http_status) {
    case 400:
        return BELAY_INTERNAL;
    case 401:
        return BELAY_UNAUTHENTICATED;
    case 403:
        return BELAY_PERMISSION_DENIED;
    case 404:
        return BELAY_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return BELAY_UNAVAILABLE;
    default:
        return BELAY_UNKNOWN;
    }
}

belay_code
bly_status_from_h2(uint32_t h2_error)
{
    switch (h2_error) {
    case 0x5: /* STREAM_CLOSED: the tables leave it out, as no open stream is there to be told; it is logged */
        return BELAY_UNKNOWN;
    case 0x7: /* REFUSED_STREAM */
        return BELAY_UNAVAILABLE;
    case 0x8: /* CANCEL */
        return BELAY_CANCELLED;
    case 0xb: /* ENHANCE_YOUR_CALM */
        return BELAY_RESOURCE_EXHAUSTED;
    case 0xc: /* INADEQUATE_SECURITY */
        return BELAY_PERMISSION_DENIED;
    case 0xd: /* HTTP_1_1_REQUIRED */
        return BELAY_UNKNOWN;
    default: /* errors of the protocol; HTTP/2 lets unknown numbers count as INTERNAL_ERROR */
        return BELAY_INTERNAL;
    }
}

#define GRPC_TYPE "application/grpc"
#define GRPC_TYPE_SIZE (sizeof GRPC_TYPE - 1)

bool
bly_content_type_is_grpc(const char *text, size_t size)
{
    if (size == GRPC_TYPE_SIZE && memcmp(text, GRPC_TYPE, GRPC_TYPE_SIZE) == 0)
        return true; /* what nearly all send */
    if (size < GRPC_TYPE_SIZE || strncasecmp(text, GRPC_TYPE, GRPC_TYPE_SIZE) != 0)
        return false;
    return size == GRPC_TYPE_SIZE || text[GRPC_TYPE_SIZE] == '+' || text[GRPC_TYPE_SIZE] == ';';
}

bool
bly_content_type_is_protobuf(const char *text, size_t size)
{
    static const char proto[] = "+proto";
    const size_t proto_size = sizeof proto - 1;
    const char *rest = text + GRPC_TYPE_SIZE;
    size -= GRPC_TYPE_SIZE;
    if (size == 0 || rest[0] == ';')
        return true;
    return size >= proto_size && strncasecmp(rest, proto, proto_size) == 0 &&
           (size == proto_size || rest[proto_size] == ';');
}
