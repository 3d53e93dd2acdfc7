/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/generate.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "protoc-gen-belay/clashes.h"
#include "protoc-gen-belay/header.h"
#include "protoc-gen-belay/model.h"
#include "protoc-gen-belay/names.h"
#include "protoc-gen-belay/source.h"

/* What becomes of one .proto file. */
#define FILES_EACH 2

/* protobuf-c's fields are not const; what is put there is not changed. */
static char *
unconst(const char *string)
{
    return (char *)(uintptr_t)string;
}

/* ---- The request ------------------------------------------------------------------------------- */

static bool
find_file(const Plugin__CodeGeneratorRequest *request, const char *name, size_t *index)
{
    for (size_t i = 0; i < request->n_proto_file; i++) {
        const char *candidate = request->proto_file[i]->name;

        if (candidate != NULL && strcmp(candidate, name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Every file has a name, and there are files to generate and they are there. */
static bool
is_complete(const Plugin__CodeGeneratorRequest *request)
{
    size_t index;

    for (size_t i = 0; i < request->n_proto_file; i++)
        if (request->proto_file[i]->name == NULL)
            return false;
    for (size_t i = 0; i < request->n_file_to_generate; i++)
        if (!find_file(request, request->file_to_generate[i], &index))
            return false;
    return request->n_file_to_generate > 0;
}

/* There are no parameters yet; the first one that is given is unknown. */
static const char *
check_parameters(gen_pool *pool, const char *parameter)
{
    size_t length;

    if (parameter == NULL)
        return NULL;
    parameter += strspn(parameter, ",");
    length = strcspn(parameter, ",");
    if (length == 0)
        return NULL;
    return pool_format(pool, "unknown parameter \"%.*s\"; there are none", (int)length, parameter);
}

/* ---- The response ------------------------------------------------------------------------------ */

static void
add_file(gen_pool *pool, Plugin__CodeGeneratorResponse *response, const model_file *model, const char *ending,
         void (*write)(gen_text *out, const model_file *file))
{
    Plugin__CodeGeneratorResponse__File *file = pool_alloc(pool, 1, sizeof(*file));
    gen_text content;

    text_init(&content, pool);
    write(&content, model);
    plugin__code_generator_response__file__init(file);
    file->name = pool_format(pool, "%s.belay.%s", model->stem, ending);
    file->content = content.string;
    response->file[response->n_file++] = file;
}

static const char *
generate_file(gen_pool *pool, const Plugin__CodeGeneratorRequest *request, const char *name,
              Plugin__CodeGeneratorResponse *response)
{
    const char *error = NULL;
    model_file model;
    size_t index;

    if (!names_is_includable(name))
        return pool_format(pool, "%s: the file's name cannot be written into #include", name);
    if (!find_file(request, name, &index))
        return pool_format(pool, "%s: is not in the request", name);
    if (!model_build(pool, request, index, &model, &error))
        return error;
    error = clashes_find(pool, &model);
    if (error != NULL)
        return error;
    add_file(pool, response, &model, "h", header_add);
    add_file(pool, response, &model, "c", source_add);
    return NULL;
}

const Plugin__CodeGeneratorResponse *
generate(gen_pool *pool, const Plugin__CodeGeneratorRequest *request)
{
    Plugin__CodeGeneratorResponse *response;
    const char *error;

    if (!is_complete(request))
        return NULL;
    response = pool_alloc(pool, 1, sizeof(*response));
    plugin__code_generator_response__init(response);
    response->has_supported_features = true;
    response->supported_features = PLUGIN__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_PROTO3_OPTIONAL;
    response->file = pool_alloc(pool, request->n_file_to_generate * FILES_EACH, sizeof(response->file[0]));

    error = check_parameters(pool, request->parameter);
    for (size_t i = 0; error == NULL && i < request->n_file_to_generate; i++)
        error = generate_file(pool, request, request->file_to_generate[i], response);
    if (error != NULL) {
        response->error = unconst(error);
        response->n_file = 0;
    }
    return response;
}
