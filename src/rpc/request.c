/* SPDX-License-Identifier: MIT */
/*
 * What a request's headers must look like (gRPC over HTTP/2, "Requests"). The first thing wrong is kept, what makes it
 * no gRPC at all before the rest, and answered when the block is complete.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/server_call.h"
#include "wire/metadata.h"
#include "wire/status.h"
#include "wire/timeout.h"

enum {
    SEEN_METHOD = 1,
    SEEN_PATH = 2,
    SEEN_CONTENT_TYPE = 4,
    SEEN_TE = 8,
    SEEN_AUTHORITY = 16,
    SEEN_TIMEOUT = 32
};

void
bly_request_refuse(bly_server_call *server, int http_status, belay_code code, const char *format, ...)
{
    bool is_less = http_status == 200 || server->refused_http != 200;
    if (server->refused_code != BELAY_OK && is_less)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(server->refused_message, sizeof server->refused_message, format, arguments);
    va_end(arguments);
    server->refused_http = http_status;
    server->refused_code = code;
}

static void
take_method(bly_server_call *server, const char *value, size_t size)
{
    if (size == 4 && memcmp(value, "POST", 4) == 0)
        return;
    server->is_head = size == 4 && memcmp(value, "HEAD", 4) == 0;
    bly_request_refuse(server, 405, BELAY_INTERNAL, "method must be POST");
}

static void
take_path(bly_server_call *server, const char *value, size_t size)
{
    bool service_known = false;
    if (size == 0 || value[0] != '/') {
        bly_request_refuse(server, 200, BELAY_UNIMPLEMENTED, "malformed path: no leading slash");
        return;
    }
    server->registration = server->ops->find(server->host, value, size, &service_known);
    if (server->registration != NULL)
        server->call.method = server->registration->method;
    else
        bly_request_refuse(server, 200, BELAY_UNIMPLEMENTED, "unknown %s: %.80s",
                           service_known ? "method" : "service", value);
}

static void
take_content_type(bly_server_call *server, const char *value, size_t size)
{
    if (!bly_content_type_is_grpc(value, size))
        bly_request_refuse(server, 415, BELAY_INTERNAL, "content-type is not application/grpc");
    else if (!bly_content_type_is_protobuf(value, size))
        bly_request_refuse(server, 200, BELAY_UNIMPLEMENTED, "messages are protobuf, not %.40s", value);
}

static void
take_te(bly_server_call *server, const char *value, size_t size)
{
    if (size != 8 || memcmp(value, "trailers", 8) != 0)
        bly_request_refuse(server, 200, BELAY_INTERNAL, "te must be trailers");
}

static void
take_timeout(bly_server_call *server, const char *value, size_t size)
{
    if (!bly_timeout_parse(value, size, &server->timeout_ns))
        bly_request_refuse(server, 200, BELAY_INTERNAL, "malformed grpc-timeout: %.20s", value);
}

static void
take_encoding(bly_server_call *server, const char *value, size_t size)
{
    belay_call *call = &server->call;
    if (!bly_call_compression_take(&call->compression, value, size))
        bly_request_refuse(server, 200, BELAY_UNIMPLEMENTED, "grpc-encoding not supported: %.20s", value);
    call->frames.has_encoding = call->compression.in != BELAY_COMPRESSION_NONE;
}

/* May come more than once, as other lists. */
static void
take_accept_encoding(bly_server_call *server, const char *value, size_t size)
{
    bly_call_compression *compression = &server->call.compression;
    compression->accepted |= bly_compression_parse_accepted(value, size);
    bly_call_compression_choose(compression, server->compression);
}

static void
take_nothing(bly_server_call *server, const char *value, size_t size)
{
    (void)server, (void)value, (void)size;
}

typedef struct request_header {
    unsigned int once; /* a bit when it may come once only */
    void (*take)(bly_server_call *server, const char *value, size_t size);
} request_header;

static const request_header header_te = {SEEN_TE, take_te};
static const request_header header_host = {SEEN_AUTHORITY, take_nothing};
static const request_header header_path = {SEEN_PATH, take_path};
static const request_header header_method = {SEEN_METHOD, take_method};
static const request_header header_scheme = {0, take_nothing};
static const request_header header_content_type = {SEEN_CONTENT_TYPE, take_content_type};
static const request_header header_timeout = {SEEN_TIMEOUT, take_timeout};
static const request_header header_encoding = {0, take_encoding};
static const request_header header_accept_encoding = {0, take_accept_encoding};

/* What a name means to the call itself; NULL: nothing. Looked up for every header of every call: by size, and then
 * with sizes that the compiler knows. */
static const request_header *
find_header(const char *name, size_t size)
{
#define IS(text) (memcmp(name, text, sizeof text - 1) == 0)
    switch (size) {
    case 2:
        return IS("te") ? &header_te : NULL;
    case 4:
        return IS("host") ? &header_host : NULL;
    case 5:
        return IS(":path") ? &header_path : NULL;
    case 7:
        return IS(":method") ? &header_method : IS(":scheme") ? &header_scheme : NULL;
    case 10:
        return IS(":authority") ? &header_host : NULL;
    case 12:
        return IS("content-type") ? &header_content_type : IS("grpc-timeout") ? &header_timeout : NULL;
    case 13:
        return IS("grpc-encoding") ? &header_encoding : NULL;
    case 20:
        return IS("grpc-accept-encoding") ? &header_accept_encoding : NULL;
    default:
        return NULL;
    }
#undef IS
}

/* Not inlined, so that the call's own headers, which are most, do not pay for what it takes. */
__attribute__((noinline)) static void
take_metadata(bly_server_call *server, const char *name, size_t name_size, const char *value, size_t value_size)
{
    if (bly_metadata_is_reserved(name, name_size))
        return;
    if (server->metadata == NULL)
        server->metadata = belay_metadata_new();
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    if (server->metadata != NULL)
        code = bly_metadata_add_wire(server->metadata, name, name_size, value, value_size);
    if (code == BELAY_INTERNAL)
        bly_request_refuse(server, 200, code, "malformed base64 in %.60s", name);
    else if (code != BELAY_OK)
        bly_request_refuse(server, 200, code, "no memory for metadata");
}

bool
bly_server_call_header(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size,
                       const char *value, size_t value_size)
{
    bly_server_call *server = bly_server_call_of(bly_call_of_stream(stream));
    if (block != BLY_H2_REQUEST)
        return false; /* gRPC has no request trailers */
    const request_header *header = find_header(name, name_size);
    if (header == NULL) {
        take_metadata(server, name, name_size, value, value_size);
        return true;
    }
    if ((server->headers_seen & header->once) != 0) {
        bly_request_refuse(server, 400, BELAY_INTERNAL, "duplicate header: %s", name);
        return true;
    }
    server->headers_seen |= header->once;
    header->take(server, value, value_size);
    return true;
}

bool
bly_request_check(bly_server_call *server, bool oversized)
{
    unsigned int seen = server->headers_seen;
    if (oversized) { /* what seems to be missing may have come beyond the limit */
        bly_request_refuse(server, 200, BELAY_RESOURCE_EXHAUSTED, "header list too large");
        return false;
    }
    if ((seen & SEEN_METHOD) == 0 || (seen & SEEN_PATH) == 0)
        bly_request_refuse(server, 400, BELAY_INTERNAL, "no :method or no :path");
    if ((seen & SEEN_CONTENT_TYPE) == 0)
        bly_request_refuse(server, 415, BELAY_INTERNAL, "content-type is missing");
    if ((seen & SEEN_TE) == 0)
        bly_request_refuse(server, 200, BELAY_INTERNAL, "te: trailers is missing");
    if ((seen & SEEN_TIMEOUT) != 0 && server->timeout_ns == 0)
        bly_request_refuse(server, 200, BELAY_DEADLINE_EXCEEDED, "the deadline passed before the call came");
    return server->refused_code == BELAY_OK;
}
