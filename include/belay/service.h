/* SPDX-License-Identifier: MIT */
/*
 * What protoc-gen-belay generates for a service: a table of its methods, each with a thunk that
 * calls the program's typed handler. Programs use the generated functions and need nothing of this
 * page.
 */
#ifndef BELAY_SERVICE_H
#define BELAY_SERVICE_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include <belay/call.h>
#include <belay/code.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

#define BELAY_CLIENT_STREAMING 1u /* many requests */
#define BELAY_SERVER_STREAMING 2u /* many replies */

/*
 * Calls one typed handler.
 *
 * call: the call.
 * handlers: the program's table, as it was given to belay_server_add_service().
 * request: the request, or NULL when the method takes a stream of them.
 * reply: the reply to fill, initialised, or NULL when the method answers with a stream.
 * Returns what the handler returned.
 */
typedef belay_code (*belay_thunk)(belay_call *call, const void *handlers, const void *request, void *reply);

struct belay_method {
    const char *path; /* "/package.Service/Method" */
    unsigned int flags;
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *reply;
    belay_thunk thunk;
};

/* One .proto file, for reflection. */
typedef struct belay_file {
    const char *name; /* as it is imported: "dir/x.proto" */
    const unsigned char *bytes; /* a serialized google.protobuf.FileDescriptorProto, without source_code_info */
    size_t size;
} belay_file;

/* Generated code holds these by value, and the library reads them: a field that is added at the end of this struct or
 * of belay_method changes the library's soname, and stubs are generated and compiled anew. */
typedef struct belay_service {
    const char *name; /* "package.Service" */
    size_t handlers_size;
    size_t method_count;
    const belay_method *methods;
    const belay_file *files; /* the one that declares it first, then all that it imports, directly or not; NULL: none */
    size_t file_count;
} belay_service;

BELAY_END_DECLS

#endif
