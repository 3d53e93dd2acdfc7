/* SPDX-License-Identifier: MIT */
/*
 * What a request's headers must look like (gRPC over HTTP/2, "Requests"). The first thing wrong is kept, and
 * answered when the block is complete.
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
    if (server->refused_code != BELAY_OK)
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
    if (size != 4 || memcmp(value, "POST", 4) != 0)
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
    if (size != 8 || memcmp(value, "identity", 8) != 0)
        bly_request_refuse(server, 200, BELAY_UNIMPLEMENTED, "grpc-encoding not supported: %.20s", value);
}

static void
take_nothing(bly_server_call *server, const char *value, size_t size)
{
    (void)server, (void)value, (void)size;
}

typedef struct request_header {
    const char *name;
    unsigned int once; /* a bit when it may come once only */
    void (*take)(bly_server_call *server, const char *value, size_t size);
} request_header;

/* By size, two at most of each: this is looked up for every header of every call. */
static const request_header request_headers[][2] = {
    [2] = {{"te", SEEN_TE, take_te}},
    [4] = {{"host", SEEN_AUTHORITY, take_nothing}},
    [5] = {{":path", SEEN_PATH, take_path}},
    [7] = {{":method", SEEN_METHOD, take_method}, {":scheme", 0, take_nothing}},
    [10] = {{":authority", SEEN_AUTHORITY, take_nothing}},
    [12] = {{"content-type", SEEN_CONTENT_TYPE, take_content_type}, {"grpc-timeout", SEEN_TIMEOUT, take_timeout}},
    [13] = {{"grpc-encoding", 0, take_encoding}},
};

static const request_header *
find_header(const char *name, size_t size)
{
    if (size >= sizeof request_headers / sizeof request_headers[0])
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        const request_header *header = &request_headers[size][i];
        if (header->name != NULL && memcmp(name, header->name, size) == 0)
            return header;
    }
    return NULL;
}

static void
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

void
bly_request_header(bly_server_call *server, const char *name, size_t name_size, const char *value,
                   size_t value_size)
{
    const request_header *header = find_header(name, name_size);
    if (header == NULL) {
        take_metadata(server, name, name_size, value, value_size);
        return;
    }
    if ((server->headers_seen & header->once) != 0)
        bly_request_refuse(server, 400, BELAY_INTERNAL, "duplicate header: %s", name);
    server->headers_seen |= header->once;
    header->take(server, value, value_size);
}

bool
bly_request_check(bly_server_call *server, bool oversized)
{
    unsigned int seen = server->headers_seen;
    if (oversized)
        bly_request_refuse(server, 200, BELAY_RESOURCE_EXHAUSTED, "header list too large");
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
