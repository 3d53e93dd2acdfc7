/* SPDX-License-Identifier: MIT */
/*
 * A .proto file as the generated code sees it: services and methods with all their names in C. It is
 * made from protoc's descriptors once; what writes files only prints it.
 */
#ifndef PROTOC_GEN_BELAY_MODEL_H
#define PROTOC_GEN_BELAY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protoc-gen-belay/plugin.pb-c.h"
#include "protoc-gen-belay/pool.h"

typedef struct model_message {
    const char *type;       /* "Helloworld__HelloRequest" */
    const char *descriptor; /* "helloworld__hello_request__descriptor" */
} model_message;

typedef struct model_method {
    const char *symbol;  /* "helloworld.Greeter.SayHello" */
    const char *path;    /* "/helloworld.Greeter/SayHello" */
    const char *name;    /* "say_hello" */
    const char *member;  /* the same, but no word that C or C++ keep */
    const char *comment; /* as in the .proto file, or NULL */
    model_message request;
    model_message reply;
    bool client_streaming;
    bool server_streaming;
    bool deprecated;
} model_method;

typedef struct model_service {
    const char *symbol; /* "helloworld.Greeter" */
    const char *prefix; /* "helloworld_greeter" */
    const char *comment;
    model_method *methods;
    size_t method_count;
} model_service;

/* A file's descriptor as it is embedded, without comments and places in the source. */
typedef struct model_descriptor {
    const char *name;
    const uint8_t *bytes;
    size_t size;
} model_descriptor;

typedef struct model_file {
    const char *name; /* "dir/x.proto" */
    const char *stem; /* "dir/x" */
    const char **includes; /* stems of the files whose messages it uses, its own first, each once */
    size_t include_count;
    model_service *services;
    size_t service_count;
    model_descriptor *descriptors; /* its own first, then those of what it imports; none without services */
    size_t descriptor_count;
} model_file;

/*
 * Makes the model of one file of a request.
 *
 * pool: what the model lives in.
 * request: what protoc said; must live as long as the model.
 * index: of the file in request->proto_file.
 * file: receives the model; untouched on failure.
 * error: receives what cannot be done with the file, when false is returned.
 */
bool model_build(gen_pool *pool, const Plugin__CodeGeneratorRequest *request, size_t index, model_file *file,
                 const char **error);

#endif
